//! From the first of some events until nothing of them is left, or all is lost or moved.

use muster_sim::building::{Course, Room};

use crate::event::{Because, Event, because};
use crate::play::Play;

/// Sensors are heard for this long before the first event of a window: the slow trend looks back 16 minutes. Seconds.
pub(crate) const BEFORE_S: f64 = 1_200.0;
/// And this long after its last.
const AFTER_S: f64 = 60.0;
/// An incident that nobody can end after this long is a bug of ours.
pub(crate) const LONGEST_S: f64 = 4.0 * 86_400.0;
/// People look after an incident this often.
const LOOKS_EVERY_S: f64 = 300.0;
/// After an event begins every second is played for this long, later every fifth.
const CLOSELY_S: f64 = 600.0;

/// From the first of some events until nothing of them is left.
pub(crate) struct Window {
    /// Events it took.
    pub(crate) took: usize,
    pub(crate) lasted_s: f64,
    pub(crate) because: Because,
    /// Nothing is latched or in trouble any more, or it evacuates, or all is lost.
    pub(crate) rested: bool,
}

impl Window {
    /// Plays the first events of a list, those in whose course others begin with them.
    pub(crate) fn play(play: &mut Play<'_>, events: &[Event], (room, seed): (&Room, u64), before_s: f64) -> Self {
        let first_s = events[0].at_s();
        let near: Vec<&Event> = events.iter().take_while(|e| e.at_s() < first_s + LONGEST_S).collect();
        let course = course(room, seed, &near);
        let (mut t_s, mut looked) = ((first_s - before_s).floor(), 0.0);
        let begun = |t_s: f64| near.iter().take_while(|e| e.at_s() <= t_s).count();
        play.join(t_s);
        loop {
            play.sample(&course, t_s);
            let took = begun(t_s);
            let because = because(&near[..took]);
            let over = near[..took].iter().all(|e| e.over_s() + AFTER_S < t_s);
            let evacuated = play.told.evacuate_s.is_some();
            let lost = near[..took]
                .iter()
                .any(|e| matches!(e, Event::Fire(..)) && e.over_s() < t_s);
            let rested = lost || (took > 0 && over && play.is_at_rest(t_s));
            if evacuated || rested || t_s > first_s + LONGEST_S {
                let lasted_s = t_s - first_s + before_s;
                return Self {
                    took: took.max(1),
                    lasted_s,
                    because,
                    rested: rested || evacuated,
                };
            }
            // By the course's own time, so that it is the same whatever came before.
            if took > 0 && (t_s / LOOKS_EVERY_S).floor() > looked {
                looked = (t_s / LOOKS_EVERY_S).floor();
                play.reset_if_open(t_s);
            }
            let lately = took == 0 || near[..took].iter().any(|e| e.is_close(t_s, CLOSELY_S));
            t_s += if lately { 1.0 } else { 5.0 };
        }
    }
}

fn course(room: &Room, seed: u64, events: &[&Event]) -> Course {
    let mut course = Course {
        seed,
        room: room.clone(),
        fire: None,
        fire_at_s: 0.0,
        disturbances: Vec::new(),
        faults: Vec::new(),
    };
    for event in events {
        match event {
            Event::Fault(fault) => course.faults.push(fault.clone()),
            Event::Disturbance(disturbance) => course.disturbances.push(disturbance.clone()),
            Event::Fire(fire, at_s) => (course.fire, course.fire_at_s) = (Some(fire.clone()), *at_s),
        }
    }
    course
}

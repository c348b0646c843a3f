//! From the first of some events until nothing of them is left, or all is lost or moved.

use muster_sim::building::{Course, Room};

use crate::event::{Because, Event, because};
use crate::play::Play;

/// Sensors are heard for this long before the first event of a window: longer than the slow trend looks back (16 min), and
/// than a fault is remembered by what dies beside an alarm (30 min). Seconds.
pub(crate) const BEFORE_S: f64 = 2_400.0;
/// And this long after its last.
const AFTER_S: f64 = 60.0;
/// An incident that nobody can end after this long is a bug of ours.
pub(crate) const LONGEST_S: f64 = 4.0 * 86_400.0;
/// People look after an incident this often.
const LOOKS_EVERY_S: f64 = 300.0;
/// Every second is played this long before the first event and after any begins, else every fifth.
const CLOSELY_S: f64 = 600.0;

/// The room and its noise.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) room: &'a Room,
    pub(crate) noise: u64,
}

/// From the first of some events until nothing of them is left.
pub(crate) struct Window {
    /// Events it took.
    pub(crate) took: usize,
    pub(crate) lasted_s: f64,
    pub(crate) because: Because,
    /// Nothing is latched or in trouble any more, or it evacuates, or all is lost.
    pub(crate) rested: bool,
}

/// Until when a window goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// It evacuates, or rests.
    Decided,
    /// It rests; what it evacuated is reset by people. Only a fire that is decided, or has taken all, ends it before.
    Rested,
}

impl Window {
    /// Plays the first events of a list, those in whose course others begin with them.
    pub(crate) fn play(play: &mut Play<'_>, events: &[Event], place: Place<'_>, before_s: f64, until: Until) -> Self {
        let first_s = events[0].at_s();
        let near: Vec<&Event> = events.iter().take_while(|e| e.at_s() < first_s + LONGEST_S).collect();
        let course = course(place, &near);
        let attended = std::mem::take(&mut play.attended);
        let (mut t_s, mut looked, mut took) = ((first_s - before_s).floor(), 0.0, 0);
        play.join(t_s);
        loop {
            play.sample(&course, t_s);
            took = begin(play, &near, (took, t_s));
            let begun = &near[..took];
            let burns = begun.iter().any(|e| matches!(e, Event::Fire(..)));
            play.attended = attended && !burns;
            let over = took > 0 && begun.iter().all(|e| e.over_s() + AFTER_S < t_s);
            let decided = play.told.evacuate_s.is_some() && (until == Until::Decided || burns);
            let lost = begun.iter().any(|e| matches!(e, Event::Fire(..)) && e.over_s() < t_s);
            let rested = lost || (over && play.is_at_rest());
            if decided || rested || t_s > first_s + LONGEST_S {
                if decided {
                    play.settle();
                }
                play.attended = attended;
                return Self {
                    took: took.max(1),
                    lasted_s: t_s - first_s + before_s,
                    because: because(begun, play.told.first_vote_s),
                    rested: rested || decided,
                };
            }
            // By the course's own time, so that it is the same whatever came before.
            if took > 0 && (t_s / LOOKS_EVERY_S).floor() > looked {
                looked = (t_s / LOOKS_EVERY_S).floor();
                play.reset_if_open();
            }
            let closely = t_s > first_s - CLOSELY_S && took == 0 || begun.iter().any(|e| e.is_close(t_s, CLOSELY_S));
            t_s = step(t_s, closely, near.get(took));
        }
    }
}

/// How many have begun by now; what is done to the gateway is done.
fn begin(play: &mut Play<'_>, near: &[&Event], (mut took, t_s): (usize, f64)) -> usize {
    while let Some(event) = near.get(took).filter(|e| e.at_s() <= t_s) {
        took += 1;
        if let Event::Act(act, _) = event {
            play.act(*act);
        }
    }
    took
}

/// A second, or five where nothing changes fast; not past the beginning of anything.
fn step(t_s: f64, closely: bool, next: Option<&&Event>) -> f64 {
    let next_s = next.map_or(f64::MAX, |e| e.at_s().ceil());
    if closely {
        t_s + 1.0
    } else {
        (t_s + 5.0).min(next_s.max(t_s + 1.0))
    }
}

pub(crate) fn course(place: Place<'_>, events: &[&Event]) -> Course {
    let mut course = Course {
        seed: place.noise,
        room: place.room.clone(),
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
            Event::Act(..) => {}
        }
    }
    course
}

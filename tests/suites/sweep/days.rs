//! Days on which everything happens at once: twenty faults, people and disturbances, sick hooks and disks, and on every
//! second day a fire among them. Nothing is promised of such a day but the invariants; what is missed and what is wrong is
//! counted.

use muster_sim::building::{Dice, Room};

use crate::drawn;
use crate::event::{Because, Event};
use crate::fit::Fit;
use crate::play::Play;
use crate::reached::Reached;
use crate::share;
use crate::shrink;
use crate::window::{BEFORE_S, Place, Until, Window, course};

const DAY_S: f64 = 86_400.0;
/// Of everything but fires, this many times as much as in a usual year: about twenty a day.
const TIMES: f64 = 130.0;
/// Once everything is well again, what was begun has to have ended after this long. Seconds.
const ENDS_WITHIN_S: f64 = 900.0;

/// What came of one day.
#[derive(Debug, Default)]
pub(crate) struct Day {
    number: u64,
    burns: bool,
    /// Nobody had begun to evacuate when the load was lost.
    pub(crate) missed: bool,
    /// Evacuations before anything burnt.
    pub(crate) wrong: u64,
    pub(crate) broken: Vec<String>,
    pub(crate) reached: Reached,
    pub(crate) lines: Vec<(f64, String)>,
    /// Of the decision's state at its end.
    digest: u64,
}

/// A day that broke a rule, and the least of it that still does.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) number: u64,
    pub(crate) what: String,
    pub(crate) only: Vec<usize>,
}

/// What came of many.
#[derive(Debug, Default)]
pub(crate) struct Days {
    pub(crate) days: u64,
    pub(crate) fires: u64,
    pub(crate) missed: u64,
    pub(crate) wrong: u64,
    pub(crate) broken: u64,
    /// The first few of them.
    pub(crate) named: Vec<Broken>,
    pub(crate) reached: Reached,
    pub(crate) digest: u64,
}

/// So many are made smaller and named.
const NAMED: usize = 3;

impl Days {
    pub(crate) fn take(&mut self, (fit, seed): (&Fit, u64), day: Day) {
        self.days += 1;
        self.fires += u64::from(day.burns);
        self.missed += u64::from(day.missed);
        self.wrong += day.wrong;
        self.reached.extend(day.reached);
        self.digest = share::fold(self.digest, day.digest);
        let Some(what) = day.broken.into_iter().next() else {
            return;
        };
        self.broken += 1;
        if self.named.len() < NAMED {
            let only = smallest(fit, seed, day.number, |day| !day.broken.is_empty());
            self.named.push(Broken {
                number: day.number,
                what,
                only,
            });
        }
    }
}

/// A day as it is drawn.
struct Drawn {
    room: Room,
    noise: u64,
    events: Vec<Event>,
    burns: bool,
    hooks: Dice,
}

fn drawn(fit: &Fit, seed: u64, number: u64) -> Drawn {
    // Other streams than those of the years and the fires.
    let mut dice = Dice::new(!seed, number);
    let room = Room::draw(&mut dice);
    let noise = dice.bits();
    let burns = number.is_multiple_of(2);
    let events = drawn::day(fit, &mut dice, (DAY_S, TIMES), burns);
    Drawn {
        room,
        noise,
        events,
        burns,
        hooks: dice,
    }
}

/// The least of a day of which the same holds.
pub(crate) fn smallest(fit: &Fit, seed: u64, number: u64, holds: impl Fn(&Day) -> bool) -> Vec<usize> {
    let all: Vec<usize> = (0..drawn(fit, seed, number).events.len()).collect();
    shrink::smallest(&all, |only| holds(&day(fit, seed, number, Some(only), false)))
}

/// One day of one room, by its number, with these of its events only; it ends with its fire.
pub(crate) fn day(fit: &Fit, seed: u64, number: u64, only: Option<&[usize]>, keep_lines: bool) -> Day {
    let mut drawn = drawn(fit, seed, number);
    let mut at = 0..;
    drawn
        .events
        .retain(|_| at.next().is_some_and(|at| only.is_none_or(|only| only.contains(&at))));
    let burns = drawn.burns && drawn.events.iter().any(|e| matches!(e, Event::Fire(..)));
    let mut day = Day {
        number,
        burns,
        missed: burns,
        ..Day::default()
    };
    let place = Place {
        room: &drawn.room,
        noise: drawn.noise,
    };
    let mut play = Play::new(fit, keep_lines);
    play.peers.hooks = Some(drawn.hooks.clone());
    // On half of the days somebody looks when a window opens.
    play.attended = number % 4 < 2;
    let mut at = 0;
    while at < drawn.events.len() {
        let from = &drawn.events[at..];
        let window = Window::play(&mut play, from, place, BEFORE_S, Until::Rested);
        let burnt = window.because == Because::Fire;
        if burnt && play.told.evacuate_s.is_some() {
            ends(&mut play, from, place);
        }
        at += window.took;
        day.note(&mut play, &window, &drawn.events[at - window.took..at]);
        if burnt || !window.rested {
            break;
        }
    }
    day.digest = play.state.digest();
    day
}

/// Prints a day, or the least of it of which the same can be said.
pub(crate) fn tell(fit: &Fit, seed: u64, number: u64, only: Option<&[usize]>, is_smallest: bool) {
    let mut only = only.map(<[usize]>::to_vec);
    if is_smallest {
        let whole = day(fit, seed, number, only.as_deref(), false);
        let same: &dyn Fn(&Day) -> bool = if !whole.broken.is_empty() {
            &|day| !day.broken.is_empty()
        } else if whole.missed {
            &|day| day.missed
        } else {
            &|day| day.wrong > 0
        };
        only = same(&whole).then(|| smallest(fit, seed, number, same)).or(only);
    }
    let day = day(fit, seed, number, only.as_deref(), true);
    if let Some(only) = &only {
        let numbers: Vec<String> = only.iter().map(ToString::to_string).collect();
        println!("only {}", numbers.join(","));
    }
    for (t_s, line) in &day.lines {
        println!("{t_s:>12.1} s  {line}");
    }
    let burns = match (day.burns, day.missed) {
        (true, true) => "it burns, and that is MISSED",
        (true, false) => "it burns, and that is not missed",
        (false, _) => "it does not burn",
    };
    println!("{burns}; false evacuations: {}", day.wrong);
    day.broken.iter().for_each(|what| println!("BROKEN: {what}"));
}

impl Day {
    fn note(&mut self, play: &mut Play<'_>, window: &Window, events: &[Event]) {
        let told = std::mem::take(&mut play.told);
        self.broken.extend(told.broken);
        self.reached.extend(told.reached);
        let burns = events.iter().find(|e| matches!(e, Event::Fire(..))).map(Event::at_s);
        let events = events.iter().map(|event| (event.at_s(), format!("# {event:?}")));
        let lines = told.lines.into_iter().map(|(t_s, _, line)| (t_s, line));
        let mut both: Vec<(f64, String)> = events.chain(lines).collect();
        both.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.lines.extend(both);
        if !window.rested {
            self.broken.push("no rest after days".to_owned());
        }
        // Of a fire, what came before its first sign is as wrong as without one; then there is nothing left to miss.
        let sign_s = burns.filter(|_| window.because == Because::Fire).unwrap_or(f64::MAX);
        self.wrong += told.evacuations.iter().filter(|at_s| **at_s < sign_s).count() as u64;
        if window.because == Because::Fire {
            let early = told.evacuate_s.is_some_and(|at_s| at_s < sign_s);
            self.burns &= !early;
            self.missed = told.evacuate_s.is_none();
        }
    }
}

/// Hooks and disk are well again; what an evacuation has begun has to come to its end.
fn ends(play: &mut Play<'_>, events: &[Event], place: Place<'_>) {
    let near: Vec<&Event> = events.iter().collect();
    let course = course(place, &near);
    let from_s = play.course_s();
    play.peers.heal(play.now);
    let mut t_s = from_s;
    while t_s < from_s + ENDS_WITHIN_S {
        t_s += 5.0;
        play.sample(&course, t_s);
    }
    let incident = play.state.view(play.now).incident;
    let Some(incident) = incident.filter(|i| i.closed.is_none()) else {
        return;
    };
    for step in incident.steps.iter().filter(|step| step.ended.is_none()) {
        play.told
            .broken
            .push(format!("{} has not ended: {} {}", step.id, step.state, step.note));
    }
    for work in incident.workloads {
        if !matches!(work.state.as_str(), "moved" | "stopped") {
            play.told
                .broken
                .push(format!("{} is {}: {}", work.id, work.state, work.why));
        }
    }
}

//! Days on which everything happens at once: twenty faults and disturbances, and every second day a fire among them.
//! Nothing is promised of such a day but the invariants; what is missed and what is wrong is counted.

use muster_sim::building::{Dice, Fire, FireKind, Room};

use crate::event::{Because, Event, draw};
use crate::fit::Fit;
use crate::play::Play;
use crate::window::{BEFORE_S, Window};

const DAY_S: f64 = 86_400.0;
/// Of everything but fires, this many times as much as in a usual year: about twenty a day.
const TIMES: f64 = 130.0;

/// What came of one day.
pub(crate) struct Day {
    burns: bool,
    /// Nobody had begun to evacuate when the load was lost.
    missed: bool,
    /// Evacuations before anything burnt.
    wrong: u64,
    broken: Vec<(u64, String)>,
}

/// What came of many.
#[derive(Debug, Default)]
pub(crate) struct Days {
    pub(crate) days: u64,
    pub(crate) fires: u64,
    pub(crate) missed: u64,
    pub(crate) wrong: u64,
    pub(crate) broken: Vec<(u64, String)>,
}

impl Days {
    pub(crate) fn take(&mut self, day: Day) {
        self.days += 1;
        self.fires += u64::from(day.burns);
        self.missed += u64::from(day.missed);
        self.wrong += day.wrong;
        self.broken.extend(day.broken);
    }
}

/// One day of one room, by its number; it ends with its fire.
pub(crate) fn day(fit: &Fit, seed: u64, number: u64) -> Day {
    // Other streams than those of the years and the fires.
    let mut dice = Dice::new(!seed, number);
    let room = Room::draw(&mut dice);
    let mut events = draw(&mut dice, DAY_S, TIMES);
    let burns = number.is_multiple_of(2);
    if burns {
        let kind = FireKind::ALL[dice.below(FireKind::ALL.len())];
        events.push(Event::Fire(
            Fire::draw(kind, &mut dice),
            dice.between(DAY_S / 4.0, DAY_S * 0.75),
        ));
        events.sort_by(|a, b| a.at_s().total_cmp(&b.at_s()));
    }
    let mut day = Day {
        burns,
        missed: burns,
        wrong: 0,
        broken: Vec::new(),
    };
    let mut play = Play::new(fit, false);
    let mut at = 0;
    while at < events.len() {
        let window = Window::play(&mut play, &events[at..], (&room, number), BEFORE_S);
        at += window.took;
        let told = std::mem::take(&mut play.told);
        day.broken.extend(told.broken.into_iter().map(|what| (number, what)));
        if !window.rested {
            day.broken.push((number, "no rest after days".to_owned()));
        }
        let evacuated = told.evacuate_s.is_some();
        if window.because == Because::Fire {
            day.missed = !evacuated;
            break;
        }
        day.wrong += u64::from(evacuated);
        if evacuated || !window.rested {
            play = Play::new(fit, false);
        }
    }
    day
}

//! Years without a fire: faults, people and weather as they come, and whether any of it moves the workloads.
//!
//! Time in which nothing is latched, in trouble or under way is left out: the decision is the same after it, which
//! `--check-one-in` shows by playing windows with the quiet day before them in full.

use std::collections::BTreeMap;

use muster_sim::building::{Dice, Room};

use crate::event::{Because, Event, YEAR_S, draw};
use crate::fit::Fit;
use crate::play::Play;
use crate::window::{BEFORE_S, LONGEST_S, Window};

/// What came of years.
#[derive(Debug, Default)]
pub(crate) struct Years {
    pub(crate) years: u64,
    pub(crate) windows: u64,
    /// Windows in which a vote was cast.
    pub(crate) votes: u64,
    /// Seconds that were really played.
    pub(crate) played_s: f64,
    pub(crate) wrong: BTreeMap<Because, u64>,
    /// Year, second and reason of the first few.
    pub(crate) named: Vec<(u64, f64, Because, String)>,
    pub(crate) broken: Vec<(u64, String)>,
    /// Windows that were played in full as well, and those that came out otherwise.
    pub(crate) checked: u64,
    pub(crate) differ: u64,
}

const NAMED: usize = 10;

impl Years {
    pub(crate) fn join(&mut self, other: Self) {
        self.years += other.years;
        self.windows += other.windows;
        self.votes += other.votes;
        self.played_s += other.played_s;
        self.checked += other.checked;
        self.differ += other.differ;
        for (because, count) in other.wrong {
            *self.wrong.entry(because).or_default() += count;
        }
        self.named.extend(other.named);
        self.named.sort_by_key(|n| (n.2, n.0));
        self.named.truncate(NAMED);
        self.broken.extend(other.broken);
    }
}

/// One year of one room, by its number. One in `check_one_in` windows is played a second time, with a quiet day before it in
/// full.
pub(crate) fn year(fit: &Fit, seed: u64, number: u64, check_one_in: u64) -> Years {
    let mut dice = Dice::new(seed, number);
    let room = Room::draw(&mut dice);
    let events = draw(&mut dice, YEAR_S, 1.0);
    let mut came = Years {
        years: 1,
        ..Years::default()
    };
    let mut play = Play::new(fit, false);
    let mut at = 0;
    while at < events.len() {
        if check_one_in > 0 && dice.bits().is_multiple_of(check_one_in) {
            came.checked += 1;
            came.differ += u64::from(differs(fit, &events[at..], (&room, number)));
        }
        let window = Window::play(&mut play, &events[at..], (&room, number), BEFORE_S);
        at += window.took;
        came.windows += 1;
        came.played_s += window.lasted_s;
        let told = std::mem::take(&mut play.told);
        came.votes += u64::from(told.first_vote_s.is_some());
        came.broken.extend(told.broken.into_iter().map(|what| (number, what)));
        if let Some(evacuate_s) = told.evacuate_s {
            *came.wrong.entry(window.because).or_default() += 1;
            came.named.push((number, evacuate_s, window.because, told.why));
            // What was moved wrongly is brought back by people; the room begins anew.
            play = Play::new(fit, false);
        }
        if !window.rested {
            came.broken.push((
                number,
                format!("no rest {LONGEST_S} s after {:.0} s", events[at - window.took].at_s()),
            ));
            play = Play::new(fit, false);
        }
    }
    came
}

/// Prints one year's decisions, for whoever wants to know why.
pub(crate) fn tell(fit: &Fit, seed: u64, number: u64, around_s: Option<f64>) {
    let mut dice = Dice::new(seed, number);
    let room = Room::draw(&mut dice);
    let events = draw(&mut dice, YEAR_S, 1.0);
    let mut at = 0;
    let mut play = Play::new(fit, true);
    while at < events.len() {
        let window = Window::play(&mut play, &events[at..], (&room, number), BEFORE_S);
        let (begins_s, ends_s) = (events[at].at_s(), events[at].at_s() + window.lasted_s);
        let told = std::mem::take(&mut play.told);
        if around_s.is_none_or(|around_s| (begins_s - BEFORE_S..=ends_s).contains(&around_s)) {
            events[at..at + window.took]
                .iter()
                .for_each(|event| println!("{event:?}"));
            told.lines
                .iter()
                .for_each(|(t_s, line)| println!("{t_s:>12.1} s  {line}"));
        }
        if told.evacuate_s.is_some() || !window.rested {
            play = Play::new(fit, true);
        }
        at += window.took;
    }
}

/// Whether a window comes out otherwise after a whole quiet day than after the twenty minutes that are usual here.
fn differs(fit: &Fit, events: &[Event], (room, number): (&Room, u64)) -> bool {
    let [whole, usual] = [86_400.0, BEFORE_S].map(|before_s| {
        let mut play = Play::new(fit, true);
        Window::play(&mut play, events, (room, number), before_s);
        play.told.lines
    });
    whole != usual
}

//! Years without a fire: faults, people and weather as they come, and whether any of it moves the workloads.
//!
//! Time in which nothing is latched, in trouble or under way is left out: the decision is the same after it, which
//! `--check-windows` shows by playing windows with the quiet time before them in full.

use std::collections::BTreeMap;

use muster_sim::building::{Cause, Course, Dice, Disturbance, Fault, FaultKind, Room};

use crate::fit::Fit;
use crate::play::Play;

const YEAR_S: f64 = 365.25 * 86_400.0;
/// Sensors are heard for this long before the first event of a window, and after its last. Seconds.
const MARGIN_S: f64 = 60.0;
/// People look after an incident this often.
const LOOKS_EVERY_S: f64 = 300.0;
/// After an event begins every second is played for this long, later every fifth.
const CLOSELY_S: f64 = 600.0;
/// An incident that nobody can end after this long is a bug of ours.
const LONGEST_S: f64 = 4.0 * 86_400.0;

/// How often each thing comes, a year. Sensors that assert: BS 5839-1 takes 1 false alarm in 50 detectors and years for
/// usual; the reference room has 16, so 0.3, and ten times that is drawn. All else is assumed, on the busy side.
const ASSERTING_A_YEAR: f64 = 3.0;
const MUTE_A_YEAR: f64 = 12.0;
const STOLEN_A_YEAR: f64 = 0.2;
const DISTURBED_A_YEAR: [(Cause, f64); 6] = [
    (Cause::Dust, 12.0),
    (Cause::Steam, 6.0),
    (Cause::Solvent, 6.0),
    (Cause::HotDay, 10.0),
    (Cause::OutsideSmoke, 4.0),
    (Cause::OutsideGas, 2.0),
];

/// What an evacuation without a fire followed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Because {
    /// At most two faults, of which at most one asserts an alarm: must never be.
    TwoFaults,
    /// One stolen credential and at most one fault that asserts none: must never be.
    Stolen,
    /// Air that is not clean, and at most one fault.
    Disturbed,
    /// More than that.
    Beyond,
}

impl Because {
    pub(crate) const ALL: [Self; 4] = [Self::TwoFaults, Self::Stolen, Self::Disturbed, Self::Beyond];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::TwoFaults => "two-faults",
            Self::Stolen => "stolen",
            Self::Disturbed => "disturbed",
            Self::Beyond => "beyond",
        }
    }

    /// The goal is none at all.
    pub(crate) const fn must_never_be(self) -> bool {
        matches!(self, Self::TwoFaults | Self::Stolen)
    }
}

#[derive(Clone, Debug)]
enum Event {
    Fault(Fault),
    Disturbance(Disturbance),
}

impl Event {
    fn over_s(&self) -> f64 {
        match self {
            Self::Fault(fault) => fault.until_s,
            Self::Disturbance(disturbance) => disturbance.over_s(),
        }
    }

    fn at_s(&self) -> f64 {
        match self {
            Self::Fault(fault) => fault.from_s,
            Self::Disturbance(disturbance) => disturbance.at_s,
        }
    }
}

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

/// A year's events in order.
fn events(dice: &mut Dice) -> Vec<Event> {
    let mut all = Vec::new();
    let mut come = |a_year: f64, make: &mut dyn FnMut(f64, &mut Dice) -> Vec<Event>| {
        let mut at_s = dice.wait_s(a_year);
        while at_s < YEAR_S {
            all.extend(make(at_s, dice));
            at_s += dice.wait_s(a_year);
        }
    };
    // Half of what asserts finds something dead already: 2oo3 with one gone.
    let beside = |fault: Fault, dice: &mut Dice| {
        let mut both = vec![Event::Fault(fault)];
        if dice.share(0.5) {
            let Event::Fault(first) = &both[0] else { return both };
            let mut mute = Fault::mute(first.from_s - dice.decades(60.0, 28_800.0), dice);
            mute.until_s = first.until_s;
            both.push(Event::Fault(mute));
        }
        both
    };
    come(ASSERTING_A_YEAR, &mut |at_s, dice| {
        beside(Fault::asserting(at_s, dice), dice)
    });
    come(STOLEN_A_YEAR, &mut |at_s, dice| beside(Fault::stolen(at_s, dice), dice));
    come(MUTE_A_YEAR, &mut |at_s, dice| {
        vec![Event::Fault(Fault::mute(at_s, dice))]
    });
    for (cause, a_year) in DISTURBED_A_YEAR {
        come(a_year, &mut |at_s, dice| {
            vec![Event::Disturbance(Disturbance::draw(cause, at_s, dice))]
        });
    }
    all.sort_by(|a, b| a.at_s().total_cmp(&b.at_s()));
    all
}

/// One year of one room, by its number. One in `check_one_in` windows is played a second time, with a quiet day before it in
/// full.
pub(crate) fn year(fit: &Fit, seed: u64, number: u64, check_one_in: u64) -> Years {
    let mut dice = Dice::new(seed, number);
    let room = Room::draw(&mut dice);
    let events = events(&mut dice);
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
        let window = Window::play(&mut play, &events[at..], (&room, number), MARGIN_S);
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
    let events = events(&mut dice);
    let mut at = 0;
    let mut play = Play::new(fit, true);
    while at < events.len() {
        let window = Window::play(&mut play, &events[at..], (&room, number), MARGIN_S);
        let (begins_s, ends_s) = (events[at].at_s(), events[at].at_s() + window.lasted_s);
        let told = std::mem::take(&mut play.told);
        if around_s.is_none_or(|around_s| (begins_s - MARGIN_S..=ends_s).contains(&around_s)) {
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

/// Whether a window comes out otherwise after a whole quiet day than after the minute that is usual here.
fn differs(fit: &Fit, events: &[Event], (room, number): (&Room, u64)) -> bool {
    let [whole, usual] = [86_400.0, MARGIN_S].map(|before_s| {
        let mut play = Play::new(fit, true);
        Window::play(&mut play, events, (room, number), before_s);
        play.told.lines
    });
    whole != usual
}

/// From the first of some events until nothing of them is left.
struct Window {
    /// Events it took.
    took: usize,
    lasted_s: f64,
    because: Because,
    rested: bool,
}

impl Window {
    fn play(play: &mut Play<'_>, events: &[Event], (room, seed): (&Room, u64), before_s: f64) -> Self {
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
            let over = near[..took].iter().all(|e| e.over_s() + MARGIN_S < t_s);
            let evacuated = play.told.evacuate_s.is_some();
            let rested = took > 0 && over && play.is_at_rest(t_s);
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
            let lately = took == 0 || near[..took].iter().any(|e| t_s - e.at_s() < CLOSELY_S);
            t_s += if lately { 1.0 } else { 5.0 };
        }
    }
}

fn course(room: &Room, seed: u64, events: &[&Event]) -> Course {
    let mut course = Course {
        seed,
        room: room.clone(),
        fire: None,
        disturbances: Vec::new(),
        faults: Vec::new(),
    };
    for event in events {
        match event {
            Event::Fault(fault) => course.faults.push(fault.clone()),
            Event::Disturbance(disturbance) => course.disturbances.push(disturbance.clone()),
        }
    }
    course
}

fn because(begun: &[&Event]) -> Because {
    let (mut asserting, mut mute, mut stolen, mut disturbed) = (0, 0, 0, 0);
    for event in begun {
        match event {
            Event::Disturbance(_) => disturbed += 1,
            Event::Fault(fault) if fault.kind == FaultKind::Stolen => stolen += 1,
            Event::Fault(fault) if FaultKind::ASSERTING.contains(&fault.kind) => asserting += 1,
            Event::Fault(_) => mute += 1,
        }
    }
    match (asserting + mute, stolen, disturbed) {
        (0..=2, 0, 0) if asserting <= 1 => Because::TwoFaults,
        (_, 1, 0) if asserting == 0 && mute <= 1 => Because::Stolen,
        (0..=1, 0, _) => Because::Disturbed,
        _ => Because::Beyond,
    }
}

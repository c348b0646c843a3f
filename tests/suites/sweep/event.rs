//! What happens in a room besides nothing: faults, people, weather, and a fire; how often each comes, and what an evacuation
//! that nothing burnt for followed from.

use muster_sim::building::{Cause, Dice, Disturbance, Fault, FaultKind, Fire};

pub(crate) const YEAR_S: f64 = 365.25 * 86_400.0;

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
    /// It burns.
    Fire,
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
    /// Those that are wrong.
    pub(crate) const WRONG: [Self; 4] = [Self::TwoFaults, Self::Stolen, Self::Disturbed, Self::Beyond];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Fire => "fire",
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

/// One of them.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Fault(Fault),
    Disturbance(Disturbance),
    /// Burns in full from this second on.
    Fire(Fire, f64),
}

impl Event {
    /// Something changes fast: just begun, or burning.
    pub(crate) fn is_close(&self, t_s: f64, closely_s: f64) -> bool {
        match self {
            Self::Fire(_, at_s) => (t_s - at_s).abs() < closely_s || t_s > *at_s,
            other => t_s - other.at_s() < closely_s,
        }
    }

    pub(crate) fn over_s(&self) -> f64 {
        match self {
            Self::Fault(fault) => fault.until_s,
            Self::Disturbance(disturbance) => disturbance.over_s(),
            Self::Fire(fire, at_s) => at_s + fire.loss_s,
        }
    }

    pub(crate) fn at_s(&self) -> f64 {
        match self {
            Self::Fault(fault) => fault.from_s,
            Self::Disturbance(disturbance) => disturbance.at_s,
            Self::Fire(fire, at_s) => at_s + fire.begins_s(),
        }
    }
}

/// The events of so many seconds from 0 on, in order; each comes this many times as often as in a usual year.
pub(crate) fn draw(dice: &mut Dice, until_s: f64, times: f64) -> Vec<Event> {
    let mut all = Vec::new();
    let mut come = |a_year: f64, make: &mut dyn FnMut(f64, &mut Dice) -> Vec<Event>| {
        let mut at_s = dice.wait_s(a_year * times);
        while at_s < until_s {
            all.extend(make(at_s, dice));
            at_s += dice.wait_s(a_year * times);
        }
    };
    come(ASSERTING_A_YEAR, &mut |at_s, dice| {
        beside_dead(Fault::asserting(at_s, dice), dice)
    });
    come(STOLEN_A_YEAR, &mut |at_s, dice| {
        beside_dead(Fault::stolen(at_s, dice), dice)
    });
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

/// Half of what asserts finds something dead already, which is far oftener than by chance: 2oo3 with one gone.
fn beside_dead(fault: Fault, dice: &mut Dice) -> Vec<Event> {
    let mut both = Vec::new();
    if dice.share(0.5) {
        let mut mute = Fault::mute(fault.from_s - dice.decades(60.0, 28_800.0), dice);
        mute.until_s = fault.until_s;
        both.push(Event::Fault(mute));
    }
    both.push(Event::Fault(fault));
    both
}

/// What an evacuation follows from, by what has begun.
pub(crate) fn because(begun: &[&Event]) -> Because {
    let (mut asserting, mut mute, mut stolen, mut disturbed) = (0, 0, 0, 0);
    for event in begun {
        match event {
            Event::Disturbance(_) => disturbed += 1,
            Event::Fire(..) => return Because::Fire,
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

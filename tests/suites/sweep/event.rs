//! What happens in a room besides nothing: faults, people, weather, and a fire; and what an evacuation that nothing burnt
//! for followed from.

use muster_sim::building::{Dead, Disturbance, Fault, FaultKind, Fire};

/// One of them.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Fault(Fault),
    Disturbance(Disturbance),
    /// Burns in full from this second on.
    Fire(Fire, f64),
    /// Somebody or something acts on the gateway, at this second.
    Act(Act, f64),
}

/// What is done to the gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// It is killed, and started again with its journal.
    Restart,
    /// Its disk takes nothing, so many seconds long.
    SickDisk(f64),
    /// A person takes this out of service, for so many seconds.
    Bypass(Dead, f64),
    /// A person announces work on the batteries, for so many seconds.
    Work(f64),
    /// So many persons announce that the power will be cut, so many seconds from now.
    Cut(u8, f64),
    /// Two persons order an evacuation.
    Evacuate,
    /// Two persons stop what is under way.
    Abort,
    /// One person holds what is under way.
    Hold,
}

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

impl Event {
    /// Something changes fast: just begun, coming and going, or burning.
    pub(crate) fn is_close(&self, t_s: f64, closely_s: f64) -> bool {
        match self {
            Self::Fire(_, at_s) => (t_s - at_s).abs() < closely_s || t_s > *at_s,
            Self::Fault(fault) if fault.kind == FaultKind::Spikes => t_s < fault.until_s,
            Self::Act(_, at_s) => (0.0..closely_s).contains(&(t_s - at_s)),
            other => t_s - other.at_s() < closely_s,
        }
    }

    pub(crate) fn over_s(&self) -> f64 {
        match self {
            Self::Fault(fault) => fault.until_s,
            Self::Disturbance(disturbance) => disturbance.over_s(),
            Self::Fire(fire, at_s) => at_s + fire.loss_s,
            Self::Act(Act::Bypass(_, lasts_s) | Act::Work(lasts_s) | Act::SickDisk(lasts_s), at_s) => at_s + lasts_s,
            Self::Act(Act::Cut(_, in_s), at_s) => at_s + in_s,
            Self::Act(Act::Restart | Act::Evacuate | Act::Abort | Act::Hold, at_s) => *at_s,
        }
    }

    pub(crate) fn at_s(&self) -> f64 {
        match self {
            Self::Fault(fault) => fault.from_s,
            Self::Disturbance(disturbance) => disturbance.at_s,
            Self::Fire(fire, at_s) => at_s + fire.begins_s(),
            Self::Act(_, at_s) => *at_s,
        }
    }
}

/// What an evacuation follows from, by what has begun; what was over before the first vote had no part in it.
pub(crate) fn because(begun: &[&Event], first_vote_s: Option<f64>) -> Because {
    let (mut asserting, mut mute, mut stolen, mut disturbed) = (0, 0, 0, 0);
    let had_a_part = |event: &&&Event| first_vote_s.is_none_or(|vote_s| event.over_s() >= vote_s);
    let bypassed = |what: Dead| {
        let of_it = |e: &&Event| matches!(e, Event::Act(Act::Bypass(other, _), _) if *other == what);
        begun.iter().any(of_it)
    };
    for event in begun.iter().filter(had_a_part) {
        match event {
            Event::Disturbance(_) => disturbed += 1,
            Event::Fire(..) => return Because::Fire,
            Event::Fault(fault) if fault.kind == FaultKind::Stolen => stolen += 1,
            // What is tried and was bypassed before is one thing out of service, counted below.
            Event::Fault(fault) if fault.kind == FaultKind::Tried && bypassed(fault.what) => {}
            Event::Fault(fault) if fault.kind == FaultKind::Tried || FaultKind::ASSERTING.contains(&fault.kind) => {
                asserting += 1;
            }
            Event::Fault(_) | Event::Act(Act::Bypass(..), _) => mute += 1,
            Event::Act(..) => {}
        }
    }
    match (asserting + mute, stolen, disturbed) {
        (0..=2, 0, 0) if asserting <= 1 => Because::TwoFaults,
        (_, 1, 0) if asserting == 0 && mute <= 1 => Because::Stolen,
        (0..=1, 0, _) => Because::Disturbed,
        _ => Because::Beyond,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: FaultKind, what: Dead, from_s: f64, until_s: f64) -> Event {
        Event::Fault(Fault {
            what,
            kind,
            from_s,
            until_s,
        })
    }

    #[test]
    fn what_was_over_before_the_first_vote_had_no_part_in_it() {
        let [a, b, c] = [
            fault(FaultKind::High, Dead::Node(0), 0.0, 50.0),
            fault(FaultKind::High, Dead::Node(1), 100.0, 200.0),
            fault(FaultKind::Silent, Dead::PanelBus, 110.0, 200.0),
        ];
        assert_eq!(because(&[&a, &b, &c], Some(105.0)), Because::TwoFaults);
        assert_eq!(because(&[&a, &b, &c], Some(5.0)), Because::Beyond);
        assert_eq!(because(&[&a, &b, &c], None), Because::Beyond);
    }

    #[test]
    fn what_is_tried_is_a_fault_unless_it_was_bypassed() {
        let (one, other) = (Dead::Node(0), Dead::Node(1));
        let tried = fault(FaultKind::Tried, one, 60.0, 100.0);
        let high = fault(FaultKind::High, other, 60.0, 100.0);
        let bypass = Event::Act(Act::Bypass(one, 600.0), 0.0);
        assert_eq!(because(&[&tried, &high], Some(61.0)), Because::Beyond);
        assert_eq!(because(&[&bypass, &tried, &high], Some(61.0)), Because::TwoFaults);
    }
}

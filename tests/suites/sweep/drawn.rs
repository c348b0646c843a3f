//! How often each thing comes, and what comes together.

use muster_sim::building::{Cause, Dead, Dice, Disturbance, Fault, FaultKind, Fire, FireKind, calibration};

use crate::event::{Act, Event};
use crate::fit::Fit;

pub(crate) const YEAR_S: f64 = 365.25 * 86_400.0;

/// How often each thing comes, a year. Sensors that assert: BS 5839-1 takes 1 false alarm in 50 detectors and years for
/// usual; the reference room has 16, so 0.3, and ten times that is drawn. All else is assumed, on the busy side.
const ASSERTING_A_YEAR: f64 = 3.0;
const MUTE_A_YEAR: f64 = 12.0;
const STOLEN_A_YEAR: f64 = 0.2;
const TRIED_A_YEAR: f64 = 8.0;
const BYPASSED_A_YEAR: f64 = 4.0;
const WORKED_A_YEAR: f64 = 4.0;
const RESTARTED_A_YEAR: f64 = 6.0;
const SICK_DISKS_A_YEAR: f64 = 1.0;
const DISTURBED_A_YEAR: [(Cause, f64); 6] = [
    (Cause::Dust, 12.0),
    (Cause::Steam, 6.0),
    (Cause::Solvent, 6.0),
    (Cause::HotDay, 10.0),
    (Cause::OutsideSmoke, 4.0),
    (Cause::OutsideGas, 2.0),
];

/// A work shift at most, which is also the longest bypass.
const SHIFT_S: f64 = 8.0 * 3_600.0;
/// A dead thing may stay so for this long: far beyond the 8 h in which it has to be repaired.
const LONGEST_DEAD_S: f64 = 2.0 * 86_400.0;

/// The events of so many seconds from 0 on, in order; each comes this many times as often as in a usual year.
pub(crate) fn draw(fit: &Fit, dice: &mut Dice, until_s: f64, times: f64) -> Vec<Event> {
    let mut all = Vec::new();
    let mut come = |a_year: f64, make: &mut dyn FnMut(f64, &mut Dice) -> Vec<Event>| {
        let mut at_s = dice.wait_s(a_year * times);
        while at_s < until_s {
            all.extend(make(at_s, dice));
            at_s += dice.wait_s(a_year * times);
        }
    };
    come(ASSERTING_A_YEAR, &mut |at_s, dice| {
        beside_dead(fit, here(fit, dice, |dice| Fault::asserting(at_s, dice)), dice)
    });
    come(STOLEN_A_YEAR, &mut |at_s, dice| {
        beside_dead(fit, here(fit, dice, |dice| Fault::stolen(at_s, dice)), dice)
    });
    come(MUTE_A_YEAR, &mut |at_s, dice| {
        vec![Event::Fault(here(fit, dice, |dice| Fault::mute(at_s, dice)))]
    });
    for (cause, a_year) in DISTURBED_A_YEAR {
        come(a_year, &mut |at_s, dice| {
            vec![Event::Disturbance(Disturbance::draw(cause, at_s, dice))]
        });
    }
    come(TRIED_A_YEAR, &mut |at_s, dice| {
        tried(here(fit, dice, |dice| calibration(at_s, dice)), dice)
    });
    let mut acts = |a_year: f64, act: &dyn Fn(&mut Dice) -> Act| {
        come(a_year, &mut |at_s, dice| vec![Event::Act(act(dice), at_s)]);
    };
    acts(BYPASSED_A_YEAR, &|dice| {
        Act::Bypass(dead(fit, dice), dice.decades(600.0, SHIFT_S))
    });
    acts(WORKED_A_YEAR, &|dice| Act::Work(dice.decades(1_800.0, SHIFT_S)));
    acts(RESTARTED_A_YEAR, &|_| Act::Restart);
    acts(SICK_DISKS_A_YEAR, &|dice| Act::SickDisk(dice.decades(0.2, 600.0)));
    sort(&mut all);
    all
}

/// Those of one crowded day: much of everything, orders among it, and on every second day a fire.
pub(crate) fn day(fit: &Fit, dice: &mut Dice, (until_s, times): (f64, f64), burns: bool) -> Vec<Event> {
    let mut events = draw(fit, dice, until_s, times);
    let sometime = |dice: &mut Dice| dice.between(0.0, until_s);
    if dice.share(0.1) {
        let cut = Act::Cut(1 + dice.below(2) as u8, dice.decades(60.0, 5_400.0));
        // Mostly while something is going on.
        let near = events.get(dice.below(events.len())).map(Event::at_s);
        let at_s = match near {
            Some(near_s) => near_s + dice.between(0.0, 600.0),
            None => sometime(dice),
        };
        events.push(Event::Act(cut, at_s));
    }
    if dice.share(0.03) {
        events.push(Event::Act(Act::Evacuate, sometime(dice)));
    }
    at_the_worst_moment(&mut events, dice);
    if burns {
        let kind = FireKind::ALL[dice.below(FireKind::ALL.len())];
        let fire = Fire::draw(kind, dice);
        let at_s = dice.between(until_s / 4.0, until_s * 0.75);
        if dice.share(0.3) {
            let restart_s = at_s + dice.between(fire.begins_s(), fire.loss_s);
            events.push(Event::Act(Act::Restart, restart_s));
        }
        events.push(Event::Fire(fire, at_s));
    }
    sort(&mut events);
    events
}

/// Soon after something has begun to assert.
fn at_the_worst_moment(events: &mut Vec<Event>, dice: &mut Dice) {
    let asserts = |e: &Event| matches!(e, Event::Fault(f) if FaultKind::ASSERTING.contains(&f.kind));
    let asserting: Vec<f64> = events.iter().filter(|e| asserts(e)).map(Event::at_s).collect();
    for at_s in asserting {
        let worst = [
            (0.3, Act::Restart),
            (0.2, Act::Abort),
            (0.1, Act::Hold),
            (0.2, Act::SickDisk(dice.decades(1.0, 600.0))),
        ];
        for (share, act) in worst {
            if dice.share(share) {
                events.push(Event::Act(act, at_s + dice.decades(1.0, 600.0)));
            }
        }
    }
}

fn sort(events: &mut [Event]) {
    events.sort_by(|a, b| a.at_s().total_cmp(&b.at_s()));
}

/// Drawn until it strikes something that this room has.
fn here(fit: &Fit, dice: &mut Dice, draw: impl Fn(&mut Dice) -> Fault) -> Fault {
    loop {
        let fault = draw(dice);
        if fit.has(fault.what) {
            return fault;
        }
    }
}

/// Anything of this room.
pub(crate) fn dead(fit: &Fit, dice: &mut Dice) -> Dead {
    loop {
        let dead = Dead::draw(dice);
        if fit.has(dead) {
            return dead;
        }
    }
}

/// Half of what asserts finds something dead already, some of it for longer than a repair may take, or something that falls
/// silent just after it: both far oftener than by chance. These are the cases of the abort window.
fn beside_dead(fit: &Fit, fault: Fault, dice: &mut Dice) -> Vec<Event> {
    let beside = match dice.below(4) {
        0 => Some(fault.from_s - dice.decades(60.0, LONGEST_DEAD_S)),
        // What drifts alarms within a minute or two, all else within seconds.
        1 => Some(fault.from_s + dice.between(0.0, if fault.kind == FaultKind::Drift { 120.0 } else { 60.0 })),
        _ => None,
    };
    let mut both = vec![Event::Fault(fault.clone())];
    if let Some(from_s) = beside {
        let mut mute = here(fit, dice, |dice| Fault::mute(from_s, dice));
        if from_s > fault.from_s {
            mute.kind = FaultKind::Silent;
        } else if fault.from_s - from_s > SHIFT_S && fit.has(Dead::Broker) && dice.share(0.5) {
            // The only one thing that leaves two of five groups: past the repair limit one of them is enough.
            (mute.what, mute.kind) = (Dead::Broker, FaultKind::Silent);
        }
        mute.until_s = fault.until_s.max(from_s + 20.0);
        both.push(Event::Fault(mute));
    }
    both
}

/// Four of five say so before.
fn tried(fault: Fault, dice: &mut Dice) -> Vec<Event> {
    let mut both = Vec::new();
    if dice.share(0.8) {
        let lasts_s = (fault.until_s - fault.from_s + 1_200.0).min(SHIFT_S);
        both.push(Event::Act(Act::Bypass(fault.what, lasts_s), fault.from_s - 60.0));
    }
    both.push(Event::Fault(fault));
    both
}

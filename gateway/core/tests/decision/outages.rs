//! Outages that come oddly: over an order, a restart, an abort, in heat, one after another, or heard of badly.
use crate::stand::power::{
    MAINS, OB, Says, begun, calm, evacuated, n_plus_1, of_ups, on, paths, play, poll, thermometer,
};
use crate::stand::{ANN, MINUTE, SECOND, Stand};
use muster_core::{
    ChannelIx, FeedIx, GroupIx, HookOutcome, Input, Millis, Phase, Record, Site, SourceIx, Target, Verb, Verdict,
};
use muster_wire::{Micro, Quantity};

fn is_held(stand: &Stand) -> bool {
    let held = |e: &muster_core::Entry| matches!(e.record, Record::PowerHeld { .. });
    stand.entries.iter().any(held)
}

/// Both UPSes of the racks, and the third on mains.
fn both(t: Millis, i: usize) -> Says {
    if i < 2 { Says::drained(t) } else { MAINS }
}

#[test]
fn armed_by_order_the_plan_is_counted_as_it_will_be_carried_out() {
    let mut site = paths();
    site.armed = false;
    site.hooks.iter_mut().for_each(|hook| hook.accepts_drill = false);
    let mut stand = Stand::new(site);
    assert_eq!(stand.both(Verb::Arm), Verdict::Taken);
    calm(&mut stand);
    play(&mut stand, 30 * MINUTE, |i, t| Some(both(t, i)));
    let why = stand.state.why();
    assert!(why.contains("the plan needs 100 s"), "{why}");
}

#[test]
fn a_hot_ups_on_battery_ends_by_its_heat_and_is_not_back_on_mains() {
    let mut site = paths();
    site.channels.extend([thermometer(0, 100), thermometer(1, 100)]);
    let mut stand = Stand::new(site);
    let from = stand.now;
    for s in (0..16 * 60).step_by(5) {
        let celsius = (30 * 60 + 5 * s).min(90 * 60);
        for i in 0..2 {
            poll(&mut stand, i, Says::drained(s * SECOND));
            stand.sample(20 + i as u32, Ok(Micro(celsius * 1_000_000 / 60)));
        }
        stand.answer_all(Phase::Prepare, &HookOutcome::Done);
        stand.wait(5 * SECOND);
    }
    let begun = begun(&stand);
    assert!(
        begun.first().is_some_and(|(at, _)| at - from < 13 * MINUTE),
        "{begun:?}"
    );
    assert!(stand.state.why().contains("warms towards"), "{}", stand.state.why());
    assert!(!is_held(&stand), "it is on battery still");
}

/// Says only that it is on battery, and what else it is asked for, every 5 s.
fn says_little(stand: &mut Stand, until: Millis, runtime: impl Fn(Millis) -> Option<i64>) {
    let from = stand.now;
    while stand.now < from + until {
        for ob in &OB[..2] {
            stand.read(*ob, 1);
            if let Some(s) = runtime(stand.now - from) {
                stand.read(ob + 2, s);
            }
        }
        stand.answer_all(Phase::Prepare, &HookOutcome::Done);
        stand.wait(5 * SECOND);
    }
}

#[test]
fn a_ups_that_says_little_is_looked_at_without_being_stirred() {
    let mut declared = paths();
    (1..3).for_each(|i| declared.power.feeds[i].runtime_ms = Some(10 * MINUTE));
    // Supervised so slowly that nothing else wakes anybody.
    let slow = |site: &mut Site| site.channels.iter_mut().for_each(|c| c.supervision_ms = 60 * MINUTE);
    slow(&mut declared);
    let mut stand = Stand::new(declared);
    says_little(&mut stand, 10 * MINUTE, |_| None);
    let at = begun(&stand).first().map(|(at, _)| *at);
    // Four fifths of ten minutes, less the plan and a minute.
    assert!(at.is_some_and(|at| (310..=350).contains(&(at / SECOND))), "{at:?}");
    let mut told = paths();
    slow(&mut told);
    let mut stand = Stand::new(told);
    says_little(&mut stand, 10 * MINUTE, |t| Some(600 - t / SECOND));
    assert!(!begun(&stand).is_empty(), "on battery and a runtime");
}

#[test]
fn a_runtime_that_collapses_is_seen_within_ten_seconds() {
    let mut site = paths();
    site.channels.iter_mut().for_each(|c| c.supervision_ms = 120 * MINUTE);
    let mut stand = Stand::new(site);
    let from = stand.now;
    // Its neighbour fails 2,700 s into it.
    let runtime = |t: Millis| {
        let s = t / SECOND;
        Some(if s < 2_700 { 4_500 - s } else { 3_100 - s })
    };
    says_little(&mut stand, 46 * MINUTE, runtime);
    let at = begun(&stand)[0].0 - from;
    assert!((2_700..=2_710).contains(&(at / SECOND)), "{at}");
}

/// Outage until it begins.
fn until_begun(stand: &mut Stand, on_battery: &[usize]) {
    let (before, mut t) = (begun(stand).len(), 0);
    while begun(stand).len() == before {
        for i in 0..3 {
            let says = if on_battery.contains(&i) {
                Says::drained(t)
            } else {
                MAINS
            };
            poll(stand, i, says);
        }
        stand.answer_all(Phase::Prepare, &HookOutcome::Done);
        stand.wait(5 * SECOND);
        t += 5 * SECOND;
        assert!(t < 30 * MINUTE, "it never begins");
    }
}

#[test]
fn after_a_restart_nobody_heard_is_not_the_mains_back() {
    let mut stand = Stand::new(paths());
    calm(&mut stand);
    until_begun(&mut stand, &[0, 1]);
    let mut next = stand.restart(u64::MAX);
    next.wait(5 * MINUTE);
    assert!(!is_held(&next), "nobody has said so");
    play(&mut next, 3 * MINUTE, |i, _| (i == 1).then_some(MAINS));
    assert!(!is_held(&next), "ra hangs on the other one");
    play(&mut next, 3 * MINUTE, |i, _| (i == 0).then_some(MAINS));
    assert!(is_held(&next), "it carries both");
}

#[test]
fn without_feeds_nobody_heard_is_not_the_mains_back_either() {
    let mut site = paths();
    site.power = muster_core::Power::default();
    // The first UPS of the stand is not there.
    site.channels[6].quantity = Quantity::Contact;
    let mut stand = Stand::new(site);
    calm(&mut stand);
    until_begun(&mut stand, &[0, 1]);
    let mut next = stand.restart(u64::MAX);
    next.wait(5 * MINUTE);
    play(&mut next, 3 * MINUTE, |i, _| (i != 1).then_some(MAINS));
    assert!(!is_held(&next), "one of them has not said so");
    play(&mut next, 3 * MINUTE, |_, _| Some(MAINS));
    assert!(is_held(&next));
}

/// Each side has a rack of its own, moved one by one; one UPS's word is enough.
fn sides() -> Site {
    let mut site = paths();
    site.single_group = true;
    site.hooks[0].max_parallel = 1;
    site.power.feeds[5].by = vec![FeedIx(4)];
    site.workloads = vec![on("ra", "a0"), on("ra", "a1"), on("ra", "a2"), on("r1", "b")];
    site
}

#[test]
fn a_second_outage_begins_its_own_racks_and_not_those_of_the_first() {
    let mut stand = Stand::new(sides());
    calm(&mut stand);
    until_begun(&mut stand, &[0]);
    for _ in 0..30 {
        (0..3).for_each(|i| poll(&mut stand, i, MAINS));
        stand.wait(5 * SECOND);
    }
    assert!(is_held(&stand));
    assert_eq!(evacuated(&stand), ["a0.move.evacuate.far"]);
    play(&mut stand, 28 * MINUTE, |i, t| {
        Some(if i == 1 { Says::drained(t) } else { MAINS })
    });
    assert_eq!(evacuated(&stand), ["a0.move.evacuate.far", "b.move.evacuate.far"]);
}

#[test]
fn an_abort_does_not_swallow_a_later_outage() {
    let mut stand = Stand::new(sides());
    calm(&mut stand);
    until_begun(&mut stand, &[0]);
    assert_eq!(stand.both(Verb::Abort), Verdict::Taken);
    let aborted = evacuated(&stand).len();
    play(&mut stand, 3 * MINUTE, |i, _| Some(both(28 * MINUTE, i * 2)));
    assert_eq!(evacuated(&stand).len(), aborted, "the abort stands in the same outage");
    play(&mut stand, 28 * MINUTE, |i, t| {
        Some(if i == 1 { Says::drained(t) } else { MAINS })
    });
    assert!(
        evacuated(&stand).contains(&"b.move.evacuate.far".to_owned()),
        "{:?}",
        evacuated(&stand)
    );
}

#[test]
fn one_glitch_of_a_charge_ends_nothing() {
    let earliest = |at: Millis, glitch: bool| {
        let mut stand = Stand::new(paths());
        calm(&mut stand);
        play(&mut stand, at + SECOND, |i, t| {
            let charge = if glitch && t == at { 21 } else { Says::drained(t).charge };
            Some(if i < 2 {
                Says {
                    charge,
                    ..Says::drained(t)
                }
            } else {
                MAINS
            })
        });
        stand.view().racks[1].loss.as_ref().map_or(0, |loss| loss.earliest)
    };
    // Whenever it comes: one of these is noted.
    for poll in 0..20 {
        let at = 8 * MINUTE + poll * 5 * SECOND;
        let (usual, glitched) = (earliest(at, false), earliest(at, true));
        assert!(glitched > usual - 3 * MINUTE, "{at}: {glitched}, not {usual}");
    }
}

#[test]
fn what_is_bypassed_evacuates_nobody() {
    let mut stand = Stand::new(paths());
    calm(&mut stand);
    let until = stand.now + 60 * MINUTE;
    stand.input(&Input::Bypass {
        by: ANN,
        target: Target::Source(SourceIx(5)),
        until: Some(until),
        reason: "a test of its battery".into(),
        nonce: 1,
    });
    play(&mut stand, 30 * MINUTE, |i, t| Some(both(t, i)));
    assert_eq!(begun(&stand), []);
}

#[test]
fn a_word_from_before_the_grace_is_no_second_group() {
    let mut site = paths();
    for channel in &mut site.channels[8..] {
        channel.group = GroupIx(4);
    }
    // A second flag of the first UPS, on another bus, that is heard for half a minute.
    let mut second = of_ups(0, Quantity::OnBattery);
    (second.id, second.group) = ("ups-0.other".into(), GroupIx(5));
    site.channels.push(second);
    let mut stand = Stand::new(site);
    calm(&mut stand);
    for t in (0..30 * 60).step_by(5) {
        if t < 30 {
            stand.read(20, 1);
        }
        (0..2).for_each(|i| poll(&mut stand, i, Says::drained(t * SECOND)));
        stand.wait(5 * SECOND);
    }
    assert_eq!(begun(&stand), []);
}

#[test]
fn a_contact_that_falls_silent_at_once_has_not_said_off() {
    for heard in [5, 60] {
        let mut site = paths();
        let mut open = of_ups(0, Quantity::Contact);
        open.id = "pdu-a.open".into();
        site.channels.push(open);
        site.power.feeds[3].off = Some(ChannelIx(20));
        let mut stand = Stand::new(site);
        calm(&mut stand);
        (0..heard / 5).for_each(|_| {
            stand.read(20, 1);
            stand.wait(5 * SECOND);
        });
        calm(&mut stand);
        let gone = stand.view().racks[1].loss.is_some();
        assert_eq!(gone, heard == 60, "heard for {heard} s");
    }
}

#[test]
fn every_phase_of_a_load_counts() {
    let mut site = n_plus_1();
    for i in 0..3 {
        let mut other = of_ups(i, Quantity::Load);
        other.id = format!("ups-{i}.load-l2");
        site.channels.push(other);
    }
    let mut stand = Stand::new(site);
    calm(&mut stand);
    for t in (0..180).step_by(5) {
        for i in 0..3 {
            poll(&mut stand, i, Says::drained(t * SECOND));
            stand.sample(20 + i as u32, Ok(Micro(1_330_000)));
        }
        stand.wait(5 * SECOND);
    }
    let why = stand.view().racks[0].loss.as_ref().map(|l| l.why.clone());
    assert!(
        why.as_ref().is_some_and(|w| w.contains("133 % of its rating")),
        "{why:?}"
    );
}

/// Far below the limit at which it is watched, a UPS that warms fast is no end.
#[test]
fn a_ups_that_warms_far_below_its_limit_is_no_end() {
    let mut site = paths();
    site.channels.extend([thermometer(0, 100), thermometer(1, 100)]);
    let mut stand = Stand::new(site);
    for s in (0..10 * 60).step_by(5) {
        for i in 0..2 {
            poll(&mut stand, i, MAINS);
            stand.sample(20 + i as u32, Ok(Micro(s * 2_000_000 / 60)));
        }
        stand.wait(5 * SECOND);
        let racks = stand.view().racks;
        assert!(racks.iter().all(|rack| rack.loss.is_none()), "{s}: {racks:?}");
    }
}

//! What rungs really take: learned from incidents and drills, kept over resets, restarts, reloads and retention.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]
use crate::stand::{MINUTE, SECOND, Stand, site};
use muster_core::{HookOutcome, Input, Leftover, Mode, Phase, Record, RungKind, Site, StepEnd, Verb, Verdict, WayView};

/// A whole incident by order, in which every evacuation takes so long, and its reset.
fn incident(stand: &mut Stand, takes_s: i64) {
    assert_eq!(stand.both(Verb::Evacuate), Verdict::Taken);
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    stand.wait(2 * SECOND);
    let begun = stand.now;
    while stand.now < begun + takes_s * SECOND {
        stand.answer_all(Phase::Evacuate, &HookOutcome::Accepted);
        stand.wait(SECOND.min(begun + takes_s * SECOND - stand.now));
    }
    let steps = stand.view().incident.unwrap().steps;
    for step in steps.iter().filter(|s| s.ended.is_none() && s.phase == Phase::Evacuate) {
        stand.done(&step.id);
    }
    stand.answer_all(Phase::Verify, &HookOutcome::Done);
    assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    // What is away is not saved again: it comes home first.
    if stand.both(Verb::Return) == Verdict::Taken {
        for _ in 0..8 {
            stand.answer_all(Phase::Restore, &HookOutcome::Done);
            stand.answer_all(Phase::Verify, &HookOutcome::Done);
            stand.wait(SECOND);
        }
    }
}

fn way(stand: &Stand, kind: RungKind) -> WayView {
    let mut ways = stand.state.ways();
    ways.find(|w| w.workload == "db" && w.rung == kind).unwrap()
}

fn needs_s(stand: &Stand, kind: RungKind) -> i64 {
    way(stand, kind).needs_ms / SECOND
}

fn drilling() -> Site {
    let mut site = site();
    site.armed = false;
    site
}

#[test]
fn the_declared_time_counts_until_a_way_was_gone_three_times() {
    let mut stand = Stand::new(site());
    assert_eq!(needs_s(&stand, RungKind::Move), 100);
    incident(&mut stand, 30);
    incident(&mut stand, 40);
    assert_eq!(needs_s(&stand, RungKind::Move), 100, "two are too few to trust less");
    incident(&mut stand, 35);
    let way = way(&stand, RungKind::Move);
    assert_eq!((way.live.count, way.drill.count), (3, 0));
    assert!((42..=44).contains(&(way.needs_ms / SECOND)), "{way:?}");
    assert!((35..=39).contains(&(i64::from(way.live.p50_ms) / SECOND)), "{way:?}");
    assert_eq!(needs_s(&stand, RungKind::Stop), 20, "another rung has not been gone");
}

/// Twice as long as it takes is a careful owner; more is a drift.
#[test]
fn half_of_what_is_declared_is_no_drift_yet() {
    for (declared_ms, drifts) in [(2 * 42_000, false), (2 * 42_000 + 1, true)] {
        let mut site = site();
        site.workloads[0].rungs[0].needs_ms = declared_ms;
        let mut stand = Stand::new(site);
        (0..3).for_each(|_| incident(&mut stand, 40));
        let way = way(&stand, RungKind::Move);
        assert_eq!(way.needs_ms, 42_000);
        assert_eq!(way.drift.is_some(), drifts, "{way:?}");
    }
}

#[test]
fn one_that_took_longer_counts_at_once_and_is_said() {
    let mut stand = Stand::new(site());
    incident(&mut stand, 300);
    assert!(
        (300..305).contains(&needs_s(&stand, RungKind::Move)),
        "{:?}",
        way(&stand, RungKind::Move)
    );
    let said = stand
        .events
        .iter()
        .find(|e| e.line.contains("declared 100 s"))
        .expect("it is said");
    assert_eq!(said.subject, "db");
    let drifts = stand.view().drifts;
    assert_eq!(drifts.len(), 1);
    assert!(
        drifts[0].drift.as_ref().unwrap().contains("reckoned with"),
        "{drifts:?}"
    );
}

#[test]
fn a_slow_way_is_not_chosen_when_its_own_time_no_longer_fits() {
    for (took_s, chosen) in [(90, "db.move.evacuate.far"), (440, "db.failover.evacuate")] {
        let mut stand = Stand::new(site());
        (0..3).for_each(|_| incident(&mut stand, took_s));
        stand.alarm(0);
        stand.answer_all(Phase::Prepare, &HookOutcome::Done);
        stand.wait(MINUTE);
        stand.alarm(1);
        let evacuates = stand.calls.last().map(|c| c.step.clone());
        assert_eq!(
            evacuates.as_deref(),
            Some(chosen),
            "after {took_s} s each, 420 s are left"
        );
    }
}

#[test]
fn a_step_is_stuck_past_its_own_three_of_four() {
    let mut stand = Stand::new(site());
    for takes_s in [20, 20, 20, 60] {
        incident(&mut stand, takes_s);
    }
    stand.fire();
    let stuck = |stand: &Stand| {
        let steps = stand.view().incident.unwrap().steps;
        steps.iter().any(|s| s.phase == Phase::Evacuate && s.stuck)
    };
    stand.wait(20 * SECOND);
    assert!(!stuck(&stand));
    stand.wait(4 * SECOND);
    assert!(
        stuck(&stand),
        "three of four took some 20 s, whatever was declared and the fourth took"
    );
    let live = stand
        .view()
        .incident
        .unwrap()
        .steps
        .into_iter()
        .filter(|s| s.ended.is_none());
    assert_eq!(
        live.map(|s| s.id).collect::<Vec<_>>(),
        ["db.move.evacuate.far"],
        "it is not given up for that"
    );
}

#[test]
fn a_drill_moves_nothing_so_it_never_shortens_a_time() {
    let mut stand = Stand::new(drilling());
    (0..5).for_each(|_| incident(&mut stand, 3));
    let fast = way(&stand, RungKind::Move);
    assert_eq!((fast.needs_ms, fast.drill.count, fast.drift), (100 * SECOND, 5, None));
    incident(&mut stand, 200);
    let slow = way(&stand, RungKind::Move);
    assert!(
        slow.needs_ms >= 200 * SECOND,
        "what it takes to do nothing, it takes at least: {slow:?}"
    );
    assert_eq!(stand.both(Verb::Arm), Verdict::Taken);
    (0..3).for_each(|_| incident(&mut stand, 30));
    assert!(needs_s(&stand, RungKind::Move) < 40, "lived through, it is known");
}

#[test]
fn a_rung_that_was_given_up_takes_longer_than_it_was_given() {
    let mut stand = Stand::new(site());
    stand.fire();
    while stand.ended("db.move.evacuate.far").is_none() {
        stand.answer("db.move.evacuate.far", HookOutcome::Accepted);
        stand.wait(5 * SECOND);
    }
    assert_eq!(stand.ended("db.move.evacuate.far"), Some(StepEnd::Superseded));
    assert!(needs_s(&stand, RungKind::Move) >= 455);
    let record = stand.entries.iter().rev().find_map(|e| match &e.record {
        Record::Learned { given_up, mode, .. } => Some((*given_up, *mode)),
        _ => None,
    });
    assert_eq!(record, Some((true, Mode::Live)));
}

#[test]
fn what_was_withdrawn_or_done_by_somebody_else_teaches_nothing() {
    let mut stand = Stand::new(site());
    stand.fire();
    stand.answer("db.move.evacuate.far", HookOutcome::TokenRefused);
    stand.done("db.move.verify.far");
    assert_eq!(way(&stand, RungKind::Move).live.count, 0);
    let mut stand = Stand::new(site());
    stand.both(Verb::Evacuate);
    stand.wait(30 * SECOND);
    stand.both(Verb::Reset);
    assert_eq!(way(&stand, RungKind::Move).live.count, 0);
}

#[test]
fn a_pause_between_a_step_and_its_probe_is_no_part_of_it() {
    let mut stand = Stand::new(site());
    stand.both(Verb::Evacuate);
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    stand.wait(10 * SECOND);
    // The disk is slow, so the probe has not gone out yet and is taken back.
    stand.stores = false;
    stand.done("db.move.evacuate.far");
    assert_eq!(stand.both(Verb::Abort), Verdict::Taken);
    assert_eq!(stand.ended("db.move.verify.far"), Some(StepEnd::Withdrawn));
    stand.stores = true;
    stand.store();
    stand.wait(3 * MINUTE);
    assert_eq!(stand.both(Verb::Evacuate), Verdict::Taken);
    stand.done("db.move.verify.far");
    let took = way(&stand, RungKind::Move).live.p95_ms;
    assert!((8_000..12_000).contains(&took), "{took}");
}

#[test]
fn what_is_learned_outlives_restart_reload_and_retention() {
    let mut stand = Stand::new(site());
    (0..4).for_each(|n| incident(&mut stand, 250 + n));
    let known: Vec<WayView> = stand.state.ways().collect();
    assert!(known[0].needs_ms > 250 * SECOND);
    let after = stand.restart(u64::MAX);
    assert_eq!(after.state.ways().collect::<Vec<_>>(), known);
    let written = ciborium::Value::serialized(&stand.state).unwrap();
    let read: muster_core::State = written.deserialized().unwrap();
    assert_eq!(read.ways().collect::<Vec<_>>(), known, "and a recording");
    // Another file that no longer has it, and then has it again.
    let (file, mut without) = (stand.file.clone(), stand.file.clone());
    without.workloads[0].id = "other".into();
    stand.reload(without).unwrap();
    assert_eq!(stand.state.ways().next().unwrap().live.count, 0);
    stand.reload(file).unwrap();
    assert_eq!(stand.state.ways().collect::<Vec<_>>(), known);
    // Everything before is removed, and what it leaves behind stands in its place.
    let through = stand.entries.last().unwrap().seq;
    let mut leftover = Leftover::default();
    stand.entries.iter().for_each(|e| leftover.take(&e.record));
    let (hash, len) = (String::from("00"), stand.entries.len());
    stand.input(&Input::Prune {
        through,
        hash,
        leftover,
    });
    assert_eq!(stand.entries.len(), len + 1);
    let mut pruned = stand.entries.split_off(len);
    pruned[0].seq = through;
    stand.entries = pruned;
    let after = stand.restart(u64::MAX);
    assert_eq!(after.state.ways().collect::<Vec<_>>(), known);
}

#[test]
fn only_the_newest_durations_count() {
    let mut stand = Stand::new(site());
    incident(&mut stand, 400);
    (0..32).for_each(|_| incident(&mut stand, 10));
    let way = way(&stand, RungKind::Move);
    assert_eq!(way.live.count, 32);
    assert!(way.needs_ms < 20 * SECOND, "{way:?}");
    assert!(way.drift.is_some(), "it has long taken much less than is declared");
}

#[test]
fn a_drift_is_shown_for_a_hook_and_another_hook_begins_anew() {
    let mut stand = Stand::new(site());
    (0..3).for_each(|_| incident(&mut stand, 200));
    let mut file = stand.file.clone();
    file.hooks[0].id = "faster".into();
    stand.reload(file).unwrap();
    assert_eq!(needs_s(&stand, RungKind::Move), 100);
    assert!(stand.view().drifts.is_empty());
}

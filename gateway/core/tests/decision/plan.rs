//! The ladder, lanes, dependencies, the cordon, intents, drills, restarts.
use crate::stand::{MINUTE, SECOND, Stand, rung, site, workload};
use muster_core::{HookOutcome, Input, Mode, Phase, Record, RungKind, Site, StepEnd, Verb, Verdict};

fn cannot() -> HookOutcome {
    HookOutcome::Cannot { note: "no room".into() }
}

fn retry() -> HookOutcome {
    HookOutcome::Retry { cause: "500".into() }
}

fn with(workloads: &[(&str, u8, &[u16])], lanes: u16) -> Site {
    let mut site = site();
    site.hooks[0].max_parallel = lanes;
    site.workloads = workloads
        .iter()
        .map(|(id, tier, after)| workload(id, *tier, after))
        .collect();
    site
}

/// Evacuate steps called, in order.
fn moves(stand: &Stand) -> Vec<String> {
    let called = stand.called().into_iter().filter(|s| s.contains(".evacuate"));
    called.map(|s| s.replace(".evacuate", "").replace(".far", "")).collect()
}

#[test]
fn prepare_evacuate_verify_and_safe() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    assert_eq!(stand.called(), ["db.move.prepare.far"]);
    stand.done("db.move.prepare.far");
    stand.alarm(1);
    assert_eq!(moves(&stand), ["db.move"]);
    stand.done("db.move.evacuate.far");
    assert_eq!(stand.workload("db"), "verifying");
    stand.answer("db.move.verify.far", cannot());
    assert_eq!(stand.workload("db"), "verifying", "not there yet is no end");
    stand.wait(SECOND);
    assert_eq!(stand.attempts("db.move.verify.far"), 2);
    stand.done("db.move.verify.far");
    assert_eq!(stand.workload("db"), "moved");
    let calls = stand.calls.len();
    stand.wait(60 * MINUTE);
    assert_eq!(stand.calls.len(), calls, "and that is all");
}

#[test]
fn the_highest_rung_that_fits_is_taken() {
    // Seconds of the 480 s prior gone when the second vote comes → rung.
    for (gone, kind) in [
        (0, "move"),
        (370, "move"),
        (390, "failover"),
        (430, "stop"),
        (600, "stop"),
    ] {
        let mut stand = Stand::new(site());
        stand.alarm(0);
        stand.done("db.move.prepare.far");
        stand.wait(gone * SECOND);
        stand.alarm(1);
        assert_eq!(moves(&stand), [format!("db.{kind}")], "after {gone} s");
    }
}

#[test]
fn a_hook_that_cannot_gives_way_to_the_next_rung_and_the_last_is_never_given_up() {
    let mut stand = Stand::new(site());
    stand.fire();
    stand.answer("db.move.evacuate.far", cannot());
    stand.answer("db.failover.evacuate", cannot());
    stand.answer("db.stop.evacuate", cannot());
    assert_eq!(moves(&stand), ["db.move", "db.failover", "db.stop"]);
    assert_eq!(stand.workload("db"), "stranded");
    for again in 2..6 {
        stand.wait(30 * SECOND);
        assert_eq!(stand.attempts("db.stop.evacuate"), again);
        stand.answer("db.stop.evacuate", cannot());
    }
    stand.wait(30 * SECOND);
    stand.done("db.stop.evacuate");
    stand.done("db.stop.verify");
    assert_eq!(stand.workload("db"), "stopped");
}

#[test]
fn a_stuck_step_falls_when_the_reserve_begins_and_not_before() {
    let mut stand = Stand::new(site());
    stand.fire();
    stand.answer("db.move.evacuate.far", HookOutcome::Accepted);
    while stand.now < 459 * SECOND {
        stand.answer("db.move.evacuate.far", HookOutcome::Running { percent: Some(40) });
        stand.wait(SECOND);
    }
    assert_eq!((stand.ended("db.move.evacuate.far"), moves(&stand).len()), (None, 1));
    stand.wait(SECOND);
    assert_eq!(stand.ended("db.move.evacuate.far"), Some(StepEnd::Superseded));
    assert_eq!(stand.cancelled, ["db.move.evacuate.far"]);
    assert_eq!(moves(&stand), ["db.move", "db.stop"]);
    stand.wait(60 * MINUTE);
    assert_eq!(stand.ended("db.stop.evacuate"), None, "the last rung is never given up");
    assert!(stand.attempts("db.stop.evacuate") > 100, "and asked for ever");
}

#[test]
fn a_failing_hook_is_retried_until_the_rung_no_longer_fits() {
    let mut stand = Stand::new(site());
    stand.fire();
    while moves(&stand).len() == 1 {
        stand.answer("db.move.evacuate.far", retry());
        stand.wait(9 * SECOND);
        assert!(stand.now < 400 * SECOND);
    }
    assert!(stand.now >= 380 * SECOND, "{}", stand.now);
    assert!(stand.attempts("db.move.evacuate.far") > 30);
    let tokens: std::collections::BTreeSet<u64> = stand
        .calls
        .iter()
        .filter(|c| c.step == "db.move.evacuate.far")
        .map(|c| c.token)
        .collect();
    assert_eq!(tokens.len(), 1, "one token for every retry");
}

#[test]
fn a_refused_token_leaves_the_decision_to_the_probe() {
    let mut stand = Stand::new(site());
    stand.fire();
    stand.answer("db.move.evacuate.far", HookOutcome::TokenRefused);
    assert_eq!(stand.ended("db.move.evacuate.far"), Some(StepEnd::Refused));
    assert_eq!(stand.workload("db"), "verifying");
    stand.answer("db.move.verify.far", HookOutcome::TokenRefused);
    assert_eq!(stand.workload("db"), "stranded");
    stand.wait(60 * MINUTE);
    assert_eq!(moves(&stand), ["db.move"], "never begun twice");
}

#[test]
fn a_probe_that_says_no_to_the_reserve_gives_way_to_the_next_rung() {
    let mut stand = Stand::new(site());
    stand.fire();
    stand.done("db.move.evacuate.far");
    while stand.now < 455 * SECOND {
        stand.answer("db.move.verify.far", cannot());
        stand.wait(8 * SECOND);
    }
    stand.answer("db.move.verify.far", cannot());
    stand.wait(20 * SECOND);
    assert_eq!(moves(&stand), ["db.move", "db.stop"]);
}

#[test]
fn a_rung_that_ends_within_the_reserve_is_probed_before_it_is_given_up() {
    let mut site = site();
    site.workloads[0].rungs = vec![rung(RungKind::Move, 0, 450), rung(RungKind::Stop, 1, 60)];
    let mut stand = Stand::new(site);
    stand.fire();
    stand.answer("db.move.evacuate.far", HookOutcome::Accepted);
    while stand.now < 440 * SECOND {
        stand.answer("db.move.evacuate.far", HookOutcome::Running { percent: None });
        stand.wait(20 * SECOND);
    }
    stand.done("db.move.evacuate.far");
    stand.wait(SECOND);
    stand.done("db.move.verify.far");
    assert_eq!(
        (stand.workload("db"), moves(&stand)),
        ("moved".into(), vec!["db.move".into()])
    );
}

#[test]
fn tiers_go_first_and_dependencies_before_what_needs_them() {
    let mut stand = Stand::new(with(
        &[("low", 3, &[]), ("db", 2, &[]), ("web", 1, &[1]), ("dns", 1, &[])],
        1,
    ));
    stand.fire();
    stand.wait(SECOND);
    for expected in ["db", "web", "dns", "low"] {
        assert_eq!(moves(&stand).last().unwrap(), &format!("{expected}.move"));
        stand.done(&format!("{expected}.move.evacuate.far"));
        assert_eq!(
            moves(&stand).last().unwrap(),
            &format!("{expected}.move"),
            "not before it is verified"
        );
        stand.done(&format!("{expected}.move.verify.far"));
    }
    assert!(
        stand
            .view()
            .incident
            .unwrap()
            .workloads
            .iter()
            .all(|w| w.state == "moved")
    );
}

#[test]
fn lanes_bound_what_runs_at_a_time_and_are_filled() {
    let all: Vec<(String, u8)> = (0..6).map(|i| (format!("w{i}"), 1)).collect();
    let all: Vec<(&str, u8, &[u16])> = all.iter().map(|(id, tier)| (id.as_str(), *tier, &[][..])).collect();
    let mut stand = Stand::new(with(&all, 2));
    stand.fire();
    stand.wait(SECOND);
    assert_eq!(moves(&stand).len(), 2);
    stand.done("w0.move.evacuate.far");
    let under_way = |stand: &Stand| {
        let steps = stand.view().incident.unwrap().steps;
        steps.iter().filter(|s| s.state == "called").count()
    };
    assert_eq!(under_way(&stand), 2);
    stand.answer_all(Phase::Verify, &HookOutcome::Done);
    assert_eq!((under_way(&stand), moves(&stand).len()), (2, 3));
}

#[test]
fn a_workload_that_waits_for_another_leaves_its_lane_to_whom_it_can_serve() {
    // `big` runs on the stopper; `after` waits for it, on the mover's one lane, which `small` can use meanwhile.
    let mut site = with(&[("big", 1, &[]), ("after", 1, &[0]), ("small", 2, &[])], 1);
    site.workloads[0].rungs = vec![rung(RungKind::Stop, 1, 200)];
    let mut stand = Stand::new(site);
    stand.fire();
    stand.wait(SECOND);
    assert!(moves(&stand).contains(&"small.move".to_string()), "{:?}", moves(&stand));
}

#[test]
fn a_stranded_workload_keeps_no_lane_from_others_and_a_hung_one_while_they_have_another_rung() {
    let mut site = with(&[("a", 1, &[]), ("b", 2, &[])], 1);
    site.workloads[0].rungs = vec![rung(RungKind::Stop, 0, 50)];
    for stranded in [true, false] {
        let mut stand = Stand::new(site.clone());
        stand.fire();
        stand.wait(SECOND);
        stand.answer(
            "a.stop.evacuate",
            if stranded { cannot() } else { HookOutcome::Accepted },
        );
        stand.wait(if stranded { SECOND } else { 60 * SECOND });
        let begun = moves(&stand).iter().any(|s| s.starts_with("b."));
        assert_eq!(begun, stranded, "{:?}", moves(&stand));
    }
}

#[test]
fn a_retry_is_not_overtaken_by_a_lower_tier() {
    let mut stand = Stand::new(with(&[("a", 1, &[]), ("b", 2, &[])], 1));
    stand.fire();
    stand.wait(SECOND);
    stand.answer("a.move.evacuate.far", retry());
    stand.wait(SECOND);
    assert_eq!(stand.attempts("a.move.evacuate.far"), 2);
    assert_eq!(moves(&stand), ["a.move"]);
}

#[test]
fn the_cordon_comes_first_and_holds_nothing_back_for_more_than_a_second() {
    let mut stand = Stand::new(with(&[("a", 1, &[]), ("b", 1, &[])], 2));
    stand.alarm(0);
    stand.alarm(1);
    stand.done("a.move.prepare.far");
    stand.wait(999);
    assert!(moves(&stand).is_empty());
    stand.wait(1);
    assert_eq!(moves(&stand), ["a.move", "b.move"]);
    assert_eq!(stand.ended("b.move.prepare.far"), Some(StepEnd::Superseded));
}

#[test]
fn no_hook_before_its_intent_is_stored_or_half_a_second_has_gone() {
    let mut stand = Stand::new(site());
    stand.stores = false;
    stand.alarm(0);
    stand.wait(499);
    assert!(stand.calls.is_empty());
    stand.wait(1);
    assert_eq!(stand.called(), ["db.move.prepare.far"]);
    assert_eq!(stand.troubles().iter().filter(|t| *t == "journal").count(), 1);
    let unstored = |s: &Stand| {
        let marks = s
            .entries
            .iter()
            .filter(|e| matches!(e.record, Record::ActedUnstored { .. }));
        marks.count()
    };
    assert_eq!(unstored(&stand), 1);
    stand.alarm(1);
    stand.done("db.move.prepare.far");
    assert_eq!(
        (moves(&stand).len(), unstored(&stand)),
        (1, 1),
        "known to be sick: at once, and said once"
    );
    stand.store();
    assert!(!stand.troubles().contains(&"journal".to_string()));
    stand.done("db.move.evacuate.far");
    assert!(
        !stand.called().contains(&"db.move.verify.far".to_string()),
        "well again: it is waited for"
    );
    stand.store();
    assert!(stand.called().contains(&"db.move.verify.far".to_string()));
}

#[test]
fn a_journal_that_reports_its_failure_is_marked_all_the_same() {
    let mut stand = Stand::new(site());
    stand.stores = false;
    stand.input(&Input::Own {
        part: "journal".into(),
        trouble: Some("disk full".into()),
    });
    stand.alarm(0);
    assert_eq!(stand.called(), ["db.move.prepare.far"], "no use in waiting");
    assert!(
        stand
            .entries
            .iter()
            .any(|e| matches!(e.record, Record::ActedUnstored { .. }))
    );
}

#[test]
fn a_disarmed_site_drills_only_hooks_that_accept_it() {
    let mut site = site();
    site.armed = false;
    site.workloads[0].rungs = vec![rung(RungKind::Stop, 1, 10)];
    site.workloads.push(workload("web", 1, &[]));
    site.hooks[1].accepts_drill = false;
    let mut stand = Stand::new(site);
    stand.fire();
    stand.wait(2 * SECOND);
    assert!(stand.modes().iter().all(|m| *m == Mode::Drill));
    assert!(stand.calls.iter().all(|c| c.hook.0 == 0));
    assert_eq!(stand.workload("db"), "skipped");
    assert!(moves(&stand).contains(&"web.move".to_string()));
}

#[test]
fn arming_in_the_middle_starts_over_live_with_a_cordon() {
    let mut site = site();
    site.armed = false;
    let mut stand = Stand::new(site);
    stand.fire();
    stand.done("db.move.evacuate.far");
    stand.done("db.move.verify.far");
    assert_eq!(stand.workload("db"), "moved");
    stand.wait(MINUTE);
    assert_eq!(stand.both(Verb::Arm), Verdict::Taken);
    assert_eq!(stand.workload("db"), "waiting");
    assert_eq!(
        stand.calls.last().map(|c| (c.step.as_str(), c.mode)),
        Some(("db.move.prepare.far", Mode::Live))
    );
    stand.done("db.move.prepare.far");
    stand.done("db.move.evacuate.far");
    assert_eq!(stand.both(Verb::Disarm), Verdict::Taken);
    assert_eq!(stand.workload("db"), "moved", "as a drill it had");
    assert_eq!(stand.both(Verb::Arm), Verdict::Taken);
    stand.done("db.move.verify.far");
    let live = stand
        .calls
        .iter()
        .filter(|c| c.mode == Mode::Live && c.step == "db.move.evacuate.far");
    assert_eq!(
        (live.count(), stand.workload("db")),
        (1, "moved".into()),
        "what was done live is not done again"
    );
}

#[test]
fn late_double_and_foreign_answers_change_nothing() {
    let mut stand = Stand::new(site());
    stand.fire();
    stand.done("db.move.evacuate.far");
    let digest = stand.state.digest();
    let odd = [
        ("s-1", "db.move.evacuate.far", Mode::Live, HookOutcome::Done),
        ("s-1", "db.move.evacuate.far", Mode::Live, cannot()),
        ("s-1", "db.move.verify.far", Mode::Drill, HookOutcome::Done),
        ("s-2", "db.move.verify.far", Mode::Live, HookOutcome::Done),
        ("s-1", "nothing", Mode::Live, HookOutcome::Done),
    ];
    for (incident, step, mode, outcome) in odd {
        let out = stand.input(&Input::Hook {
            incident: incident.into(),
            step: step.into(),
            mode,
            outcome,
        });
        assert!(out.is_empty(), "{incident} {step}: {out:?}");
    }
    assert_eq!(stand.state.digest(), digest);
}

#[test]
fn a_restart_in_the_middle_goes_on_with_the_same_keys() {
    let mut before = Stand::new(with(&[("a", 1, &[]), ("b", 1, &[])], 2));
    before.fire();
    before.wait(SECOND);
    before.done("a.move.evacuate.far");
    let last = before.entries.last().unwrap().seq;
    for through in 0..=last {
        let mut after = before.restart(through);
        for call in &after.calls {
            let same = before.calls.iter().find(|c| c.step == call.step && c.mode == call.mode);
            assert!(
                same.is_none_or(|c| c.token == call.token),
                "{} has another token",
                call.step
            );
        }
        after.alarm(0);
        after.alarm(1);
        for _ in 0..20 {
            for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify] {
                after.answer_all(phase, &HookOutcome::Done);
            }
            after.wait(SECOND);
        }
        assert_eq!(
            (after.workload("a"), after.workload("b")),
            ("moved".into(), "moved".into()),
            "{through}"
        );
    }
}

#[test]
fn a_reset_ends_every_step_and_nothing_returns_by_itself() {
    let mut stand = Stand::new(site());
    stand.both(Verb::Evacuate);
    stand.wait(2 * SECOND);
    assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    let incident = stand.view().incident.unwrap();
    assert!(incident.steps.iter().all(|s| s.ended.is_some()));
    let calls = stand.calls.len();
    stand.wait(24 * 60 * MINUTE);
    assert_eq!(stand.calls.len(), calls);
}

#[test]
fn the_plan_says_when_it_ends_and_nothing_once_it_has() {
    let end = |stand: &Stand| stand.view().incident.and_then(|i| i.plan_end);
    let mut stand = Stand::new(site());
    assert_eq!(end(&stand), None);
    stand.alarm(0);
    let before = end(&stand).unwrap();
    assert!(before > stand.view().now, "what is still to do takes time");
    stand.alarm(1);
    stand.wait(MINUTE);
    assert!(end(&stand).unwrap() > before, "nobody answers: it gets later");
}

/// Two that are only stopped, by a hook that stops one at a time.
fn one_stopper() -> Site {
    let mut site = site();
    site.hooks[1].max_parallel = 1;
    site.workloads = vec![workload("a", 1, &[]), workload("b", 2, &[])];
    for w in &mut site.workloads {
        w.rungs = vec![rung(RungKind::Stop, 1, 20)];
    }
    site
}

#[test]
fn a_last_rung_that_does_not_end_keeps_its_lane_until_another_would_be_left_without_any() {
    let mut stand = Stand::new(one_stopper());
    stand.fire();
    stand.wait(2 * SECOND);
    stand.answer("a.stop.evacuate", HookOutcome::Accepted);
    let left_s = stand.view().runway.loss.unwrap().earliest - stand.now;
    for _ in 0..(left_s / SECOND - 25) {
        stand.wait(SECOND);
        stand.answer("a.stop.evacuate", HookOutcome::Running { percent: None });
    }
    assert_eq!(
        stand.attempts("b.stop.evacuate"),
        0,
        "there is time, and `a` may still end"
    );
    assert!(!stand.cancelled.contains(&"a.stop.evacuate".to_owned()));
    stand.wait(6 * SECOND);
    assert!(
        stand.cancelled.contains(&"a.stop.evacuate".to_owned()),
        "called off first"
    );
    assert_eq!(stand.attempts("b.stop.evacuate"), 1, "its latest moment");
    stand.answer("a.stop.evacuate", HookOutcome::Running { percent: Some(9) });
    let tries = stand.attempts("a.stop.evacuate");
    stand.done("b.stop.evacuate");
    stand.done("b.stop.verify");
    stand.wait(31 * SECOND);
    assert_eq!(stand.attempts("a.stop.evacuate"), tries + 1, "it is called again");
    stand.done("a.stop.evacuate");
    stand.done("a.stop.verify");
    assert_eq!(
        (stand.workload("a"), stand.workload("b")),
        ("stopped".into(), "stopped".into())
    );
}

#[test]
fn after_a_restart_a_hook_is_asked_no_more_at_a_time_than_it_bears() {
    let mut site = one_stopper();
    site.workloads = (0..6).map(|i| workload(&format!("w{i}"), 1, &[])).collect();
    for w in &mut site.workloads {
        w.rungs = vec![rung(RungKind::Stop, 1, 20)];
    }
    site.hooks[1].max_parallel = 4;
    let mut stand = Stand::new(site);
    stand.fire();
    stand.wait(2 * SECOND);
    for _ in 0..4 {
        stand.answer_all(Phase::Evacuate, &HookOutcome::Done);
        let cause = "not yet".into();
        stand.answer_all(Phase::Verify, &HookOutcome::Retry { cause });
    }
    let mut after = stand.restart(u64::MAX);
    after.wait(SECOND);
    assert!(after.calls.len() >= 4, "{:?}", after.called());
    for _ in 0..20 {
        after.answer_all(Phase::Evacuate, &HookOutcome::Done);
        after.answer_all(Phase::Verify, &HookOutcome::Done);
        after.wait(SECOND);
    }
    assert!((0..6).all(|i| after.workload(&format!("w{i}")) == "stopped"));
}

/// A tier reaches through a chain to its very beginning, whatever the file's order.
#[test]
fn what_the_first_tier_waits_for_is_of_the_first_tier() {
    let site = with(
        &[
            ("other", 2, &[]),
            ("first", 3, &[]),
            ("then", 3, &[1]),
            ("app", 1, &[2]),
        ],
        1,
    );
    let mut stand = Stand::new(site);
    stand.fire();
    for _ in 0..4 {
        stand.answer_all(Phase::Prepare, &HookOutcome::Done);
        stand.wait(SECOND);
    }
    assert_eq!(moves(&stand), ["first.move"]);
}

/// Of one tier whoever has the longest way behind it goes first, whatever the file's order.
#[test]
fn the_longest_way_goes_first() {
    let mut site = with(&[("short", 1, &[]), ("end", 1, &[2]), ("head", 1, &[])], 1);
    site.workloads[0].rungs[0].needs_ms = 90 * SECOND;
    site.workloads[2].rungs[0].needs_ms = 80 * SECOND;
    let mut stand = Stand::new(site);
    stand.fire();
    for _ in 0..3 {
        stand.answer_all(Phase::Prepare, &HookOutcome::Done);
        stand.wait(SECOND);
    }
    assert_eq!(
        moves(&stand),
        ["head.move"],
        "80 s and 100 s behind it are more than 90 s"
    );
}

/// Both have come to their last moment, and the first is within the time it was ever said to take.
#[test]
fn a_last_rung_within_its_time_is_not_called_off() {
    let mut site = one_stopper();
    site.workloads[0].rungs[0].needs_ms = 470 * SECOND;
    let mut stand = Stand::new(site);
    stand.fire();
    stand.wait(2 * SECOND);
    stand.answer("a.stop.evacuate", HookOutcome::Accepted);
    for _ in 0..460 {
        stand.wait(SECOND);
        stand.answer("a.stop.evacuate", HookOutcome::Running { percent: None });
    }
    assert!(!stand.cancelled.contains(&"a.stop.evacuate".to_owned()));
    assert_eq!(stand.attempts("b.stop.evacuate"), 0);
}

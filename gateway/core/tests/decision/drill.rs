//! Drills: the plan of a fire with no vote and no effect; a vote ends one at once, and only a passed one arms alone.
#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers as well")]
use crate::stand::{ANN, BOB, EVE, MINUTE, SECOND, Stand, site, workload};
use muster_core::{
    DrillOutcome, EventKind, HookOutcome, Input, Level, Mode, Phase, PrincipalIx, Record, RungKind, Site, Verb,
    Verdict, WorkloadIx,
};

fn two() -> Site {
    let mut site = Site { armed: false, ..site() };
    site.workloads.push(workload("web", 2, &[0]));
    site
}

fn drill_as(stand: &mut Stand, by: Option<PrincipalIx>, works: &[WorkloadIx], dry: bool) -> (Verdict, String) {
    let works = works.to_vec();
    stand.input(&Input::Drill {
        by,
        works,
        dry,
        nonce: 9,
    });
    let answer = stand.answers.last().expect("an answer");
    (answer.verdict, answer.why.clone())
}

fn drill(stand: &mut Stand) {
    let (verdict, why) = drill_as(stand, Some(ANN), &[], false);
    assert_eq!(verdict, Verdict::Taken, "{why}");
}

/// Answers every call that is open, until nothing is called any more.
fn answer_everything(stand: &mut Stand, outcome: impl Fn(&str) -> HookOutcome) {
    let mut from = 0;
    while from < stand.calls.len() {
        let call = stand.calls[from].clone();
        from += 1;
        stand.input(&Input::Hook {
            incident: call.incident,
            step: call.step.clone(),
            mode: call.mode,
            outcome: outcome(&call.step),
        });
    }
}

fn ended(stand: &Stand) -> Option<(DrillOutcome, String)> {
    stand.entries.iter().rev().find_map(|e| match &e.record {
        Record::DrillEnded { outcome, why, .. } => Some((*outcome, why.clone())),
        _ => None,
    })
}

#[test]
fn a_drill_walks_every_step_and_arms_by_one_person() {
    let mut stand = Stand::new(two());
    assert_eq!(stand.order(ANN, Verb::Arm), Verdict::Pending, "nothing is proven");
    let why = &stand.answers.last().unwrap().why;
    assert!(why.contains("no drill has been passed by db, web"), "{why}");
    stand.wait(6 * MINUTE);
    drill(&mut stand);
    assert!(stand.level() < Level::Prepare, "a drill is no level");
    assert!(stand.view().incident.is_none() && stand.view().drill.is_some());
    answer_everything(&mut stand, |_| HookOutcome::Done);
    let called = stand.called();
    for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify] {
        for id in ["db", "web"] {
            assert!(called.contains(&format!("{id}.move.{phase}.far")), "{called:?}");
        }
    }
    assert!(
        stand
            .calls
            .iter()
            .all(|c| c.mode == Mode::Drill && c.incident == "s-d1")
    );
    assert_eq!(ended(&stand).unwrap().0, DrillOutcome::Passed);
    let view = stand.view();
    assert!(view.drill.is_none() && view.unproven.is_empty() && view.incident.is_none());
    assert_eq!(view.last_drill.unwrap().id, "s-d1");
    assert_eq!(
        stand.order(ANN, Verb::Arm),
        Verdict::Taken,
        "proven: one person is enough"
    );
}

/// `two`: db 100 s by its best way, then web, which waits for it.
#[test]
fn whoever_orders_a_drill_is_told_before_how_long_it_may_take() {
    let mut stand = Stand::new(two());
    let told = "it takes up to 200 s, mostly less; who is not safe after 480 s has not passed";
    let (verdict, why) = drill_as(&mut stand, Some(ANN), &[], true);
    assert!(verdict == Verdict::Taken && why.contains(told), "{why}");
    let (_, why) = drill_as(&mut stand, Some(ANN), &[WorkloadIx(0)], true);
    assert!(why.contains("up to 100 s"), "of what is drilled alone: {why}");
    let (verdict, why) = drill_as(&mut stand, Some(ANN), &[WorkloadIx(9)], true);
    assert!(
        verdict == Verdict::Refused && why.ends_with("there are: db, web"),
        "{why}"
    );
    let said = |stand: &Stand| stand.events.iter().any(|event| event.kind == EventKind::Drill);
    assert!(!said(&stand), "who only asks is the only one told");
    let (_, why) = drill_as(&mut stand, Some(ANN), &[], false);
    assert!(why.contains("begins") && why.contains(told), "{why}");
    assert!(said(&stand));
    assert_eq!(stand.view().drill.unwrap().id, "s-d1");
}

#[test]
fn what_a_drill_has_taken_is_known_after_it() {
    let mut stand = Stand::new(two());
    drill(&mut stand);
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    stand.wait(31 * SECOND);
    answer_everything(&mut stand, |_| HookOutcome::Done);
    assert_eq!(ended(&stand).unwrap().0, DrillOutcome::Passed);
    let known: Vec<_> = stand.state.ways().collect();
    let moved = known
        .iter()
        .find(|way| way.workload == "db" && way.rung == RungKind::Move);
    let moved = moved.unwrap();
    assert_eq!((moved.drill.count, moved.live.count), (1, 0));
    assert!(i64::from(moved.drill.p50_ms) >= 30 * SECOND, "{moved:?}");
    assert_eq!(stand.restart(u64::MAX).state.ways().collect::<Vec<_>>(), known);
}

/// Eight names are a sentence, more are counted.
#[test]
fn names_that_may_have_been_meant_are_at_most_eight() {
    let offered = |workloads: u8| {
        let mut site = two();
        site.workloads = (0..workloads).map(|i| workload(&format!("w{i:02}"), 1, &[])).collect();
        drill_as(&mut Stand::new(site), Some(ANN), &[WorkloadIx(99)], true).1
    };
    let eight = "there are: w00, w01, w02, w03, w04, w05, w06, w07";
    assert!(offered(8).ends_with(eight), "{}", offered(8));
    assert!(offered(9).ends_with(&format!("{eight} and 1 more")), "{}", offered(9));
    assert!(
        offered(20).ends_with(&format!("{eight} and 12 more")),
        "{}",
        offered(20)
    );
}

#[test]
fn a_bridge_that_is_tried_in_vain_is_not_passed_by_the_rung_below() {
    let mut stand = Stand::new(two());
    drill(&mut stand);
    for _ in 0..600 {
        let open = std::mem::take(&mut stand.calls);
        for call in open {
            let dead = call.step.contains(".move.evacuate");
            let outcome = match dead {
                true => HookOutcome::Retry {
                    cause: "refused".into(),
                },
                false => HookOutcome::Done,
            };
            stand.input(&Input::Hook {
                incident: call.incident,
                step: call.step,
                mode: call.mode,
                outcome,
            });
        }
        stand.wait(SECOND);
    }
    let last = stand.view().last_drill.expect("it has ended");
    let db = last.results.iter().find(|r| r.workload == "db").expect("db");
    assert!(
        !db.passed && db.why.contains("db.move.evacuate.far did not come off"),
        "{db:?}"
    );
    assert_eq!(stand.order(ANN, Verb::Arm), Verdict::Pending, "nothing is proven");
}

#[test]
fn a_site_that_no_drill_has_proven_is_armed_by_two() {
    let mut stand = Stand::new(two());
    assert_eq!(stand.both(Verb::Arm), Verdict::Taken);
    assert!(stand.view().armed);
}

#[test]
fn a_vote_ends_a_drill_at_once_and_finds_its_own_plan_untouched() {
    let mut stand = Stand::new(Site { armed: true, ..two() });
    drill(&mut stand);
    stand.wait(2 * SECOND);
    let drilled = stand.calls.len();
    assert!(drilled > 0);
    stand.alarm(0);
    assert_eq!(ended(&stand).unwrap().0, DrillOutcome::Interrupted);
    assert!(!stand.cancelled.is_empty(), "what was under way is called off");
    assert!(stand.view().drill.is_none());
    let live = &stand.calls[drilled..];
    assert!(
        live.iter().all(|c| c.mode == Mode::Live && c.incident == "s-1"),
        "{live:?}"
    );
    assert_eq!(live.len(), 2, "the whole set is cordoned at once");
    stand.alarm(1);
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    assert!(stand.called().contains(&"db.move.evacuate.far".to_owned()));
    // A late answer to the drill changes nothing of the live step of the same name.
    stand.input(&Input::Hook {
        incident: "s-d1".into(),
        step: "db.move.evacuate.far".into(),
        mode: Mode::Drill,
        outcome: HookOutcome::Done,
    });
    assert_eq!(stand.workload("db"), "moving");
}

#[test]
fn who_does_not_get_there_has_not_passed() {
    let mut stand = Stand::new(two());
    drill(&mut stand);
    answer_everything(&mut stand, |step| {
        if step == "web.move.evacuate.far" {
            HookOutcome::Cannot {
                note: "no such image".into(),
            }
        } else {
            HookOutcome::Done
        }
    });
    let (outcome, why) = ended(&stand).unwrap();
    assert_eq!(outcome, DrillOutcome::Failed);
    assert!(why.contains("1 of 2 workloads, first web: a better rung"), "{why}");
    assert_eq!(stand.view().unproven, ["web"]);
    // Only that one again, and it passes.
    stand.calls.clear();
    let (verdict, why) = drill_as(&mut stand, Some(BOB), &[WorkloadIx(1)], false);
    assert_eq!(verdict, Verdict::Taken, "{why}");
    answer_everything(&mut stand, |_| HookOutcome::Done);
    assert!(stand.calls.iter().all(|c| c.workload == "web" && c.incident == "s-d2"));
    assert!(stand.view().unproven.is_empty());
}

/// Each with its own reason, for whoever has to mend the bridge.
#[test]
fn what_did_not_get_there_says_why() {
    let mut site = two();
    site.workloads[1].after.clear();
    let mut silent = site.hooks[0].clone();
    (silent.id, silent.accepts_drill) = ("no-drills".into(), false);
    site.hooks.push(silent);
    site.workloads.push(workload("log", 2, &[]));
    site.workloads[2].rungs = vec![crate::stand::rung(RungKind::Stop, 2, 20)];
    let mut stand = Stand::new(site);
    drill(&mut stand);
    let deaf = |step: &str| {
        if step.contains(".evacuate") && step.starts_with("web") {
            HookOutcome::Cannot {
                note: "no such image".into(),
            }
        } else {
            HookOutcome::Done
        }
    };
    for _ in 0..10 {
        answer_everything(&mut stand, deaf);
        stand.wait(MINUTE);
    }
    let results = stand.view().last_drill.unwrap().results;
    let said: Vec<(&str, bool, &str)> = results
        .iter()
        .map(|r| (r.workload.as_str(), r.passed, r.why.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("db", true, ""),
            ("web", false, "its last rung cannot: no such image"),
            ("log", false, "its hook takes no drills"),
        ]
    );
}

#[test]
fn a_hook_that_never_answers_ends_the_drill_within_the_runway() {
    let mut stand = Stand::new(two());
    drill(&mut stand);
    stand.wait(9 * MINUTE);
    let (outcome, why) = ended(&stand).unwrap();
    assert_eq!(outcome, DrillOutcome::Failed, "{why}");
    assert!(why.contains("first db: not safe in time"), "{why}");
    let results = stand.view().last_drill.unwrap().results;
    assert!(
        results.iter().all(|r| r.why.starts_with("not safe in time")),
        "{results:?}"
    );
    assert!(
        !results.iter().any(|r| r.why.contains("is over")),
        "its end is no reason: {results:?}"
    );
    let calls = stand.calls.len();
    stand.wait(10 * MINUTE);
    assert_eq!(stand.calls.len(), calls, "nothing goes on after its end");
}

/// As long as the site's own fires give it, not as long as others'.
#[test]
fn a_drill_is_given_the_runway_of_its_site() {
    let mut site = two();
    (site.priors.loss_earliest_ms, site.priors.loss_likely_ms) = (5 * MINUTE, 20 * MINUTE);
    let mut stand = Stand::new(site);
    drill(&mut stand);
    stand.wait(2 * SECOND);
    let deadlines: Vec<_> = stand.calls.iter().map(|call| call.deadline).collect();
    assert!(
        !deadlines.is_empty() && deadlines.iter().all(|at| *at <= 5 * MINUTE),
        "{deadlines:?}"
    );
    stand.wait(5 * MINUTE);
    assert_eq!(ended(&stand).unwrap().0, DrillOutcome::Failed);
}

#[test]
fn when_no_drill_may_begin() {
    let refused = |stand: &mut Stand, by: Option<PrincipalIx>, why: &str| {
        let (verdict, said) = drill_as(stand, by, &[], false);
        assert_eq!(verdict, Verdict::Refused);
        assert!(said.contains(why), "{said}");
        let (verdict, dry) = drill_as(stand, by, &[], true);
        assert_eq!(
            (verdict, dry),
            (Verdict::Refused, said),
            "asked first, it says the same"
        );
    };
    let mut stand = Stand::new(two());
    refused(&mut stand, Some(EVE), "does not have the role operator");
    let (verdict, _) = drill_as(&mut stand, Some(ANN), &[WorkloadIx(77)], false);
    assert_eq!(verdict, Verdict::Refused, "what nobody knows is not drilled");
    let (verdict, why) = drill_as(&mut stand, Some(ANN), &[], true);
    assert_eq!(verdict, Verdict::Taken);
    assert!(why.contains("none was begun") && stand.view().drill.is_none() && stand.calls.is_empty());
    drill(&mut stand);
    refused(&mut stand, Some(ANN), "s-d1 is under way");
    stand.settle_at(6, 1);
    assert_eq!(stand.level(), Level::Prepare);
    assert_eq!(ended(&stand).unwrap().0, DrillOutcome::Interrupted, "on battery");
    refused(&mut stand, Some(ANN), "on battery");
    let mut stand = Stand::new(two());
    stand.alarm(0);
    refused(&mut stand, Some(ANN), "s-1 is open");
    let mut stand = Stand::new(two());
    stand.input(&Input::Own {
        part: "disk".into(),
        trouble: Some("no room".into()),
    });
    refused(&mut stand, None, "disk is in trouble");
    drill(&mut stand);
    let mut stand = Stand::new(two());
    stand.input(&Input::Own {
        part: "journal".into(),
        trouble: Some("no room".into()),
    });
    refused(&mut stand, Some(ANN), "the journal is in trouble");
}

/// Whoever has no room for all in a fire has none in a drill.
#[test]
fn a_drill_knows_how_much_room_there_is() {
    let mut site = two();
    site.destinations = vec![muster_core::Destination {
        id: "far".into(),
        room: Some(1),
    }];
    let mut stand = Stand::new(site);
    drill(&mut stand);
    answer_everything(&mut stand, |_| HookOutcome::Done);
    let called = stand.called();
    assert!(called.contains(&"db.move.evacuate.far".into()), "{called:?}");
    assert!(called.contains(&"web.failover.evacuate".into()), "{called:?}");
}

#[test]
fn without_its_journal_nothing_of_a_drill_goes_out() {
    let mut stand = Stand::new(two());
    stand.stores = false;
    drill(&mut stand);
    stand.wait(5 * SECOND);
    assert_eq!(ended(&stand).unwrap().0, DrillOutcome::Interrupted);
    assert!(stand.calls.is_empty() && stand.troubles().is_empty());
}

#[test]
fn a_restart_interrupts_a_drill_and_keeps_what_was_proven() {
    let mut stand = Stand::new(two());
    drill(&mut stand);
    answer_everything(&mut stand, |_| HookOutcome::Done);
    drill(&mut stand);
    let mut next = stand.restart(u64::MAX);
    assert_eq!(ended(&next).unwrap().0, DrillOutcome::Interrupted);
    assert!(next.view().drill.is_none() && next.calls.is_empty());
    assert!(
        next.view().unproven.is_empty(),
        "an interrupted drill proves nothing, and disproves nothing"
    );
    drill(&mut next);
    assert_eq!(next.calls.last().unwrap().incident, "s-d3");
    let again = next.restart(u64::MAX);
    assert_eq!(again.view().last_drill.unwrap().id, "s-d3");
}

#[test]
fn another_ladder_has_to_be_walked_anew() {
    let mut stand = Stand::new(two());
    drill(&mut stand);
    answer_everything(&mut stand, |_| HookOutcome::Done);
    let mut other = two();
    other.workloads[1].rungs[0].to = Some("farther".into());
    stand.reload(other).unwrap();
    assert_eq!(stand.view().unproven, ["web"]);
    assert_eq!(stand.order(ANN, Verb::Arm), Verdict::Pending);
    drill(&mut stand);
    stand.reload(two()).unwrap();
    assert_eq!(
        ended(&stand).unwrap().0,
        DrillOutcome::Interrupted,
        "another config ends it"
    );
}

#[test]
fn tokens_rise_over_drills_and_rehearsed_incidents_alike() {
    let mut stand = Stand::new(two());
    drill(&mut stand);
    answer_everything(&mut stand, |_| HookOutcome::Done);
    stand.fire();
    stand.wait(3 * SECOND);
    let tokens: Vec<u64> = stand.calls.iter().filter(|c| c.attempt == 1).map(|c| c.token).collect();
    assert!(tokens.windows(2).all(|pair| pair[0] < pair[1]), "{tokens:?}");
    assert!(stand.calls.iter().any(|c| c.incident == "s-1") && stand.calls.iter().all(|c| c.mode == Mode::Drill));
}

/// A field of a state as it is written.
fn field<'a>(of: &'a mut ciborium::Value, name: &str) -> &'a mut ciborium::Value {
    let fields = of.as_map_mut().expect("a struct").iter_mut();
    let named = |(key, _): &&mut (ciborium::Value, ciborium::Value)| key.as_text() == Some(name);
    &mut fields.into_iter().find(named).expect("the field").1
}

#[test]
fn a_drill_in_a_state_of_core_4_goes_on() {
    let mut stand = Stand::new(two());
    drill(&mut stand);
    let mut older = ciborium::Value::serialized(&stand.state).expect("it is written");
    let known = |(key, _): &(ciborium::Value, ciborium::Value)| {
        !["times", "places", "lessons"].contains(&key.as_text().unwrap_or_default())
    };
    let plan = field(&mut older, "plan");
    plan.as_map_mut().expect("a struct").retain(known);
    let plan = field(field(&mut older, "drill"), "plan");
    plan.as_map_mut().expect("a struct").retain(known);
    stand.state = older.deserialized().expect("it is read");
    answer_everything(&mut stand, |_| HookOutcome::Done);
    assert_eq!(ended(&stand).expect("an end").0, DrillOutcome::Passed);
}

#[test]
fn with_another_hook_destination_or_rung_a_workload_is_unproven() {
    let mut passed = Stand::new(two());
    drill(&mut passed);
    answer_everything(&mut passed, |_| HookOutcome::Done);
    assert!(passed.view().unproven.is_empty());
    let changes: [fn(&mut Site); 4] = [
        |s| s.hooks[0].id = "another".into(),
        |s| s.workloads[1].rungs[0].hook = muster_core::HookIx(1),
        |s| s.workloads[1].rungs[0].to = Some("elsewhere".into()),
        |s| drop(s.workloads[1].rungs.remove(1)),
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let mut site = passed.file.clone();
        change(&mut site);
        let mut again = passed.restart(u64::MAX);
        again.reload(site).expect("it is taken");
        let unproven = again.view().unproven;
        assert!(unproven.contains(&"web".into()), "change {i}: {unproven:?}");
        assert_eq!(again.order(ANN, Verb::Arm), Verdict::Pending, "change {i}");
    }
    let mut slower = passed.file.clone();
    slower.workloads[1].rungs[0].needs_ms += 1;
    passed.reload(slower).expect("it is taken");
    assert!(passed.view().unproven.is_empty(), "how long it takes is no other way");
}

#[test]
fn a_proof_that_does_not_name_its_hooks_is_none() {
    let mut stand = Stand::new(two());
    drill(&mut stand);
    answer_everything(&mut stand, |_| HookOutcome::Done);
    for entry in &mut stand.entries {
        if let Record::DrillEnded { results, .. } = &mut entry.record {
            results.iter_mut().for_each(|r| r.ladder.clear());
        }
    }
    assert_eq!(stand.restart(u64::MAX).view().unproven, ["db", "web"]);
}

//! In the next fire what is believed away is asked whether people have brought it home without an order.

use super::*;

const HOME: [&str; 3] = ["db.move.verify.s", "web.move.verify.s", "log.stop.verify.s"];

/// What was called in an incident, its evacuations and its questions.
fn called_in(stand: &Stand, id: &str) -> Vec<String> {
    let calls = stand.calls.iter().filter(|c| c.incident == id && c.attempt == 1);
    calls.map(|c| c.step.clone()).collect()
}

fn evacuated_in(stand: &Stand, id: &str) -> Vec<String> {
    let called = called_in(stand, id).into_iter();
    called.filter(|s| s.contains(".evacuate")).collect()
}

fn why_of(stand: &Stand, id: &str) -> String {
    let works = stand.view().incident.unwrap().workloads;
    works.into_iter().find(|w| w.id == id).unwrap().why
}

fn told(stand: &Stand, words: &str) -> usize {
    stand.events.iter().filter(|e| e.line.contains(words)).count()
}

fn not_yet() -> HookOutcome {
    let cause = "it is not".into();
    HookOutcome::Retry { cause }
}

#[test]
fn what_runs_at_home_again_is_saved_from_its_first_rung_and_what_does_not_is_left() {
    let mut stand = away(three());
    stand.fire();
    let asked = &called_in(&stand, "s-2")[..];
    assert_eq!(asked, [HOME[0], HOME[2], HOME[1]], "before anything else");
    let call = stand.calls.iter().find(|c| c.incident == "s-2").unwrap();
    assert!(call.asks_home() && call.mode == Mode::Live);
    assert_eq!(
        call.doomed.as_deref(),
        Some(&[][..]),
        "whether it is home has nothing to do with what burns"
    );
    people_have_brought(&mut stand, &["db"]);
    let db = ["db.move.prepare.far", "db.move.evacuate.far", "db.move.verify.far"];
    assert_eq!(called_in(&stand, "s-2")[3..], db);
    assert_eq!(states(&stand), ["moved", "moved", "stopped"]);
    assert_eq!(
        told(
            &stand,
            "runs at home again, though nobody ordered its return: it is evacuated"
        ),
        1
    );
    assert_eq!(told(&stand, "believed away still"), 2, "once each");
    assert!(
        stand.attempts("web.move.verify.s") > 2,
        "asked again for as long as it evacuates"
    );
    assert_eq!(stand.both(Verb::Abort), Verdict::Taken);
    stand.keep(&[(0, 0), (1, 0), (5, 0)], 31 * MINUTE);
    assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    let called = returned(&mut stand, |_| HookOutcome::Done);
    assert_eq!(called.iter().filter(|s| s.contains("restore")).count(), 3, "{called:?}");
    assert_eq!(states(&stand), ["home"; 3]);
}

#[test]
fn what_comes_home_in_the_middle_of_it_is_saved_then() {
    let mut stand = away(three());
    stand.fire();
    people_have_brought(&mut stand, &[]);
    assert_eq!(evacuated_in(&stand, "s-2"), [""; 0]);
    stand.wait(10 * SECOND);
    people_have_brought(&mut stand, &["web"]);
    assert_eq!(
        evacuated_in(&stand, "s-2"),
        ["web.move.evacuate.far"],
        "`db` is settled for it"
    );
    assert_eq!(states(&stand), ["moved", "moved", "stopped"]);
}

#[test]
fn a_probe_that_cannot_say_is_asked_again_and_one_that_refuses_is_not() {
    let mut stand = away(three());
    stand.fire();
    stand.answer(HOME[0], no());
    stand.answer(HOME[1], HookOutcome::TokenRefused);
    stand.answer(HOME[2], HookOutcome::Accepted);
    stand.wait(MINUTE);
    assert!(stand.attempts(HOME[0]) > 1, "422 is \"not yet\" to a probe");
    assert_eq!(
        (stand.ended(HOME[1]), stand.attempts(HOME[1])),
        (Some(StepEnd::Refused), 1)
    );
    assert!(
        why_of(&stand, "web").contains("its token was refused"),
        "{}",
        why_of(&stand, "web")
    );
    let mut stand = stand.restart(u64::MAX);
    stand.wait(MINUTE);
    assert!(
        !called_in(&stand, "s-2").contains(&HOME[1].to_owned()),
        "nor after a restart"
    );
    assert_eq!(evacuated_in(&stand, "s-2"), [""; 0]);
    stand.done(HOME[2]);
    people_have_brought(&mut stand, &[]);
    assert_eq!(evacuated_in(&stand, "s-2"), ["log.stop.evacuate"]);
}

#[test]
fn it_is_asked_again_after_a_restart_whatever_of_the_journal_is_there() {
    let mut before = away(three());
    let closed = before.entries.last().unwrap().seq;
    before.fire();
    before.done(HOME[0]);
    people_have_brought(&mut before, &[]);
    let last = before.entries.last().unwrap().seq;
    for through in closed..=last {
        let mut after = before.restart(through);
        after.fire();
        for _ in 0..3 {
            people_have_brought(&mut after, &["db", "web"]);
        }
        let saved = after.entries.iter().filter(|e| match &e.record {
            Record::StepEnded { step, end, .. } => step == "web.move.verify.far" && *end == StepEnd::Done,
            _ => false,
        });
        assert_eq!(saved.count(), 2, "in both incidents, after {through}");
        assert_eq!(states(&after), ["moved", "moved", "stopped"], "{through}");
    }
}

#[test]
fn what_had_left_and_was_not_verified_is_asked_too_and_never_stopped_elsewhere() {
    let mut stand = Stand::new(three());
    stand.both(Verb::Evacuate);
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    stand.wait(2 * SECOND);
    stand.done("db.move.evacuate.far");
    assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    stand.fire();
    assert!(called_in(&stand, "s-2").contains(&HOME[0].to_owned()));
    for _ in 0..60 {
        people_have_brought(&mut stand, &[]);
    }
    let db: Vec<String> = called_in(&stand, "s-2")
        .into_iter()
        .filter(|s| s.starts_with("db"))
        .collect();
    assert_eq!(db, [HOME[0]], "no probe for a mark of this incident, and no next rung");
    people_have_brought(&mut stand, &["db"]);
    assert_eq!(stand.workload("db"), "stopped", "no time is left for more");
    assert!(evacuated_in(&stand, "s-2").contains(&"db.stop.evacuate".to_owned()));
}

#[test]
fn a_rehearsal_asks_nothing_and_arming_in_it_does() {
    let mut stand = away(three());
    assert_eq!(stand.both(Verb::Disarm), Verdict::Taken);
    assert_eq!(stand.both(Verb::Evacuate), Verdict::Taken);
    let_all_go_well(&mut stand);
    assert!(!called_in(&stand, "s-2").iter().any(|s| s.ends_with(".verify.s")));
    assert_eq!(stand.both(Verb::Arm), Verdict::Taken);
    stand.wait(SECOND);
    for asked in HOME {
        assert!(called_in(&stand, "s-2").contains(&asked.to_owned()), "{asked}");
    }
    people_have_brought(&mut stand, &["db"]);
    let live = stand
        .calls
        .iter()
        .filter(|c| c.incident == "s-2" && c.mode == Mode::Live);
    assert_eq!(live.filter(|c| c.phase == Phase::Evacuate).count(), 1);
}

/// A question that is taken back says nothing of where the workload is.
#[test]
fn a_question_that_is_taken_back_is_no_reason() {
    let mut stand = away(three());
    stand.fire();
    let before = why_of(&stand, "db");
    assert!(called_in(&stand, "s-2").contains(&HOME[0].to_owned()));
    assert_eq!(stand.both(Verb::Disarm), Verdict::Taken);
    assert_eq!(stand.both(Verb::Arm), Verdict::Taken);
    assert_eq!(why_of(&stand, "db"), before);
}

/// A probe at home has the site of its incident as its destination, and no other call has.
#[test]
fn what_asks_at_home_is_told_from_what_asks_elsewhere() {
    let call = away(three()).calls[0].clone();
    let asks = |phase, incident: &str, destination: Option<&str>| {
        let (incident, destination) = (incident.into(), destination.map(Into::into));
        muster_core::Call {
            phase,
            incident,
            destination,
            ..call.clone()
        }
        .asks_home()
    };
    assert!(asks(Phase::Verify, "a-site-1", Some("a-site")));
    for (phase, incident, destination) in [
        (Phase::Restore, "s-1", Some("s")),
        (Phase::Verify, "s-1", Some("far")),
        (Phase::Verify, "s-1", None),
        (Phase::Verify, "odd", None),
    ] {
        assert!(
            !asks(phase, incident, destination),
            "{phase} {incident} {destination:?}"
        );
    }
}

#[test]
fn nobody_is_asked_before_it_evacuates_or_while_it_is_aborted() {
    let mut stand = away(three());
    stand.alarm(0);
    stand.wait(MINUTE);
    assert_eq!(called_in(&stand, "s-2"), [""; 0], "one vote");
    stand.stores = false;
    stand.alarm(1);
    assert_eq!(stand.both(Verb::Abort), Verdict::Taken);
    stand.stores = true;
    stand.store();
    stand.wait(MINUTE);
    assert_eq!(called_in(&stand, "s-2"), [""; 0], "aborted before it was sent");
    assert_eq!(stand.both(Verb::Evacuate), Verdict::Taken);
    people_have_brought(&mut stand, &["db", "web", "log"]);
    assert_eq!(evacuated_in(&stand, "s-2").len(), 3);
}

/// `db` away; then `one` and `two` are new, of another tier.
fn one_lane(tier: u8) -> Stand {
    let mut file = three();
    file.workloads.truncate(1);
    file.hooks[0].max_parallel = 1;
    let mut stand = away(file.clone());
    file.workloads.push(workload("one", tier, &[]));
    file.workloads.push(workload("two", tier, &[]));
    stand.reload(file).unwrap();
    stand.fire();
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    stand
}

#[test]
fn a_question_goes_before_its_own_tier_and_gives_its_lane_back_after_two_seconds() {
    let mut stand = one_lane(2);
    assert!(
        called_in(&stand, "s-2").contains(&HOME[0].to_owned()),
        "{:?}",
        called_in(&stand, "s-2")
    );
    stand.wait(SECOND);
    assert_eq!(
        evacuated_in(&stand, "s-2"),
        [""; 0],
        "it is short, and may be the beginning of an evacuation"
    );
    stand.wait(SECOND);
    assert_eq!(evacuated_in(&stand, "s-2"), ["one.move.evacuate.far"]);
    assert!(stand.cancelled.contains(&HOME[0].to_owned()), "called off first");
    stand.wait(30 * SECOND);
    assert_eq!(stand.attempts(HOME[0]), 1, "there is no lane");
    stand.done("one.move.evacuate.far");
    stand.done("one.move.verify.far");
    assert_eq!(evacuated_in(&stand, "s-2").len(), 2, "`two` first");
    stand.done("two.move.evacuate.far");
    stand.done("two.move.verify.far");
    stand.wait(10 * SECOND);
    assert_eq!(stand.attempts(HOME[0]), 2);
    stand.done(HOME[0]);
    people_have_brought(&mut stand, &[]);
    assert_eq!(evacuated_in(&stand, "s-2").len(), 3);
}

#[test]
fn once_answered_a_question_waits_for_every_evacuation_of_any_tier() {
    let mut stand = one_lane(2);
    stand.answer(HOME[0], not_yet());
    assert_eq!(evacuated_in(&stand, "s-2"), ["one.move.evacuate.far"]);
    stand.wait(MINUTE);
    assert_eq!(stand.attempts(HOME[0]), 1);
    stand.done("one.move.evacuate.far");
    assert_eq!(called_in(&stand, "s-2").last().unwrap(), "one.move.verify.far");
}

#[test]
fn a_question_waits_for_what_is_of_a_better_tier() {
    let mut file = three();
    file.workloads.truncate(1);
    file.workloads[0].tier = 2;
    file.hooks[0].max_parallel = 1;
    let mut stand = away(file.clone());
    file.workloads.push(workload("one", 1, &[]));
    stand.reload(file).unwrap();
    stand.fire();
    assert_eq!(evacuated_in(&stand, "s-2"), ["one.move.evacuate.far"]);
    assert!(!called_in(&stand, "s-2").contains(&HOME[0].to_owned()));
    stand.done("one.move.evacuate.far");
    stand.done("one.move.verify.far");
    assert_eq!(called_in(&stand, "s-2").last().unwrap(), HOME[0]);
}

#[test]
fn hosts_stay_until_it_is_known_whether_it_is_home() {
    let mut file = three();
    file.power.hosts = vec![muster_core::Hosts {
        id: "hall".into(),
        rack: None,
        last_ms: 2 * MINUTE,
    }];
    let mut stand = away(file);
    let off = |stand: &Stand| stand.view().hosts[0].since.is_some();
    stand.fire();
    stand.answer(HOME[0], not_yet());
    stand.answer(HOME[1], not_yet());
    assert!(!off(&stand), "nobody knows of `log`");
    stand.answer(HOME[2], not_yet());
    assert!(off(&stand));
}

//! The way back: two persons, after the reset, in reverse, verified; stopped by whatever speaks against it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]
mod asked;
#[path = "home/away.rs"]
mod away_still;

use crate::stand::{ANN, BOB, EVE, MINUTE, SECOND, Stand, rung, site, workload};
use muster_core::{HookOutcome, Input, Mode, Phase, Record, RungKind, Site, StepEnd, Verb, Verdict};

/// `db`, and `web` after it; `log` of a lower tier, which is only stopped.
fn three() -> Site {
    let mut site = site();
    site.workloads = vec![
        workload("db", 1, &[]),
        workload("web", 1, &[0]),
        workload("log", 2, &[]),
    ];
    site.workloads[2].rungs = vec![rung(RungKind::Stop, 1, 20)];
    site
}

/// Answers everything that is called until nothing more is.
fn let_all_go_well(stand: &mut Stand) {
    for _ in 0..10 {
        for phase in [Phase::Prepare, Phase::Evacuate, Phase::Restore, Phase::Verify] {
            stand.answer_all(phase, &HookOutcome::Done);
        }
        stand.wait(SECOND);
    }
}

/// The same, and a probe at home says yes for these alone.
fn people_have_brought(stand: &mut Stand, home: &[&str]) {
    for _ in 0..10 {
        let steps = stand.view().incident.unwrap().steps;
        for step in steps.iter().filter(|s| s.state == "called") {
            let cause = "it is not".into();
            let away = step.id.ends_with(".verify.s") && !home.contains(&step.workload.as_str());
            stand.answer(
                &step.id,
                if away {
                    HookOutcome::Retry { cause }
                } else {
                    HookOutcome::Done
                },
            );
        }
        stand.wait(SECOND);
    }
}

/// All of it evacuated by order, and the incident closed.
fn away(site: Site) -> Stand {
    let mut stand = Stand::new(site);
    assert_eq!(stand.both(Verb::Evacuate), Verdict::Taken);
    let_all_go_well(&mut stand);
    assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    stand
}

fn why(stand: &Stand) -> &str {
    &stand.answers.last().unwrap().why
}

/// Restore steps and probes at home called, in order.
fn homeward(stand: &Stand) -> Vec<String> {
    let called = stand.called().into_iter();
    called
        .filter(|s| s.contains(".restore") || s.ends_with(".verify.s"))
        .collect()
}

fn states(stand: &Stand) -> Vec<String> {
    ["db", "web", "log"].map(|id| stand.workload(id)).to_vec()
}

fn over(stand: &Stand) -> Option<String> {
    stand.entries.iter().rev().find_map(|e| match &e.record {
        Record::ReturnEnded { why } => Some(why.clone()),
        _ => None,
    })
}

#[test]
fn two_persons_bring_it_home_in_reverse_and_each_is_verified_before_what_it_needs() {
    let mut stand = away(three());
    assert_eq!(states(&stand), ["moved", "moved", "stopped"]);
    stand.wait(24 * 60 * MINUTE);
    assert!(homeward(&stand).is_empty(), "nothing returns by itself");
    assert_eq!(stand.order(EVE, Verb::Return), Verdict::Refused);
    assert_eq!(stand.both(Verb::Return), Verdict::Taken);
    assert_eq!(homeward(&stand), ["log.stop.restore", "web.move.restore.far"]);
    stand.done("web.move.restore.far");
    assert_eq!(
        homeward(&stand)[2..],
        ["web.move.verify.s"],
        "`db` waits for whom it serves"
    );
    stand.answer("web.move.verify.s", HookOutcome::Cannot { note: "not yet".into() });
    stand.wait(SECOND);
    assert_eq!(stand.attempts("web.move.verify.s"), 2, "asked again, not given up");
    stand.done("web.move.verify.s");
    assert_eq!(stand.workload("web"), "home");
    assert_eq!(homeward(&stand)[3..], ["db.move.restore.far"]);
    let call = stand.calls.iter().find(|c| c.step == "web.move.verify.s").unwrap();
    assert_eq!(
        (call.destination.as_deref(), call.doomed.as_deref()),
        (Some("s"), Some(&[][..]))
    );
    assert_eq!(
        (call.incident.as_str(), call.why.join(" ")),
        ("s-1", "return ordered by ann and bob".into())
    );
    let_all_go_well(&mut stand);
    assert_eq!(states(&stand), ["home"; 3]);
    assert_eq!(over(&stand).unwrap(), "over: 3 at home again");
    let calls = stand.calls.len();
    stand.wait(60 * MINUTE);
    assert_eq!(stand.calls.len(), calls);
    assert_eq!(stand.order(ANN, Verb::Return), Verdict::Refused);
    assert!(why(&stand).contains("nothing is away"), "{}", why(&stand));
}

#[test]
fn it_is_refused_while_an_incident_is_open_a_vote_is_held_or_power_may_be_lost() {
    let mut stand = Stand::new(three());
    assert_eq!(stand.order(ANN, Verb::Return), Verdict::Refused);
    assert!(why(&stand).contains("nothing has been evacuated"));
    stand.fire();
    let_all_go_well(&mut stand);
    assert_eq!(stand.order(ANN, Verb::Return), Verdict::Refused);
    assert!(why(&stand).contains("a vote is still held"), "{}", why(&stand));
    stand.keep(&[(0, 0), (1, 0), (5, 0)], 31 * MINUTE);
    assert_eq!(stand.order(ANN, Verb::Return), Verdict::Refused);
    assert!(why(&stand).contains("s-1 is open"), "{}", why(&stand));
    assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    stand.settle_at(6, 1);
    assert_eq!(stand.order(ANN, Verb::Return), Verdict::Refused);
    assert!(why(&stand).contains("the site is at prepare"), "{}", why(&stand));
    stand.settle_at(6, 0);
    assert_eq!(stand.both(Verb::Return), Verdict::Taken);
}

#[test]
fn a_new_vote_stops_it_at_once_and_saves_what_is_home_again() {
    let mut stand = away(three());
    stand.both(Verb::Return);
    stand.done("web.move.restore.far");
    stand.done("web.move.verify.s");
    assert_eq!(
        (stand.workload("web"), stand.workload("db")),
        ("home".into(), "returning".into())
    );
    stand.alarm(0);
    assert_eq!(stand.ended("db.move.restore.far"), Some(StepEnd::Withdrawn));
    assert!(stand.cancelled.contains(&"db.move.restore.far".to_owned()));
    assert!(over(&stand).unwrap().starts_with("stopped: "), "{:?}", over(&stand));
    assert_eq!(stand.view().incident.unwrap().id, "s-2");
    stand.alarm(1);
    let_all_go_well(&mut stand);
    assert_eq!(
        states(&stand),
        ["moved", "moved", "stopped"],
        "by new steps of a new incident"
    );
}

#[test]
fn a_battery_that_is_used_stops_it() {
    let mut stand = away(three());
    stand.both(Verb::Return);
    stand.settle_at(6, 1);
    assert!(over(&stand).unwrap().contains("prepare"), "{:?}", over(&stand));
    let begun = homeward(&stand).len();
    stand.settle_at(6, 0);
    stand.wait(60 * MINUTE);
    assert_eq!(homeward(&stand).len(), begun, "another order is needed");
}

#[test]
fn one_person_holds_or_aborts_it_and_two_go_on_with_it() {
    let mut stand = away(three());
    stand.both(Verb::Return);
    assert_eq!(stand.order(BOB, Verb::Hold), Verdict::Taken);
    stand.done("web.move.restore.far");
    stand.done("web.move.verify.s");
    stand.wait(179 * SECOND);
    assert!(!homeward(&stand).contains(&"db.move.restore.far".to_owned()), "held");
    stand.wait(SECOND);
    assert!(homeward(&stand).contains(&"db.move.restore.far".to_owned()));
    assert_eq!(stand.order(ANN, Verb::Abort), Verdict::Taken);
    assert_eq!(
        stand.workload("db"),
        "moved",
        "it is where it was, as far as anybody knows"
    );
    let calls = stand.calls.len();
    stand.wait(60 * MINUTE);
    assert_eq!(stand.calls.len(), calls);
    assert_eq!(stand.both(Verb::Return), Verdict::Taken);
    let again = stand.calls.iter().filter(|c| c.step == "db.move.restore.far");
    assert!(
        again.map(|c| c.token).collect::<Vec<_>>().is_sorted(),
        "the same key, a higher token"
    );
    let_all_go_well(&mut stand);
    assert_eq!(states(&stand), ["home"; 3]);
}

#[test]
fn what_cannot_come_stays_and_keeps_what_it_needs_there() {
    let mut stand = away(three());
    stand.both(Verb::Return);
    stand.answer(
        "web.move.restore.far",
        HookOutcome::Cannot {
            note: "its disk burnt".into(),
        },
    );
    while over(&stand).is_none() {
        stand.answer_all(Phase::Restore, &HookOutcome::Done);
        not_at_home(&mut stand, "web.move.verify.s");
        stand.wait(SECOND);
    }
    assert_eq!(states(&stand), ["moved", "moved", "home"], "`db` stays with `web`");
    let said = over(&stand).unwrap();
    for words in [
        "2 could not come: web: its disk burnt; db: what needs it",
        "order return again",
    ] {
        assert!(said.contains(words), "{said}");
    }
}

/// Answers every probe but this with yes, and this with no.
fn not_at_home(stand: &mut Stand, probe: &str) {
    let steps = stand.view().incident.unwrap().steps;
    for step in steps.iter().filter(|s| s.phase == Phase::Verify && s.state == "called") {
        let cause = "it is not".into();
        let says = match step.id == probe {
            true => HookOutcome::Retry { cause },
            false => HookOutcome::Done,
        };
        stand.answer(&step.id, says);
    }
}

/// What came home or could not, and the steps of the way back that were called since.
fn returned(stand: &mut Stand, says: impl Fn(&str) -> HookOutcome) -> Vec<String> {
    let (from, ended) = (stand.calls.len(), ends(stand));
    assert_eq!(stand.both(Verb::Return), Verdict::Taken, "{}", why(stand));
    for _ in 0..60 {
        let steps = stand.view().incident.unwrap().steps;
        for step in steps.iter().filter(|s| s.state == "called") {
            stand.answer(&step.id, says(&step.id));
        }
        stand.wait(SECOND);
    }
    assert_eq!(ends(stand), ended + 1, "it has ended");
    let called = stand.calls[from..].iter().filter(|c| c.attempt == 1);
    called.map(|c| c.step.clone()).collect()
}

fn ends(stand: &Stand) -> usize {
    let over = |e: &&muster_core::Entry| matches!(e.record, Record::ReturnEnded { .. });
    stand.entries.iter().filter(over).count()
}

fn no() -> HookOutcome {
    let note = "its disk burnt".into();
    HookOutcome::Cannot { note }
}

#[test]
fn what_was_not_asked_any_more_or_only_prepared_returns_as_well() {
    let mut stand = Stand::new(three());
    stand.both(Verb::Evacuate);
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    stand.wait(2 * SECOND);
    stand.answer_all(Phase::Evacuate, &HookOutcome::Done);
    stand.done("log.stop.verify");
    stand.both(Verb::Reset);
    assert_eq!(states(&stand), ["verifying", "waiting", "stopped"]);
    assert_eq!(stand.both(Verb::Return), Verdict::Taken);
    let_all_go_well(&mut stand);
    let order = ["log.stop.restore", "web.move.restore.far", "db.move.restore.far"];
    let restores = homeward(&stand).into_iter().filter(|s| s.contains(".restore"));
    assert_eq!(restores.collect::<Vec<_>>(), order);
    assert_eq!(states(&stand), ["home"; 3]);
}

#[test]
fn one_that_was_stopped_between_bringing_and_asking_ends_by_the_next_order() {
    let mut stand = away(three());
    stand.both(Verb::Return);
    stand.done("web.move.restore.far");
    stand.wait(SECOND);
    assert_eq!(states(&stand), ["moved", "returning", "returning"]);
    let shown = stand.view().orders;
    assert!(
        shown
            .iter()
            .any(|o| o.line == "return ordered by ann and bob: 0 at home, 3 away; one person aborts it"),
        "{shown:?}"
    );
    assert_eq!(stand.order(ANN, Verb::Abort), Verdict::Taken);
    assert_eq!(states(&stand)[1], "returning", "it was brought");
    assert_eq!(stand.both(Verb::Return), Verdict::Taken);
    let_all_go_well(&mut stand);
    assert_eq!(states(&stand), ["home"; 3], "{:?}", over(&stand));
    assert_eq!(stand.attempts("web.move.restore.far"), 1, "it is brought once");
}

#[test]
fn it_goes_on_after_a_restart_with_the_same_keys_whatever_of_the_journal_is_there() {
    let mut before = away(three());
    before.both(Verb::Return);
    before.done("web.move.restore.far");
    before.done("web.move.verify.s");
    before.done("log.stop.restore");
    let last = before.entries.last().unwrap().seq;
    let ordered = before
        .entries
        .iter()
        .find(|e| matches!(e.record, Record::OrderTaken { verb: Verb::Return, .. }));
    let ordered = ordered.unwrap().seq;
    for through in ordered..=last {
        let mut after = before.restart(through);
        for call in after.calls.iter().filter(|c| c.phase == Phase::Restore) {
            let same = before.calls.iter().find(|c| c.step == call.step);
            assert!(
                same.is_none_or(|c| c.token == call.token),
                "{} has another token",
                call.step
            );
        }
        let_all_go_well(&mut after);
        assert_eq!(states(&after), ["home"; 3], "{through}");
        assert!(over(&after).unwrap().contains("3 at home"), "{through}");
    }
    let mut after = before.restart(ordered - 1);
    let_all_go_well(&mut after);
    assert_eq!(
        states(&after),
        ["moved", "moved", "stopped"],
        "without the order nothing returns"
    );
}

#[test]
fn a_drill_returns_as_a_drill_and_not_for_real() {
    let mut file = three();
    file.armed = false;
    let mut stand = away(file);
    assert_eq!(stand.both(Verb::Arm), Verdict::Taken);
    assert_eq!(stand.order(ANN, Verb::Return), Verdict::Refused);
    assert!(why(&stand).contains("the evacuation was drill"), "{}", why(&stand));
    assert_eq!(stand.both(Verb::Disarm), Verdict::Taken);
    assert_eq!(stand.both(Verb::Return), Verdict::Taken);
    let_all_go_well(&mut stand);
    assert_eq!(states(&stand), ["home"; 3]);
    assert!(stand.modes().iter().all(|m| *m == Mode::Drill));
}

#[test]
fn what_was_only_prepared_is_opened_again() {
    let mut stand = Stand::new(three());
    stand.alarm(0);
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    stand.keep(&[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 1)], 31 * MINUTE);
    assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    assert_eq!(states(&stand), ["waiting"; 3]);
    assert_eq!(stand.both(Verb::Return), Verdict::Taken, "{}", why(&stand));
    let_all_go_well(&mut stand);
    assert_eq!(states(&stand), ["home"; 3]);
    assert!(over(&stand).unwrap().contains("3 at home"));
    assert_eq!(stand.order(ANN, Verb::Return), Verdict::Refused, "once is enough");
}

#[test]
fn disarming_on_the_way_stops_it() {
    let mut stand = away(three());
    stand.both(Verb::Return);
    stand.both(Verb::Disarm);
    assert!(over(&stand).unwrap().contains("disarm"), "{:?}", over(&stand));
    stand.wait(60 * MINUTE);
    assert!(stand.modes().iter().all(|m| *m == Mode::Live));
}

#[test]
fn a_file_may_not_change_what_is_on_its_way_home_and_nothing_is_pruned() {
    let mut stand = away(three());
    stand.both(Verb::Return);
    let mut other = stand.file.clone();
    other.workloads[1].rungs.remove(0);
    assert!(stand.reload(other).unwrap_err().contains("web"));
    let (through, leftover) = (1, muster_core::Leftover::default());
    let out = stand.input(&Input::Prune {
        through,
        hash: "00".into(),
        leftover,
    });
    assert!(out.is_empty());
    let mut harmless = stand.file.clone();
    harmless.workloads[1].rungs[0].needs_ms += 1;
    stand.reload(harmless).unwrap();
    let_all_go_well(&mut stand);
    assert_eq!(states(&stand), ["home"; 3]);
}

#[test]
fn a_way_home_teaches_nothing_about_the_way_out() {
    let mut stand = away(three());
    let before: Vec<_> = stand.state.ways().collect();
    stand.both(Verb::Return);
    stand.wait(60 * MINUTE);
    let_all_go_well(&mut stand);
    assert_eq!(stand.state.ways().collect::<Vec<_>>(), before);
}

fn order_drill(stand: &mut Stand) -> Verdict {
    let (by, works, dry, nonce) = (Some(ANN), Vec::new(), false, 9);
    stand.input(&Input::Drill { by, works, dry, nonce });
    stand.answers.last().unwrap().verdict
}

#[test]
fn of_a_drill_and_a_return_the_one_that_comes_second_is_refused() {
    let mut stand = away(three());
    assert_eq!(order_drill(&mut stand), Verdict::Taken, "{}", why(&stand));
    assert_eq!(stand.order(ANN, Verb::Return), Verdict::Refused);
    assert!(why(&stand).contains("s-d1 is under way"), "{}", why(&stand));
    assert!(homeward(&stand).is_empty());
    stand.wait(60 * MINUTE);
    assert!(stand.view().drill.is_none());
    assert_eq!(stand.both(Verb::Return), Verdict::Taken, "{}", why(&stand));
    let calls = stand.calls.len();
    assert_eq!(order_drill(&mut stand), Verdict::Refused);
    assert!(why(&stand).contains("on its way home"), "{}", why(&stand));
    assert_eq!(stand.calls.len(), calls);
    let_all_go_well(&mut stand);
    assert_eq!(states(&stand), ["home"; 3]);
    assert_eq!(order_drill(&mut stand), Verdict::Taken, "{}", why(&stand));
}

#[test]
fn who_held_the_way_back_may_hold_the_next_evacuation_too() {
    let mut stand = away(three());
    stand.both(Verb::Return);
    let_all_go_well(&mut stand);
    stand.both(Verb::Evacuate);
    let_all_go_well(&mut stand);
    stand.both(Verb::Reset);
    stand.both(Verb::Return);
    assert_eq!(stand.order(ANN, Verb::Hold), Verdict::Taken);
    stand.both(Verb::Evacuate);
    let held = stand.view().orders.iter().any(|o| o.verb == "hold");
    assert!(!held, "a hold of the way back holds nothing of a fire");
    assert_eq!(stand.order(ANN, Verb::Hold), Verdict::Taken, "{}", why(&stand));
}

/// Where no runway ends, whoever brings something home has ten minutes, or as long as it needs.
#[test]
fn the_way_back_has_time() {
    let mut site = three();
    site.workloads[2].rungs[0].needs_ms = 11 * MINUTE;
    let mut stand = away(site);
    let from = stand.calls.len();
    let ordered = stand.now;
    returned(&mut stand, |_| HookOutcome::Done);
    let times = stand.calls[from..].iter().filter(|c| c.phase == Phase::Restore);
    let times: Vec<_> = times.map(|c| (c.step.as_str(), c.deadline - ordered)).collect();
    assert!(times.len() == 3, "{times:?}");
    for (step, ms) in times {
        let least = if step.starts_with("log") {
            11 * MINUTE
        } else {
            10 * MINUTE
        };
        assert!((least..least + MINUTE).contains(&ms), "{step}: {ms}");
    }
}

/// Five are named, more are counted.
#[test]
fn who_could_not_come_is_named_up_to_five() {
    let ended = |count: usize| {
        let mut site = site();
        site.hooks[0].max_parallel = 9;
        site.workloads = (0..count).map(|i| workload(&format!("w{i}"), 1, &[])).collect();
        let mut stand = away(site);
        returned(&mut stand, |_| no());
        over(&stand).unwrap()
    };
    let (five, seven) = (ended(5), ended(7));
    assert!(five.contains("5 could not come") && !five.contains("more"), "{five}");
    assert!(
        seven.contains("7 could not come") && seven.contains("; and 2 more. "),
        "{seven}"
    );
    assert_eq!(seven.matches("its disk burnt").count(), 5, "{seven}");
}

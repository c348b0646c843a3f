//! What happens exactly at a limit, a time or a count: one step to either side is another decision.
use std::sync::Arc;

use muster_core::{Effect, Entry, HookOutcome, Input, Phase, Record, RungKind, State, Verb, Verdict, step};
use muster_wire::{Absence, Micro, Quantity};

use crate::stand::power::{OB, Says, calm, evacuated, mains_for, paths, poll, runs_down_without_feeds};
use crate::stand::{ANN, BOB, MINUTE, SECOND, Stand, site, smoke, workload};

/// Everything in the room is heard and well.
fn keep_calm(stand: &mut Stand, ms: i64) {
    stand.keep(&[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 1)], ms);
}

fn troubles(stand: &Stand) -> usize {
    stand.troubles().len()
}

#[test]
fn a_journal_that_lags_stays_in_trouble_until_it_has_everything() {
    let mut stand = Stand::new(site());
    stand.stores = false;
    stand.alarm(0);
    stand.input(&Input::Own {
        part: "journal".into(),
        trouble: Some("slow".into()),
    });
    assert!(stand.entries.len() > 1);
    stand.input(&Input::Stored {
        through: stand.entries[0].seq,
    });
    assert!(stand.troubles().contains(&"journal".into()));
    stand.store();
    assert!(!stand.troubles().contains(&"journal".into()));
}

#[test]
fn of_its_own_parts_sixty_four_are_kept_in_trouble() {
    let mut stand = Stand::new(site());
    let before = troubles(&stand);
    for i in 0..66 {
        stand.input(&Input::Own {
            part: format!("p{i}"),
            trouble: Some("sick".into()),
        });
    }
    assert_eq!(troubles(&stand) - before, 64);
    assert_eq!(
        stand.events.iter().filter(|e| e.line == "sick").count(),
        66,
        "more are only said"
    );
}

#[test]
fn a_journal_out_of_order_is_not_believed() {
    let faults = |seqs: &[u64]| {
        let (mut state, mut out) = (State::new(), Vec::new());
        step(&mut state, 0, &Input::Config(Arc::new(site())), &mut out);
        let entry = |seq: &u64| Entry {
            seq: *seq,
            at: 0,
            record: Record::PowerHeld { why: String::new() },
        };
        step(
            &mut state,
            0,
            &Input::Restore(seqs.iter().map(entry).collect()),
            &mut out,
        );
        out.iter().filter(|e| matches!(e, Effect::Fault(_))).count()
    };
    let most = u64::MAX / 2;
    for (seqs, wrong) in [
        (&[1, 2, 7][..], 0),
        (&[2, 1, 3], 1),
        (&[1, 1], 1),
        (&[1, most], 0),
        (&[1, most + 1], 1),
    ] {
        assert_eq!(faults(seqs), wrong, "{seqs:?}");
    }
}

#[test]
fn steps_begin_at_the_very_end_of_a_hold() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.alarm(1);
    assert_eq!(stand.order(ANN, Verb::Hold), Verdict::Taken);
    let orders = stand.view().orders;
    let until = orders.iter().find(|o| o.verb == "hold").and_then(|o| o.until).unwrap();
    stand.wait(until - stand.now - 1);
    assert_eq!(evacuated(&stand), [""; 0]);
    stand.wait(1);
    assert_eq!(evacuated(&stand), ["db.move.evacuate.far"]);
}

fn held(stand: &Stand) -> Option<i64> {
    let held = |e: &&Entry| matches!(e.record, Record::PowerHeld { .. });
    stand.entries.iter().find(held).map(|e| e.at)
}

#[test]
fn mains_are_back_after_two_minutes_without_a_break() {
    let mut stand = runs_down_without_feeds();
    mains_for(&mut stand, 100);
    poll(&mut stand, 0, Says::drained(20 * MINUTE));
    poll(&mut stand, 0, Says::drained(20 * MINUTE));
    stand.wait(5 * SECOND);
    let from = stand.now;
    mains_for(&mut stand, 200);
    let after_s = (held(&stand).unwrap() - from) / SECOND;
    assert!((120..=135).contains(&after_s), "{after_s}");
}

/// Mains that are back put out no fire.
#[test]
fn what_burns_is_evacuated_whatever_the_mains_do() {
    let mut stand = runs_down_without_feeds();
    assert!(stand.state.why().contains("without power"), "{}", stand.state.why());
    stand.alarm(0);
    stand.alarm(1);
    assert!(!stand.state.why().contains("without power"), "{}", stand.state.why());
    mains_for(&mut stand, 200);
    stand.answer_all(Phase::Evacuate, &HookOutcome::Done);
    stand.answer_all(Phase::Verify, &HookOutcome::Done);
    stand.wait(SECOND);
    assert_eq!(evacuated(&stand).len(), 2, "the second goes as well");
}

/// What is said late about a battery is about when it was taken.
#[test]
fn a_sample_of_a_battery_counts_from_when_it_was_taken() {
    let ends_at = |age: i64| {
        let mut stand = Stand::new(paths());
        calm(&mut stand);
        let from = stand.now;
        for t in (0..=10 * MINUTE).step_by(5_000) {
            stand.now = from + t;
            let taken = t - age;
            let says = Says::drained(taken.max(0));
            for ob in &OB[..2] {
                stand.read(*ob, 1);
                if !(0..=9 * MINUTE).contains(&taken) {
                    continue;
                }
                stand.input(&Input::Reading {
                    channel: muster_core::ChannelIx(ob + 1),
                    value: Ok(Micro(says.charge * 10_000)),
                    simulated: false,
                    age_ms: age as u32,
                });
            }
            stand.input(&Input::Tick);
        }
        let racks = stand.view().racks;
        racks
            .iter()
            .map(|r| r.loss.as_ref().map(|l| l.earliest - from))
            .collect::<Vec<_>>()
    };
    assert!(ends_at(0).iter().any(Option::is_some));
    assert_eq!(ends_at(5_000), ends_at(0));
}

/// Just when its vote would return it was not clear: it returns half an hour after it is.
#[test]
fn a_vote_that_could_not_return_when_it_was_due_returns_later() {
    let mut stand = Stand::new(site());
    keep_calm(&mut stand, 20 * SECOND);
    stand.alarm(0);
    keep_calm(&mut stand, 30 * MINUTE - 5 * SECOND);
    while stand.votes()[0].2 && !stand.state.channels(stand.now)[0].alarm && stand.now < 31 * MINUTE {
        stand.read(0, 20);
        stand.wait(2 * SECOND);
        (0..3).for_each(|_| stand.read(0, 1));
        stand.wait(2 * SECOND);
    }
    assert!(stand.votes()[0].2);
    keep_calm(&mut stand, 29 * MINUTE);
    assert!(stand.votes()[0].2, "held");
    keep_calm(&mut stand, 2 * MINUTE);
    assert!(!stand.votes()[0].2, "returned");
}

#[test]
fn who_ordered_first_is_the_same_person_in_another_file() {
    let mut stand = Stand::new(site());
    assert_eq!(stand.order(ANN, Verb::Evacuate), Verdict::Pending);
    let mut next = site();
    next.principals.rotate_left(1);
    assert_eq!(stand.reload(next), Ok(()));
    // Bob is the first now.
    assert_eq!(stand.order(ANN, Verb::Evacuate), Verdict::Taken);
}

#[test]
fn the_whole_plan_is_counted_with_its_lanes_and_its_order() {
    let needs_s = |works| {
        let site = muster_core::Site {
            workloads: works,
            ..site()
        };
        site.plan_needs_ms() / SECOND
    };
    assert_eq!(needs_s(vec![]), 0);
    assert_eq!(needs_s(vec![workload("a", 1, &[])]), 100);
    assert_eq!(needs_s(vec![workload("a", 1, &[]), workload("b", 1, &[0])]), 200);
    let four: Vec<_> = (0..4).map(|i| workload(&format!("w{i}"), 1, &[])).collect();
    assert_eq!(needs_s(four), 200, "two lanes");
    assert_eq!(needs_s(vec![workload("a", 1, &[9])]), 0, "which is no site");
}

/// A node of one channel is not said to have had many.
#[test]
fn the_end_of_what_one_channel_had_is_its_own() {
    let mut s = site();
    s.channels[3] = smoke("alone", 1, 2, 2);
    s.channels[4] = smoke("other", 2, 1, 1);
    let mut stand = Stand::new(s);
    keep_calm(&mut stand, 20 * SECOND);
    stand.sample(3, Err(Absence::Warmup));
    let from = stand.events.len();
    keep_calm(&mut stand, MINUTE);
    let said: Vec<&str> = stand.events[from..].iter().map(|e| e.line.as_str()).collect();
    assert_eq!(said, ["alone is good again"]);
}

/// Its journal knows a rung that its file has no more.
#[test]
fn a_ladder_that_was_cut_short_is_stranded() {
    let mut stand = Stand::new(site());
    stand.fire();
    let cannot = HookOutcome::Cannot { note: "full".into() };
    stand.answer("db.move.evacuate.far", cannot);
    stand.file.workloads[0].rungs.truncate(1);
    let after = stand.restart(u64::MAX);
    assert_eq!(after.workload("db"), "stranded");
}

/// What its ladder has no rung for any more, nobody can bring back.
#[test]
fn what_no_rung_can_bring_back_is_not_promised() {
    let mut stand = Stand::new(site());
    stand.both(Verb::Evacuate);
    for _ in 0..20 {
        let steps = stand.view().incident.unwrap().steps;
        for step in steps.iter().filter(|s| s.state == "called") {
            let vain = step.phase == Phase::Evacuate && step.id != "db.stop.evacuate";
            let cannot = HookOutcome::Cannot { note: "full".into() };
            stand.answer(&step.id, if vain { cannot } else { HookOutcome::Done });
        }
        stand.wait(SECOND);
    }
    assert_eq!(stand.workload("db"), "stopped");
    assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    let mut next = site();
    next.workloads[0].rungs.retain(|rung| rung.kind != RungKind::Stop);
    assert_eq!(stand.reload(next), Ok(()));
    assert_eq!(stand.order(BOB, Verb::Return), Verdict::Refused);
    assert!(
        stand.answers.last().unwrap().why.contains("nothing is away"),
        "{:?}",
        stand.answers.last()
    );
}

/// What a simulated device says of itself is simulated too.
#[test]
fn a_fault_that_a_simulated_device_reports_is_simulated() {
    for (simulated, called) in [(false, "good"), (true, "simulated")] {
        let mut s = site();
        s.simulated = simulated;
        s.channels[5].quantity = Quantity::Fault;
        let mut stand = Stand::new(s);
        stand.read(5, 1);
        let shown = &stand.state.channels(stand.now)[5];
        assert_eq!((shown.quality.as_str(), shown.value.as_deref()), (called, Some("1")));
        assert!(stand.troubles().contains(&"a1x".into()));
    }
}

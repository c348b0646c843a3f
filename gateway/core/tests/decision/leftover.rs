//! What entries that are gone leave behind: all that a restart needs of them, and never more than is bounded.
use ciborium::Value;
use muster_core::{DrillOutcome, DrillResult, Input, Leftover, Mode, Phase, Record, RungKind, StepEnd, Verb, Way};

use crate::stand::{MINUTE, Stand, site};

fn left_by(records: impl IntoIterator<Item = Record>) -> Leftover {
    let mut leftover = Leftover::default();
    records.into_iter().for_each(|record| leftover.take(&record));
    leftover
}

fn ordered(verb: Verb) -> Record {
    Record::OrderTaken {
        verb,
        by: vec!["ann".into(), "bob".into()],
        until: None,
    }
}

fn drilled(n: u32, outcome: DrillOutcome, workloads: impl IntoIterator<Item = String>) -> Record {
    let passed = |workload: String| DrillResult {
        by: Some(format!("{workload}.move.verify.far")),
        workload,
        passed: true,
        ladder: "move to far by mover".into(),
        took_ms: Some(30_000),
        why: String::new(),
    };
    Record::DrillEnded {
        n,
        outcome,
        why: "every workload".into(),
        results: workloads.into_iter().map(passed).collect(),
    }
}

fn learned(workload: String, took_ms: u32) -> Record {
    Record::Learned {
        way: Way {
            workload,
            rung: RungKind::Move,
            hook: "mover".into(),
            destination: Some("far".into()),
        },
        mode: Mode::Live,
        took_ms,
        given_up: false,
    }
}

fn moves(workload: &str) -> Record {
    Record::StepIntent {
        step: format!("{workload}.move.evacuate.far"),
        workload: workload.into(),
        rung: 0,
        phase: Phase::Evacuate,
        mode: Mode::Live,
        token: 1,
        hook: Some("mover".into()),
    }
}

#[test]
fn the_last_order_says_whether_it_is_armed() {
    assert_eq!(left_by([ordered(Verb::Evacuate)]).armed, None);
    assert_eq!(left_by([ordered(Verb::Disarm), ordered(Verb::Arm)]).armed, Some(true));
    assert_eq!(left_by([ordered(Verb::Arm), ordered(Verb::Disarm)]).armed, Some(false));
}

#[test]
fn a_drill_counts_from_its_beginning_and_proves_when_it_was_not_interrupted() {
    let begun = Record::DrillBegun {
        n: 3,
        by: "ann".into(),
        workloads: vec!["db".into()],
    };
    assert_eq!(left_by([begun]).drills, 3);
    let proven = |outcome| left_by([drilled(3, outcome, ["db".into()])]).proven.len();
    assert_eq!(
        [DrillOutcome::Passed, DrillOutcome::Failed, DrillOutcome::Interrupted].map(proven),
        [1, 1, 0]
    );
}

#[test]
fn nothing_that_is_remembered_has_no_bound() {
    let many = |n: usize| (0..n).map(|i| format!("w{i}"));
    let proven = left_by([drilled(1, DrillOutcome::Passed, many(20_001))]).proven;
    assert_eq!(proven.len(), 20_000);

    let most = 1 << 17;
    let mut full = left_by(many(most).map(|id| learned(id, 1)));
    let before = full.clone();
    full.take(&learned("one-more".into(), 1));
    assert!(full == before, "a way that is not known is not learned any more");
    full.take(&learned("w0".into(), 2));
    assert!(full != before, "a way that is known is");

    let mut full = left_by(many(most).map(|id| moves(&id)));
    let before = full.clone();
    full.take(&moves("one-more"));
    assert!(full == before, "who is not known is not remembered any more");
    let end = StepEnd::Done;
    full.take(&Record::StepEnded {
        step: "w0.move.evacuate.far".into(),
        end,
        note: String::new(),
    });
    full.take(&Record::StepIntent {
        step: "w0.stop.evacuate".into(),
        workload: "w0".into(),
        rung: 1,
        phase: Phase::Evacuate,
        mode: Mode::Live,
        token: 1,
        hook: Some("stopper".into()),
    });
    let ended = left_by(many(most).map(|id| moves(&id)).chain([Record::StepEnded {
        step: "w0.move.evacuate.far".into(),
        end,
        note: String::new(),
    }]));
    assert!(full != ended, "what else is sent to who is known is");
}

#[test]
fn what_is_left_is_read_as_it_was_written_and_says_nothing_of_nothing() {
    let leftover = left_by([learned("db".into(), 90_000), moves("db"), ordered(Verb::Arm)]);
    let written = Value::serialized(&leftover).unwrap();
    assert_eq!(written.deserialized::<Leftover>().unwrap(), leftover);
    let nothing = Value::serialized(&Leftover::default()).unwrap();
    let keys: Vec<&str> = nothing
        .as_map()
        .unwrap()
        .iter()
        .filter_map(|(k, _)| k.as_text())
        .collect();
    assert_eq!(keys, ["resets", "armed", "drills", "proven"]);
}

/// Once nothing is away, the number of its incident is of no more use.
#[test]
fn what_is_home_again_leaves_nothing() {
    let opened = Record::IncidentOpened {
        n: 7,
        why: "smoke".into(),
    };
    let closed = Record::IncidentClosed { n: 7, by: Vec::new() };
    let left = left_by([opened.clone(), closed.clone()]);
    assert_eq!(left.away, Leftover::default().away);
    assert_ne!(left_by([opened, moves("db"), closed]).away, Leftover::default().away);
}

/// Where it was written, everything that it says is known, and more.
#[test]
fn a_mark_of_what_is_gone_changes_nothing_where_it_is_written() {
    let mut stand = Stand::new(site());
    stand.both(Verb::Disarm);
    stand.keep(&[(0, 0), (1, 0)], MINUTE);
    let through = stand.entries.last().unwrap().seq;
    stand.input(&Input::Prune {
        through,
        hash: "00".into(),
        leftover: left_by([ordered(Verb::Arm)]),
    });
    let last = &stand.entries.last().unwrap().record;
    assert!(matches!(last, Record::Pruned { .. }), "{last:?}");
    assert!(!stand.view().armed);
}

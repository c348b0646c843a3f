//! What is written comes back.

use std::sync::Arc;

use muster_core::{DrillOutcome, DrillResult, Mode, Part, Phase, Record, RungKind, StepEnd, Verb, Way};

use super::super::{Reader, pending, rows, store::Store};
use super::*;

fn every_record() -> Vec<Record> {
    let s = String::from;
    let mut all = vec![
        Record::IncidentOpened {
            n: u32::MAX,
            why: s("\"가스\" 12 ppm\n\u{1b}[31m \u{0}"),
        },
        Record::VoteHeld {
            zone: s("b3"),
            group: s("g"),
            channel: s("c"),
            why: s(""),
            died: false,
        },
        Record::VoteReturned {
            zone: s("b3"),
            group: s("g"),
        },
        Record::EvacuateBegun {
            zone: None,
            why: s("ordered"),
            racks: None,
        },
        Record::EvacuateBegun {
            zone: None,
            why: s("batteries"),
            racks: Some(vec![s("r1")]),
        },
        Record::PowerHeld { why: s("mains") },
        Record::EvacuateBegun {
            zone: Some(s("b3")),
            why: s("two votes"),
            racks: None,
        },
    ];
    all.extend(orders());
    all.extend(bypasses());
    all.extend(doubts());
    all.extend(steps());
    all.extend(drills());
    all
}

fn learned(to: Option<&str>, mode: Mode) -> Record {
    let way = Way {
        workload: "db".into(),
        rung: RungKind::Move,
        hook: "mover".into(),
        destination: to.map(Into::into),
    };
    let (took_ms, given_up) = (u32::MAX, to.is_some());
    Record::Learned {
        way,
        mode,
        took_ms,
        given_up,
    }
}

fn bypasses() -> Vec<Record> {
    let s = String::from;
    let parts = [Part::Zone, Part::Source, Part::Channel];
    let of = |what: Part| {
        let (id, by, why, reason) = (s("n1"), s("kim"), s("over"), s("new fan"));
        let (until, refused) = (9, by.clone());
        [
            Record::Bypassed {
                what,
                id: id.clone(),
                by,
                reason,
                until,
            },
            Record::BypassEnded {
                what,
                id: id.clone(),
                why: why.clone(),
            },
            Record::BypassRefused {
                what,
                id,
                by: refused,
                why,
            },
        ]
    };
    parts.into_iter().flat_map(of).collect()
}

fn doubts() -> Vec<Record> {
    let (s, persons) = (String::from, || vec!["kim".to_owned(), "lee".to_owned()]);
    vec![
        Record::OrderRefused {
            verb: Verb::Reset,
            by: s("kim"),
            why: s("a vote is held"),
        },
        Record::AbortLifted { why: s("new vote") },
        Record::AlarmJoined { channel: s("n1.voc") },
        Record::DeathNoted {
            channel: s("n2.smoke"),
            alarmed_at: 7,
            why: s("died"),
        },
        Record::WindowOpened {
            zone: s("b3"),
            until: i64::MAX,
            why: s("one of two"),
        },
        Record::WindowClosed {
            zone: s("b3"),
            heard: vec![s("node-1")],
            why: s("heard again"),
        },
        Record::StepAccepted {
            step: s("db.0.evacuate"),
        },
        Record::StepStranded {
            step: "db.stop.evacuate".into(),
            note: "disk busy".into(),
        },
        Record::ActedUnstored { through: 0 },
        learned(Some("busan"), Mode::Live),
        learned(None, Mode::Drill),
        Record::ReturnEnded { why: s("over") },
        Record::DestinationLost {
            destination: s("busan"),
            why: s("smoke"),
        },
        Record::DestinationWell {
            destination: s("busan"),
        },
        Record::IncidentClosed { n: 1, by: persons() },
    ]
}

fn orders() -> Vec<Record> {
    let verbs = [
        Verb::Evacuate,
        Verb::Hold,
        Verb::Abort,
        Verb::Cut { at: -5 },
        Verb::Arm,
        Verb::Disarm,
        Verb::Reset,
        Verb::Return,
    ];
    let (by, persons) = ("kim".to_owned(), || vec!["kim".to_owned(), "lee".to_owned()]);
    let mut all = Vec::new();
    for verb in verbs {
        all.push(Record::OrderPending { verb, by: by.clone() });
        all.push(Record::OrderTaken {
            verb,
            by: persons(),
            until: Some(i64::MAX),
        });
        all.push(Record::OrderTaken {
            verb,
            by: vec![],
            until: None,
        });
    }
    all
}

fn steps() -> Vec<Record> {
    let ends = [
        StepEnd::Done,
        StepEnd::Cannot,
        StepEnd::Refused,
        StepEnd::Superseded,
        StepEnd::Withdrawn,
        StepEnd::Skipped,
    ];
    let s = String::from;
    let mut all = Vec::new();
    for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify, Phase::Restore] {
        for mode in [Mode::Drill, Mode::Live] {
            let (step, workload) = (s("db.0.evacuate.busan"), s("db"));
            all.push(Record::StepIntent {
                step,
                workload,
                rung: u8::MAX,
                phase,
                mode,
                token: u64::MAX,
                hook: Some(s("mover")),
            });
        }
    }
    all.extend(ends.map(|end| Record::StepEnded {
        step: s("db.0.evacuate"),
        end,
        note: s("ok"),
    }));
    all
}

fn drills() -> Vec<Record> {
    let s = String::from;
    let result = |passed, by| DrillResult {
        workload: s("db"),
        passed,
        by,
        ladder: s("move to busan by mover"),
        took_ms: Some(i64::MAX),
        why: s("ok"),
    };
    let n = u32::MAX;
    let mut all = vec![
        Record::HostsOff {
            id: s("r1"),
            why: s("ok"),
        },
        Record::DrillBegun {
            n,
            by: s("kim"),
            workloads: vec![s("db")],
        },
    ];
    all.extend(steps().into_iter().map(|record| Record::DrillStep {
        n,
        record: Box::new(record),
    }));
    all.extend(
        [DrillOutcome::Passed, DrillOutcome::Failed, DrillOutcome::Interrupted].map(|outcome| Record::DrillEnded {
            n,
            outcome,
            why: s("ok"),
            results: vec![result(true, Some(s("db.move.verify.busan"))), result(false, None)],
        }),
    );
    all
}

/// Fails to compile when a kind of record is added, so that `every_record` is made to hold it.
fn is_listed(record: &Record) -> bool {
    match record {
        Record::IncidentOpened { .. } | Record::VoteHeld { .. } | Record::VoteReturned { .. } => true,
        Record::EvacuateBegun { .. } | Record::OrderPending { .. } | Record::OrderTaken { .. } => true,
        Record::OrderRefused { .. } | Record::AbortLifted { .. } | Record::StepIntent { .. } => true,
        Record::AlarmJoined { .. } | Record::DeathNoted { .. } | Record::PowerHeld { .. } => true,
        Record::WindowOpened { .. } | Record::WindowClosed { .. } => true,
        Record::Bypassed { .. } | Record::BypassEnded { .. } | Record::BypassRefused { .. } => true,
        Record::StepAccepted { .. }
        | Record::StepStranded { .. }
        | Record::Learned { .. }
        | Record::ReturnEnded { .. }
        | Record::DestinationLost { .. }
        | Record::DestinationWell { .. }
        | Record::StepEnded { .. }
        | Record::ActedUnstored { .. } => true,
        Record::IncidentClosed { .. } | Record::Pruned { .. } => true,
        Record::HostsOff { .. } | Record::DrillBegun { .. } | Record::DrillStep { .. } | Record::DrillEnded { .. } => {
            true
        }
    }
}

#[test]
fn every_record_comes_back_as_it_was_after_a_restart() {
    let folder = Folder::new();
    let records = every_record();
    assert!(records.iter().all(is_listed));
    let entries: Vec<Entry> = (1..)
        .zip(records)
        .map(|(seq, record)| Entry { seq, at: 5, record })
        .collect();
    let (journal, fresh) = Journal::open(&folder.journal()).unwrap();
    assert_eq!((fresh.engine_ms, fresh.wall_ms, fresh.entries.len()), (0, None, 0));
    assert_ne!(fresh.progress_key, [0; 32]);
    let told = spawn(journal);
    told.writer.submit(Batch {
        entries: entries.clone(),
        marks: vec![mark("a", u64::MAX, 1), mark("b", 1, u64::MAX)],
        events: vec![],
        engine_ms: 77,
        wall_ms: 1_000,
    });
    told.stored_through(entries.len() as u64);
    assert!(told.writer.stop());

    let (_, restored) = Journal::open(&folder.journal()).unwrap();
    assert_eq!(restored.entries, entries);
    assert_eq!(restored.marks, [mark("a", u64::MAX, 1), mark("b", 1, u64::MAX)]);
    assert_eq!((restored.engine_ms, restored.wall_ms), (77, Some(1_000)));
    assert_eq!(
        restored.progress_key, fresh.progress_key,
        "bearers given out before the restart stay valid"
    );
    assert!(restored.findings.is_empty(), "{:?}", restored.findings);
}

#[test]
fn an_empty_batch_moves_the_clock_and_nothing_else() {
    let folder = Folder::new();
    let told = spawn(Journal::open(&folder.journal()).unwrap().0);
    let (engine_ms, wall_ms) = (500, 9_000);
    told.writer.submit(Batch {
        engine_ms,
        wall_ms,
        ..Batch::default()
    });
    assert!(told.writer.stop());
    assert!(
        told.reports.recv().is_err(),
        "without a decision there is nothing to answer"
    );
    let (_, restored) = Journal::open(&folder.journal()).unwrap();
    assert_eq!((restored.engine_ms, restored.wall_ms), (500, Some(9_000)));
}

#[test]
fn marks_only_rise_also_when_the_lanes_cross() {
    let folder = Folder::new();
    let told = spawn(Journal::open(&folder.journal()).unwrap().0);
    for (seq, marks) in [(1, (2, 10)), (2, (2, 9)), (3, (1, 99)), (4, (3, 0)), (5, (2, 50))] {
        let marks = vec![mark("gas-1", marks.0, marks.1)];
        told.writer.submit(Batch {
            entries: vec![entry(seq)],
            marks,
            ..Batch::default()
        });
        told.stored_through(seq);
    }
    assert!(told.writer.stop());
    assert_eq!(Journal::open(&folder.journal()).unwrap().1.marks, [mark("gas-1", 3, 0)]);
}

#[test]
fn old_lines_leave_and_the_newest_stay() {
    let folder = Folder::new();
    let (mut store, _) = Store::open(&folder.journal(), &[1; 32]).unwrap();
    store.events_kept = 100;
    for n in 1..=300 {
        let mut waiting = pending::Pending::default();
        waiting.add(batch(n));
        store.apply(&waiting).unwrap();
        let lines = rows::events(&store.conn, 0, 1_000).unwrap().len();
        assert!(
            lines <= 100 + 256,
            "a flood of decisions does not pile them up: {lines}"
        );
    }
    // No hook waits for a transaction without decisions.
    let mut waiting = pending::Pending::default();
    waiting.add(Batch::default());
    store.apply(&waiting).unwrap();
    let reader = Reader::open(&folder.journal()).unwrap();
    let lines: Vec<_> = reader.events(0).unwrap().into_iter().map(|event| event.line).collect();
    assert_eq!(lines.len(), 100);
    assert_eq!((&*lines[0], &*lines[99]), ("batch 201", "batch 300"));
    assert_eq!(reader.verify().unwrap().entries, 900, "decisions stay for ever");
}

#[test]
fn what_waits_is_bounded_and_lines_for_people_go_first() {
    let mut waiting = pending::Pending::default();
    let many = Batch {
        events: vec![line(1, 0, "x"); pending::EVENTS_MAX + 3],
        ..batch(1)
    };
    assert_eq!(waiting.add(many), pending::Turned { events: 3, entries: 0 });
    let rest = (2..).take(pending::ENTRIES_MAX / 3 - 1);
    for n in rest {
        assert_eq!(waiting.add(batch(n)), pending::Turned { events: 1, entries: 0 });
    }
    let before = (waiting.entries.len(), waiting.marks.clone());
    assert_eq!(before.0, pending::ENTRIES_MAX - 1);
    assert_eq!(waiting.add(batch(99_999)), pending::Turned { events: 1, entries: 3 });
    assert_eq!(
        (waiting.entries.len(), waiting.marks.clone()),
        before,
        "neither its entries nor its mark are taken"
    );
}

#[test]
fn what_came_later_stands_behind_and_no_mark_falls() {
    let mut first = pending::Pending::default();
    assert!(first.is_empty());
    first.add(batch(1));
    first.add(Batch {
        marks: vec![mark("gas-1", 7, 0), mark("gas-2", 1, 1)],
        ..batch(2)
    });
    let mut later = pending::Pending::default();
    later.add(Batch {
        marks: vec![mark("gas-1", 6, 9), mark("gas-2", 2, 0)],
        ..batch(3)
    });
    assert_eq!(first.append(later), 0);
    assert_eq!(first.append(pending::Pending::default()), 0);
    let seqs: Vec<_> = first.entries.iter().map(|(_, entry)| entry.seq).collect();
    assert_eq!(seqs, (1..=9).collect::<Vec<_>>());
    let marks: Vec<_> = first
        .marks
        .into_iter()
        .map(|(node, mark)| (node.to_string(), mark))
        .collect();
    assert_eq!(marks, [("gas-1".to_owned(), (7, 1)), ("gas-2".to_owned(), (2, 0))]);
    assert_eq!(first.clock, Some((90, 1_665_814_740_090)));
    assert_eq!(first.events.len(), 3);
}

#[test]
fn a_sequence_that_comes_twice_is_written_once_and_a_conflict_is_counted() {
    let folder = Folder::new();
    let (mut store, _) = Store::open(&folder.journal(), &[1; 32]).unwrap();
    let mut waiting = pending::Pending::default();
    waiting.add(batch(1));
    assert_eq!(store.apply(&waiting).unwrap().conflicts, 0);
    assert_eq!(
        store.apply(&waiting).unwrap().conflicts,
        0,
        "the same again is no conflict"
    );
    waiting.entries[1].1.record = Record::AbortLifted { why: "other".into() };
    assert_eq!(store.apply(&waiting).unwrap().conflicts, 1);
    let verified = Reader::open(&folder.journal()).unwrap().verify().unwrap();
    assert_eq!((verified.entries, verified.holds()), (3, true));
}

#[test]
fn a_reader_sees_the_journal_while_it_is_written() {
    let folder = Folder::new();
    let told = spawn(Journal::open(&folder.journal()).unwrap().0);
    told.writer.submit(batch(1));
    told.stored_through(3);
    let reader = Reader::open(&folder.journal()).unwrap();
    assert_eq!(reader.entries(2).unwrap().len(), 2);
    told.writer.submit(batch(2));
    told.stored_through(6);
    assert_eq!(reader.verify().unwrap().entries, 6);
    let node: Arc<str> = "gas-1".into();
    assert_eq!(super::super::rows::marks(reader.connection()).unwrap()[&node], (7, 2));
}

#[test]
fn the_log_is_folded_back_once_a_burst_is_over() {
    let folder = Folder::new();
    let told = spawn(Journal::open(&folder.journal()).unwrap().0);
    let size = || std::fs::metadata(folder.journal()).unwrap().len();
    let before = size();
    for n in 1..=200 {
        told.writer.submit(batch(n));
    }
    told.stored_through(600);
    until(|| size() > before);
    assert!(told.writer.stop());
}

#[test]
fn no_id_of_a_line_is_given_twice_whatever_was_written() {
    let folder = Folder::new();
    // Two starts that leave no line on disk, one that leaves some, and one after the file was taken away.
    let starts = [false, false, true, false];
    let mut highest = 0;
    for (n, leaves_lines) in (1..).zip(starts) {
        let (journal, restored) = Journal::open(&folder.journal()).unwrap();
        assert!(
            restored.told >= highest + 1_000 || n == 1,
            "start {n}: {} after {highest}",
            restored.told
        );
        highest = restored.told + i64::from(leaves_lines) * 5;
        if leaves_lines {
            let told = spawn(journal);
            let events = (restored.told + 1..=highest)
                .map(|id| line(id.cast_unsigned(), 0, "x"))
                .collect();
            told.writer.submit(Batch { events, ..batch(1) });
            told.stored_through(3);
            assert!(told.writer.stop());
        }
    }
    std::fs::remove_file(folder.journal()).unwrap();
    let wall = crate::clock::wall_now_ms();
    assert!(
        Journal::open(&folder.journal()).unwrap().1.told > wall,
        "it begins at the time of day"
    );
}

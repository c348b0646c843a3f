//! Retention: what goes, what stays, and that nobody can make it look as if more had gone.

use std::collections::BTreeMap;

use muster_core::{Leftover, Verb};
use rusqlite::Connection;

use super::*;
use crate::journal::{Prunable, Reader, Verified};

/// Four entries: an incident from its first vote to its reset, and in the first an order to arm. 1,000 ms each.
fn incident(n: u32) -> Vec<Entry> {
    let by = || vec!["anna".to_owned(), "ben".to_owned()];
    let why = || "smoke".to_owned();
    let verb = if n == 1 { Verb::Arm } else { Verb::Hold };
    let records = [
        Record::IncidentOpened { n, why: why() },
        Record::VoteHeld {
            zone: "room".into(),
            group: "g".into(),
            channel: "c".into(),
            why: why(),
            died: false,
        },
        Record::OrderTaken {
            verb,
            by: by(),
            until: None,
        },
        Record::IncidentClosed { n, by: by() },
    ];
    let first = u64::from(n) * 4 - 3;
    let stamped = |(seq, record): (u64, Record)| Entry {
        seq,
        at: i64::try_from(seq).unwrap() * 1_000,
        record,
    };
    (first..).zip(records).map(stamped).collect()
}

fn batch_of(entries: Vec<Entry>) -> Batch {
    let engine_ms = entries.last().map_or(0, |e| e.at);
    Batch {
        entries,
        engine_ms,
        wall_ms: 1_665_814_740_000 + engine_ms,
        ..Batch::default()
    }
}

/// A journal of so many closed incidents, and one that is open.
fn journal(path: &Path, incidents: u32) -> u64 {
    let told = spawn(Journal::open(path).unwrap().0);
    for n in 1..=incidents {
        told.writer.submit(batch_of(incident(n)));
    }
    told.writer.submit(batch_of(incident(incidents + 1)[..2].to_vec()));
    let last = u64::from(incidents) * 4 + 2;
    told.stored_through(last);
    assert!(told.writer.stop());
    last
}

fn prunable(path: &Path, before: Millis) -> Option<Prunable> {
    Reader::open(path).unwrap().prunable(before).unwrap()
}

fn verify(path: &Path) -> Verified {
    Reader::open(path).unwrap().verify().unwrap()
}

fn pruned(seq: u64, found: &Prunable) -> Batch {
    let record = Record::Pruned {
        through: found.through,
        hash: found.hash.clone(),
        leftover: found.leftover.clone(),
    };
    batch_of(vec![Entry {
        seq,
        at: i64::try_from(seq).unwrap() * 1_000,
        record,
    }])
}

/// Removes what is older than an engine time, as the engine does.
fn prune(path: &Path, seq: u64, before: Millis) {
    let found = prunable(path, before).unwrap();
    let told = spawn(Journal::open(path).unwrap().0);
    told.writer.submit(pruned(seq, &found));
    told.stored_through(seq);
    assert!(told.writer.stop());
}

fn leftover(resets: u32) -> Leftover {
    Leftover {
        drills: 0,
        proven: BTreeMap::new(),
        resets,
        armed: Some(true),
        ..Leftover::default()
    }
}

#[test]
fn a_cut_is_made_only_where_no_incident_is_open() {
    let folder = Folder::new();
    journal(&folder.journal(), 3);
    let through = |before| prunable(&folder.journal(), before).map(|f| (f.through, f.leftover));
    assert_eq!(through(1_000), None, "nothing is old enough");
    assert_eq!(through(4_000), None, "the first incident is not over by then");
    assert_eq!(through(4_001), Some((4, leftover(1))));
    assert_eq!(through(8_000), Some((4, leftover(1))), "nor the second by then");
    assert_eq!(
        through(Millis::MAX),
        Some((12, leftover(3))),
        "what is open stays, however old"
    );
}

#[test]
fn the_chain_goes_on_and_a_start_knows_what_went() {
    let folder = Folder::new();
    let last = journal(&folder.journal(), 3);
    prune(&folder.journal(), last + 1, 8_001);
    let verified = verify(&folder.journal());
    assert!(verified.holds(), "{:?}", verified.breaks);
    let removed = verified.removed.unwrap();
    assert_eq!((removed.through, removed.said_by), (8, 15));
    assert_eq!(verified.entries, 7);
    let (_, restored) = Journal::open(&folder.journal()).unwrap();
    assert!(restored.findings.is_empty(), "{:?}", restored.findings);
    let first = &restored.entries[0];
    assert_eq!(first.seq, 8);
    let Record::Pruned { leftover: left, .. } = &first.record else {
        panic!("{first:?}")
    };
    assert_eq!(left, &leftover(2));
    assert_eq!(
        restored.entries[1..].iter().map(|e| e.seq).collect::<Vec<_>>(),
        (9..=15).collect::<Vec<_>>()
    );
    // And once more, over the entry that said so.
    assert_eq!(
        prunable(&folder.journal(), 12_001).map(|f| (f.through, f.leftover)),
        Some((12, leftover(3)))
    );
    prune(&folder.journal(), last + 2, 12_001);
    let verified = verify(&folder.journal());
    assert!(
        verified.holds() && verified.removed.is_some_and(|r| r.through == 12),
        "{:?}",
        verified.breaks
    );
    assert_eq!(
        prunable(&folder.journal(), Millis::MAX),
        None,
        "the open incident keeps the rest"
    );
}

#[test]
fn what_was_not_removed_by_retention_is_found_all_the_same() {
    let frauds = [
        ("an entry less at the beginning", "DELETE FROM entry WHERE seq = 9"),
        ("the entry that says so gone", "DELETE FROM entry WHERE seq = 15"),
        (
            "another number of resets",
            "UPDATE entry SET body = replace(body, '\"resets\":2', '\"resets\":0') WHERE seq = 15",
        ),
        (
            "another hash",
            "UPDATE entry SET body = replace(body, '\"hash\":\"', '\"hash\":\"00') WHERE seq = 15",
        ),
        (
            "another place",
            "UPDATE entry SET body = replace(body, '\"through\":8', '\"through\":7') WHERE seq = 15",
        ),
        (
            "the first kept one altered",
            "UPDATE entry SET at_ms = at_ms + 1 WHERE seq = 9",
        ),
    ];
    for (what, sql) in frauds {
        let folder = Folder::new();
        let last = journal(&folder.journal(), 3);
        prune(&folder.journal(), last + 1, 8_001);
        assert_eq!(
            Connection::open(folder.journal()).unwrap().execute(sql, []).unwrap(),
            1,
            "{what}"
        );
        let found = !verify(&folder.journal()).holds();
        // A cut at the end is for the head that is kept elsewhere; but then the beginning has no hash to begin at.
        assert!(found, "{what} was not found");
        let (_, restored) = Journal::open(&folder.journal()).unwrap();
        assert!(!restored.findings.is_empty(), "{what}: a start says so");
    }
}

#[test]
fn nothing_goes_where_the_chain_says_otherwise() {
    let folder = Folder::new();
    let last = journal(&folder.journal(), 3);
    let mut found = prunable(&folder.journal(), 8_001).unwrap();
    found.hash = "ab".repeat(32);
    let told = spawn(Journal::open(&folder.journal()).unwrap().0);
    told.writer.submit(pruned(last + 1, &found));
    told.stored_through(last + 1);
    assert!(told.writer.stop());
    let verified = verify(&folder.journal());
    assert_eq!((verified.holds(), verified.entries, verified.removed), (true, 15, None));
}

/// Killed or without power at any byte of it: everything is there, or what was to go is gone and the rest says so.
#[test]
fn a_log_torn_anywhere_while_pruning_is_the_old_journal_or_the_new() {
    let (live, copy) = (Folder::new(), Folder::new());
    let last = journal(&live.journal(), 40);
    let found = prunable(&live.journal(), 80_001).unwrap();
    let told = spawn(Journal::open(&live.journal()).unwrap().0);
    told.writer.submit(pruned(last + 1, &found));
    told.stored_through(last + 1);
    let (file, log) = (
        std::fs::read(live.journal()).unwrap(),
        std::fs::read(live.path.join("journal.db-wal")).unwrap(),
    );
    let mut seen = std::collections::BTreeSet::new();
    for cut in (0..=log.len()).step_by((log.len() / 60).max(1)).chain([log.len()]) {
        let _ = std::fs::remove_file(copy.path.join("journal.db-shm"));
        std::fs::write(copy.journal(), &file).unwrap();
        std::fs::write(copy.path.join("journal.db-wal"), &log[..cut]).unwrap();
        let verified = verify(&copy.journal());
        assert!(verified.holds(), "cut at {cut}: {:?}", verified.breaks);
        seen.insert((verified.entries, verified.removed.map(|r| r.through)));
    }
    let (old, new) = ((last, None), (last - 80 + 1, Some(80)));
    assert_eq!(seen, [old, new].into());
}

#[test]
fn at_most_two_thousand_go_at_a_time() {
    let folder = Folder::new();
    let last = journal(&folder.journal(), 1_100);
    let mut rounds = 0;
    while let Some(found) = prunable(&folder.journal(), Millis::MAX) {
        rounds += 1;
        let told = spawn(Journal::open(&folder.journal()).unwrap().0);
        told.writer.submit(pruned(last + rounds, &found));
        told.stored_through(last + rounds);
        assert!(told.writer.stop());
        assert_eq!(found.more, rounds < 3, "round {rounds}");
    }
    assert_eq!(rounds, 3, "4,400 entries");
    let verified = verify(&folder.journal());
    assert!(verified.holds() && verified.entries == 2 + rounds, "{verified:?}");
}

#[test]
fn old_lines_for_people_go_too() {
    let folder = Folder::new();
    let told = spawn(Journal::open(&folder.journal()).unwrap().0);
    told.writer.keeping().keep_ms(100);
    (1..=10).for_each(|n| told.writer.submit(batch(n)));
    told.stored_through(30);
    told.writer.submit(batch(11));
    told.stored_through(33);
    // They leave with a transaction that no hook waits for.
    told.writer.submit(Batch {
        engine_ms: 330,
        ..Batch::default()
    });
    assert!(told.writer.stop());
    let kept: Vec<_> = Reader::open(&folder.journal())
        .unwrap()
        .events(0)
        .unwrap()
        .iter()
        .map(|e| e.at_ms)
        .collect();
    assert_eq!(kept, [240, 270, 300, 330], "from 100 ms before 330 on");
}

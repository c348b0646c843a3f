//! Full, read-only and stalled disks: said once, tried again, nothing lost.

use std::fs;

use rusqlite::Connection;

use super::super::{JournalError, pending::Pending, store::Store};
use super::*;
use crate::counters::Cause;

fn failed_then_recovered(told: &Told, through: u64, heal: impl FnOnce()) {
    let first = std::iter::repeat_with(|| told.next()).find(|report| !matches!(report, Report::Stored { .. }));
    assert!(matches!(first, Some(Report::Failed { .. })), "{first:?}");
    until(|| told.counters.get(Cause::JournalWrite) >= 3);
    heal();
    assert_eq!(told.next(), Report::Recovered, "said once an episode");
    told.stored_through(through);
}

fn all_there(folder: &Folder, batches: u64) {
    let (_, restored) = open_again(&folder.journal());
    assert_eq!(restored.entries, (1..=batches * 3).map(entry).collect::<Vec<_>>());
    assert_eq!(restored.marks, [mark("gas-1", 7, batches)]);
    assert!(restored.findings.is_empty(), "{:?}", restored.findings);
}

#[test]
fn a_stalled_disk_is_said_once_and_catches_up_in_one_transaction() {
    let folder = Folder::new();
    let told = spawn(Journal::open(&folder.journal()).unwrap().0);
    told.writer.submit(batch(1));
    told.stored_through(3);
    let holder = Connection::open(folder.journal()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    told.writer.submit(batch(2));
    let handing_over = Stopwatch::start();
    (3..=1_000).for_each(|n| told.writer.submit(batch(n)));
    assert!(
        handing_over.elapsed() < Duration::from_secs(1),
        "submit must not wait for the disk"
    );
    failed_then_recovered(&told, 3_000, || holder.execute_batch("ROLLBACK").unwrap());
    assert_eq!(told.any(), Report::Marked(vec![mark("gas-1", 7, 1_000)]));
    assert!(told.reports.try_recv().is_err(), "one transaction, one answer");
    assert!(told.writer.stop());
    all_there(&folder, 1_000);
}

#[test]
fn a_mark_is_said_once_it_is_on_disk_and_never_before() {
    let folder = Folder::new();
    let told = spawn(Journal::open(&folder.journal()).unwrap().0);
    let marks_only = |seq| Batch {
        marks: vec![mark("gas-1", 7, seq)],
        ..Batch::default()
    };
    told.writer.submit(marks_only(5));
    assert_eq!(told.any(), Report::Marked(vec![mark("gas-1", 7, 5)]));
    let holder = Connection::open(folder.journal()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    told.writer.submit(marks_only(6));
    told.writer.submit(marks_only(9));
    assert!(matches!(told.any(), Report::Failed { .. }), "the disk has none of them");
    until(|| told.counters.get(Cause::JournalWrite) >= 2);
    assert!(told.reports.try_recv().is_err());
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(told.any(), Report::Recovered);
    assert_eq!(told.any(), Report::Marked(vec![mark("gas-1", 7, 9)]));
    // One that comes late says what is on disk, which is higher.
    told.writer.submit(marks_only(8));
    assert_eq!(told.any(), Report::Marked(vec![mark("gas-1", 7, 9)]));
}

#[test]
fn a_stop_during_a_stall_ends_in_time_and_says_so() {
    let folder = Folder::new();
    let told = spawn(Journal::open(&folder.journal()).unwrap().0);
    let holder = Connection::open(folder.journal()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    told.writer.submit(batch(1));
    let stopping = Stopwatch::start();
    assert!(!told.writer.stop());
    assert!(stopping.elapsed() < Duration::from_secs(4), "{:?}", stopping.elapsed());
}

#[test]
fn a_store_at_its_limit_writes_nothing_by_halves() {
    let folder = Folder::new();
    let (mut store, _) = Store::open(&folder.journal(), &[1; 32]).unwrap();
    store.conn.pragma_update(None, "max_page_count", 12).unwrap();
    let mut waiting = Pending::default();
    (1..=500).for_each(|n| assert_eq!(waiting.add(batch(n)).entries, 0));
    let full = store.apply(&waiting).unwrap_err();
    assert_eq!(full.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull));
    let rows: i64 = store
        .conn
        .query_row("SELECT count(*) FROM entry", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 0);
    store.conn.pragma_update(None, "max_page_count", 1_000_000).unwrap();
    assert_eq!(store.apply(&waiting).unwrap().through, Some(1_500));
    drop(store);
    all_there(&folder, 500);
}

/// Fills the file system to the last block.
fn fill(folder: &Folder) {
    use std::io::Write;
    let mut ballast = fs::File::create(folder.path.join("ballast")).unwrap();
    while ballast.write_all(&[1; 4_096]).is_ok() {}
}

#[test]
fn a_full_disk_loses_nothing() {
    let Some(folder) = Folder::mounted("4m") else { return };
    let told = spawn(Journal::open(&folder.journal()).unwrap().0);
    told.writer.submit(batch(1));
    told.stored_through(3);
    fill(&folder);
    (2..=500).for_each(|n| told.writer.submit(batch(n)));
    failed_then_recovered(&told, 1_500, || fs::remove_file(folder.path.join("ballast")).unwrap());
    assert!(told.writer.stop());
    all_there(&folder, 500);
}

/// As a killed process leaves it: with a log that was not folded back.
fn killed(folder: &Folder, batches: u64) {
    let elsewhere = Folder::new();
    let told = spawn(Journal::open(&elsewhere.journal()).unwrap().0);
    for n in 1..=batches {
        told.writer.submit(batch(n));
        told.stored_through(n * 3);
    }
    for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        fs::copy(elsewhere.path.join(name), folder.path.join(name)).unwrap();
    }
}

#[test]
fn a_start_on_a_full_disk_restores_what_is_there_and_goes_on_when_there_is_room() {
    for shm_left in [true, false] {
        let Some(folder) = Folder::mounted("4m") else { return };
        killed(&folder, 10);
        if !shm_left {
            fs::remove_file(folder.path.join("journal.db-shm")).unwrap();
        }
        fill(&folder);
        let (journal, restored) = Journal::open_or_aside(&folder.journal()).unwrap();
        assert_eq!(
            restored.entries,
            (1..=30).map(entry).collect::<Vec<_>>(),
            "{:?}",
            restored.findings
        );
        let told = spawn(journal);
        (11..=500).for_each(|n| told.writer.submit(batch(n)));
        failed_then_recovered(&told, 1_500, || fs::remove_file(folder.path.join("ballast")).unwrap());
        assert!(told.writer.stop());
        all_there(&folder, 500);
    }
}

fn remount(folder: &Folder, how: &str) {
    assert!(folder.mount(&format!("remount,{how}")), "remount {how}");
}

#[test]
fn a_start_on_a_read_only_disk_restores_what_is_there_and_goes_on_when_it_heals() {
    for after_a_kill in [false, true] {
        let Some(folder) = Folder::mounted("4m") else { return };
        if after_a_kill {
            killed(&folder, 1);
        } else {
            written(&folder.journal(), 1);
        }
        remount(&folder, "ro");
        let refused = Journal::open(&folder.journal()).map(|_| ()).unwrap_err();
        assert!(matches!(refused, JournalError::Unwritable { .. }), "{refused}");
        let (mut journal, restored) = Journal::open_or_aside(&folder.journal()).unwrap();
        journal.claim(&restored, "lyon-2").unwrap();
        assert_eq!(
            restored.entries,
            (1..=3).map(entry).collect::<Vec<_>>(),
            "{:?}",
            restored.findings
        );
        assert!(
            restored.findings[0].contains("started all the same"),
            "{:?}",
            restored.findings
        );
        let told = spawn(journal);
        told.writer.submit(batch(2));
        failed_then_recovered(&told, 6, || remount(&folder, "rw"));
        assert!(told.writer.stop());
        all_there(&folder, 2);
        let (mut journal, restored) = Journal::open(&folder.journal()).unwrap();
        let other = journal.claim(&restored, "lyon-3").unwrap_err();
        assert!(other.to_string().contains("lyon-2"), "claimed when it healed: {other}");
    }
}

//! A broken file must not stop a start, and latched votes in it must not be lost.

use std::fs;
use std::os::unix::fs::FileExt;

use super::super::{JournalError, Reader};
use super::*;

fn broken_names(folder: &Folder) -> Vec<String> {
    let mut names = folder.names();
    names.retain(|name| name.starts_with("journal.db.broken-") && !name.ends_with("-wal") && !name.ends_with("-shm"));
    names
}

#[test]
fn garbage_is_refused_with_a_way_out_and_set_aside_by_the_gateway() {
    for garbage in [
        vec![0x5A; 100_000],
        vec![0; 8_192],
        b"x".to_vec(),
        b"SQLite format 3\0".repeat(900),
    ] {
        let folder = Folder::new();
        fs::write(folder.journal(), &garbage).unwrap();
        let refused = Journal::open(&folder.journal()).map(|_| ()).unwrap_err();
        assert!(matches!(refused, JournalError::Corrupt { .. }), "{refused}");
        assert!(refused.to_string().contains("move it away"), "{refused}");
        let (journal, restored) = Journal::open_or_aside(&folder.journal()).unwrap();
        assert!(restored.findings[0].contains(".broken-"), "{:?}", restored.findings);
        let names = broken_names(&folder);
        assert_eq!(names.len(), 1, "{names:?}");
        assert_eq!(
            fs::read(folder.path.join(&names[0])).unwrap(),
            garbage,
            "kept as it was"
        );
        let told = spawn(journal);
        told.writer.submit(batch(1));
        told.stored_through(3);
    }
}

#[test]
fn an_empty_file_is_a_new_journal() {
    let folder = Folder::new();
    fs::write(folder.journal(), "").unwrap();
    let (_, restored) = Journal::open(&folder.journal()).unwrap();
    assert!(restored.findings.is_empty() && restored.entries.is_empty());
}

/// Overwrites every page that holds lines for people, which are nearly all pages of a grown journal.
fn spoil_pages_with(folder: &Folder, words: &[u8]) -> usize {
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(folder.journal())
        .unwrap();
    let all = fs::read(folder.journal()).unwrap();
    let pages = all.chunks(4_096).enumerate().skip(1);
    let spoiled = pages.filter(|(_, page)| page.windows(words.len()).any(|found| found == words));
    spoiled
        .map(|(n, _)| file.write_all_at(&[0xA5; 4_096], n as u64 * 4_096).unwrap())
        .count()
}

#[test]
fn decisions_survive_damage_elsewhere_in_the_file() {
    let folder = Folder::new();
    written(&folder.journal(), 200);
    assert!(spoil_pages_with(&folder, b"batch ") > 0);
    let key = super::super::rows::progress_key(Reader::open(&folder.journal()).unwrap().connection()).unwrap();
    let (journal, restored) = Journal::open_or_aside(&folder.journal()).unwrap();
    assert_eq!(restored.entries, (1..=600).map(entry).collect::<Vec<_>>());
    assert_eq!(restored.marks, [mark("gas-1", 7, 200)]);
    assert_eq!((restored.engine_ms, Some(restored.progress_key)), (6_000, key));
    assert_eq!(restored.findings.len(), 1, "the chain holds: {:?}", restored.findings);
    let told = spawn(journal);
    told.writer.submit(batch(201));
    told.stored_through(603);
    assert!(told.writer.stop());
    assert!(Journal::open(&folder.journal()).unwrap().1.findings.is_empty());
}

#[test]
fn a_saved_journal_stays_its_sites() {
    let folder = Folder::new();
    written(&folder.journal(), 200);
    let (mut journal, restored) = Journal::open(&folder.journal()).unwrap();
    journal.claim(&restored, "lyon-2").unwrap();
    drop(journal);
    assert!(spoil_pages_with(&folder, b"batch ") > 0);
    let (mut journal, restored) = Journal::open_or_aside(&folder.journal()).unwrap();
    assert!(restored.findings[0].contains(".broken-"), "{:?}", restored.findings);
    let other = journal.claim(&restored, "lyon-3").unwrap_err();
    assert!(matches!(other, JournalError::OtherSite { .. }), "{other}");
}

#[test]
fn of_damaged_decisions_the_first_and_the_latest_are_saved() {
    let folder = Folder::new();
    written(&folder.journal(), 200);
    assert!(spoil_pages_with(&folder, b"db-300.") > 0);
    let (_, restored) = Journal::open_or_aside(&folder.journal()).unwrap();
    let seqs: Vec<_> = restored.entries.iter().map(|entry| entry.seq).collect();
    assert!(seqs.first() == Some(&1) && seqs.last() == Some(&600), "{seqs:?}");
    assert!(!seqs.contains(&300));
    assert!(
        restored
            .findings
            .iter()
            .any(|line| line.contains("the chain is broken")),
        "{:?}",
        restored.findings
    );
}

#[test]
fn a_file_that_breaks_while_it_is_used_is_replaced_and_nothing_that_waits_is_lost() {
    let folder = Folder::new();
    written(&folder.journal(), 200);
    let (mut journal, _) = Journal::open(&folder.journal()).unwrap();
    // As after an error of the disk: the connection is given up, and the file is found broken when it is opened again.
    journal.store = None;
    assert!(spoil_pages_with(&folder, b"batch ") > 0);
    let told = spawn(journal);
    told.writer.submit(batch(201));
    told.stored_through(603);
    assert!(told.writer.stop());
    assert_eq!(broken_names(&folder).len(), 1);
    let (_, restored) = Journal::open(&folder.journal()).unwrap();
    assert_eq!(restored.entries, (1..=603).map(entry).collect::<Vec<_>>());
    assert!(restored.findings.is_empty(), "{:?}", restored.findings);
}

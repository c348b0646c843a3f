//! Where a journal may be, and who may have it.

use rusqlite::Connection;

use super::super::{JournalError, Reader, Restored};
use super::*;

#[test]
fn a_second_process_is_refused_and_a_reader_is_not() {
    let folder = Folder::new();
    let (journal, _) = Journal::open(&folder.journal()).unwrap();
    for second in [
        Journal::open(&folder.journal()),
        Journal::open_or_aside(&folder.journal()),
    ] {
        let refused = second.map(|_| ()).unwrap_err();
        assert!(matches!(refused, JournalError::Locked { .. }), "{refused}");
    }
    Reader::open(&folder.journal()).unwrap();
    drop(journal);
    Journal::open(&folder.journal()).unwrap();
}

#[test]
fn a_missing_folder_and_a_folder_as_file_are_named() {
    let folder = Folder::new();
    let missing = Journal::open_or_aside(&folder.path.join("no/journal.db"))
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(missing, JournalError::Folder { .. }), "{missing}");
    let directory = Journal::open_or_aside(&folder.path).map(|_| ()).unwrap_err();
    assert!(matches!(directory, JournalError::NotAFile { .. }), "{directory}");
    assert_eq!(folder.names(), Vec::<String>::new(), "nothing was made");
}

#[test]
fn another_programs_file_and_a_later_musters_stay_untouched() {
    let folder = Folder::new();
    Connection::open(folder.journal())
        .unwrap()
        .execute_batch("CREATE TABLE theirs (x)")
        .unwrap();
    let foreign = Journal::open_or_aside(&folder.journal()).map(|_| ()).unwrap_err();
    assert!(matches!(foreign, JournalError::Foreign { .. }), "{foreign}");
    std::fs::remove_file(folder.journal()).unwrap();
    written(&folder.journal(), 1);
    Connection::open(folder.journal())
        .unwrap()
        .pragma_update(None, "user_version", 2)
        .unwrap();
    let newer = Journal::open_or_aside(&folder.journal()).map(|_| ()).unwrap_err();
    assert!(matches!(newer, JournalError::Newer { found: 2, .. }), "{newer}");
    assert!(!folder.names().iter().any(|name| name.contains("broken")));
}

fn claimed(path: &Path, site: &str) -> Result<Restored, JournalError> {
    let (mut journal, restored) = Journal::open_or_aside(path)?;
    journal.claim(&restored, site)?;
    Ok(restored)
}

#[test]
fn the_votes_of_one_site_never_go_on_in_another() {
    let folder = Folder::new();
    written(&folder.journal(), 1);
    let before_owners = claimed(&folder.journal(), "lyon-2").unwrap();
    assert_eq!(before_owners.entries.len(), 3, "its own go on");
    let other = claimed(&folder.journal(), "lyon-3").unwrap_err();
    let words = other.to_string();
    assert!(matches!(other, JournalError::OtherSite { .. }), "{words}");
    for word in [
        "journal.db",
        "\"lyon-2\"",
        "\"lyon-3\"",
        "[store]",
        "move the file away",
    ] {
        assert!(words.contains(word), "{words}");
    }
    assert_eq!(
        claimed(&folder.journal(), "lyon-2").unwrap().entries.len(),
        3,
        "untouched"
    );
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_it_as_it_holds_a_key() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let told = spawn(Journal::open(&folder.journal()).unwrap().0);
    told.writer.submit(batch(1));
    told.stored_through(3);
    for name in ["journal.db", "journal.db-wal"] {
        let mode = std::fs::metadata(folder.path.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

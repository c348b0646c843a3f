//! Every alteration, cut and reorder inside the journal is found, and none stops the start.

use rusqlite::Connection;

use super::super::{Break, Reader};
use super::*;

/// Nine entries, then `sql`; the breaks that are found.
fn after(sql: &str) -> (Folder, Vec<Break>) {
    let folder = Folder::new();
    written(&folder.journal(), 3);
    Connection::open(folder.journal()).unwrap().execute_batch(sql).unwrap();
    let breaks = Reader::open(&folder.journal()).unwrap().verify().unwrap().breaks;
    (folder, breaks)
}

#[test]
fn an_untouched_chain_holds() {
    assert_eq!(after("").1, []);
}

#[test]
fn an_alteration_of_any_column_is_found() {
    for change in [
        "body = replace(body, 'busan', 'seoul')",
        "at_ms = at_ms + 1",
        "wall_ms = wall_ms - 3600000",
        "body = body || ' '",
    ] {
        let (_, breaks) = after(&format!("UPDATE entry SET {change} WHERE seq = 5"));
        assert_eq!(breaks, [Break::Altered { seq: 5 }], "{change}");
    }
    let (_, breaks) = after("UPDATE entry SET kind = 'vote_held' WHERE seq = 5");
    assert_eq!(breaks, [Break::Kind { seq: 5 }]);
    let (_, breaks) = after("UPDATE entry SET hash = x'00' WHERE seq = 5");
    assert_eq!(breaks, [Break::Altered { seq: 5 }, Break::Altered { seq: 6 }]);
    let (_, breaks) = after("UPDATE entry SET at_ms = 0 WHERE seq = 1");
    assert_eq!(breaks, [Break::Beginning { seq: 1 }]);
}

#[test]
fn a_cut_at_the_beginning_or_inside_is_found() {
    assert_eq!(
        after("DELETE FROM entry WHERE seq = 4").1,
        [Break::Gap { after: 3, seq: 5 }]
    );
    assert_eq!(
        after("DELETE FROM entry WHERE seq < 4").1,
        [Break::Beginning { seq: 4 }]
    );
    // Closing the gap by renumbering does not help.
    let renumbered = "DELETE FROM entry WHERE seq = 4; UPDATE entry SET seq = 4 WHERE seq = 5;
        UPDATE entry SET seq = 5 WHERE seq = 6; UPDATE entry SET seq = 6 WHERE seq = 7;
        UPDATE entry SET seq = 7 WHERE seq = 8; UPDATE entry SET seq = 8 WHERE seq = 9;";
    let (_, breaks) = after(renumbered);
    assert_eq!(breaks, (4..=8).map(|seq| Break::Altered { seq }).collect::<Vec<_>>());
}

#[test]
fn a_reorder_is_found() {
    let swapped = "UPDATE entry SET seq = -1 WHERE seq = 4; UPDATE entry SET seq = 4 WHERE seq = 5;
        UPDATE entry SET seq = 5 WHERE seq = -1;";
    let (_, breaks) = after(swapped);
    assert_eq!(breaks, [4, 5, 6].map(|seq| Break::Altered { seq }));
}

#[test]
fn an_entry_that_was_put_in_is_found() {
    let (_, breaks) = after("INSERT INTO entry SELECT 10, at_ms, wall_ms, kind, body, hash FROM entry WHERE seq = 9");
    assert_eq!(breaks, [Break::Altered { seq: 10 }]);
}

#[test]
fn a_cut_at_the_end_shows_only_in_the_head() {
    let folder = Folder::new();
    written(&folder.journal(), 3);
    let noted = Reader::open(&folder.journal()).unwrap().verify().unwrap();
    let conn = Connection::open(folder.journal()).unwrap();
    conn.execute("DELETE FROM entry WHERE seq > 7", []).unwrap();
    let now = Reader::open(&folder.journal()).unwrap().verify().unwrap();
    assert!(now.holds(), "a shorter chain is a chain");
    assert_ne!((now.entries, now.head), (noted.entries, noted.head));
}

#[test]
fn a_broken_chain_is_a_finding_and_the_journal_goes_on() {
    let (folder, _) = after("UPDATE entry SET at_ms = 1 WHERE seq = 5; DELETE FROM entry WHERE seq = 7");
    let (journal, restored) = Journal::open(&folder.journal()).unwrap();
    assert_eq!(restored.entries.len(), 8);
    assert_eq!(restored.findings.len(), 2, "{:?}", restored.findings);
    assert!(restored.findings[0].contains("entry 5"), "{:?}", restored.findings);
    let told = spawn(journal);
    told.writer.submit(batch(4));
    told.stored_through(12);
    let breaks = Reader::open(&folder.journal()).unwrap().verify().unwrap().breaks;
    assert_eq!(breaks, [Break::Altered { seq: 5 }, Break::Gap { after: 6, seq: 8 }]);
}

#[test]
fn an_unreadable_entry_inside_is_left_out_and_named() {
    let (folder, _) = after("UPDATE entry SET body = CAST(x'FF00' AS TEXT) WHERE seq = 5");
    let (_, restored) = Journal::open(&folder.journal()).unwrap();
    let seqs: Vec<_> = restored.entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 6, 7, 8, 9]);
    assert!(
        restored
            .findings
            .iter()
            .any(|line| line.contains("entry 5 cannot be read")),
        "{:?}",
        restored.findings
    );
}

#[test]
fn an_unreadable_end_makes_way_for_new_entries_and_is_kept_as_evidence() {
    let (folder, _) = after("UPDATE entry SET body = '{\"kind\":\"from_the_future\"}' WHERE seq >= 8");
    let (journal, restored) = Journal::open(&folder.journal()).unwrap();
    assert_eq!(restored.entries.last().unwrap().seq, 7);
    assert!(
        restored.findings.iter().any(|line| line.contains("last 2 entries")),
        "{:?}",
        restored.findings
    );
    let told = spawn(journal);
    told.writer.submit(Batch {
        entries: vec![entry(8)],
        ..Batch::default()
    });
    told.stored_through(8);
    assert!(told.writer.stop());
    let (journal, restored) = Journal::open(&folder.journal()).unwrap();
    assert_eq!((restored.entries.len(), restored.findings), (8, vec![]));
    drop(journal);
    let conn = Connection::open(folder.journal()).unwrap();
    let kept: i64 = conn
        .query_row("SELECT count(*) FROM aside", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 2);
}

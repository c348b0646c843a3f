//! `muster journal`, on what a real evacuation left behind.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::site::acting_site::SiteText;
use crate::site::alarm_node::both;
use crate::site::desk::Desk;
use crate::site::process::{Muster, document, muster};

/// A folder with the journal of one evacuation that is over.
async fn recorded() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let desk = Desk::willing().await;
    let site = SiteText::new(true, 480).hook("mover", &desk.url, 1).workload(
        "db",
        1,
        &[],
        &[("move", "mover", 20.0), ("stop", "mover", 5.0)],
    );
    let running = Muster::start(&site.write(folder.path(), "site")).await;
    let mut nodes = both(running.mqtt, running.panel, 1);
    for node in &mut nodes {
        node.alarm().await;
    }
    running.api.until_all_safe().await;
    assert_eq!(running.terminate().await.0.code(), Some(0));
    let journal = folder.path().join("journal.db");
    (folder, journal)
}

/// Changes one byte of the file: a letter of the first vote's reason, whichever of the two nodes was heard first.
fn flip(journal: &PathBuf) {
    let mut bytes = std::fs::read(journal).unwrap();
    let needle = b"\"kind\":\"vote_held\"";
    let at = bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    let named = |window: &[u8]| [b"n1.s", b"n2.s"].iter().any(|name| window == *name);
    let letter = at + bytes[at..].windows(4).position(named).unwrap();
    bytes[letter + 1] = b'3';
    std::fs::write(journal, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_people_and_programs_what_was_decided() {
    let (_folder, journal) = recorded().await;
    let path = journal.to_str().unwrap();
    let plain = muster(&["journal", path]).await;
    let text = String::from_utf8_lossy(&plain.stdout);
    assert_eq!(plain.status.code(), Some(0));
    for words in [
        "incident 1 opened",
        "mqtt votes in battery-room",
        "evacuation of battery-room begun",
        "db.move.evacuate.busan decided",
        "db.move.verify.busan done",
    ] {
        assert!(text.contains(words), "{words} is not in:\n{text}");
    }
    let entries = document(&muster(&["journal", "--json", path]).await);
    assert_eq!(entries["schema"], 1);
    let sequences: Vec<u64> = entries["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(sequences.len(), text.lines().count());
    assert!(sequences.iter().zip(1..).all(|(seq, n)| *seq == n), "{sequences:?}");
    let verified = document(&muster(&["journal", "--verify", "--json", path]).await);
    assert_eq!(
        (&verified["holds"], &verified["entries"]),
        (&true.into(), &sequences.len().into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_is_found_and_named() {
    let (_folder, journal) = recorded().await;
    let path = journal.to_str().unwrap();
    let log = journal.with_extension("db-wal");
    assert!(
        std::fs::metadata(log).map_or(true, |log| log.len() == 0),
        "a stop leaves one whole file"
    );
    flip(&journal);
    let entries = document(&muster(&["journal", "--json", path]).await);
    let vote = entries["entries"]
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["kind"] == "vote_held")
        .unwrap()
        .clone();
    let found = muster(&["journal", "--verify", path]).await;
    let said = String::from_utf8_lossy(&found.stdout);
    assert_eq!(found.status.code(), Some(1), "{said}");
    assert!(
        said.contains("broken") && said.contains(&vote["seq"].to_string()),
        "{said}"
    );
    let found = muster(&["journal", "--verify", "--json", path]).await;
    assert_eq!(found.status.code(), Some(1));
    assert_eq!(
        (&document(&found)["holds"], &document(&found)["breaks_total"]),
        (&false.into(), &1.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_journal_is_refused() {
    let folder = TempDir::new().unwrap();
    let missing = muster(&["journal", folder.path().join("none.db").to_str().unwrap()]).await;
    assert_eq!(missing.status.code(), Some(64), "{missing:?}");
    let foreign = folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE a (b)")
        .unwrap();
    let refused = muster(&["journal", "--verify", foreign.to_str().unwrap()]).await;
    assert_eq!(refused.status.code(), Some(64), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_is_refused_the_journal_before_it_hears_anything() {
    let (folder, journal) = recorded().await;
    let path = journal.to_str().unwrap();
    let before = document(&muster(&["journal", "--json", path]).await);
    let desk = Desk::willing().await;
    let config = SiteText::new(true, 480)
        .hook("mover", &desk.url, 1)
        .write(folder.path(), "other");
    let text = std::fs::read_to_string(&config).unwrap();
    let renamed = text.replacen("\nid = \"", "\nid = \"not-", 1);
    assert_ne!(text, renamed);
    std::fs::write(&config, renamed).unwrap();
    let refused = muster(&["run", config.to_str().unwrap()]).await;
    let words = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(64), "{words}");
    assert!(
        words.contains("this is the journal of site") && words.contains("[store]"),
        "{words}"
    );
    assert_eq!(document(&muster(&["journal", "--json", path]).await), before);
    assert!(desk.calls().is_empty());
}

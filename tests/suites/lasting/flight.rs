//! The flight recorder of a gateway that is killed, started again, and whose disk stands still: what is there replays the
//! same, and no decision ever waited for it. That a full queue is a gap with its number is a matter of `recorder/tests`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::site::acting_site::SiteText;
use crate::site::alarm_node::both;
use crate::site::desk::Desk;
use crate::site::disk::Disk;
use crate::site::process::{Muster, document, muster};

/// Second vote to first evacuate hook, whatever the disk does.
const AT_MOST: Duration = Duration::from_secs(2);

fn site(desk: &Desk) -> SiteText {
    let ladder = [("move", "mover", 20.0), ("stop", "mover", 5.0)];
    SiteText::new(true, 480)
        .hook("mover", &desk.url, 4)
        .workload("db", 1, &[], &ladder)
        .workload("web", 2, &["db"], &ladder)
}

fn flight(journal: &Path) -> PathBuf {
    let mut folder = journal.as_os_str().to_owned();
    folder.push(".flight");
    folder.into()
}

async fn replayed(path: &Path, how: &str) -> (Option<i32>, Value) {
    let output = muster(&["replay", how, path.to_str().unwrap(), "--json"]).await;
    (output.status.code(), document(&output))
}

fn count(document: &Value, kind: &str, words: &str) -> usize {
    let decisions = document["decisions"].as_array().unwrap();
    let fits = |d: &&Value| d["kind"] == kind && d["line"].as_str().unwrap().contains(words);
    decisions.iter().filter(fits).count()
}

fn joins(document: &Value) -> Vec<&str> {
    let segments = document["segments"].as_array().unwrap();
    segments.iter().map(|s| s["joins"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_in_an_evacuation_replays_the_same_on_both_sides_of_it() {
    let desk = Desk::willing().await;
    let folder = TempDir::new().unwrap();
    let config = site(&desk).write(folder.path(), "site");
    let muster = Muster::start(&config).await;
    let mut voices = both(muster.mqtt, muster.panel, 1);
    voices[0].alarm().await;
    muster.until_said("vote", "votes", 1).await;
    voices[1].alarm().await;
    muster.until_said("workload", "safe", 1).await;
    muster.kill().await;
    let recorded = flight(&folder.path().join("journal.db"));
    // Before anything writes there again: the kill has cost nothing that was decided and said.
    let (code, first) = replayed(&recorded, "--every-decision").await;
    assert_eq!((code, &first["verdict"]), (Some(0), &Value::from("same")), "{first:#}");
    assert_eq!(count(&first, "journal", "vote_held"), 2);
    assert!(count(&first, "workload", "safe") >= 1);

    let muster = Muster::start(&config).await;
    muster.api.until_all_safe().await;
    // A second more than the pause between two digests.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(muster.terminate().await.0.code(), Some(0));
    let (code, both) = replayed(&recorded, "--from=T-60:00").await;
    assert_eq!((code, &both["verdict"]), (Some(0), &Value::from("same")), "{both:#}");
    assert_eq!(joins(&both), ["begins", "started"]);
    assert!(both["digests"].as_u64().unwrap() > 0);
    let figures = &both["incidents"][0];
    let took = figures["second_vote_to_evacuate_hook_ms"].as_i64().unwrap();
    assert!((0..=2_000).contains(&took), "{took} ms");
    spoilt(&recorded).await;
}

/// A changed byte is told, and what stands before it still replays.
async fn spoilt(recorded: &Path) {
    let first = recorded.join("00000001.incident-1.seg");
    let mut bytes = std::fs::read(&first).unwrap();
    let last = bytes.len() - 10;
    bytes[last] ^= 1;
    std::fs::write(&first, bytes).unwrap();
    let (code, document) = replayed(&first, "--to=T+60:00").await;
    assert_eq!(code, Some(0));
    let tear = document["segments"][0]["tear"].as_str().unwrap();
    assert!(tear.contains("checksum"), "{tear}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_whose_disk_stands_still_delays_nothing_says_so_and_keeps_what_waits() {
    let Some(disk) = Disk::that_can_stand_still() else {
        return;
    };
    let desk = Desk::willing().await;
    let folder = TempDir::new().unwrap();
    let journal = folder.path().join("journal.db");
    // Only the recorder's disk is sick.
    std::os::unix::fs::symlink(disk.path(), flight(&journal)).unwrap();
    let muster = Muster::start(&site(&desk).write(folder.path(), "site")).await;
    let mut voices = both(muster.mqtt, muster.panel, 1);
    disk.freeze();
    let sick = |status: &Value| {
        let troubles = status["troubles"].as_array().unwrap();
        troubles.iter().any(|t| t["subject"] == "recorder")
    };
    muster.api.until("the recorder's trouble", &sick).await;
    voices[0].alarm().await;
    muster.until_said("vote", "votes", 1).await;
    let second = desk.now();
    voices[1].alarm().await;
    let took = desk.until_evacuate("db", "move").await.at - second;
    println!("second vote to first evacuate hook while the recorder's disk stands still: {took:?}");
    assert!(took <= AT_MOST, "{took:?}");
    muster.api.until_all_safe().await;
    disk.thaw();
    muster.api.until("the trouble goes", |status| !sick(status)).await;
    assert_eq!(muster.terminate().await.0.code(), Some(0));
    let (code, document) = replayed(&flight(&journal), "--every-decision").await;
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(joins(&document), ["begins"], "all of it waited in memory: {document:#}");
    assert_eq!(count(&document, "journal", "vote_held"), 2);
}

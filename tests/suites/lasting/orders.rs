//! What people ordered survives a kill.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::site::acting_site::{ANNA, BEN, SiteText};
use crate::site::desk::Desk;
use crate::site::process::{Muster, document, muster};

/// Waits until the journal says so; an answer may come a moment before the disk has it.
async fn until_written(journal: &Path, kind: &str, n: usize) {
    for _ in 0..500 {
        let document = document(&muster(&["journal", "--json", journal.to_str().unwrap()]).await);
        if document["entries"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|e| e["kind"] == kind)
            .count()
            >= n
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{n} {kind} never reached the journal");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_arming_a_waiting_order_and_an_abort_survive() {
    let desk = Desk::open(|call| if call.word("phase") == "evacuate" { 202 } else { 200 }).await;
    let site = SiteText::new(false, 480)
        .hook("mover", &desk.url, 1)
        .workload("a", 1, &[], &[("move", "mover", 20.0)])
        .workload("b", 2, &["a"], &[("move", "mover", 20.0)]);
    let folder = TempDir::new().unwrap();
    let (config, journal) = (site.write(folder.path(), "site"), folder.path().join("journal.db"));
    let first = Muster::start(&config).await;
    first.api.both_order("arm").await;
    first.api.order(ANNA, &json!({ "verb": "evacuate" })).await;
    until_written(&journal, "order_pending", 2).await;
    first.kill().await;

    let second = Muster::start(&config).await;
    let status = second.api.status().await;
    assert_eq!(status["armed"], true);
    assert!(
        status["orders"].to_string().contains("evacuate by anna waits"),
        "{}",
        status["orders"]
    );
    let (_, taken) = second.api.order(BEN, &json!({ "verb": "evacuate" })).await;
    assert_eq!(taken["verdict"], "taken", "{taken}");
    assert_eq!(desk.until_evacuate("a", "move").await.word("mode"), "live");
    second.api.both_order("abort").await;
    until_written(&journal, "order_taken", 3).await;
    second.kill().await;

    let third = Muster::start(&config).await;
    let status = third.api.status().await;
    assert!(status["orders"].to_string().contains("aborted"), "{}", status["orders"]);
    assert_eq!(status["incident"]["id"], "ansan-1");
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(
        desk.of_phase("evacuate").iter().all(|c| c.word("workload") == "a"),
        "b was begun after an abort"
    );
}

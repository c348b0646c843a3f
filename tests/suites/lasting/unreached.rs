//! Killed between the intent and the first call that gets through.

use std::collections::BTreeMap;

use tempfile::TempDir;

use crate::site::acting_site::{SiteText, lasting_port};
use crate::site::alarm_node::both;
use crate::site::desk::Desk;
use crate::site::process::{Muster, document, muster};

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_were_decided_and_never_got_through_are_called_after_a_restart() {
    let port = lasting_port();
    let site = SiteText::new(true, 480)
        .hook("mover", &format!("http://127.0.0.1:{port}/"), 4)
        .workload("db", 1, &[], &[("move", "mover", 30.0)])
        .workload("web", 1, &[], &[("move", "mover", 30.0)]);
    let folder = TempDir::new().unwrap();
    let config = site.write(folder.path(), "site");
    let first = Muster::start(&config).await;
    let mut nodes = both(first.mqtt, 1);
    for node in &mut nodes {
        node.alarm().await;
    }
    // The cordon is given up after a second, then both moves are tried.
    first.until_said("step", "move takes", 4).await;
    first.until_said("step", "is tried again", 4).await;
    first.kill().await;
    let journal = folder.path().join("journal.db");
    let entries = document(&muster(&["journal", "--json", journal.to_str().unwrap()]).await);
    let records = entries["entries"].as_array().unwrap().iter().map(|e| &e["record"]);
    let intents = records.filter(|r| r["kind"] == "step_intent" && r["phase"] == "evacuate");
    let decided: BTreeMap<String, u64> = intents
        .map(|r| {
            (
                format!("ansan-1.{}", r["step"].as_str().unwrap()),
                r["token"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(decided.len(), 2);

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let desk = Desk::open_at(listener, |_| 200);
    let second = Muster::start(&config).await;
    second.api.until_all_safe().await;
    let called: BTreeMap<String, u64> = desk
        .of_phase("evacuate")
        .iter()
        .map(|c| (c.key.clone(), c.token()))
        .collect();
    assert_eq!(called, decided, "the same keys and the same tokens");
    assert_eq!(desk.of_phase("evacuate").len(), 2);
}

//! Nodes that are not heard any more: trouble, in time, and never an alarm.

use std::time::Duration;

use muster_core::View;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::peers::{Canary, Paho, heat, pack, topic, voc};
use super::raw_bytes_paho::{connect_packet, publish_packet};
use crate::stand::{Room, SOON, Stand};

const NODE: &str = "node-1";

fn in_trouble(view: &View) -> bool {
    view.troubles.iter().any(|t| t.subject.starts_with(NODE))
}

fn well(node: &str, seq: u64) -> Vec<u8> {
    pack(node, 1, seq, &format!("{},{}", voc(0.5), heat(25.0)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_client_is_trouble_at_once_and_online_does_not_clear_it() {
    let stand = Stand::start(Room::with(&[Canary::ID, NODE])).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    let will = json!({"will": {"topic": topic(NODE, "state"), "payload": "offline"}});
    for (round, options) in [will, json!({})].into_iter().enumerate() {
        let mut node = Paho::login(stand.mqtt(), NODE, 5, options).await;
        assert!(node.login.connected);
        let mut seq = round as u64 * 1_000;
        // Fresh readings clear the trouble of the round before.
        let mut healthy = false;
        while !healthy {
            seq += 1;
            node.send(&topic(NODE, "data"), &well(NODE, seq)).await;
            healthy = !in_trouble(&stand.view());
        }
        node.kill().await;
        let (_, took) = stand
            .within(Duration::from_secs(3), "trouble of a killed client", in_trouble)
            .await;
        println!("kill -9 -> trouble: {took:?}");

        let mut again = Paho::connect(stand.mqtt(), NODE, 5).await;
        for _ in 0..3 {
            let said = again.publish(&topic(NODE, "state"), b"online", true).await;
            assert_eq!(said.reason, "Success");
        }
        canary.is_heard(&stand.api).await;
        assert!(in_trouble(&stand.view()), "`online` cleared trouble");
        let said = again.publish(&topic(NODE, "state"), b"offline", true).await;
        assert_eq!(said.reason, "Success");
        assert!(in_trouble(&stand.view()));
    }
    canary.alone_votes(&stand, "killed clients").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_pings_but_says_nothing_is_stale_within_its_window() {
    let stand = Stand::start(Room::with(&[Canary::ID, NODE]).supervision_s(2)).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    let mut node = Paho::connect(stand.mqtt(), NODE, 4).await;
    node.send(&topic(NODE, "data"), &well(NODE, 1)).await;
    let (view, took) = stand.within(Duration::from_secs(4), "stale", in_trouble).await;
    println!("last reading -> stale trouble: {took:?} (window 2 s)");
    let line = &view.troubles.iter().find(|t| t.subject.starts_with(NODE)).unwrap().line;
    assert!(
        took >= Duration::from_millis(1_500),
        "too early, after {took:?}: {line}"
    );
    let said = node.publish(&topic(NODE, "state"), b"online", true).await;
    assert!(said.connected, "its connection was sound");
    canary.alone_votes(&stand, "a silent client").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_line_is_noticed_by_the_keep_alive() {
    let stand = Stand::start(Room::with(&[Canary::ID, NODE])).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    let mut node = TcpStream::connect(("127.0.0.1", stand.mqtt())).await.unwrap();
    node.write_all(&connect_packet(NODE, 1)).await.unwrap();
    node.write_all(&publish_packet(&topic(NODE, "data"), &well(NODE, 1)))
        .await
        .unwrap();
    stand
        .api
        .until_channel("node-1.voc", "it is heard", |c| c.quality == "good")
        .await;
    // No byte more, and the socket stays open: the broker has to end it.
    let (_, took) = stand
        .within(Duration::from_secs(5), "trouble of a dead line", in_trouble)
        .await;
    println!("dead line with a keep-alive of 1 s -> trouble: {took:?}");
    let mut rest = Vec::new();
    timeout(SOON, node.read_to_end(&mut rest))
        .await
        .expect("the broker keeps a dead line")
        .unwrap();
    stand.api.until_count("broken", 1).await;
    assert_eq!(stand.api.dropped().await, [("broken".to_owned(), 1)]);
    canary.alone_votes(&stand, "a dead line").await;
}

//! What two nodes amount to is what their listener can prove.

use std::net::SocketAddr;

use muster::clock::Stopwatch;
use serde_json::{Value, json};

use super::peers::{Paho, pack, topic, voc};
use crate::stand::{Enrolled, Process, Room, SOON};

const NODES: [&str; 2] = ["node-1", "node-2"];

/// A room with both nodes, and a polled panel beside them, as every room needs two groups.
async fn room(proof: Option<&Enrolled>) -> Process {
    let room = Room::with(&NODES).contacts("panel", "127.0.0.1:9");
    let room = proof.map_or(room.clone(), |site| room.enrolled(site));
    let text = room.text(SocketAddr::from(([127, 0, 0, 1], 9)));
    Process::of(&text.replace("single_group = true\n", "")).await
}

/// Both alarm, twice, so that what the first round decides has been decided. What the page says then.
async fn both_alarm(proof: Option<&Enrolled>, votes: usize) -> Value {
    let muster = room(proof).await;
    let mut nodes = Vec::new();
    for id in NODES {
        let more = proof.map_or(json!({}), |site| site.paho(Some(&site.shown(id))));
        let node = Paho::login(muster.mqtt, id, 5, more).await;
        assert!(node.login.connected, "{:?}", node.login);
        nodes.push(node);
    }
    for seq in 1..=2 {
        for (id, node) in NODES.into_iter().zip(&mut nodes) {
            let ppm = 99.0 + seq as f64;
            node.send(&topic(id, "alarm"), &pack(id, 1, seq, &voc(ppm))).await;
            let is_heard = |c: &muster_core::ChannelView| c.value == Some(ppm.to_string());
            muster
                .api
                .until_channel(&format!("{id}.voc"), "it is heard", is_heard)
                .await;
        }
    }
    // The page follows the decision within a moment.
    let since = Stopwatch::start();
    loop {
        let status = muster.api.status().await;
        let shown = status["votes"].as_array().unwrap().len();
        if shown == votes {
            return status;
        }
        assert!(shown < votes && since.elapsed() < SOON, "{status}");
    }
}

fn headlines(status: &Value) -> usize {
    let lines = status["headline"].as_array().unwrap().iter();
    lines
        .filter(|line| line.as_str().unwrap().starts_with("INSECURE"))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_without_certificates_never_evacuate_alone() {
    let status = both_alarm(None, 1).await;
    assert_eq!(
        (&status["level"], &status["insecure"]),
        (&json!("prepare"), &json!(["mqtt"]))
    );
    assert_eq!(
        (headlines(&status), &status["votes"][0]["group"]),
        (1, &json!("mqtt")),
        "{status}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_with_certificates_evacuate() {
    let site = Enrolled::with(&NODES);
    let status = both_alarm(Some(&site), 2).await;
    assert_eq!(
        (&status["level"], &status["insecure"]),
        (&json!("evacuate"), &json!([]))
    );
    assert_eq!(headlines(&status), 0, "{status}");
}

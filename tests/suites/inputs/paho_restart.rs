//! What was taken before a stop is not taken again after it.

use muster::lanes::Mark;

use super::peers::{Canary, Paho, heat, pack, topic, voc};
use crate::stand::{Room, Stand};

const NODE: &str = "node-1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn high_water_marks_survive_a_restart() {
    let stand = Stand::start(Room::with(&[Canary::ID, NODE])).await;
    let mut node = Paho::connect(stand.mqtt(), NODE, 5).await;
    let old = pack(NODE, 3, 7, &voc(1.0));
    node.send(&topic(NODE, "data"), &old).await;
    let stand = stand.restart().await;

    let mut node = Paho::connect(stand.mqtt(), NODE, 5).await;
    let alarming = |boot, seq| pack(NODE, boot, seq, &voc(100.0));
    for (n, payload) in (1..).zip([old, alarming(3, 7), alarming(3, 6), alarming(2, 900)]) {
        node.send(&topic(NODE, "alarm"), &payload).await;
        assert_eq!(stand.api.count("replayed").await, n);
    }
    node.send(&topic(NODE, "data"), &pack(NODE, 3, 8, &heat(31.0))).await;
    stand
        .api
        .until_channel("node-1.temperature", "the next one is heard", |c| {
            c.value.as_deref() == Some("31")
        })
        .await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    canary.alone_votes(&stand, "packs from before the restart").await;
}

/// Alarms overtake readings on their way to the engine, so the older pack may be the last to arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_pack_that_arrives_last_does_not_lower_the_mark() {
    let stand = Stand::start(Room::with(&[Canary::ID, NODE])).await;
    for seq in [9, 4] {
        let mark = Mark {
            node: NODE.into(),
            boot: 1,
            seq,
        };
        let batch = stand.gateway.lanes.batch(Vec::new(), Some(mark));
        stand.gateway.lanes.alarm.send(batch).await.unwrap();
    }
    let stand = stand.restart().await;
    let mut node = Paho::connect(stand.mqtt(), NODE, 5).await;
    node.send(&topic(NODE, "alarm"), &pack(NODE, 1, 9, &voc(100.0))).await;
    assert_eq!(stand.api.count("replayed").await, 1);
    stand.assert_undecided("a pack at the mark");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vote_and_its_incident_survive_a_restart() {
    let stand = Stand::start(Room::with(&[Canary::ID, NODE])).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    canary.alone_votes(&stand, "nothing").await;
    let incident = stand.view().incident.clone().unwrap().id;
    let stand = stand.restart().await;
    let view = stand.until("the vote is there", |v| v.votes.len() == 1).await;
    assert_eq!(view.incident.as_ref().map(|i| i.id.clone()), Some(incident));
    // The second vote, of the other node, completes what the first began before the restart.
    let mut node = Paho::connect(stand.mqtt(), NODE, 4).await;
    node.send(&topic(NODE, "alarm"), &pack(NODE, 1, 1, &voc(100.0))).await;
    assert!(
        stand
            .catcher
            .until("evacuate", |c| c.word("phase") == "evacuate")
            .await
            .signed
    );
}

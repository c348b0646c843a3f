//! Reloads in the middle of a flood: every pack that was acknowledged was decided on, and none by another's name.

use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use tokio::time::timeout;

use crate::stand::{Room, SITE, SOON, Stand};

const PACKS: u64 = 3_000;
const RELOADS: u64 = 20;

/// Publishes one harmless reading a pack; ends when the broker has acknowledged every one.
async fn publish_all(port: u16, node: &'static str) {
    let mut options = MqttOptions::new(node, "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(30));
    let (client, mut events) = AsyncClient::new(options, 16);
    let publisher = tokio::spawn(async move {
        for seq in 1..=PACKS {
            let pack = format!(
                r#"[{{"bn":"{node}:","n":"boot","v":1}},{{"n":"seq","v":{seq}}},{{"n":"voc","u":"ppm","v":1}}]"#
            );
            let topic = format!("muster/v1/{SITE}/{node}/data");
            client.publish(topic, QoS::AtLeastOnce, false, pack).await.unwrap();
        }
        client
    });
    let mut acknowledged = 0;
    while acknowledged < PACKS {
        let event = timeout(SOON, events.poll())
            .await
            .expect("no acknowledgement")
            .expect("the connection broke");
        acknowledged += u64::from(matches!(event, Event::Incoming(Packet::PubAck(_))));
    }
    publisher.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_pack_is_lost_and_no_connection_ended() {
    let rooms = [Room::with(&["a", "b"]), Room::with(&["front", "b", "a"])];
    let mut stand = Stand::start(rooms[0].clone()).await;
    let port = stand.mqtt();
    let publishing = [
        tokio::spawn(publish_all(port, "a")),
        tokio::spawn(publish_all(port, "b")),
    ];
    let mut reloads = 0;
    while reloads < RELOADS || !publishing.iter().all(tokio::task::JoinHandle::is_finished) {
        reloads += 1;
        stand.reload(rooms[reloads as usize % 2].clone()).await.unwrap();
        // The next one falls elsewhere in the flood.
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    for task in publishing {
        task.await.unwrap();
    }
    let all = |text: &str| text.contains(&format!("muster_readings_total {}", 2 * PACKS));
    let since = muster::clock::Stopwatch::start();
    while !all(&stand.api.get("/metrics").await) {
        assert!(
            since.elapsed() < SOON,
            "{:?} after {reloads} reloads",
            stand.api.dropped().await
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for lost in ["reloaded", "unknown_node", "unknown_channel", "replayed"] {
        assert_eq!(stand.api.count(lost).await, 0, "{lost} after {reloads} reloads");
    }
    stand.assert_undecided("a flood of readings that are well");
}

//! From clients of four kinds to the webhook.

use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use super::peers::{Paho, pack, topic, voc};
use crate::stand::{Room, SOON, Script, Stand};
use muster_core::Level;

/// `mosquitto_pub`: one message of one client. Its output is its own.
async fn mosquitto_pub(port: u16, node: &str, version: &str, payload: &[u8]) -> bool {
    let mut command = Command::new("mosquitto_pub");
    let port = port.to_string();
    let topic = topic(node, "alarm");
    command.args([
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "-i",
        node,
        "-V",
        version,
        "-q",
        "1",
        "-t",
        &topic,
        "-m",
    ]);
    command.arg(std::str::from_utf8(payload).unwrap()).kill_on_drop(true);
    let ended = timeout(SOON, command.status()).await.expect("mosquitto_pub hangs");
    ended.unwrap().success()
}

/// A pymodbus server, and the address it listens on.
pub(super) async fn pymodbus(units: &[u8]) -> (Script, String) {
    let mut script = Script::start("inputs/modbus_server.py", &json!({ "units": units }));
    let port = script.hear().await["port"].as_u64().unwrap();
    (script, format!("127.0.0.1:{port}"))
}

/// Sets what a read of this function gets at an address.
pub(super) async fn set(server: &mut Script, function: u8, address: u16, value: u16) {
    let answer = server.ask(&json!({"set": [function, address, value]})).await;
    assert_eq!(answer["set"], Value::Bool(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paho_and_mosquitto_vote_and_a_pymodbus_contact_evacuates() {
    let (mut panel, address) = pymodbus(&[1]).await;
    let stand = Stand::start(Room::with(&["p5", "p311"]).contacts("panel", &address)).await;
    stand
        .until("the panel is heard", |v| v.channels_good >= 1 && v.votes.is_empty())
        .await;

    // Both versions on one port, at the same time; below the limit nothing happens.
    let mut v5 = Paho::connect(stand.mqtt(), "p5", 5).await;
    let mut v311 = Paho::connect(stand.mqtt(), "p311", 4).await;
    v5.send(&topic("p5", "data"), &pack("p5", 1, 1, &voc(1.0))).await;
    v311.send(&topic("p311", "data"), &pack("p311", 1, 1, &voc(1.0))).await;
    for channel in ["p5.voc", "p311.voc"] {
        stand
            .api
            .until_channel(channel, "it is heard", |c| c.value.as_deref() == Some("1"))
            .await;
    }
    stand.assert_undecided("quiet readings");

    v5.send(&topic("p5", "alarm"), &pack("p5", 1, 2, &voc(45.0))).await;
    let view = stand.until("the first vote", |v| !v.votes.is_empty()).await;
    assert_eq!((view.level, view.votes.len()), (Level::Prepare, 1), "{}", view.why);

    let since = muster::clock::Stopwatch::start();
    set(&mut panel, 2, 0, 1).await;
    let call = stand.catcher.until("evacuate", |c| c.word("phase") == "evacuate").await;
    println!(
        "contact flipped at pymodbus -> webhook received: {:?}",
        since.elapsed() - call.since.elapsed()
    );
    assert!(call.signed, "its signature does not hold");
    assert_eq!((call.word("workload"), call.word("mode")), ("db", "live"));
    assert!(call.data["why"].to_string().contains("panel"), "{}", call.data);
    let view = stand.until("evacuate", |v| v.level == Level::Evacuate).await;
    assert_eq!(view.votes.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_pub_of_both_versions_makes_the_two_votes() {
    let stand = Stand::start(Room::with(&["m5", "m311"])).await;
    for (seq, ppm) in [(1, 1.0), (2, 45.0)] {
        assert!(mosquitto_pub(stand.mqtt(), "m5", "mqttv5", &pack("m5", 1, seq, &voc(ppm))).await);
        assert!(mosquitto_pub(stand.mqtt(), "m311", "mqttv311", &pack("m311", 1, seq, &voc(ppm))).await);
    }
    let call = stand.catcher.until("evacuate", |c| c.word("phase") == "evacuate").await;
    assert!(call.signed);
    stand.until("both votes are shown", |v| v.votes.len() == 2).await;
    assert_eq!(stand.api.dropped().await, [], "good packs were turned away");
}

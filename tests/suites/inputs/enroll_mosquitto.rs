//! `muster enroll` from nothing to a node that is heard, as the two who do it see it.

use std::path::Path;

use muster::clock::Stopwatch;
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use super::peers::{pack, topic, voc};
use crate::stand::{Process, Room, SOON, begin, run_to_end};

/// Runs `muster enroll` in a folder; its exit code and what it says.
async fn enroll(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let mut all = vec!["enroll"];
    all.extend(arguments);
    all.extend(["--dir", dir.to_str().unwrap()]);
    let output = run_to_end(&all).await;
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

async fn enrolled(dir: &Path, arguments: &[&str]) -> String {
    let (code, text) = enroll(dir, arguments).await;
    assert_eq!(code, 0, "{arguments:?}: {text}");
    assert!(!text.contains("PRIVATE KEY"), "a key was printed");
    text
}

fn config(dir: &Path) -> String {
    let text = Room::with(&["node-1", "node-2"]).text(std::net::SocketAddr::from(([127, 0, 0, 1], 9)));
    let file = |name: &str| dir.join("gateway").join(name).display().to_string();
    let lines = format!(
        "ca = \"{}\"\ncrl = \"{}\"\ncert = \"{}\"\nkey = \"{}\"",
        file("node-ca.pem"),
        file("node-crl.pem"),
        file("gateway.pem"),
        file("gateway.key")
    );
    text.replace("insecure = true", &lines)
        .replace("armed = true", "simulated = true")
}

/// `mosquitto_pub` with a node's folder; whether it was let in.
async fn publishes(port: u16, folder: &Path, id: &str, seq: u64) -> bool {
    let mut command = Command::new("mosquitto_pub");
    let file = |name: &str| folder.join(name);
    command.args([
        "-h",
        "localhost",
        "-p",
        &port.to_string(),
        "-V",
        "mqttv5",
        "-q",
        "1",
        "-i",
        id,
    ]);
    command
        .args(["-t", &topic(id, "data")])
        .arg("--cafile")
        .arg(file("site-ca.pem"));
    command
        .arg("--cert")
        .arg(file("node.pem"))
        .arg("--key")
        .arg(file("node.key"));
    command
        .arg("-m")
        .arg(String::from_utf8(pack(id, 1, seq, &voc(1.5))).unwrap())
        .kill_on_drop(true);
    let output = timeout(SOON, command.output())
        .await
        .expect("mosquitto_pub hangs")
        .unwrap();
    output.status.success()
}

/// From nothing to two nodes of the config and a third.
async fn site(dir: &Path) {
    let (code, text) = enroll(dir, &["node", "node-1"]).await;
    assert!(code == 64 && text.contains("muster enroll init"), "{text}");
    let text = enrolled(dir, &["init", "--site", "s1"]).await;
    assert!(text.contains("muster enroll gateway --dir"), "{text}");
    let text = enrolled(dir, &["gateway", "--name", "localhost", "--name", "127.0.0.1"]).await;
    assert!(text.contains("ca = \"gateway/node-ca.pem\""), "{text}");
    for node in ["node-1", "node-2", "node-3"] {
        enrolled(dir, &["node", node]).await;
    }
    let (code, text) = enroll(dir, &["node", "node-1"]).await;
    let says = text.contains("is there already") && text.contains("--replace");
    assert!(code == 64 && says, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_nothing_to_a_node_that_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let dir = &folder.path().join("certificates");
    site(dir).await;
    let muster = Process::of(&config(dir)).await;
    let node = |id: &str| dir.join("nodes").join(id);
    assert!(publishes(muster.mqtt, &node("node-1"), "node-1", 1).await);
    let is_new = |c: &muster_core::ChannelView| c.value.as_deref() == Some("1.5");
    muster.api.until_channel("node-1.voc", "it is heard", is_new).await;
    let for_another = publishes(muster.mqtt, &node("node-1"), "node-2", 2).await;
    let unnamed = publishes(muster.mqtt, &node("node-3"), "node-3", 1).await;
    assert_eq!((for_another, unnamed), (false, false));
    let counts = (
        muster.api.count("identity").await,
        muster.api.count("unknown_node").await,
    );
    assert_eq!(counts, (1, 1));
    // The simulated boards show theirs as well.
    let port = format!("listen = \"127.0.0.1:{}\"", muster.mqtt);
    let simulated = config(dir).replacen("listen = \"127.0.0.1:0\"", &port, 1);
    let (file, certificates) = (folder.path().join("sim.toml"), dir.to_str().unwrap());
    std::fs::write(&file, simulated).unwrap();
    let file = file.to_str().unwrap();
    let _sim = begin(&["sim", file, "--scenario", "quiet", "--certificates", certificates]);
    let since = Stopwatch::start();
    while muster.api.metric("muster_mqtt_clients").await < 2 || muster.api.metric("muster_readings_total").await < 9 {
        assert!(since.elapsed() < SOON, "the simulated nodes are not heard");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_node_is_listed_and_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = &folder.path().join("certificates");
    site(dir).await;
    let revoked: Value = serde_json::from_str(&enrolled(dir, &["revoke", "node-1", "--json"]).await).unwrap();
    assert_eq!(revoked["schema"], 1);
    assert_eq!(revoked["revoked"].as_array().unwrap().len(), 1, "{revoked}");
    let listed: Value = serde_json::from_str(&enrolled(dir, &["list", "--json"]).await).unwrap();
    let all = listed["certificates"].as_array().unwrap();
    assert_eq!(all.len(), 6, "two CAs, the gateway, three nodes: {listed}");
    let state = |name: &str| all.iter().find(|c| c["name"] == name).unwrap()["revoked"].clone();
    assert_eq!((state("node-1"), state("node-2")), (true.into(), false.into()));
    let muster = Process::of(&config(dir)).await;
    let node = |id: &str| dir.join("nodes").join(id);
    assert!(!publishes(muster.mqtt, &node("node-1"), "node-1", 1).await);
    assert_eq!(muster.api.count("certificate_revoked").await, 1);
    assert!(publishes(muster.mqtt, &node("node-2"), "node-2", 1).await);
}

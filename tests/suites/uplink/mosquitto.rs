//! What happens to brokers, to mosquitto.

use super::broker::{Broker, Kind};
use super::cut::Cable;
use super::listener::Listener;
use super::watched::{HEALED, NODE, NOTICED, alarm_evacuates, is_down, is_heard, pack, start, topic, trouble};
use crate::stand::{Room, SOON, Stand};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_and_comes_back_without_a_memory_is_heard_again() {
    let mut broker = Broker::mosquitto("").await;
    let stand = start(&broker).await;
    broker.kill().await;
    is_down(&stand, SOON).await;
    broker.start_again().await;
    is_heard(&stand, &broker, 100).await;
    alarm_evacuates(&stand, &broker).await;
    assert_eq!(stand.api.count("replayed").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_paused_is_noticed_and_heard_again_when_it_goes_on() {
    let broker = Broker::mosquitto("").await;
    let stand = start(&broker).await;
    broker.pause().await;
    is_down(&stand, NOTICED).await;
    broker.resume().await;
    is_heard(&stand, &broker, 100).await;
    alarm_evacuates(&stand, &broker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_in_the_place_of_mosquitto_and_back_is_heard() {
    let mut broker = Broker::mosquitto("").await;
    let stand = start(&broker).await;
    broker.swap(Kind::Nats(String::new())).await;
    is_heard(&stand, &broker, 100).await;
    broker.swap(Kind::Mosquitto(String::new())).await;
    is_heard(&stand, &broker, 200).await;
    alarm_evacuates(&stand, &broker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_broker_has_in_store_is_refused_and_counted() {
    let broker = Broker::mosquitto("").await;
    for (kind, seq) in [("data", 500), ("alarm", 501), ("birth", 502)] {
        broker.publish_with(&["-r"], &topic(kind), &pack(seq, 90.0)).await;
    }
    broker.publish_with(&["-r"], &topic("state"), "online").await;
    let stand = start(&broker).await;
    stand.api.until_count("retained", 3).await;
    stand.assert_undecided("retained alarms");
    // A live message that asks to be kept is news all the same.
    broker.publish_with(&["-r"], &topic("data"), &pack(600, 33.0)).await;
    let is_33 = |c: &muster_core::ChannelView| c.value.as_deref() == Some("33");
    stand
        .api
        .until_channel("node-1.temperature", "it is heard", is_33)
        .await;
    assert_eq!(stand.api.count("retained").await, 3);
    alarm_evacuates(&stand, &broker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_pack_or_of_nobody_is_refused_and_counted() {
    let broker = Broker::mosquitto("").await;
    let stand = start(&broker).await;
    broker.publish(&topic("alarm"), "[{").await;
    broker
        .publish(&topic("alarm"), &format!("{:<5000}", pack(700, 90.0)))
        .await;
    broker
        .publish(&topic("alarm"), &pack(701, 90.0).replace(NODE, "node-2"))
        .await;
    broker
        .publish(&topic("alarm").replace(NODE, "node-9"), &pack(702, 90.0))
        .await;
    broker.publish(&topic("alarm"), &pack(1, 90.0)).await;
    for cause in ["malformed", "oversized", "identity", "unknown_node", "replayed"] {
        stand.api.until_count(cause, 1).await;
    }
    // Larger than we let a broker send: it never comes, and ends nothing.
    broker.publish(&topic("alarm"), &"x".repeat(100_000)).await;
    is_heard(&stand, &broker, 800).await;
    alarm_evacuates(&stand, &broker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_will_is_trouble_of_its_node() {
    let broker = Broker::mosquitto("").await;
    let stand = start(&broker).await;
    broker.publish(&topic("state"), "offline").await;
    let lost = |v: &muster_core::View| v.troubles.iter().any(|t| t.subject.starts_with(NODE));
    let view = stand.until("trouble of the node", lost).await;
    assert_eq!(trouble(&view), None, "the line itself is well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_told_what_is_on_disk_and_told_again_after_the_broker_forgot() {
    let mut broker = Broker::mosquitto("").await;
    let cable = Cable::to(broker.port).await;
    let keys = format!("insecure = true\nconnect = \"mqtt://127.0.0.1:{}\"", cable.port);
    let stand = Stand::start(Room::with(&[NODE]).connect(&keys)).await;
    is_heard(&stand, &broker, 1).await;
    let mut listener = Listener::start(&broker).await;
    broker.publish(&topic("data"), &pack(900, 21.0)).await;
    listener.until(900).await;
    broker.kill().await;
    is_down(&stand, SOON).await;
    broker.start_again().await;
    stand.within(HEALED, "the line is well", |v| trouble(v).is_none()).await;
    let mut listener = Listener::start(&broker).await;
    // Nothing new comes from the node; the line begins anew.
    cable.cut();
    listener.until(900).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_named_and_a_mended_one_is_taken_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let [users, password] = ["users", "password"].map(|name| folder.path().join(name));
    std::fs::write(&users, "muster:right\n").unwrap();
    let hashed = tokio::process::Command::new("mosquitto_passwd")
        .arg("-U")
        .arg(&users)
        .status()
        .await;
    assert!(hashed.unwrap().success());
    let broker = Broker::mosquitto(&format!("password_file {}", users.display())).await;
    let keys = format!(
        "{}\nusername = \"muster\"\npassword_file = {password:?}",
        broker.plain()
    );
    std::fs::write(&password, "wrong\n").unwrap();
    let stand = Stand::start(Room::with(&[NODE]).connect(&keys)).await;
    let said = is_down(&stand, SOON).await;
    assert!(said.contains("refuses our login: not authorized"), "{said}");
    assert!(!said.contains("wrong"), "a secret is shown: {said}");
    std::fs::write(&password, "right\n").unwrap();
    let stand = Stand::start(Room::with(&[NODE]).connect(&keys)).await;
    is_heard(&stand, &broker, 1).await;
}

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod broker;

use std::time::Duration;

use muster_wire::senml::{Pack, Value};
use muster_wire::{Mark, OFFLINE, ONLINE};
use tokio::time::timeout;

use self::broker::{Heard, Mosquitto};
use super::*;
use crate::{HandClock, Scenario};

const PATIENCE: Duration = Duration::from_secs(20);
const SITE: &str = "seoul-1";

fn put_up(place: usize, at_s: i64, broker: SocketAddr) -> (SimNode, Arc<HandClock>) {
    let story = Arc::new(HandClock::new(at_s * 1_000, 20));
    let room = Room::new(Scenario::Pangyo2022, 5);
    let node = SimNode::start(NodeSpec::at_place(place), SITE, broker, room, story.clone()).unwrap();
    (node, story)
}

/// Mark, and value of a signal, of a pack that must be one.
fn read(heard: &Heard, signal: &str) -> (Mark, f64) {
    let pack = Pack::parse(&heard.payload).unwrap();
    let header = pack.header();
    assert!(header.simulated && header.node == "node-1");
    let record = pack.records().map(Result::unwrap).find(|r| r.name == signal).unwrap();
    let Value::Micro(value) = record.value else {
        panic!("{record:?}")
    };
    (header.mark.unwrap(), value.0 as f64 / 1e6)
}

#[tokio::test]
async fn a_node_says_online_birth_data_alarm_and_nothing_once_burnt() {
    let broker = Mosquitto::start().await;
    let mut ear = broker.listen("muster/v1/seoul-1/node-1/#").await;
    let (_node, story) = put_up(0, -10, broker.addr);
    let state = ear.until("state").await;
    assert_eq!(state.payload, ONLINE.as_bytes());
    let (birth, smoke) = read(&ear.until("birth").await, "smoke");
    assert!(birth.boot == 1 && (0.0..0.1).contains(&smoke), "{birth:?} {smoke}");
    let (data, temperature) = read(&ear.until("data").await, "temperature");
    assert!(
        data > birth && (23.5..24.5).contains(&temperature),
        "{data:?} {temperature}"
    );
    story.set(30_000);
    let (alarm, smoke) = read(&ear.until("alarm").await, "smoke");
    assert!(alarm > data && smoke > 2.0, "{alarm:?} {smoke}");
    story.set(3_600_000);
    let will = ear.until_payload("state", OFFLINE).await;
    assert!(!will.retain, "a will arrives fresh");
}

#[tokio::test]
async fn state_is_retained_and_the_last_will_follows_a_pulled_node() {
    let broker = Mosquitto::start().await;
    let (node, _story) = put_up(0, -10, broker.addr);
    let mut ear = broker.listen("muster/v1/seoul-1/node-1/#").await;
    ear.until("data").await;
    let mut late = broker.listen("muster/v1/seoul-1/node-1/state").await;
    let state = late.until("state").await;
    assert!(state.retain && state.payload == ONLINE.as_bytes());
    node.stop().await;
    let will = late.until_payload("state", OFFLINE).await;
    assert!(!will.retain);
    let mut later = broker.listen("muster/v1/seoul-1/node-1/state").await;
    let state = later.until("state").await;
    assert!(state.retain && state.payload == OFFLINE.as_bytes());
}

#[tokio::test]
async fn a_broker_that_comes_late_and_goes_is_outlived() {
    let addr = broker::free_addr().await;
    let (_node, _story) = put_up(0, -10, addr);
    let first = Mosquitto::start_at(addr).await;
    let (before, _) = read(&first.listen("muster/#").await.until("data").await, "voc");
    first.stop().await;
    let second = Mosquitto::start_at(addr).await;
    let mut ear = second.listen("muster/#").await;
    let (birth, _) = read(&ear.until("birth").await, "voc");
    assert!(birth > before, "{birth:?} after {before:?}");
    let heard = ear.until("data").await;
    let (_, lost) = read(&heard, "lost");
    assert!(lost >= 1.0, "what was sampled without a broker is owned up to");
}

#[tokio::test]
async fn a_broker_that_hangs_blocks_nothing() {
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (node, _story) = put_up(0, -10, hanging.local_addr().unwrap());
    let (_socket, _) = timeout(PATIENCE, hanging.accept()).await.unwrap().unwrap();
    timeout(Duration::from_secs(1), node.stop()).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let addr = "127.0.0.1:1".parse().unwrap();
    let room = Room::new(Scenario::Quiet, 1);
    let story = Arc::new(HandClock::new(0, 1));
    let bad_id = NodeSpec {
        id: "Node 1".into(),
        ..NodeSpec::at_place(0)
    };
    let error = SimNode::start(bad_id, SITE, addr, room, story.clone()).unwrap_err();
    assert!(matches!(error, NodeError::Id(id) if id == "Node 1"));
    let error = SimNode::start(NodeSpec::at_place(3), SITE, addr, room, story).unwrap_err();
    assert!(matches!(error, NodeError::Place(3)));
}

mod broker;

use std::time::Duration;

use muster_wire::senml::{Pack, PackWriter, Value};
use muster_wire::{Mark, OFFLINE, ONLINE};
use tokio::time::timeout;

use self::broker::{Heard, Mosquitto, Way};
use super::*;
use crate::{HandClock, Scenario};

const PATIENCE: Duration = Duration::from_secs(20);
const SITE: &str = "seoul-1";

/// A node in a story that runs 20 times as fast as real time until it is dropped.
fn put_up(place: usize, broker: SocketAddr) -> (SimNode, Arc<HandClock>) {
    let story = Arc::new(HandClock::new(-3_600_000, 20));
    let room = Room::new(Scenario::Pangyo2022, 5);
    let node = SimNode::start(NodeSpec::at_place(place), SITE, broker, room, story.clone()).unwrap();
    let hands = story.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            hands.set(hands.now_ms() + 200);
        }
    });
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
    let (_node, story) = put_up(0, broker.addr);
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
    let (node, _story) = put_up(0, broker.addr);
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
    let broker = Mosquitto::start().await;
    let mut ear = broker.listen("muster/v1/seoul-1/node-1/#").await;
    let addr = broker::free_addr().await;
    let (_node, _story) = put_up(0, addr);
    let way = Way::open(addr, broker.addr).await;
    let (before, _) = read(&ear.until("data").await, "voc");
    way.cut().await;
    ear.until_payload("state", OFFLINE).await;
    let _way = Way::open(addr, broker.addr).await;
    let (again, _) = read(&ear.until("data").await, "voc");
    assert!(
        again <= before,
        "what was not acknowledged goes again: {again:?}, {before:?}"
    );
    let (birth, _) = read(&ear.until("birth").await, "voc");
    assert!(birth > before, "{birth:?} after {before:?}");
}

#[tokio::test]
async fn an_acknowledged_pack_does_not_go_again() {
    let broker = Mosquitto::start().await;
    let mut ear = broker.listen("muster/v1/seoul-1/node-1/#").await;
    let addr = broker::free_addr().await;
    let (_node, _story) = put_up(0, addr);
    let way = Way::open(addr, broker.addr).await;
    let mut taken = Vec::new();
    // The first acknowledgement has had nine more packs' time when the way is cut.
    for _ in 0..10 {
        let (mark, _) = read(&ear.until("data").await, "voc");
        taken.push(mark);
        let mut buf = [0; 128];
        let ack = PackWriter::new(&mut buf, "node-1", mark, false)
            .unwrap()
            .finish()
            .to_vec();
        ear.say("muster/v1/seoul-1/node-1/ack", ack).await;
    }
    way.cut().await;
    ear.until_payload("state", OFFLINE).await;
    let _way = Way::open(addr, broker.addr).await;
    let (again, _) = read(&ear.until("data").await, "voc");
    assert!(again > taken[0], "{again:?} after {taken:?}");
}

#[tokio::test]
async fn a_broker_that_hangs_blocks_nothing() {
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (node, _story) = put_up(0, hanging.local_addr().unwrap());
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
    let error = SimNode::start(bad_id, SITE, addr, room.clone(), story.clone()).unwrap_err();
    assert!(matches!(error, NodeError::Id(id) if id == "Node 1"));
    let error = SimNode::start(NodeSpec::at_place(3), SITE, addr, room.clone(), story.clone()).unwrap_err();
    assert!(matches!(error, NodeError::Place(3)));
    let still = NodeSpec {
        period_ms: 0,
        ..NodeSpec::at_place(0)
    };
    let error = SimNode::start(still, SITE, addr, room.clone(), story).unwrap_err();
    assert!(matches!(error, NodeError::Firmware(SpecError::Period)));
}

//! `ack`: a node is told how far its packs are on disk, and never further.

use std::sync::Arc;
use std::time::Duration;

use muster::clock::Stopwatch;
use muster::counters::Cause;
use muster::gateway::Gateway;
use muster_sim::nodes::{NodeSpec, SimNode};
use muster_sim::{HandClock, Room, Scenario, StoryTime};
use muster_wire::senml::{Pack, PackWriter, Record, Value};
use muster_wire::{MICRO, Mark, Micro};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Within this every fact has to come true, on a machine that is busy with other things.
const SOON: Duration = Duration::from_secs(20);

/// Samples that a simulated board keeps (`STORE` in the simulation): without acknowledgements it is full after so many.
const BOARD_STORE: u64 = 480;

/// A gateway with two nodes and a journal of its own.
struct Site {
    gateway: Gateway,
    folder: TempDir,
}

impl Site {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nodes: String = ["node-1", "node-2"]
            .map(|id| {
                format!(
                    "[[source]]\nid = \"{id}\"\nkind = \"node\"\nzone = \"room\"\n\
                     signals = [\"voc\", \"hydrogen\", \"smoke\", \"temperature\"]\n"
                )
            })
            .concat();
        let text = format!(
            "[site]\nid = \"s1\"\nsimulated = true\nsingle_group = true\n[mqtt]\ninsecure = true\nlisten = \"127.0.0.1:0\"\n\
             [http]\nlisten = \"127.0.0.1:0\"\n[[zone]]\nid = \"room\"\n{nodes}"
        );
        let (config, _) = muster::config::parse(&text, &folder.path().join("site.toml")).unwrap();
        let gateway = Gateway::start(&config, None, Box::new(|_, _| {})).await.unwrap();
        Self { gateway, folder }
    }

    fn journal(&self) -> Connection {
        Connection::open(self.folder.path().join("muster.db")).unwrap()
    }

    async fn node(&self, id: &'static str) -> Node {
        Node::connect(id, self.gateway.mqtt.unwrap().port()).await
    }
}

/// What the disk says of a node; 0 and 0 before its first pack.
fn on_disk(journal: &Connection, node: &str) -> Mark {
    let mark = journal.query_row("SELECT boot, seq FROM mark WHERE node = ?1", [node], |row| {
        Ok(Mark {
            boot: row.get::<_, i64>(0)?.unsigned_abs(),
            seq: row.get::<_, i64>(1)?.unsigned_abs(),
        })
    });
    mark.unwrap_or_default()
}

/// A client that speaks for a node and hears its acknowledgements.
struct Node {
    id: &'static str,
    client: AsyncClient,
    acks: mpsc::Receiver<Publish>,
}

impl Node {
    async fn connect(id: &'static str, port: u16) -> Self {
        let mut options = MqttOptions::new(id, "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(5));
        let (client, mut events) = AsyncClient::new(options, 10);
        let topic = format!("muster/v1/s1/{id}/ack");
        client.subscribe(topic, QoS::AtLeastOnce).await.unwrap();
        let subscribed = async { while !matches!(events.poll().await.unwrap(), Event::Incoming(Packet::SubAck(_))) {} };
        timeout(SOON, subscribed).await.unwrap();
        let (hand_on, acks) = mpsc::channel(64);
        tokio::spawn(listen(events, hand_on));
        Self { id, client, acks }
    }

    async fn say(&self, mark: Mark) {
        let mut buf = [0; 256];
        let mut writer = PackWriter::new(&mut buf, self.id, mark, true).unwrap();
        let value = Value::Micro(Micro(21 * MICRO));
        let (name, unit, age_ms) = ("temperature", Some("Cel"), 0);
        writer
            .push(&Record {
                name,
                value,
                age_ms,
                unit,
            })
            .unwrap();
        let pack = writer.finish().to_vec();
        let topic = format!("muster/v1/s1/{}/data", self.id);
        self.client.publish(topic, QoS::AtLeastOnce, false, pack).await.unwrap();
    }

    /// Waits for the acknowledgement of a pack; `check` sees it and every one before.
    async fn acknowledged(&mut self, wanted: Mark, mut check: impl FnMut(Mark)) {
        let heard = async {
            loop {
                let message = self.acks.recv().await.unwrap();
                assert!(!message.retain && message.qos == QoS::AtLeastOnce, "{message:?}");
                let pack = Pack::parse(&message.payload).unwrap();
                assert_eq!((pack.header().node, pack.records().count()), (self.id, 0));
                let mark = pack.header().mark.unwrap();
                check(mark);
                if mark >= wanted {
                    return assert_eq!(mark, wanted, "beyond what was sent");
                }
            }
        };
        timeout(SOON, heard).await.expect("no acknowledgement in time");
    }
}

async fn listen(mut events: EventLoop, hand_on: mpsc::Sender<Publish>) {
    // Ends with the test: a broken connection or nobody who listens.
    while let Ok(event) = events.poll().await {
        if let Event::Incoming(Packet::Publish(message)) = event
            && hand_on.send(message).await.is_err()
        {
            return;
        }
    }
}

async fn until(what: &str, fact: impl Fn() -> bool) {
    let since = Stopwatch::start();
    while !fact() {
        assert!(since.elapsed() < 3 * SOON, "{what}: waited in vain");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_node_is_told_what_is_on_disk() {
    let site = Site::start().await;
    let journal = site.journal();
    let (mut one, mut two) = (site.node("node-1").await, site.node("node-2").await);
    for seq in 1..=3 {
        one.say(Mark { boot: 7, seq }).await;
    }
    let wanted = Mark { boot: 7, seq: 3 };
    one.acknowledged(wanted, |mark| assert!(mark <= on_disk(&journal, "node-1"), "{mark:?}"))
        .await;
    two.say(Mark { boot: 2, seq: 9 }).await;
    two.acknowledged(Mark { boot: 2, seq: 9 }, |_| {}).await;
    // A replay changes nothing, so nothing is said of it; a new boot begins anew.
    one.say(Mark { boot: 7, seq: 2 }).await;
    one.say(Mark { boot: 8, seq: 1 }).await;
    one.acknowledged(Mark { boot: 8, seq: 1 }, |mark| assert!(mark > wanted, "{mark:?}"))
        .await;
    assert_eq!(site.gateway.counters.get(Cause::Replayed), 1);
    site.gateway.stop().await;
}

#[tokio::test]
async fn nothing_is_acknowledged_while_the_journal_cannot_write() {
    let site = Site::start().await;
    let mut node = site.node("node-1").await;
    node.say(Mark { boot: 1, seq: 1 }).await;
    node.acknowledged(Mark { boot: 1, seq: 1 }, |_| {}).await;
    let holder = site.journal();
    timeout(SOON, async {
        while holder.execute_batch("BEGIN IMMEDIATE").is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    for seq in 2..=5 {
        node.say(Mark { boot: 1, seq }).await;
    }
    let failures = || site.gateway.counters.get(Cause::JournalWrite);
    until("three failed writes", || failures() >= 3).await;
    assert!(node.acks.try_recv().is_err(), "the disk has nothing new");
    holder.execute_batch("ROLLBACK").unwrap();
    let journal = site.journal();
    node.acknowledged(Mark { boot: 1, seq: 5 }, |mark| {
        assert!(mark <= on_disk(&journal, "node-1"), "{mark:?}");
    })
    .await;
    site.gateway.stop().await;
}

/// A story at 60 times its pace, until it is dropped.
fn story() -> Arc<HandClock> {
    let story = Arc::new(HandClock::new(0, 60));
    let hands = Arc::downgrade(&story);
    tokio::spawn(async move {
        while let Some(story) = hands.upgrade() {
            story.set(story.now_ms() + 600);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    story
}

#[tokio::test]
async fn the_firmware_empties_its_store_by_it() {
    let site = Site::start().await;
    let spec = NodeSpec {
        heartbeat_ms: 1_000,
        ..NodeSpec::at_place(0)
    };
    let room = Room::new(Scenario::Quiet, 3);
    let node = SimNode::start(spec, "s1", site.gateway.mqtt.unwrap(), room, story()).unwrap();
    // Every pack has a sample of each of the four channels: that is the store twice over.
    let journal = site.journal();
    until("packs on disk", || {
        on_disk(&journal, "node-1").seq > 2 * BOARD_STORE / 4
    })
    .await;
    let counters = &site.gateway.counters;
    for cause in [Cause::NodeLost, Cause::Replayed, Cause::UnknownChannel] {
        assert_eq!(counters.get(cause), 0, "{cause:?}");
    }
    node.stop().await;
    site.gateway.stop().await;
}

/// A node that was away for long says how much it lost; every pack repeats it.
#[tokio::test]
async fn what_a_node_has_dropped_is_counted_when_it_rises() {
    let site = Site::start().await;
    let node = site.node("node-1").await;
    let counters = &site.gateway.counters;
    for (boot, seq, lost, rises) in [
        (1, 1, 0, 0),
        (1, 2, 7, 1),
        (1, 3, 7, 1),
        (1, 4, 9, 2),
        (2, 1, 0, 2),
        (2, 2, 3, 3),
    ] {
        let pack =
            format!(r#"[{{"bn":"node-1:","n":"boot","v":{boot}}},{{"n":"seq","v":{seq}}},{{"n":"lost","v":{lost}}}]"#);
        let topic = "muster/v1/s1/node-1/data";
        node.client.publish(topic, QoS::AtLeastOnce, false, pack).await.unwrap();
        let journal = site.journal();
        until("the pack on disk", || on_disk(&journal, "node-1") == Mark { boot, seq }).await;
        assert_eq!(counters.get(Cause::NodeLost), rises, "boot {boot} seq {seq}");
    }
    assert_eq!(counters.get(Cause::UnknownChannel), 0);
    site.gateway.stop().await;
}

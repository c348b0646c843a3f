//! From the line to the ingest, through two bounded queues: what comes at QoS 1 is acknowledged only once the engine's lane
//! has it, and a lane that stays full ends no line.
//!
//! A broker should have no more under way to us than its window. mosquitto 2.0.11 forgets the window once it had to queue:
//! it then sends everything it has. So when there is no place any more, the rest is left with the broker, unacknowledged
//! and in order, and asked for again by a new line as soon as the engine has caught up.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use muster_wire::senml::MAX_PACK_BYTES;
use tokio::sync::mpsc;

use super::port::{Message, Sender};
use crate::counters::{Cause, Counters};
use crate::ingest::{self, Ingest};

/// Messages of QoS 1 between line and lane. More than a broker of MQTT 5 may have under way to us (`RECEIVE_MAX`), and
/// than nats-server has by default (1,024), so that it is never full with these.
const SURE: usize = 2_048;
/// The line waits for a place for so long, which slows the broker down: less than a proof of life may take.
const PLACE_WITHIN: Duration = Duration::from_secs(4);
/// Messages of QoS 0 between line and lane; what comes while it is full is dropped and counted.
const LOOSE: usize = 1_024;

/// A message on its way to the lane, and whom to tell that it is there.
struct Delivery {
    /// None if there is nothing to take: it has been taken before, or is not for the engine.
    message: Option<Message>,
    ack: Option<(Sender, u16)>,
    _waits: Option<Waits>,
}

/// What waits for the engine at QoS 1.
#[derive(Clone, Default)]
pub(super) struct Backlog(Arc<(AtomicUsize, AtomicBool)>);

/// One of them, for as long as this lives.
struct Waits(Backlog);

/// Hands over what a line brings.
pub(super) struct Hands {
    sure: mpsc::Sender<Delivery>,
    loose: mpsc::Sender<Delivery>,
    /// What was handed over under each packet id of this session.
    handed: BTreeMap<u16, u64>,
    backlog: Backlog,
    counters: Counters,
}

impl Backlog {
    /// Messages here.
    pub(super) fn here(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }

    /// Some had to be left with the broker.
    pub(super) fn left(&self) -> bool {
        self.0.1.load(Ordering::Relaxed)
    }

    fn leave(&self, left: bool) {
        self.0.1.store(left, Ordering::Relaxed);
    }

    fn one_more(&self) -> Waits {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        Waits(self.clone())
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hands {
    /// With the tasks that carry; they live as long as the queues, over any number of connections: a message that has
    /// been counted as taken must reach its lane whatever becomes of the line.
    pub(super) fn new(ingest: &Arc<Ingest>, counters: Counters) -> (Self, [tokio::task::JoinHandle<()>; 2]) {
        let (sure, sure_end) = mpsc::channel(SURE);
        let (loose, loose_end) = mpsc::channel(LOOSE);
        let tasks = [sure_end, loose_end].map(|end| tokio::spawn(carry(end, ingest.clone())));
        let hands = Self {
            sure,
            loose,
            handed: BTreeMap::new(),
            backlog: Backlog::default(),
            counters,
        };
        (hands, tasks)
    }

    /// A new line. If the broker has forgotten us its packet ids begin anew.
    pub(super) fn begin(&mut self, session_kept: bool) {
        self.backlog.leave(false);
        if !session_kept {
            self.handed.clear();
        }
    }

    /// Acknowledges a message that is not for the engine, in its turn: the protocol wants them in order.
    pub(super) async fn acknowledge(&self, sender: &Sender, pkid: Option<u16>) {
        let ack = pkid.map(|pkid| (sender.clone(), pkid));
        let message = None;
        self.put(message, ack).await;
    }

    /// False if it had to be left with the broker. Then so is all that follows: a node's older pack after a newer one would be
    /// taken for a replay.
    async fn put(&self, message: Option<Message>, ack: Option<(Sender, u16)>) -> bool {
        if self.backlog.left() {
            return false;
        }
        let delivery = Delivery {
            message,
            ack,
            _waits: Some(self.backlog.one_more()),
        };
        let placed = self.sure.send_timeout(delivery, PLACE_WITHIN).await.is_ok();
        self.backlog.leave(!placed);
        placed
    }

    pub(super) fn backlog(&self) -> Backlog {
        self.backlog.clone()
    }

    /// Hands a message over. Waits only where the broker keeps to no window, and not for long.
    pub(super) async fn pass(&mut self, sender: &Sender, message: Message) {
        if message.payload.len() > MAX_PACK_BYTES {
            let what = format!("{} bytes on {:?}", message.payload.len(), message.topic);
            self.counters.count(Cause::Oversized, node_of(&message.topic), &what);
            return self.acknowledge(sender, message.pkid).await;
        }
        let Some(pkid) = message.pkid else {
            return self.pass_loose(message);
        };
        let content = content(&message);
        if message.dup && self.handed.get(&pkid) == Some(&content) {
            let what = "sent again by the broker after a reconnect; it has been taken";
            self.counters.count(Cause::Replayed, node_of(&message.topic), &what);
            return self.acknowledge(sender, Some(pkid)).await;
        }
        if self.put(Some(message), Some((sender.clone(), pkid))).await {
            self.handed.insert(pkid, content);
        }
    }

    fn pass_loose(&self, message: Message) {
        let delivery = Delivery {
            message: Some(message),
            ack: None,
            _waits: None,
        };
        if let Err(mpsc::error::TrySendError::Full(delivery)) = self.loose.try_send(delivery) {
            let topic = delivery.message.map(|m| m.topic).unwrap_or_default();
            let what = "dropped: it came at QoS 0 while the engine was behind";
            self.counters.count(Cause::Flood, node_of(&topic), &what);
        }
    }
}

/// Ends with its queue.
async fn carry(mut queue: mpsc::Receiver<Delivery>, ingest: Arc<Ingest>) {
    while let Some(delivery) = queue.recv().await {
        if let Some(message) = &delivery.message {
            ingest
                .take(ingest::Message {
                    client: node_of(&message.topic),
                    topic: &message.topic,
                    payload: &message.payload,
                    retain: message.retain,
                })
                .await;
        }
        if let Some((sender, pkid)) = &delivery.ack {
            sender.acknowledge(*pkid);
        }
    }
}

/// Of somebody else's broker we only have the topic's word for who speaks.
fn node_of(topic: &str) -> &str {
    topic
        .strip_prefix("muster/")
        .and_then(|rest| rest.split('/').nth(2))
        .unwrap_or(topic)
}

fn content(message: &Message) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&message.topic, &message.payload).hash(&mut hasher);
    hasher.finish()
}

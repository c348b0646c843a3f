//! From bytes to readings: checks everything about a pack except what it means.
//!
//! A pack that is refused changes counters and nothing else. One bad record of a good pack costs that record only.

mod pack;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use muster_core::Site;
use muster_wire::{OFFLINE, ONLINE, Topic, TopicKind};

use crate::config::Node;
use crate::counters::{Cause, Counters};
use crate::lanes::{Batch, Lanes, Mark};

/// One message as a transport hands it over.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Proven sender: the client id, by then bound to the topic by the transport.
    pub client: &'a str,
    /// Topic.
    pub topic: &'a str,
    /// Payload.
    pub payload: &'a [u8],
    /// The sender asked for it to be retained.
    pub retain: bool,
}

/// What a transport does with a message that has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Ours: taken, or refused and counted.
    Taken,
    /// A state message, to be kept for whoever asks.
    Keep,
}

/// Checks messages and hands readings to the engine. One for all clients of a listener, over every reload.
#[derive(Debug)]
pub struct Ingest {
    site: String,
    /// What the config in force says of nodes.
    tables: RwLock<Arc<Tables>>,
    /// Of every node that was ever known: also of one that leaves the config and comes back.
    history: Mutex<BTreeMap<String, Arc<History>>>,
    counters: Counters,
}

/// What one config says of nodes.
#[derive(Debug)]
struct Tables {
    nodes: BTreeMap<String, Known>,
    /// Quantity of each channel, by index: what a record's unit is checked against.
    quantities: Vec<muster_wire::Quantity>,
    lanes: Lanes,
}

/// A node of the config and what has been taken from it.
#[derive(Debug)]
struct Known {
    id: Arc<str>,
    node: Node,
    history: Arc<History>,
}

/// What has been taken from a node.
#[derive(Debug)]
struct History {
    /// The highest pack.
    mark: Mutex<muster_wire::Mark>,
    /// Samples it said to have dropped since its start, in micro-units.
    lost: AtomicI64,
}

impl History {
    fn since(mark: muster_wire::Mark) -> Arc<Self> {
        Arc::new(Self {
            mark: Mutex::new(mark),
            lost: AtomicI64::new(0),
        })
    }
}

impl Ingest {
    /// For the nodes of a config, going on from the marks that the journal held.
    #[must_use]
    pub fn new(site: &Site, nodes: &BTreeMap<String, Node>, marks: &[Mark], lanes: Lanes, counters: Counters) -> Self {
        let kept = |m: &Mark| {
            let mark = muster_wire::Mark {
                boot: m.boot,
                seq: m.seq,
            };
            (m.node.to_string(), History::since(mark))
        };
        let mut history = marks.iter().map(kept).collect();
        Self {
            site: site.id.clone(),
            tables: RwLock::new(Arc::new(Tables::of(site, nodes, lanes, &mut history))),
            history: Mutex::new(history),
            counters,
        }
    }

    /// From here on the nodes are those of another config, whose indices `lanes` carries. Marks go on; what is being read
    /// is sent under the config it was read by.
    pub fn reload(&self, site: &Site, nodes: &BTreeMap<String, Node>, lanes: Lanes) {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let tables = Arc::new(Tables::of(site, nodes, lanes, &mut history));
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = tables;
    }

    fn tables(&self) -> Arc<Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes one message. Waits while the engine's lane is full, which slows down this client alone.
    pub async fn take(&self, message: Message<'_>) -> Verdict {
        let topic = match Topic::parse(message.topic) {
            Ok(topic) if topic.site == self.site => topic,
            Ok(_) => return self.refuse(Cause::Topic, message, &"topic of another site"),
            Err(error) => return self.refuse(Cause::Topic, message, &error),
        };
        let tables = self.tables();
        let Some(known) = tables.nodes.get(topic.node) else {
            return self.refuse(Cause::UnknownNode, message, &"no such node in the config");
        };
        match topic.kind {
            TopicKind::State => self.state(&tables.lanes, known, message).await,
            TopicKind::Data | TopicKind::Alarm | TopicKind::Birth => {
                self.pack(&tables, known, topic.kind, message).await
            }
            TopicKind::Ack | TopicKind::Cmd(_) => self.refuse(Cause::Topic, message, &"only the gateway speaks here"),
        }
    }

    /// A node's connection ended. Trouble at once; only fresh readings clear it.
    pub async fn gone(&self, client: &str) {
        let tables = self.tables();
        if let Some(known) = tables.nodes.get(client) {
            lose(&tables.lanes, known, "its connection ended").await;
        }
    }

    /// Retained `online` must never clear trouble: only `offline` says anything.
    async fn state(&self, lanes: &Lanes, known: &Known, message: Message<'_>) -> Verdict {
        if message.payload == OFFLINE.as_bytes() {
            lose(lanes, known, "it says that it is offline").await;
        } else if message.payload != ONLINE.as_bytes() {
            return self.refuse(Cause::Malformed, message, &"a state is `online` or `offline`");
        }
        Verdict::Keep
    }

    async fn pack(&self, tables: &Tables, known: &Known, kind: TopicKind<'_>, message: Message<'_>) -> Verdict {
        if message.retain {
            return self.refuse(Cause::Retained, message, &"a reading must not be retained");
        }
        let Some(batch) = self.read(tables, known, message) else {
            return Verdict::Taken;
        };
        let lane = if matches!(kind, TopicKind::Alarm) {
            &tables.lanes.alarm
        } else {
            &tables.lanes.data
        };
        if let Err(tokio::sync::mpsc::error::TrySendError::Full(batch)) = lane.try_send(batch) {
            self.counters
                .count(Cause::Flood, message.client, &"the engine is behind; this client waits");
            let _ = lane.send(batch).await;
        }
        Verdict::Taken
    }

    fn refuse(&self, cause: Cause, message: Message<'_>, what: &dyn std::fmt::Display) -> Verdict {
        self.counters.count(cause, message.client, what);
        Verdict::Taken
    }

    /// The batch of a pack; none if it was refused as a whole.
    fn read(&self, tables: &Tables, known: &Known, message: Message<'_>) -> Option<Batch> {
        let read = pack::read(tables, known, &self.counters, message);
        read.map_err(|(cause, what)| self.counters.count(cause, message.client, &what))
            .ok()
    }
}

impl Tables {
    fn of(
        site: &Site,
        nodes: &BTreeMap<String, Node>,
        lanes: Lanes,
        history: &mut BTreeMap<String, Arc<History>>,
    ) -> Self {
        let mut known = |(id, node): (&String, &Node)| {
            let unheard = || History::since(muster_wire::Mark { boot: 0, seq: 0 });
            let known = Known {
                id: Arc::from(id.as_str()),
                node: node.clone(),
                history: history.entry(id.clone()).or_insert_with(unheard).clone(),
            };
            (id.clone(), known)
        };
        Self {
            nodes: nodes.iter().map(&mut known).collect(),
            quantities: site.channels.iter().map(|c| c.quantity).collect(),
            lanes,
        }
    }
}

async fn lose(lanes: &Lanes, known: &Known, why: &str) {
    // The engine ends before its sources do only when the whole gateway stops.
    let _ = lanes.lost(known.node.source, why.into()).await;
}

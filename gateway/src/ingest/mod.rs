//! From bytes to readings: checks everything about a pack except what it means.
//!
//! A pack that is refused changes counters and nothing else. One bad record of a good pack costs that record only.

mod guest;
mod pack;
mod sensor;
#[cfg(test)]
mod tests;

pub use guest::Guest;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use muster_core::{Input, SourceIx};
use muster_wire::senml::Pack;
use muster_wire::{OFFLINE, ONLINE, Topic, TopicKind};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use crate::config::{Config, Node, Pick, Sensor};
use crate::counters::{Cause, Counters};
use crate::lanes::{Batch, Control, Lanes, Mark};

/// One message as a transport hands it over.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Proven sender: the client id, by then bound to the topic by the transport.
    pub client: &'a str,
    /// Topic.
    pub topic: &'a str,
    /// Payload.
    pub payload: &'a [u8],
    /// It comes out of a broker's store, or is to be kept there: not to be taken for news.
    pub retain: bool,
}

/// What a transport does with a message that has been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Ours: taken, or refused and counted.
    Taken,
    /// A state message, to be kept for whoever asks.
    Keep,
    /// Refused, because its boot count is below one that was heard: a board that has lost its memory, or a replay. The node
    /// is to be told this mark, which acknowledges nothing.
    Behind(Mark),
}

/// Checks messages and hands readings to the engine. One for all clients of a transport, over every reload.
#[derive(Debug)]
pub struct Ingest {
    site: String,
    /// What the config in force says of nodes and sensors.
    tables: RwLock<Arc<Tables>>,
    /// Of every node that was ever known: also of one that leaves the config and comes back.
    history: Mutex<BTreeMap<String, Arc<History>>>,
    counters: Counters,
}

/// What one config says of nodes and sensors.
#[derive(Debug)]
struct Tables {
    nodes: BTreeMap<String, Known>,
    /// Other people's sensors, by topic.
    topics: BTreeMap<String, Spoken>,
    guests: BTreeMap<String, Guest>,
    /// Quantity of each channel, by index: what a record's unit is checked against.
    quantities: Vec<muster_wire::Quantity>,
    lanes: Lanes,
    /// Everything that is heard through a transport.
    sources: Vec<SourceIx>,
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

impl Known {
    /// The boot count heard, if a pack's is below it.
    fn behind(&self, payload: &[u8]) -> Option<Mark> {
        let header = Pack::parse(payload).ok()?.header();
        let highest = *self.history.mark.lock().unwrap_or_else(PoisonError::into_inner);
        let below = header.mark.is_some_and(|mark| mark.boot < highest.boot);
        (below && header.node == &*self.id).then(|| Mark {
            node: self.id.clone(),
            boot: highest.boot,
            seq: 0,
        })
    }
}

impl History {
    fn since(mark: muster_wire::Mark) -> Arc<Self> {
        Arc::new(Self {
            mark: Mutex::new(mark),
            lost: AtomicI64::new(0),
        })
    }
}

/// What is said on a topic of other people's sensors.
#[derive(Debug, Default)]
struct Spoken {
    picks: Vec<Pick>,
    /// One of them can alarm.
    alarms: bool,
    /// Sources that are lost when this topic says `offline`.
    available: Vec<SourceIx>,
}

impl Ingest {
    /// For the nodes and sensors of a config, going on from the marks that the journal held.
    #[must_use]
    pub fn new(config: &Config, marks: &[Mark], lanes: Lanes, counters: Counters) -> Self {
        let kept = |m: &Mark| {
            let mark = muster_wire::Mark {
                boot: m.boot,
                seq: m.seq,
            };
            (m.node.to_string(), History::since(mark))
        };
        let mut history = marks.iter().map(kept).collect();
        Self {
            site: config.site.id.clone(),
            tables: RwLock::new(Arc::new(Tables::of(config, lanes, &mut history))),
            history: Mutex::new(history),
            counters,
        }
    }

    /// From here on nodes and sensors are those of another config, whose indices `lanes` carries. Marks go on; what is being
    /// read is sent under the config it was read by.
    pub fn reload(&self, config: &Config, lanes: Lanes) {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let tables = Arc::new(Tables::of(config, lanes, &mut history));
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = tables;
    }

    fn tables(&self) -> Arc<Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the config names this client: a node, or somebody else's device.
    #[must_use]
    pub fn knows(&self, client: &str) -> bool {
        let tables = self.tables();
        tables.nodes.contains_key(client) || tables.guests.contains_key(client)
    }

    /// How many clients the config names.
    #[must_use]
    pub fn clients(&self) -> usize {
        let tables = self.tables();
        tables.nodes.len() + tables.guests.len()
    }

    /// A client of our own broker that is no node, if the config knows it.
    #[must_use]
    pub fn guest(&self, client: &str) -> Option<Guest> {
        self.tables().guests.get(client).cloned()
    }

    /// Takes one message. Waits while the engine's lane is full, which slows down this client alone.
    pub async fn take(&self, message: Message<'_>) -> Verdict {
        let tables = self.tables();
        if let Some(spoken) = tables.topics.get(message.topic) {
            self.sensor(&tables.lanes, spoken, message).await;
            return Verdict::Taken;
        }
        let topic = match Topic::parse(message.topic) {
            Ok(topic) if topic.site == self.site => topic,
            Ok(_) => return self.refuse(Cause::Topic, message, &"topic of another site"),
            Err(error) => return self.refuse(Cause::Topic, message, &error),
        };
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
            lose(&tables.lanes, known.node.source, "its connection ended").await;
        }
    }

    /// What brings everything here is gone: nothing of it is heard any more.
    pub async fn lose_all(&self, why: &str) {
        let tables = self.tables();
        for source in &tables.sources {
            lose(&tables.lanes, *source, why).await;
        }
    }

    /// Tells the engine something of the transport itself, which names nothing by index.
    pub async fn say(&self, input: Input) {
        // The engine ends before its sources do only when the whole gateway stops.
        let _ = self.tables().lanes.control.send(Control::Input(input)).await;
    }

    /// Retained `online` must never clear trouble: only `offline` says anything.
    async fn state(&self, lanes: &Lanes, known: &Known, message: Message<'_>) -> Verdict {
        if message.payload == OFFLINE.as_bytes() {
            lose(lanes, known.node.source, "it says that it is offline").await;
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
            return known.behind(message.payload).map_or(Verdict::Taken, Verdict::Behind);
        };
        let lane = if matches!(kind, TopicKind::Alarm) {
            &tables.lanes.alarm
        } else {
            &tables.lanes.data
        };
        self.hand_over(lane, batch, message).await;
        Verdict::Taken
    }

    async fn sensor(&self, lanes: &Lanes, spoken: &Spoken, message: Message<'_>) {
        if sensor::is_offline(message.payload) {
            for source in &spoken.available {
                lose(lanes, *source, "it is said to be offline").await;
            }
        }
        if spoken.picks.is_empty() {
            return;
        }
        if message.retain {
            let what = "kept by the broker: nobody knows how old it is";
            return self.counters.count(Cause::Retained, message.client, &what);
        }
        let bad = |cause, what| self.counters.count(cause, message.client, &what);
        match sensor::read(&spoken.picks, message.payload, bad) {
            Ok(inputs) if inputs.is_empty() => {}
            Ok(inputs) => {
                let lane = if spoken.alarms { &lanes.alarm } else { &lanes.data };
                self.hand_over(lane, lanes.batch(inputs, None), message).await;
            }
            Err((cause, what)) => self.counters.count(cause, message.client, &what),
        }
    }

    async fn hand_over(&self, lane: &Sender<Batch>, batch: Batch, message: Message<'_>) {
        if let Err(TrySendError::Full(batch)) = lane.try_send(batch) {
            self.counters
                .count(Cause::Flood, message.client, &"the engine is behind; this client waits");
            let _ = lane.send(batch).await;
        }
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
    fn of(config: &Config, lanes: Lanes, history: &mut BTreeMap<String, Arc<History>>) -> Self {
        let mut known = |(id, node): (&String, &Node)| {
            let unheard = || History::since(muster_wire::Mark { boot: 0, seq: 0 });
            let known = Known {
                id: Arc::from(id.as_str()),
                node: node.clone(),
                history: history.entry(id.clone()).or_insert_with(unheard).clone(),
            };
            (id.clone(), known)
        };
        let nodes = config.nodes.values().map(|node| node.source);
        Self {
            sources: nodes.chain(config.sensors.iter().map(|s| s.source)).collect(),
            nodes: config.nodes.iter().map(&mut known).collect(),
            topics: spoken(config),
            guests: guest::all(&config.sensors),
            quantities: config.site.channels.iter().map(|c| c.quantity).collect(),
            lanes,
        }
    }
}

/// What other people's sensors say, by topic.
fn spoken(config: &Config) -> BTreeMap<String, Spoken> {
    let alarms = |pick: &Pick| config.site.channels[pick.channel.at()].alarm.is_some();
    let mut topics: BTreeMap<String, Spoken> = BTreeMap::new();
    let mut hear = |sensor: &Sensor| {
        for (topic, picks) in &sensor.topics {
            let spoken = topics.entry(topic.clone()).or_default();
            spoken.picks.extend(picks.iter().cloned());
            spoken.alarms |= picks.iter().any(alarms);
        }
        if let Some(topic) = &sensor.availability {
            topics.entry(topic.clone()).or_default().available.push(sensor.source);
        }
    };
    config.sensors.iter().for_each(&mut hear);
    topics
}

async fn lose(lanes: &Lanes, source: SourceIx, why: &str) {
    // The engine ends before its sources do only when the whole gateway stops.
    let _ = lanes.lost(source, why.into()).await;
}

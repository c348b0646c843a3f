//! From bytes to readings: checks everything about a pack except what it means.
//!
//! A pack that is refused changes counters and nothing else. One bad record of a good pack costs that record only.

mod guest;
mod pack;
mod sensor;

pub use guest::Guest;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};

use muster_core::{Input, Site, SourceIx};
use muster_wire::{OFFLINE, ONLINE, Topic, TopicKind};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use crate::config::{Node, Pick, Sensor};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Ours: taken, or refused and counted.
    Taken,
    /// A state message, to be kept for whoever asks.
    Keep,
}

/// Checks messages and hands readings to the engine. One for all clients of a listener.
#[derive(Debug)]
pub struct Ingest {
    site: String,
    nodes: BTreeMap<String, Known>,
    /// Other people's sensors, by topic.
    topics: BTreeMap<String, Spoken>,
    guests: BTreeMap<String, Guest>,
    /// Quantity of each channel, by index: what a record's unit is checked against.
    quantities: Vec<muster_wire::Quantity>,
    counters: Counters,
    lanes: Lanes,
    /// Everything that is heard through a transport.
    sources: Vec<SourceIx>,
}

/// A node of the config and the highest pack taken from it.
#[derive(Debug)]
struct Known {
    id: Arc<str>,
    node: Node,
    mark: Mutex<muster_wire::Mark>,
    /// Samples it said to have dropped since its start, in micro-units.
    lost: AtomicI64,
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
    /// For the nodes of a config, going on from the marks that the journal held.
    #[must_use]
    pub fn new(site: &Site, nodes: &BTreeMap<String, Node>, marks: &[Mark], lanes: Lanes, counters: Counters) -> Self {
        let known = |(id, node): (&String, &Node)| {
            let kept = marks.iter().find(|m| *m.node == **id);
            let mark = kept.map_or(muster_wire::Mark { boot: 0, seq: 0 }, |m| muster_wire::Mark {
                boot: m.boot,
                seq: m.seq,
            });
            (
                id.clone(),
                Known {
                    id: Arc::from(id.as_str()),
                    node: node.clone(),
                    mark: Mutex::new(mark),
                    lost: AtomicI64::new(0),
                },
            )
        };
        Self {
            site: site.id.clone(),
            nodes: nodes.iter().map(known).collect(),
            topics: BTreeMap::new(),
            guests: BTreeMap::new(),
            quantities: site.channels.iter().map(|c| c.quantity).collect(),
            counters,
            lanes,
            sources: nodes.values().map(|node| node.source).collect(),
        }
    }

    /// Whether the config names this client: a node, or somebody else's device.
    #[must_use]
    pub fn knows(&self, client: &str) -> bool {
        self.nodes.contains_key(client) || self.guests.contains_key(client)
    }

    /// How many clients the config names.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.nodes.len() + self.guests.len()
    }

    /// Hears other people's sensors too.
    #[must_use]
    pub fn with_sensors(mut self, site: &Site, sensors: &[Sensor]) -> Self {
        for sensor in sensors {
            for (topic, picks) in &sensor.topics {
                let spoken = self.topics.entry(topic.clone()).or_default();
                spoken.picks.extend(picks.iter().cloned());
                spoken.alarms |= picks.iter().any(|p| site.channels[p.channel.at()].alarm.is_some());
            }
            if let Some(topic) = &sensor.availability {
                self.topics
                    .entry(topic.clone())
                    .or_default()
                    .available
                    .push(sensor.source);
            }
        }
        self.sources = self
            .sources
            .into_iter()
            .chain(sensors.iter().map(|s| s.source))
            .collect();
        self.guests = guest::all(sensors);
        self
    }

    /// A client of our own broker that is no node, if the config knows it.
    #[must_use]
    pub fn guest(&self, client: &str) -> Option<&Guest> {
        self.guests.get(client)
    }

    /// Takes one message. Waits while the engine's lane is full, which slows down this client alone.
    pub async fn take(&self, message: Message<'_>) -> Verdict {
        if let Some(spoken) = self.topics.get(message.topic) {
            self.sensor(spoken, message).await;
            return Verdict::Taken;
        }
        let topic = match Topic::parse(message.topic) {
            Ok(topic) if topic.site == self.site => topic,
            Ok(_) => return self.refuse(Cause::Topic, message, &"topic of another site"),
            Err(error) => return self.refuse(Cause::Topic, message, &error),
        };
        let Some(known) = self.nodes.get(topic.node) else {
            return self.refuse(Cause::UnknownNode, message, &"no such node in the config");
        };
        match topic.kind {
            TopicKind::State => self.state(known, message).await,
            TopicKind::Data | TopicKind::Alarm | TopicKind::Birth => self.pack(known, topic.kind, message).await,
            TopicKind::Ack | TopicKind::Cmd(_) => self.refuse(Cause::Topic, message, &"only the gateway speaks here"),
        }
    }

    /// A node's connection ended. Trouble at once; only fresh readings clear it.
    pub async fn gone(&self, client: &str) {
        if let Some(known) = self.nodes.get(client) {
            self.lose(known, "its connection ended").await;
        }
    }

    /// Retained `online` must never clear trouble: only `offline` says anything.
    async fn state(&self, known: &Known, message: Message<'_>) -> Verdict {
        if message.payload == OFFLINE.as_bytes() {
            self.lose(known, "it says that it is offline").await;
        } else if message.payload != ONLINE.as_bytes() {
            return self.refuse(Cause::Malformed, message, &"a state is `online` or `offline`");
        }
        Verdict::Keep
    }

    /// What brings everything here is gone: nothing of it is heard any more.
    pub async fn lose_all(&self, why: &str) {
        for source in &self.sources {
            self.lose_source(*source, why).await;
        }
    }

    async fn lose(&self, known: &Known, why: &str) {
        self.lose_source(known.node.source, why).await;
    }

    async fn lose_source(&self, source: SourceIx, why: &str) {
        let why = why.into();
        self.say(Input::Lost { source, why }).await;
    }

    /// Tells the engine something of the transport itself.
    pub async fn say(&self, input: Input) {
        // The engine ends before its sources do only when the whole gateway stops.
        let _ = self.lanes.control.send(Control::Input(input)).await;
    }

    async fn pack(&self, known: &Known, kind: TopicKind<'_>, message: Message<'_>) -> Verdict {
        if message.retain {
            return self.refuse(Cause::Retained, message, &"a reading must not be retained");
        }
        let Some(batch) = self.read(known, message) else {
            return Verdict::Taken;
        };
        let lane = if matches!(kind, TopicKind::Alarm) {
            &self.lanes.alarm
        } else {
            &self.lanes.data
        };
        self.hand_over(lane, batch, message).await;
        Verdict::Taken
    }

    async fn sensor(&self, spoken: &Spoken, message: Message<'_>) {
        if sensor::is_offline(message.payload) {
            for source in &spoken.available {
                self.lose_source(*source, "it is said to be offline").await;
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
                let lane = if spoken.alarms {
                    &self.lanes.alarm
                } else {
                    &self.lanes.data
                };
                self.hand_over(lane, Batch { inputs, mark: None }, message).await;
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
    fn read(&self, known: &Known, message: Message<'_>) -> Option<Batch> {
        let read = pack::read(known, &self.quantities, &self.counters, message);
        read.map_err(|(cause, what)| self.counters.count(cause, message.client, &what))
            .ok()
    }
}

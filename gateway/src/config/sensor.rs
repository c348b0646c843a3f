//! Other people's sensors: a topic, and where in its JSON a channel's value stands.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::{ChannelIx, Millis, SourceIx};
use muster_wire::{Micro, Quantity};

use super::channel::ChannelRow;
use super::faults::{At, Faults, quoted};
use super::pick::{self, Picked};
use super::table::Table;

/// How often a sensor speaks at the latest if the file does not say: Tasmota's TelePeriod as delivered. Seconds.
const REPORT_S: Millis = 300;
/// Reports that may be missed before a channel is in trouble, as for nodes and polls.
const MISSED: Millis = 3;
/// Longest topic or pointer.
pub(super) const MAX_TEXT: usize = 256;
/// An alarm that takes longer than this to be decided is worth a warning. Three beats of a node.
const SLOW_MS: Millis = 15_000;

/// Somebody else's sensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensor {
    /// Its source.
    pub source: SourceIx,
    /// Its id, for logs.
    pub id: String,
    /// The MQTT client that alone may speak on its topics at the embedded broker; none at somebody else's.
    pub client: Option<String>,
    /// What is picked out of the messages of each topic.
    pub topics: BTreeMap<String, Vec<Pick>>,
    /// Where it, or what brings it here, says that it is offline.
    pub availability: Option<String>,
}

impl Sensor {
    /// Every topic to listen to.
    pub fn all_topics(&self) -> impl Iterator<Item = &str> {
        self.topics.keys().chain(&self.availability).map(String::as_str)
    }
}

/// One channel in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Which.
    pub channel: ChannelIx,
    /// Where its value stands: a JSON pointer (RFC 6901); empty for the whole message.
    pub pointer: String,
    /// What the value says.
    pub meaning: Meaning,
}

impl Pick {
    /// Whether it is the same value, whatever the index of its channel.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.pointer, &self.meaning) == (&other.pointer, &other.meaning)
    }
}

/// What a value says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// value × scale + offset, in the quantity's unit.
    Number {
        /// Not zero.
        scale: Micro,
        /// In the quantity's unit.
        offset: Micro,
    },
    /// One of two words; any other is no value.
    Contact {
        /// The word for 1.
        on: Word,
        /// The word for 0.
        off: Word,
    },
}

/// A value in somebody else's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A string, or the bare text of a message.
    Text(String),
}

/// What only such a source has.
pub(super) struct SensorRow {
    topic: Option<At<String>>,
    availability: Option<At<String>>,
    pub(super) client: Option<At<String>>,
    report_ms: Option<At<Millis>>,
    /// Its client proves its name to us.
    pub(super) proven: bool,
}

/// Keys of such a source.
pub(super) const KEYS: [&str; 4] = ["topic", "availability_topic", "client", "report_s"];

/// Reads them; `proven` says whether clients prove their names.
pub(super) fn read(table: &Table<'_>, proven: bool) -> SensorRow {
    SensorRow {
        topic: topic(table, "topic"),
        availability: topic(table, "availability_topic"),
        client: client(table),
        report_ms: table.seconds("report_s", 1..=1_200),
        proven,
    }
}

impl SensorRow {
    /// How long a channel may be silent if it does not say itself.
    pub(super) fn supervision_ms(&self) -> Millis {
        MISSED * self.period_ms()
    }

    /// How often it speaks at the latest.
    pub(super) fn period_ms(&self) -> Millis {
        self.report_ms.as_ref().map_or(REPORT_S * 1_000, |r| r.value)
    }

    /// Where the channel's value stands, and what it says.
    pub(super) fn pick(&self, row: &ChannelRow, quantity: Quantity, faults: &Faults<'_>) -> Picked {
        let topic = row.pick.topic.as_ref().or(self.topic.as_ref());
        if topic.is_none() {
            let what = "neither this channel nor its source has a `topic`";
            faults.error(row.at, what, "the topic on which the sensor speaks");
        }
        pick::check_pointer(&row.signal, faults);
        Picked {
            topic: topic.map_or_else(String::new, |t| t.value.clone()),
            pointer: row.signal.value.clone(),
            meaning: row.pick.meaning(quantity, faults),
        }
    }

    /// A sensor that speaks seldom decides slowly: one sample never does.
    pub(super) fn check_pace(&self, row: &ChannelRow, k: u8, alarms: bool, faults: &Faults<'_>) {
        let takes_ms = Millis::from(k.saturating_sub(1)) * self.period_ms();
        if alarms && takes_ms > SLOW_MS {
            let what = format!(
                "an alarm of this channel needs {k} reports, and they may be {} s apart",
                self.period_ms() / 1_000
            );
            let hint = "let the device report more often and say so with `report_s`; or k = 1, n = 1 for one that \
                        reports a change once";
            faults.warning(row.at, what, hint);
        }
    }

    pub(super) fn sensor(
        &self,
        source: SourceIx,
        id: &str,
        channels: impl Iterator<Item = (ChannelIx, Picked)>,
    ) -> Sensor {
        let mut topics: BTreeMap<String, Vec<Pick>> = BTreeMap::new();
        for (channel, picked) in channels {
            topics.entry(picked.topic).or_default().push(Pick {
                channel,
                pointer: picked.pointer,
                meaning: picked.meaning,
            });
        }
        Sensor {
            source,
            id: id.to_owned(),
            client: self.client.as_ref().map(|c| c.value.clone()),
            topics,
            availability: self.availability.as_ref().map(|a| a.value.clone()),
        }
    }

    /// At our own broker everybody has to be somebody; at somebody else's we cannot tell.
    pub(super) fn check_client(&self, at: usize, connects: bool, nodes: &BTreeSet<&str>, faults: &Faults<'_>) {
        match &self.client {
            None if !connects => {
                let what = "nothing says which client speaks for this source";
                faults.error(
                    at,
                    what,
                    "give `client`, the MQTT client id the device has: it alone may speak on its topics",
                );
            }
            Some(client) if connects => {
                let what = "`client` means nothing at somebody else's broker";
                faults.error(
                    client.at,
                    what,
                    "remove it: of who speaks there we only have the topic's word",
                );
            }
            Some(client) if nodes.contains(client.value.as_str()) => {
                let what = format!("{} is a node", quoted(&client.value));
                faults.error(client.at, what, "a device needs a client id of its own");
            }
            _ => {}
        }
    }
}

/// One topic is one device's: two readers of one would be two votes of one sensor.
pub(super) fn check_topics(sensors: &[(&Sensor, usize)], faults: &Faults<'_>) {
    let mut of_topic: BTreeMap<&str, &Sensor> = BTreeMap::new();
    for (sensor, at) in sensors {
        for topic in sensor.topics.keys().filter(|t| !t.is_empty()) {
            let first = *of_topic.entry(topic).or_insert(sensor);
            if first.source != sensor.source {
                let [a, b] = [&sensor.id, &first.id].map(|id| quoted(id));
                let what = format!("{a} and {b} are heard on one topic, {}", quoted(topic));
                faults.error(
                    *at,
                    what,
                    "one topic is one device: make them one source with several channels",
                );
            }
        }
    }
}

fn client(table: &Table<'_>) -> Option<At<String>> {
    let client = table.text("client")?;
    if (1..=64).contains(&client.value.len()) && client.value.bytes().all(|b| b.is_ascii_graphic()) {
        return Some(client);
    }
    let what = format!("{} is not an MQTT client id", quoted(&client.value));
    table
        .faults
        .error(client.at, what, "1 to 64 letters, digits and signs, without blanks");
    Some(At::new(String::new(), client.at))
}

/// A topic without wildcards: whatever matched one could be another device, and speak for this one.
pub(super) fn topic(table: &Table<'_>, key: &'static str) -> Option<At<String>> {
    let topic = table.text(key)?;
    let word = topic.value.as_str();
    let hint = if word.is_empty() || word.len() > MAX_TEXT || word.chars().any(char::is_control) {
        "1 to 256 characters"
    } else if word.contains(['+', '#']) {
        "name one topic of one device; further ones go on its [[channel]]s, as `topic`"
    } else if word.starts_with('$') || word == "muster" || word.starts_with("muster/") {
        "topics under `muster/` are those of nodes, and those that begin with `$` are the broker's own"
    } else {
        return Some(topic);
    };
    let what = format!("{} is not the topic of a sensor", quoted(word));
    table.faults.error(topic.at, what, hint);
    None
}

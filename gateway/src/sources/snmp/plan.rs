//! What is asked of an agent, and how answers become readings. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use async_snmp::{Oid, Value};
use muster_core::{ChannelIx, Millis};
use muster_profiles::{Place, SnmpSignal};
use muster_wire::{Absence, Micro};

use super::SnmpSource;
use super::failure::Failure;
use crate::sources::excuse::{Excuses, said, without};
use crate::sources::outlet::Sample;
use crate::sources::pace::Pace;

/// When an agent is asked.
pub(super) fn pace(source: &SnmpSource) -> Pace {
    let has_trip = |s: &SnmpSignal| s.trip && source.channels.contains_key(&s.name);
    let trips = source.way.profile.signals.iter().any(has_trip);
    Pace::of(source.poll_ms, source.way.profile.head.min_poll_ms, trips)
}

/// Signals that are read together.
#[derive(Debug)]
pub(super) struct Poll {
    points: Vec<(SnmpSignal, ChannelIx)>,
    /// Signals that take the meaning of some of them away, whether they have a channel or not.
    excuses: Vec<SnmpSignal>,
    /// Channels of signals that this agent says nothing by.
    mute: Vec<ChannelIx>,
}

/// What an agent answered to one poll.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Objects that it gave a value or a reason for.
    pub(super) objects: BTreeMap<Oid, Value>,
    /// Columns that were walked to their end: what their rows hold.
    pub(super) columns: BTreeMap<Oid, Vec<Vec<u32>>>,
    /// Columns of excuses that could not be read, and why; none where they were not asked for again yet.
    pub(super) unread: BTreeMap<Oid, Option<Failure>>,
}

pub(super) fn theirs(oid: &muster_profiles::Oid) -> Oid {
    Oid::from_slice(oid.arcs())
}

impl Poll {
    /// The signals the config has a channel for, as this agent says them. Those that trip, or the others.
    pub(super) fn of(source: &SnmpSource, agent: &muster_profiles::Oid, trip: bool) -> Self {
        let spoken = source.way.profile.signals_of(agent);
        let channel = |s: &SnmpSignal| source.channels.get(&s.name).copied();
        let is_mute = |s: &&SnmpSignal| s.trip == trip && spoken.iter().all(|spoken| spoken.name != s.name);
        let mute = source.way.profile.signals.iter().filter(is_mute).filter_map(channel);
        let points = spoken.iter().filter(|s| s.trip == trip);
        let points: Vec<_> = points.filter_map(|s| Some((s.clone(), channel(s)?))).collect();
        let excuses = |s: &&SnmpSignal| points.iter().any(|(signal, _)| signal.unless_signals.contains(&s.name));
        Self {
            mute: mute.collect(),
            excuses: spoken.iter().filter(excuses).cloned().collect(),
            points,
        }
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.points.is_empty() && self.mute.is_empty()
    }

    /// Everything that is read.
    fn signals(&self) -> impl Iterator<Item = &SnmpSignal> {
        self.points.iter().map(|(signal, _)| signal).chain(&self.excuses)
    }

    /// Every object once, in order.
    pub(super) fn objects(&self) -> Vec<Oid> {
        let object = |signal: &SnmpSignal| match &signal.place {
            Place::Object(oid) => theirs(oid),
            Place::Column { count, .. } => theirs(count),
        };
        self.signals()
            .map(object)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// The columns whose agent says that they have rows.
    pub(super) fn columns(&self, objects: &BTreeMap<Oid, Value>) -> BTreeSet<Oid> {
        let with_rows = |signal: &SnmpSignal| match &signal.place {
            Place::Column { column, count, .. } => {
                let rows = number(objects.get(&theirs(count)));
                rows.is_some_and(|rows| rows > 0).then(|| theirs(column))
            }
            Place::Object(_) => None,
        };
        self.signals().filter_map(with_rows).collect()
    }

    /// Whether a column is read only because something in it takes meanings away.
    pub(super) fn only_excuses(&self, column: &Oid) -> bool {
        let is_in =
            |signal: &SnmpSignal| matches!(&signal.place, Place::Column { column: its, .. } if theirs(its) == *column);
        !self.points.iter().any(|(signal, _)| is_in(signal))
    }

    /// One sample a channel: of what the agent does not have, an absence, and only of that. `excuses` are those of the agent.
    pub(super) fn samples(&self, answers: &Answers, excuses: &mut Excuses, now: Millis) -> Vec<Sample> {
        let mut counts = |s: &&SnmpSignal| excuses.counts(&s.name, said(decode(s, answers)), now);
        let excused: BTreeSet<&str> = self
            .excuses
            .iter()
            .filter(&mut counts)
            .map(|s| s.name.as_str())
            .collect();
        let spoken = self.points.iter().map(|(signal, channel)| {
            let is_excused = signal.unless_signals.iter().any(|name| excused.contains(name.as_str()));
            Sample {
                channel: *channel,
                value: without(decode(signal, answers), is_excused),
            }
        });
        let mute = self.mute.iter().map(|channel| Sample {
            channel: *channel,
            value: Err(Absence::Config),
        });
        spoken.chain(mute).collect()
    }
}

fn decode(signal: &SnmpSignal, answers: &Answers) -> Result<Micro, Absence> {
    match &signal.place {
        Place::Object(oid) => decode_value(signal, answers.objects.get(&theirs(oid))),
        Place::Column { column, count, .. } => {
            let column = theirs(column);
            if answers.unread.contains_key(&column) {
                return Err(Absence::Bus);
            }
            let rows = answers.columns.get(&column).map_or(&[][..], Vec::as_slice);
            signal.decode_rows(number(answers.objects.get(&theirs(count))), rows)
        }
    }
}

/// TimeTicks count only where ticks are said, and texts where the agent writes its numbers so.
fn decode_value(signal: &SnmpSignal, value: Option<&Value>) -> Result<Micro, Absence> {
    match value {
        Some(Value::TimeTicks(ticks)) => signal.decode_ticks(*ticks),
        Some(Value::OctetString(text)) => {
            let text = std::str::from_utf8(text).map_err(|_| Absence::Bus)?;
            signal.decode_text(text)
        }
        Some(Value::Counter64(n)) => signal.decode_number(i64::try_from(*n).map_err(|_| Absence::Range)?),
        value => signal.decode_number(number(value).ok_or(Absence::Bus)?),
    }
}

/// A whole number, in whichever type; RFC 1628 says INTEGER, agents say Gauge32.
fn number(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Integer(n) => Some(i64::from(*n)),
        Value::Counter32(n) | Value::Gauge32(n) | Value::UInteger32(n) => Some(i64::from(*n)),
        _ => None,
    }
}

//! One node or device: what the engine knows of its channels, and the poller of its conversation.

use std::sync::Arc;

use muster_core::{SourceView, TroubleView};
use serde_json::{Value, json};

use super::bus::Bus;
use super::remedy;
use crate::api::wall;
use crate::clock::Clock;
use crate::sources::polls::{LastError, Shown};

/// How a device is, gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::api) enum State {
    /// The whole of it is lost.
    Trouble,
    /// Some of its channels are at fault.
    Faults,
    /// Nothing has been heard since the start.
    NotHeard,
    /// Nothing is wrong.
    Well,
}

impl State {
    /// The word in the API.
    pub(in crate::api) const fn as_str(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Faults => "faults",
            Self::NotHeard => "not_heard",
            Self::Well => "ok",
        }
    }

    /// The words on a screen.
    pub(in crate::api) const fn shown(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Faults => "faults",
            Self::NotHeard => "not heard yet",
            Self::Well => "ok",
        }
    }
}

/// All that is shown of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct Device {
    /// Its channels, summed up by the core.
    pub(in crate::api) source: SourceView,
    /// Of the whole of it.
    pub(in crate::api) trouble: Option<TroubleView>,
    /// How it is asked; none of a device that speaks by itself.
    pub(in crate::api) polled: Option<Shown>,
    /// The port it shares with others.
    pub(in crate::api) bus: Option<Arc<Bus>>,
}

impl Device {
    /// Trouble of the whole of it stands until its last channel is good; where one is, the others tell what is wrong now.
    pub(super) fn new(
        source: SourceView,
        trouble: Option<TroubleView>,
        polled: Option<Shown>,
        bus: Option<Arc<Bus>>,
    ) -> Self {
        Self {
            trouble: trouble.filter(|_| source.channels_good == 0),
            source,
            polled,
            bus,
        }
    }

    /// How it is.
    pub(in crate::api) fn state(&self) -> State {
        match () {
            () if self.trouble.is_some() => State::Trouble,
            () if self.source.last_good_ms.is_none() => State::NotHeard,
            () if !self.source.faults.is_empty() => State::Faults,
            () => State::Well,
        }
    }

    /// What it speaks.
    pub(in crate::api) fn kind(&self) -> &'static str {
        self.polled.as_ref().map_or("mqtt", |polled| polled.kind)
    }

    /// What to do about it; none of one that is well.
    pub(in crate::api) fn next(&self) -> Option<String> {
        (self.state() != State::Well).then(|| remedy::of(self))
    }

    /// The last error of its conversation.
    pub(in crate::api) fn last_error(&self) -> Option<&LastError> {
        self.polled.as_ref()?.now.last_error.as_ref()
    }

    /// Why what it answers has no value, in its own words.
    pub(in crate::api) fn note(&self) -> Option<&str> {
        self.polled.as_ref()?.now.note.as_deref()
    }

    /// As the API has it.
    pub(super) fn document(&self, clock: &Clock) -> Value {
        let (source, polled) = (&self.source, self.polled.as_ref());
        let now = polled.map(|polled| &polled.now);
        let trouble = self.trouble.as_ref().map(|trouble| {
            json!({ "subject": trouble.subject, "since": trouble.since, "line": trouble.line,
                    "since_wall": wall::rfc3339(clock.wall_of(trouble.since)) })
        });
        let last_error = self
            .last_error()
            .map(|error| json!({ "line": error.line, "age_ms": error.age_ms, "cause": error.cause.as_str() }));
        let bus = self.bus.as_ref();
        let beside: Option<Vec<&str>> = bus.map(|bus| bus.beside(&source.id).collect());
        json!({
            "bus": bus.map(|bus| &bus.port), "shares_bus_with": beside, "note": self.note(),
            "id": source.id, "kind": self.kind(), "zones": source.zones, "groups": source.groups,
            "state": self.state().as_str(), "next": self.next(),
            "channels_good": source.channels_good, "channels_total": source.channels_total, "faults": source.faults,
            "alarm": source.alarm, "watch": source.watch, "last_good_ms": source.last_good_ms,
            "address": polled.map(|p| &p.address), "profile": polled.map(|p| &p.profile),
            "poll_ms": now.and_then(|n| n.poll_ms), "missed_polls": now.map(|n| n.missed), "cycle_ms": now.and_then(|n| n.cycle_ms),
            "answered_ms": now.and_then(|n| n.answered_ms), "last_error": last_error, "trouble": trouble,
        })
    }
}

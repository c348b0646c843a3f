//! From alarms and orders to votes, levels and runways.

mod carry;
mod flaw;
pub(crate) mod levels;
pub(crate) mod orders;
mod pending;
pub(crate) mod runway;
pub(crate) mod votes;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use crate::{ChannelIx, GroupIx, Level, Millis, PrincipalIx, Site, SourceIx, Verb, ZoneIx};
pub(crate) use runway::Interval;
pub(crate) use votes::Vote;

/// Votes, levels, orders and the incident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Policy {
    pub(crate) armed: bool,
    /// Somebody has ordered it so: what the config says does not count any more.
    pub(crate) arm_ordered: bool,
    /// Authorised resets so far; the next incident is this plus one.
    pub(crate) resets: u32,
    /// Latched until an authorised reset.
    pub(crate) votes: BTreeMap<(ZoneIx, GroupIx), Vote>,
    pub(crate) zones: Vec<ZoneState>,
    /// Evacuation of the whole site, by order or announced cut.
    pub(crate) site_evacuate: Option<String>,
    pub(crate) incident: Option<Incident>,
    #[serde(with = "pending")]
    pub(crate) pending: BTreeMap<&'static str, Pending>,
    /// Announced cut, engine time.
    pub(crate) cut: Option<Millis>,
    pub(crate) hold_until: Option<Millis>,
    /// Who has already held in this incident; each may once.
    pub(crate) held_by: BTreeSet<PrincipalIx>,
    pub(crate) aborted: bool,
    /// Troubles of Muster's own parts.
    pub(crate) own: BTreeMap<String, (Millis, String)>,
    /// Present troubles of sources and channels, for people.
    pub(crate) troubles: BTreeMap<Subject, (Millis, String)>,
    /// The last announced level and why.
    pub(crate) level: Level,
}

/// What is in trouble. A channel and a source may have the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) enum Subject {
    Source(SourceIx),
    Channel(ChannelIx),
}

/// A zone's level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct ZoneState {
    pub(crate) level: Level,
    pub(crate) why: String,
    /// Latched: two votes have counted together here.
    pub(crate) evacuate: Option<String>,
}

/// From the first vote or order to the authorised reset.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Incident {
    pub(crate) n: u32,
    pub(crate) opened: Millis,
    pub(crate) why: String,
    /// First sign of a hazard, from which the priors count; none while only a cut has been announced.
    pub(crate) sign: Option<Millis>,
    pub(crate) evacuate_begun: Option<Millis>,
    pub(crate) closed: Option<Millis>,
}

/// The first of two persons.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Pending {
    pub(crate) verb: Verb,
    pub(crate) by: PrincipalIx,
    pub(crate) at: Millis,
}

impl Policy {
    pub(crate) fn new(site: &Site) -> Self {
        Self {
            armed: site.armed,
            zones: site.zones.iter().map(|_| ZoneState::default()).collect(),
            ..Self::default()
        }
    }

    /// The open incident.
    pub(crate) fn open(&self) -> Option<&Incident> {
        self.incident.as_ref().filter(|i| i.closed.is_none())
    }

    /// Irreversible steps may run.
    pub(crate) fn evacuating(&self) -> bool {
        self.open().is_some_and(|i| i.evacuate_begun.is_some()) && !self.aborted
    }

    /// Steps not yet begun wait for a person.
    pub(crate) fn holding(&self, now: Millis) -> bool {
        self.hold_until.is_some_and(|until| now < until)
    }

    /// The next time at which a vote may return, a hold ends or an order lapses.
    pub(crate) fn next_deadline(&self, detect: &crate::detect::Detect) -> Option<Millis> {
        let returns = self
            .votes
            .iter()
            .filter(|(_, v)| v.held)
            .filter_map(|(key, vote)| votes::returns_at(detect, *key, vote));
        let lapses = self.pending.values().map(|p| p.at + orders::PAIR_WITHIN_MS);
        returns.chain(lapses).chain(self.hold_until).min()
    }
}

//! From alarms and orders to votes, levels and runways.

pub(crate) mod battery;
mod carry;
mod drill;
pub(crate) mod feeds;
mod flaw;
pub(crate) mod levels;
pub(crate) mod orders;
pub(crate) mod outage;
mod pending;
pub(crate) mod runway;
pub(crate) mod votes;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use crate::{ChannelIx, GroupIx, Level, Millis, PrincipalIx, Site, SourceIx, Target, Verb, ZoneIx, detect::Detect};
pub(crate) use drill::{Drill, Drills, Ended, ladder_words};
pub(crate) use outage::PowerLoss;
pub(crate) use runway::Interval;
pub(crate) use votes::{REPAIR_MS, Sum, Vote};

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
    /// Batteries end before the plan does: evacuation of what stands on them.
    #[serde(default)]
    pub(crate) power: Option<PowerLoss>,
    /// When what the batteries threaten has to be looked at though nothing is heard.
    #[serde(default)]
    pub(crate) power_wake: Option<Millis>,
    pub(crate) incident: Option<Incident>,
    #[serde(with = "pending")]
    pub(crate) pending: BTreeMap<&'static str, Pending>,
    /// Announced cut, engine time.
    pub(crate) cut: Option<Millis>,
    pub(crate) hold_until: Option<Millis>,
    /// Who has already held in this incident; each may once.
    pub(crate) held_by: BTreeSet<PrincipalIx>,
    pub(crate) aborted: bool,
    /// What was evacuated is brought home, by order of these.
    #[serde(default)]
    pub(crate) returning: Option<String>,
    /// Troubles of Muster's own parts.
    pub(crate) own: BTreeMap<String, (Millis, String)>,
    /// Present troubles of sources and channels, for people.
    pub(crate) troubles: BTreeMap<Subject, (Millis, String)>,
    /// What is out of service, and where people work.
    #[serde(default)]
    pub(crate) bypasses: BTreeMap<Target, Bypass>,
    /// Channels in alarm that may not vote now; they do as soon as they may.
    #[serde(default)]
    pub(crate) withheld: BTreeSet<ChannelIx>,
    /// Zones that evacuate unless somebody aborts.
    #[serde(default)]
    pub(crate) windows: BTreeMap<ZoneIx, Window>,
    /// Groups of which a channel died beside an alarm, until it is known whether that is a vote.
    #[serde(default)]
    pub(crate) dying: BTreeMap<(ZoneIx, GroupIx), Dying>,
    /// Hosts that have been told to go, since when and why; until the reset.
    #[serde(default)]
    pub(crate) hosts_off: BTreeMap<String, (Millis, String)>,
    /// What drills have shown.
    #[serde(default)]
    pub(crate) drills: Drills,
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
    /// When its abort window was last aborted: what had been seen by then opens none again.
    #[serde(default)]
    pub(crate) stood_down: Option<Millis>,
}

/// Out of service, or planned work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Bypass {
    pub(crate) by: String,
    pub(crate) reason: String,
    pub(crate) since: Millis,
    pub(crate) until: Millis,
}

/// Evacuation waits for an abort until then.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Window {
    pub(crate) opened: Millis,
    pub(crate) until: Millis,
    pub(crate) why: String,
}

/// A channel that died beside an alarm.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Dying {
    pub(crate) channel: ChannelIx,
    /// Good for the last time.
    pub(crate) good_at: Millis,
    /// When its neighbour alarmed.
    pub(crate) alarmed_at: Millis,
    pub(crate) why: String,
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

    /// The incident whose steps are carried out: the open one, or the last one while what it moved is brought home.
    pub(crate) fn acting(&self) -> Option<&Incident> {
        self.incident
            .as_ref()
            .filter(|i| i.closed.is_none() || self.returning.is_some())
    }

    /// Irreversible steps may run.
    pub(crate) fn evacuating(&self) -> bool {
        self.open().is_some_and(|i| i.evacuate_begun.is_some()) && !self.aborted
    }

    /// A zone evacuates, or somebody has ordered it: not for power's sake alone.
    pub(crate) fn burns_or_is_ordered(&self) -> bool {
        self.site_evacuate.is_some() || self.zones.iter().any(|zone| zone.evacuate.is_some())
    }

    /// Steps not yet begun wait for a person.
    pub(crate) fn holding(&self, now: Millis) -> bool {
        self.hold_until.is_some_and(|until| now < until)
    }

    /// The next time after `now` at which a vote may return or be cast, a window or a hold ends, one vote becomes enough, or
    /// an order lapses.
    pub(crate) fn next_deadline(&self, site: &Site, detect: &Detect, now: Millis) -> Option<Millis> {
        let returns = self
            .votes
            .iter()
            .filter(|(_, v)| v.held)
            .filter_map(|(key, vote)| votes::returns_at(detect, *key, vote));
        let lapses = self.pending.values().map(|p| p.at + orders::PAIR_WITHIN_MS);
        let bypasses = self.bypasses.values().map(|b| b.until);
        let withheld = self.withheld.iter();
        let inhibited = withheld.filter_map(|c| detect.inhibited(site, *c, now).map(|(_, until)| until));
        let windows = self.windows.values().map(|w| w.until);
        let dying = self.dying.values().map(Dying::judged_at);
        let alone = (0..self.zones.len() as u16).filter_map(|z| self.one_is_enough_from(detect, ZoneIx(z)));
        let of_votes = returns.chain(windows).chain(dying).chain(alone).chain(inhibited);
        let of_people = lapses.chain(bypasses).chain(self.hold_until);
        of_votes
            .chain(of_people)
            .chain(self.power_wake)
            .filter(|at| *at > now)
            .min()
    }
}

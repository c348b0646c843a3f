//! How power reaches the racks, as content (design §5 "Power path"): from the utility and the generator over transfer
//! switches, UPSes and PDUs, with everything that carries a rack beside it. A site without feeds has none of it: what takes
//! a zone then takes the whole site.

use alloc::{format, string::String, vec::Vec};

use crate::{
    ChannelIx, Hosts, Millis, Mode, Site, SourceIx, ZoneIx,
    plan::{Plan, Scope, schedule},
    words,
};

/// Position in [`Power::feeds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct FeedIx(pub u16);

impl FeedIx {
    /// Position in the list.
    #[must_use]
    pub const fn at(self) -> usize {
        self.0 as usize
    }
}

/// The power path of a site.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Power {
    /// On battery counts only after so long: a generator needs its time. 0: there is no generator. Milliseconds.
    pub generator_grace_ms: Millis,
    /// What is done where the batteries end before the plan does.
    pub on_battery: OnBattery,
    /// Zones in which batteries stand: two counting votes there doom the site, because nobody cuts the power of a part of
    /// a building only to put water on burning batteries (Pangyo 2022).
    pub battery_rooms: Vec<ZoneIx>,
    /// Everything that carries power, each after those that feed it; empty: the site is one.
    pub feeds: Vec<Feed>,
    /// Machines that ask Muster whether to go.
    #[serde(default)]
    pub hosts: Vec<Hosts>,
}

impl Default for Power {
    fn default() -> Self {
        Self {
            generator_grace_ms: GENERATOR_GRACE_MS,
            on_battery: OnBattery::default(),
            battery_rooms: Vec::new(),
            feeds: Vec::new(),
            hosts: Vec::new(),
        }
    }
}

/// Design §5; generators take load within 10 to 60 s or not at all.
const GENERATOR_GRACE_MS: Millis = 60_000;

/// One thing that carries power.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Feed {
    /// Unique among the feeds of its kind and of all others.
    pub id: String,
    /// What it is.
    pub kind: FeedKind,
    /// Where it stands and where its cables run: a fire in any of them takes it.
    pub zones: Vec<ZoneIx>,
    /// What feeds it; each stands before it in the list.
    pub by: Vec<FeedIx>,
    /// So many of `by` carry it: 1 for 2N, N for N+1. At least 1 where `by` is not empty.
    pub needs: u16,
    /// Who speaks for it: a UPS's own source.
    pub source: Option<SourceIx>,
    /// A contact that is on while it carries nothing: opened, bypassed, failed.
    pub off: Option<ChannelIx>,
    /// How long its battery lasts by its owner's word, charged, at the usual load. Milliseconds.
    pub runtime_ms: Option<Millis>,
}

/// What carries power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedKind {
    /// The grid's line into the building.
    Utility,
    /// A generator set.
    Generator,
    /// A transfer switch: any one of what feeds it will do.
    Ats,
    /// An uninterruptible supply and its battery.
    Ups,
    /// A panel, busbar or rack strip.
    Pdu,
    /// What workloads run on.
    Rack,
}

words!(FeedKind {
    Utility => "utility",
    Generator => "generator",
    Ats => "ats",
    Ups => "ups",
    Pdu => "pdu",
    Rack => "rack",
});

/// What is done where the batteries end before the plan does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBattery {
    /// Whatever fits is moved, as soon as being on battery counts.
    #[default]
    Evacuate,
    /// Nothing is moved: everything runs on until a clean stop has to begin.
    StopLastRung,
}

words!(OnBattery { Evacuate => "evacuate", StopLastRung => "stop_last_rung" });

impl Power {
    /// Kept free between the end of a plan and the end of a battery, for what no declared time holds: the cordon, probes, a
    /// retry (Eneru keeps as much). Milliseconds.
    pub const MARGIN_MS: Millis = 60_000;

    /// Racks, in the order of the config.
    pub(crate) fn racks(&self) -> impl Iterator<Item = (FeedIx, &Feed)> {
        let all = (0u16..).map(FeedIx).zip(&self.feeds);
        all.filter(|(_, feed)| feed.kind == FeedKind::Rack)
    }
}

impl Site {
    /// How long the whole plan takes by the best rungs and declared times, with lanes and dependencies. Milliseconds.
    #[must_use]
    pub fn plan_needs_ms(&self) -> Millis {
        if self.flaw().is_some() {
            return 0;
        }
        let mut plan = Plan::new(self);
        plan.change_mode(Mode::Live);
        schedule::end(self, &plan, 0, &Scope::of_all(None)).unwrap_or(0)
    }

    /// The first thing that makes its power path unusable, if there is one.
    pub(crate) fn power_flaw(&self) -> Option<String> {
        const LONGEST_MS: Millis = 10 * 366 * 86_400_000;
        let power = &self.power;
        let sane = |ms: Millis| (0..=LONGEST_MS).contains(&ms);
        if power.feeds.len() > usize::from(u16::MAX) || !sane(power.generator_grace_ms) {
            return Some("the power path is too long, or its grace cannot be".into());
        }
        if power.hosts.len() > usize::from(u16::MAX) || !power.hosts.iter().all(|h| sane(h.last_ms)) {
            return Some("its hosts are too many, or take too long".into());
        }
        let zone = |z: &ZoneIx| z.at() < self.zones.len();
        if !power.battery_rooms.iter().all(zone) {
            return Some("a battery room is not in the site".into());
        }
        for (ix, feed) in power.feeds.iter().enumerate() {
            let fed = feed.by.iter().all(|by| by.at() < ix);
            let known = feed.zones.iter().all(zone)
                && feed.source.is_none_or(|s| s.at() < self.sources.len())
                && feed.off.is_none_or(|c| c.at() < self.channels.len());
            let enough = feed.by.is_empty() || (1..=feed.by.len()).contains(&usize::from(feed.needs));
            if !fed || !known || !enough || !feed.runtime_ms.is_none_or(sane) {
                return Some(format!("{} {}: it cannot be fed so", feed.kind, feed.id));
            }
        }
        None
    }
}

//! The whole state of a decision, and its digest.

use alloc::{format, string::String, vec::Vec};

use crate::{
    Effect, Entry, Event, EventKind, Level, Millis, Record, Site, apply, detect::Detect, digest, plan::Plan,
    policy::Policy, retained::Named,
};

/// Everything the decision knows. The three parts are `Clone` and hashable by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) site: Site,
    pub(crate) named: Named,
    /// Channels.
    pub detect: Detect,
    /// Votes, levels, orders.
    pub policy: Policy,
    /// Workloads and steps.
    pub plan: Plan,
    /// Latest engine time seen; time never falls.
    pub(crate) now: Millis,
    /// Last sequence given to the journal.
    pub(crate) seq: u64,
    /// Last sequence known to be durable.
    pub(crate) stored: u64,
    /// When policy or plan are due though nothing happens.
    pub(crate) wake: Option<Millis>,
}

impl State {
    /// A site of which nothing has been heard yet; until the first `Input::Config` it has no channels.
    #[must_use]
    pub fn new() -> Self {
        let site = Site {
            id: String::new(),
            armed: false,
            simulated: false,
            single_group: false,
            zones: Vec::new(),
            groups: Vec::new(),
            sources: Vec::new(),
            channels: Vec::new(),
            hooks: Vec::new(),
            workloads: Vec::new(),
            principals: Vec::new(),
            priors: crate::Priors::default(),
        };
        Self::configured(site, 0)
    }

    pub(crate) fn configured(site: Site, now: Millis) -> Self {
        Self {
            detect: Detect::new(&site, now),
            policy: Policy::new(&site),
            plan: Plan::new(&site),
            named: Named::all_of(&site),
            site,
            now,
            seq: 0,
            stored: 0,
            wake: None,
        }
    }

    /// The same for the same inputs, in every build and on every machine.
    #[must_use]
    pub fn digest(&self) -> u64 {
        digest::of(self)
    }

    /// The site's config.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Highest level of the zones, or of the site as a whole.
    #[must_use]
    pub fn level(&self) -> Level {
        let zones = self.policy.zones.iter().map(|z| z.level).max().unwrap_or_default();
        if self.policy.site_evacuate.is_some() {
            Level::Evacuate
        } else {
            zones
        }
    }

    /// `{site}-{n}`.
    pub(crate) fn incident_id(&self, n: u32) -> String {
        format!("{}-{n}", self.site.id)
    }

    /// Applies a durable change and hands it to the journal: the only way durable state changes.
    pub(crate) fn record(&mut self, now: Millis, record: Record, out: &mut Vec<Effect>) {
        self.seq = self.seq.saturating_add(1);
        apply::apply(self, now, self.seq, &record);
        out.push(Effect::Persist(Entry {
            seq: self.seq,
            at: now,
            record,
        }));
    }

    pub(crate) fn say(&self, kind: EventKind, subject: &str, line: String, out: &mut Vec<Effect>) {
        out.push(Effect::Event(Event {
            kind,
            level: self.level(),
            subject: subject.into(),
            line,
        }));
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

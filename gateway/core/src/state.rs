//! The whole state of a decision, and its digest. A state that is read from a recording is checked as it is read: whatever
//! the file holds, [`crate::step`] neither panics nor hangs on it.

use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};

use crate::{
    Effect, Entry, Event, EventKind, Level, Millis, Record, Site, apply,
    detect::Detect,
    digest,
    plan::Plan,
    policy::{Drill, Policy},
    retained::Named,
    step::FAR,
};

/// Everything the decision knows. The three parts are `Clone` and hashable by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Read")]
pub struct State {
    /// Shared: what begins a recording copies the rest only.
    pub(crate) site: Arc<Site>,
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
    /// The drill that is under way.
    pub(crate) drill: Option<Box<Drill>>,
}

/// A state as it is read, before anybody knows whether it can be.
#[derive(serde::Deserialize)]
struct Read {
    site: Arc<Site>,
    named: Named,
    detect: Detect,
    policy: Policy,
    plan: Plan,
    now: Millis,
    seq: u64,
    stored: u64,
    wake: Option<Millis>,
    #[serde(default)]
    drill: Option<Box<Drill>>,
}

impl TryFrom<Read> for State {
    type Error = String;

    fn try_from(mut read: Read) -> Result<Self, String> {
        // A state of core 1 does not say since when a group has been out of service: since it was written, then.
        if read.named.fits(&read.site) {
            read.detect.count_anew_if_older(&read.site, read.now);
        }
        let flaw = read.flaw();
        if flaw.is_none() {
            read.plan.know_if_older(&read.site);
            if let Some(drill) = &mut read.drill {
                drill.plan.know_if_older(&drill.site);
            }
        }
        let state = Self {
            site: read.site,
            named: read.named,
            detect: read.detect,
            policy: read.policy,
            plan: read.plan,
            now: read.now,
            seq: read.seq,
            stored: read.stored,
            wake: read.wake,
            drill: read.drill,
        };
        flaw.map_or(Ok(state), |flaw| Err(format!("this state cannot be: {flaw}")))
    }
}

impl Read {
    fn flaw(&self) -> Option<String> {
        // The parts are looked at only with a site whose indices are all in range.
        if self.site != State::new().site
            && let Some(flaw) = self.site.flaw()
        {
            return Some(flaw);
        }
        if self.stored > self.seq || !(0..=FAR).contains(&self.now) || !self.wake.is_none_or(in_reach) {
            return Some("its time or its sequence is out of reach".into());
        }
        if !self.named.fits(&self.site) {
            return Some("it names more zones or groups of its own than there are".into());
        }
        self.detect
            .flaw(&self.site)
            .or_else(|| self.policy.flaw(&self.site))
            .or_else(|| self.plan.flaw(&self.site))
            .or_else(|| self.drill.as_ref()?.flaw(&self.site))
    }
}

/// Whether sums and differences of this time and others like it, or a waiting time, cannot overflow.
pub(crate) fn in_reach(at: Millis) -> bool {
    // Deadlines lie after FAR, and no two of these add up to more than there is.
    (-Millis::MAX / 3..=Millis::MAX / 3).contains(&at)
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
            destinations: Vec::new(),
            power: crate::Power::default(),
        };
        Self::configured(Arc::new(site), 0)
    }

    pub(crate) fn configured(site: Arc<Site>, now: Millis) -> Self {
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
            drill: None,
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
        if self.policy.site_evacuate.is_some() || self.policy.power.is_some() {
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

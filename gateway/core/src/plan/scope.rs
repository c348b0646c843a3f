//! What the plan is for: which workloads are doomed, by when each has to be safe, and what may not begin now.

use alloc::{collections::BTreeSet, vec::Vec};

use super::Plan;
use crate::{
    FeedIx, Millis, OnBattery, Site, State, WorkloadIx,
    policy::{
        feeds::{self, Burning, Lost},
        runway,
    },
};

/// What the plan is for at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Scope {
    /// The runway's end of the site; none: nothing is known.
    all: Option<Millis>,
    /// The same of each workload; empty where all have that of the site.
    each: Vec<Option<Millis>>,
    /// Workloads that do not begin now: their racks keep their power, or have it back.
    pub(crate) waits: BTreeSet<WorkloadIx>,
    /// Of these the ones that need not be prepared for either: nothing threatens their racks.
    pub(crate) spared: BTreeSet<WorkloadIx>,
    /// Racks that lose their power if every vote becomes two and every battery ends; none: all of the site.
    #[serde(default)]
    pub(crate) doomed: Option<Vec<FeedIx>>,
    /// Workloads that are stopped and nothing else: their battery ends before a plan would.
    pub(crate) last_only: BTreeSet<WorkloadIx>,
}

impl Scope {
    /// Everything, with one end for all.
    pub(crate) fn of_all(end: Option<Millis>) -> Self {
        Self {
            all: end,
            ..Self::default()
        }
    }

    /// Nothing threatens anything.
    pub(crate) fn nothing_doomed() -> Self {
        Self {
            doomed: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// By when a workload has to be safe.
    pub(crate) fn end(&self, work: WorkloadIx) -> Option<Millis> {
        match self.each.get(work.at()) {
            Some(end) => *end,
            None => self.all,
        }
    }

    /// The first of these ends, of what may begin.
    pub(crate) fn first(&self) -> Option<Millis> {
        if self.each.is_empty() {
            return self.all;
        }
        let each = (0u16..).map(WorkloadIx).zip(&self.each);
        each.filter(|(w, _)| !self.waits.contains(w))
            .filter_map(|(_, end)| *end)
            .min()
    }

    /// The same without ends that are over.
    pub(crate) fn ahead_of(mut self, now: Millis) -> Self {
        self.all = self.all.filter(|at| *at > now);
        self.each.iter_mut().for_each(|end| *end = end.filter(|at| *at > now));
        self
    }

    /// Every time it holds, for whoever checks that they can be.
    pub(super) fn times(&self) -> impl Iterator<Item = Millis> + '_ {
        self.each.iter().flatten().copied().chain(self.all)
    }

    /// Whether every workload it names is in the site.
    pub(super) fn fits(&self, site: &Site) -> bool {
        let known = |w: &WorkloadIx| w.at() < site.workloads.len();
        let each = self.each.is_empty() || self.each.len() == site.workloads.len();
        let racks = self.doomed.iter().flatten();
        let fed = racks.clone().all(|rack| rack.at() < site.power.feeds.len());
        each && fed && self.waits.iter().chain(&self.last_only).chain(&self.spared).all(known)
    }
}

impl Plan {
    /// The rack of every workload, none where the config does not know it; empty at a site without feeds.
    pub(super) fn racks_of(site: &Site) -> Vec<Option<FeedIx>> {
        if site.power.feeds.is_empty() {
            return Vec::new();
        }
        let racks: alloc::collections::BTreeMap<&str, FeedIx> =
            site.power.racks().map(|(ix, rack)| (rack.id.as_str(), ix)).collect();
        let of = |w: &crate::Workload| racks.get(w.runs_on.as_str()).copied();
        site.workloads.iter().map(of).collect()
    }

    /// The rack that a workload stands on, if the config knows it.
    pub(crate) fn rack_of(&self, work: WorkloadIx) -> Option<FeedIx> {
        self.racks.get(work.at()).copied().flatten()
    }
}

impl State {
    /// What the plan is for now.
    pub(crate) fn scope(&self, now: Millis) -> Scope {
        let runway = runway::of(&self.site, &self.policy, &self.detect, now);
        let hosts_go = self.policy.cut.map(|at| at - self.hosts_last_ms(None));
        let mut scope = Scope::of_all(runway.deadline.into_iter().chain(hosts_go).min());
        if self.plan.racks.is_empty() {
            if self.only_for_power() {
                self.for_power(&mut scope, |_| true);
            }
            return scope;
        }
        let losses = feeds::losses(&self.site, (&self.policy, &self.detect), now, Burning::Evacuating);
        let cut = runway.cut.as_ref().map(|i| i.earliest);
        let works = || (0..self.site.workloads.len() as u16).map(WorkloadIx);
        // What is gone already shortens nothing: no rung fits into that.
        let ahead = |l: &Lost| (!l.is_gone()).then_some(l.earliest);
        // Hosts go before their power does, and nothing may still be moving on them then.
        let before_hosts = |work: WorkloadIx| self.hosts_last_ms(Some(&self.site.workloads[work.at()].runs_on));
        let last = |l: &Lost, work| {
            ahead(l).map(|at| {
                if l.battery().is_some() {
                    at - before_hosts(work)
                } else {
                    at
                }
            })
        };
        let prior = runway.prior;
        let end = |work: WorkloadIx| match self.plan.rack_of(work) {
            Some(rack) => losses[rack.at()]
                .as_ref()
                .and_then(|l| last(l, work))
                .into_iter()
                .chain(prior)
                .chain(cut.map(|at| at - before_hosts(work)))
                .min(),
            None => scope.all,
        };
        scope.each = works().map(end).collect();
        scope.doomed = self.doomed(now);
        scope.spared = self.spared(scope.doomed.as_deref());
        if !Burning::Evacuating.dooms_all(&self.site, &self.policy) {
            let burns = |work| {
                self.plan
                    .rack_of(work)
                    .is_some_and(|rack| losses[rack.at()].is_some_and(|l| l.fire))
            };
            let known = |work| self.plan.rack_of(work).is_some();
            scope.waits = works()
                .filter(|w| known(*w) && !burns(*w) && !self.loses_power(*w))
                .collect();
            let stands = |w: WorkloadIx| {
                if known(w) {
                    self.loses_power(w) && !burns(w)
                } else {
                    self.only_for_power()
                }
            };
            self.for_power(&mut scope, stands);
        }
        scope
    }

    /// What evacuates for its batteries' sake alone: held while the mains are back, and only stopped where the owner says so.
    fn for_power(&self, scope: &mut Scope, stands: impl Fn(WorkloadIx) -> bool) {
        let Some(power) = &self.policy.power else {
            return;
        };
        let works = (0..self.site.workloads.len() as u16)
            .map(WorkloadIx)
            .filter(|w| stands(*w));
        for work in works {
            if power.held {
                scope.waits.insert(work);
            }
            if self.site.power.on_battery == OnBattery::StopLastRung {
                scope.last_only.insert(work);
            }
        }
    }

    /// No zone evacuates, and nobody has ordered it.
    fn only_for_power(&self) -> bool {
        self.policy.power.is_some() && !self.policy.burns_or_is_ordered()
    }

    /// Its rack is among those whose batteries end.
    fn loses_power(&self, work: WorkloadIx) -> bool {
        let rack = self.plan.rack_of(work).map(|rack| &self.site.power.feeds[rack.at()].id);
        rack.zip(self.policy.power.as_ref())
            .is_some_and(|(rack, power)| power.racks.contains(rack))
    }

    /// Racks that lose their power if every vote becomes two and every battery ends; none: all of the site.
    fn doomed(&self, now: Millis) -> Option<Vec<FeedIx>> {
        if Burning::Voted.dooms_all(&self.site, &self.policy) {
            return None;
        }
        let losses = feeds::losses(&self.site, (&self.policy, &self.detect), now, Burning::Voted);
        // What evacuates for its batteries' sake stays doomed while its mains blip.
        let power = |id: &alloc::string::String| self.policy.power.as_ref().is_some_and(|p| p.racks.contains(id));
        let racks = self.site.power.racks();
        let doomed = racks.filter(|(ix, rack)| losses[ix.at()].is_some() || power(&rack.id));
        Some(doomed.map(|(ix, _)| ix).collect())
    }

    /// Workloads that need not be prepared for: their racks are not doomed.
    fn spared(&self, doomed: Option<&[FeedIx]>) -> BTreeSet<WorkloadIx> {
        let Some(doomed) = doomed else {
            return BTreeSet::new();
        };
        let keeps = |w: &WorkloadIx| self.plan.rack_of(*w).is_some_and(|rack| !doomed.contains(&rack));
        (0..self.site.workloads.len() as u16)
            .map(WorkloadIx)
            .filter(keeps)
            .collect()
    }
}

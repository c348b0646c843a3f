//! When the hosts of a rack may go: last, when nothing is left on them that could still be saved (decision 52). What asks
//! Muster as a UPS only shows it.

use alloc::{format, string::String, vec::Vec};

use crate::{
    Effect, EventKind, FeedIx, HostsView, Level, Millis, Record, State, WorkloadIx,
    plan::Stage,
    policy::feeds::{self, Burning},
};

/// Machines that ask Muster whether to go, and how long they take.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Hosts {
    /// Under which they ask: a UPS's name.
    pub id: String,
    /// The rack they stand in; none: anywhere in the site.
    pub rack: Option<String>,
    /// How long they take to go. Milliseconds.
    pub last_ms: Millis,
}

impl State {
    /// Says of every group of hosts, once an incident, that it may go now.
    pub(crate) fn send_hosts_off(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if !self.hosts_may_go(now) {
            return;
        }
        for i in 0..self.site.power.hosts.len() {
            let hosts = &self.site.power.hosts[i];
            if self.policy.hosts_off.contains_key(&hosts.id) {
                continue;
            }
            if let Some(why) = self.why_off(now, i) {
                let id = hosts.id.clone();
                self.say(EventKind::Step, &id, format!("its hosts are told to go: {why}"), out);
                self.record(now, Record::HostsOff { id, why }, out);
            }
        }
    }

    /// When the batteries are so near their end that somebody has to be told.
    pub(crate) fn hosts_wake(&self, now: Millis) -> Option<Millis> {
        if !self.hosts_may_go(now) {
            return None;
        }
        let all = (0..self.site.power.hosts.len()).filter(|i| self.stays(*i) && self.leaves(now, *i));
        let due = all.filter_map(|i| Some(self.hosts_end(now, i)? - self.site.power.hosts[i].last_ms));
        due.filter(|at| *at > now).min()
    }

    /// Never of a disarmed site, never held back, aborted or on the way home, and only with an evacuation.
    fn hosts_may_go(&self, now: Millis) -> bool {
        self.policy.armed
            && self.policy.returning.is_none()
            && self.policy.evacuating()
            && self.level() == Level::Evacuate
            && !self.policy.holding(now)
    }

    fn stays(&self, i: usize) -> bool {
        !self.policy.hosts_off.contains_key(&self.site.power.hosts[i].id)
    }

    fn why_off(&self, now: Millis, i: usize) -> Option<String> {
        if !self.leaves(now, i) {
            return None;
        }
        let works = self.awaited(i);
        let stages = works.iter().map(|w| self.plan.book.works[w.at()].stage);
        if !works.is_empty()
            && stages.clone().all(|stage| stage == Stage::Safe)
            && !works.iter().any(|w| self.may_be_home(*w))
        {
            return Some(format!("{} workloads are safe", works.len()));
        }
        let hosts = &self.site.power.hosts[i];
        let end = self.hosts_end(now, i).filter(|end| *end - hosts.last_ms <= now)?;
        let left = stages.filter(|stage| *stage != Stage::Safe).count();
        let (ends, takes) = ((end - now).max(0) / 1_000, hosts.last_ms / 1_000);
        Some(format!(
            "power ends in {ends} s and they take {takes} s; {left} workloads are not safe"
        ))
    }

    /// Workloads they carry, and all that have to leave: what moves may need what stands on any host, such as a quorum, storage
    /// or the network.
    fn awaited(&self, i: usize) -> Vec<WorkloadIx> {
        let rack = self.site.power.hosts[i].rack.as_deref();
        let here = |w: &WorkloadIx| rack.is_some_and(|rack| self.site.workloads[w.at()].runs_on == rack);
        let works = (0..self.site.workloads.len() as u16).map(WorkloadIx);
        works
            .filter(|w| here(w) || !self.plan.scope.waits.contains(w))
            .collect()
    }

    /// How long before the end of a rack's power its hosts go, at the most; of no rack: those of the whole site.
    pub(crate) fn hosts_last_ms(&self, rack: Option<&str>) -> Millis {
        let hosts = self.site.power.hosts.iter();
        let here = hosts.filter(|hosts| hosts.rack.is_none() || rack.is_none() || hosts.rack.as_deref() == rack);
        here.map(|hosts| hosts.last_ms).max().unwrap_or(0)
    }

    /// Whether what they stand on loses its power: by a fire, by order, or because its batteries end.
    fn leaves(&self, now: Millis, i: usize) -> bool {
        if Burning::Evacuating.dooms_all(&self.site, &self.policy) {
            return self.policy.power.as_ref().is_none_or(|p| !p.held) || self.policy.burns_or_is_ordered();
        }
        let Some(rack) = self.site.power.hosts[i].rack.as_deref() else {
            return false;
        };
        let power = self.policy.power.as_ref();
        if power.is_some_and(|p| !p.held && p.racks.contains(rack)) {
            return true;
        }
        let losses = feeds::losses(&self.site, (&self.policy, &self.detect), now, Burning::Evacuating);
        let at = self
            .site
            .power
            .racks()
            .find(|(_, feed)| feed.id == rack)
            .map(|(ix, _)| ix);
        at.is_some_and(|ix| losses[ix.at()].is_some_and(|l| l.fire))
    }

    /// The end of the batteries, as somebody says it and after the generator's grace, or an announced cut. A prior, of a fire or
    /// of a battery that says nothing, is no reason to switch anything off. Of the site as a whole the last rack counts.
    fn hosts_end(&self, now: Millis, i: usize) -> Option<Millis> {
        let rack = self.site.power.hosts[i].rack.as_deref();
        let losses = feeds::losses(&self.site, (&self.policy, &self.detect), now, Burning::Nowhere);
        let grace_ms = self.site.power.generator_grace_ms;
        let lasting = |source| {
            let since = self.detect.tally.discharging_since(source);
            since.is_some_and(|since| since.saturating_add(grace_ms) <= now)
        };
        let end = |ix: FeedIx| {
            let lost = losses[ix.at()]?;
            let battery = lost.battery().filter(|b| b.is_known() && lasting(b.source));
            battery.map(|_| lost.earliest)
        };
        let here = |id: &str| rack.is_none_or(|rack| rack == id);
        let racks = self.site.power.racks().filter(|(_, feed)| here(&feed.id));
        let ends: Option<Vec<Millis>> = racks.map(|(ix, _)| end(ix)).collect();
        let batteries = ends.and_then(|ends| ends.into_iter().max());
        batteries.into_iter().chain(self.policy.cut).min()
    }

    pub(crate) fn hosts_view(&self) -> Vec<HostsView> {
        let hosts = self.site.power.hosts.iter().map(|hosts| {
            let off = self.policy.hosts_off.get(&hosts.id);
            HostsView {
                id: hosts.id.clone(),
                rack: hosts.rack.clone(),
                since: off.map(|(since, _)| *since),
                why: off.map(|(_, why)| why.clone()).unwrap_or_default(),
                last_ms: hosts.last_ms,
            }
        });
        hosts.collect()
    }
}

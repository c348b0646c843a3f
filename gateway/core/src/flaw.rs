//! What would make a site's config unusable for the decision. The config loader finds these with file and line; this is
//! the last line of defence, because one index out of range would be a dead gateway.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::{Channel, Millis, Site, Workload};

/// No declared time is longer (10 years), so that sums of times never overflow.
const LONGEST_MS: Millis = 10 * 366 * 86_400_000;

/// Rungs a ladder may have: which of them have refused is remembered in 16 bits.
const MAX_RUNGS: usize = 16;

impl Site {
    /// The first thing that makes it unusable, if there is one.
    #[must_use]
    pub fn flaw(&self) -> Option<String> {
        if self.id.is_empty() {
            return Some("the site has no id".into());
        }
        self.size_flaw()
            .or_else(|| self.zones.iter().find_map(|z| self.zone_flaw(z)))
            .or_else(|| self.channels.iter().find_map(|c| self.channel_flaw(c)))
            .or_else(|| self.hooks.iter().find_map(hook_flaw))
            .or_else(|| self.workloads.iter().find_map(|w| self.workload_flaw(w)))
            .or_else(|| self.priors_flaw())
            .or_else(|| self.power_flaw())
            .or_else(|| self.cycle())
            .or_else(|| self.twin())
    }

    fn size_flaw(&self) -> Option<String> {
        let short = [
            self.zones.len(),
            self.groups.len(),
            self.sources.len(),
            self.hooks.len(),
            self.workloads.len(),
            self.principals.len(),
        ];
        let fits = short.iter().all(|n| *n <= usize::from(u16::MAX)) && u32::try_from(self.channels.len()).is_ok();
        (!(fits && self.few_places())).then(|| "a list has more than 65535 entries".to_string())
    }

    /// Every rung may name another place.
    fn few_places(&self) -> bool {
        let named = self
            .workloads
            .iter()
            .flat_map(|w| w.rungs.iter().filter_map(|r| r.to.as_deref()));
        let places: BTreeSet<&str> = named.chain(self.destinations.iter().map(|d| d.id.as_str())).collect();
        places.len() <= usize::from(u16::MAX)
    }

    fn zone_flaw(&self, zone: &crate::Zone) -> Option<String> {
        let known = zone.adjacent.iter().all(|z| z.at() < self.zones.len());
        (!known).then(|| format!("zone {} is adjacent to one that does not exist", zone.id))
    }

    fn channel_flaw(&self, c: &Channel) -> Option<String> {
        let placed = c.zone.at() < self.zones.len() && c.group.at() < self.groups.len();
        if !placed || c.source.at() >= self.sources.len() {
            return Some(format!("channel {}: its zone, group or source does not exist", c.id));
        }
        if !(1..=c.n).contains(&c.k) || c.n > 16 {
            return Some(format!("channel {}: {} of {} samples cannot decide", c.id, c.k, c.n));
        }
        let others = [c.checks.reference, c.checks.inhibited_by];
        if others
            .into_iter()
            .flatten()
            .any(|other| other.at() >= self.channels.len())
        {
            return Some(format!(
                "channel {}: its reference or what inhibits it does not exist",
                c.id
            ));
        }
        (!(1..=LONGEST_MS).contains(&c.supervision_ms)).then(|| format!("channel {}: no supervision window", c.id))
    }

    fn workload_flaw(&self, w: &Workload) -> Option<String> {
        if w.rungs.is_empty() || w.rungs.len() > MAX_RUNGS {
            return Some(format!("workload {}: a ladder has 1 to {MAX_RUNGS} rungs", w.id));
        }
        if w.rungs.iter().any(|r| r.hook.at() >= self.hooks.len()) {
            return Some(format!("workload {}: a rung's hook does not exist", w.id));
        }
        if w.rungs.iter().any(|r| !(0..=LONGEST_MS).contains(&r.needs_ms)) {
            return Some(format!("workload {}: a rung's time cannot be", w.id));
        }
        let known = w.after.iter().all(|d| d.at() < self.workloads.len());
        (!known).then(|| format!("workload {}: depends on one that does not exist", w.id))
    }

    fn priors_flaw(&self) -> Option<String> {
        let p = &self.priors;
        let all = [p.loss_earliest_ms, p.loss_likely_ms, p.cut_earliest_ms, p.cut_likely_ms];
        let fit = all.iter().all(|ms| (0..=LONGEST_MS).contains(ms));
        (!fit).then(|| "a hazard prior cannot be".to_string())
    }

    /// Workloads that wait for each other would wait for ever.
    fn cycle(&self) -> Option<String> {
        let mut waits: Vec<usize> = self.workloads.iter().map(|w| w.after.len()).collect();
        let mut behind = alloc::vec![Vec::new(); self.workloads.len()];
        for (i, workload) in self.workloads.iter().enumerate() {
            workload.after.iter().for_each(|d| behind[d.at()].push(i));
        }
        let mut free: Vec<usize> = (0..waits.len()).filter(|i| waits[*i] == 0).collect();
        while let Some(done) = free.pop() {
            for &i in &behind[done] {
                waits[i] -= 1;
                if waits[i] == 0 {
                    free.push(i);
                }
            }
        }
        let stuck = waits.iter().position(|n| *n > 0)?;
        Some(format!("workload {}: waits for itself", self.workloads[stuck].id))
    }

    /// Two things of one id: a record in the journal could mean either.
    fn twin(&self) -> Option<String> {
        twin_in("zone", self.zones.iter().map(|z| &z.id))
            .or_else(|| twin_in("group", self.groups.iter().map(|g| &g.id)))
            .or_else(|| twin_in("channel", self.channels.iter().map(|c| &c.id)))
            .or_else(|| twin_in("destination", self.destinations.iter().map(|d| &d.id)))
            .or_else(|| twin_in("workload", self.workloads.iter().map(|w| &w.id)))
            .or_else(|| twin_in("principal", self.principals.iter().map(|p| &p.id)))
            .or_else(|| twin_in("feed", self.power.feeds.iter().map(|f| &f.id)))
            .or_else(|| {
                self.workloads.iter().find_map(|w| {
                    let mut seen = BTreeSet::new();
                    let mut rungs = w.rungs.iter();
                    rungs
                        .find(|r| !seen.insert((r.kind, &r.to)))
                        .map(|r| format!("workload {}: two rungs {} to the same place", w.id, r.kind))
                })
            })
    }
}

fn hook_flaw(hook: &crate::Hook) -> Option<String> {
    (hook.max_parallel == 0).then(|| format!("hook {}: carries out no step at all", hook.id))
}

fn twin_in<'a>(what: &str, mut ids: impl Iterator<Item = &'a String>) -> Option<String> {
    let mut seen = BTreeSet::new();
    ids.find(|id| !seen.insert(*id)).map(|id| format!("two of {what} {id}"))
}

//! What feeds every rack, and until when.

use alloc::{vec, vec::Vec};

use crate::{
    FeedIx, Millis, RackView, State, WorkloadIx,
    policy::feeds::{self, Burning},
    show::interval,
};

impl State {
    /// Every rack of the config, by votes and batteries as they are now.
    pub(crate) fn racks(&self, now: Millis) -> Vec<RackView> {
        let feeds = &self.site.power.feeds;
        if feeds.is_empty() {
            return Vec::new();
        }
        let burning = Burning::Voted;
        let losses = feeds::losses(&self.site, (&self.policy, &self.detect), now, burning);
        let all = burning.dooms_all(&self.site, &self.policy);
        let mut workloads: Vec<Vec<_>> = vec![Vec::new(); feeds.len()];
        for (work, workload) in (0u16..).map(WorkloadIx).zip(&self.site.workloads) {
            if let Some(rack) = self.plan.rack_of(work) {
                workloads[rack.at()].push(workload.id.clone());
            }
        }
        let name = |by: &FeedIx| feeds[by.at()].id.clone();
        let power = |id| self.policy.power.as_ref().is_some_and(|p| p.racks.contains(id));
        let racks = self.site.power.racks().map(|(ix, rack)| {
            let lost = losses[ix.at()];
            RackView {
                id: rack.id.clone(),
                by: rack.by.iter().map(name).collect(),
                needs: rack.needs,
                loss: lost.map(|l| interval(l.interval(&self.site, &self.detect))),
                gone: lost.is_some_and(|l| l.is_gone()),
                doomed: all || lost.is_some_and(|l| l.fire) || power(&rack.id),
                workloads: core::mem::take(&mut workloads[ix.at()]),
            }
        });
        racks.collect()
    }
}

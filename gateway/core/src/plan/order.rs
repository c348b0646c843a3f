//! In which order workloads are worked on, whatever the time: by tier, then by the longest way still to go.

use alloc::vec::Vec;

use crate::{Millis, Site, WorkloadIx};

/// All workloads, dependencies before what needs them. A dependency inherits the tier of whom it serves, and the way
/// still to go counts everything that waits behind it, so it always comes first.
pub(crate) fn queue(site: &Site) -> Vec<WorkloadIx> {
    let n = site.workloads.len();
    let mut tier: Vec<u8> = site.workloads.iter().map(|w| w.tier).collect();
    let mut way: Vec<Millis> = site
        .workloads
        .iter()
        .map(|w| w.rungs.first().map_or(0, |r| r.needs_ms.max(1)))
        .collect();
    // The config is acyclic, so n rounds settle it; a cycle could only end the rounds early, never hang them.
    for _ in 0..n {
        let mut changed = false;
        for (i, workload) in site.workloads.iter().enumerate() {
            for before in &workload.after {
                changed |= inherit(&mut tier, &mut way, before.at(), i, site);
            }
        }
        if !changed {
            break;
        }
    }
    let mut queue: Vec<WorkloadIx> = (0..n).map(|i| WorkloadIx(i as u16)).collect();
    queue.sort_by_key(|w| (tier[w.at()], core::cmp::Reverse(way[w.at()]), w.0));
    queue
}

fn inherit(tier: &mut [u8], way: &mut [Millis], before: usize, after: usize, site: &Site) -> bool {
    let own = site.workloads[before].rungs.first().map_or(0, |r| r.needs_ms.max(1));
    let (t, w) = (tier[before].min(tier[after]), way[before].max(own + way[after]));
    let changed = (t, w) != (tier[before], way[before]);
    (tier[before], way[before]) = (t, w);
    changed
}

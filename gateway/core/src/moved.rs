//! Where the things of one config stand in the next: by id, because an index means nothing beyond its config.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use crate::{ChannelIx, GroupIx, PrincipalIx, Site, SourceIx, WorkloadIx, ZoneIx};

/// From the old config's indices to the new one's; none for what is gone.
pub(crate) struct Moved {
    zones: Vec<Option<usize>>,
    groups: Vec<Option<usize>>,
    sources: Vec<Option<usize>>,
    channels: Vec<Option<usize>>,
    workloads: Vec<Option<usize>>,
    principals: Vec<Option<usize>>,
}

impl Moved {
    pub(crate) fn between(old: &Site, new: &Site) -> Self {
        let mut channels = by_id(old.channels.iter().map(|c| &c.id), new.channels.iter().map(|c| &c.id));
        for (was, place) in old.channels.iter().zip(&mut channels) {
            // Another source or quantity under the same id is another signal.
            *place = place.filter(|at| {
                let is = &new.channels[*at];
                is.quantity == was.quantity && new.sources[is.source.at()].id == old.sources[was.source.at()].id
            });
        }
        Self {
            zones: by_id(old.zones.iter().map(|z| &z.id), new.zones.iter().map(|z| &z.id)),
            groups: by_id(old.groups.iter().map(|g| &g.id), new.groups.iter().map(|g| &g.id)),
            sources: by_id(old.sources.iter().map(|s| &s.id), new.sources.iter().map(|s| &s.id)),
            channels,
            workloads: by_id(old.workloads.iter().map(|w| &w.id), new.workloads.iter().map(|w| &w.id)),
            principals: by_id(
                old.principals.iter().map(|p| &p.id),
                new.principals.iter().map(|p| &p.id),
            ),
        }
    }

    pub(crate) fn zone(&self, old: ZoneIx) -> Option<ZoneIx> {
        place(&self.zones, old.at()).map(|at| ZoneIx(at as u16))
    }

    pub(crate) fn group(&self, old: GroupIx) -> Option<GroupIx> {
        place(&self.groups, old.at()).map(|at| GroupIx(at as u16))
    }

    pub(crate) fn source(&self, old: SourceIx) -> Option<SourceIx> {
        place(&self.sources, old.at()).map(|at| SourceIx(at as u16))
    }

    /// The channel that carries the same signal, whatever its limits are now.
    pub(crate) fn channel(&self, old: ChannelIx) -> Option<ChannelIx> {
        place(&self.channels, old.at()).map(|at| ChannelIx(at as u32))
    }

    pub(crate) fn workload(&self, old: WorkloadIx) -> Option<WorkloadIx> {
        place(&self.workloads, old.at()).map(|at| WorkloadIx(at as u16))
    }

    pub(crate) fn principal(&self, old: PrincipalIx) -> Option<PrincipalIx> {
        place(&self.principals, old.at()).map(|at| PrincipalIx(at as u16))
    }
}

fn place(places: &[Option<usize>], old: usize) -> Option<usize> {
    places.get(old).copied().flatten()
}

fn by_id<'a>(old: impl Iterator<Item = &'a String>, new: impl Iterator<Item = &'a String>) -> Vec<Option<usize>> {
    let new: BTreeMap<&String, usize> = new.enumerate().map(|(at, id)| (id, at)).collect();
    old.map(|id| new.get(id).copied()).collect()
}

//! Which time a rung is reckoned to take: what it has been measured to, by the rule that rungs are chosen by, else what is
//! declared.

use std::collections::BTreeMap;

use muster_core::{Rung, RungKind, Site, WayView, Workload};

/// Workload, what the rung does, its hook, and where to.
type Name<'a> = (&'a str, RungKind, &'a str, Option<&'a str>);

/// By way, what is known of it.
pub(super) struct Times<'a>(BTreeMap<Name<'a>, &'a WayView>);

impl<'a> Times<'a> {
    pub(super) fn of(ways: &'a [WayView]) -> Self {
        let name = |way: &'a WayView| {
            (
                way.workload.as_str(),
                way.rung,
                way.hook.as_str(),
                way.destination.as_deref(),
            )
        };
        Self(ways.iter().map(|way| (name(way), way)).collect())
    }

    /// What a way was measured to take, where that counts and not what is declared.
    pub(super) fn measured(&self, site: &Site, workload: &Workload, rung: &Rung) -> Option<&WayView> {
        let hook = site.hooks[rung.hook.at()].id.as_str();
        let way = self
            .0
            .get(&(workload.id.as_str(), rung.kind, hook, rung.to.as_deref()))?;
        // A config that has just changed declares something else than it did when this was asked.
        (way.declared_ms == rung.needs_ms && way.needs_ms != way.declared_ms).then_some(*way)
    }

    /// In words, which of them counts.
    pub(super) fn by(&self, site: &Site, workload: &Workload, rung: &Rung) -> String {
        let Some(way) = self.measured(site, workload, rung) else {
            return "declared".to_owned();
        };
        let (count, what) = if way.needs_ms == i64::from(way.live.p95_ms) {
            (way.live.count, "evacuation")
        } else {
            (way.drill.count, "drill")
        };
        format!("p95 of {}", crate::lines::many(count as usize, what))
    }
}

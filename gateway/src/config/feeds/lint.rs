//! What a power path promises and cannot keep: racks that no workload stands on, UPSes that nobody speaks for, batteries
//! that end before the plan does.

use std::collections::BTreeSet;

use muster_core::{FeedKind, GroupIx, Power, Site};
use muster_wire::Quantity;

use super::super::faults::{Faults, quoted};
use super::super::site::SiteRow;
use super::super::workload::WorkloadRow;
use super::Wired;

/// What the findings are shown at.
pub(in super::super) struct Shown<'a> {
    pub(in super::super) site: &'a Site,
    pub(in super::super) row: &'a SiteRow,
    pub(in super::super) workloads: &'a [WorkloadRow],
    pub(in super::super) wired: &'a [Wired],
    pub(in super::super) faults: &'a Faults<'a>,
}

/// Everything that needs the whole site.
pub(in super::super) fn check(shown: &Shown<'_>) {
    if shown.wired.is_empty() {
        return;
    }
    shown.unused();
    shown.workloads();
    shown.speakers();
    shown.generator();
    shown.agreement();
    shown.batteries();
}

impl Shown<'_> {
    fn unused(&self) {
        let used: BTreeSet<usize> = self.wired.iter().flat_map(|w| &w.feed.by).map(|by| by.at()).collect();
        for (ix, wired) in self.wired.iter().enumerate() {
            let feed = &wired.feed;
            if feed.kind != FeedKind::Rack && !used.contains(&ix) {
                let what = format!("{} {} feeds nothing", feed.kind, quoted(&feed.id));
                self.faults
                    .warning(wired.at, what, "name it in the `by` of what it feeds, or remove it");
            }
        }
    }

    fn workloads(&self) {
        let racks = self.wired.iter().filter(|w| w.feed.kind == FeedKind::Rack);
        let racks: BTreeSet<&str> = racks.map(|w| w.feed.id.as_str()).collect();
        for (row, workload) in self.workloads.iter().zip(&self.site.workloads) {
            if !racks.contains(workload.runs_on.as_str()) {
                let what = format!(
                    "{} runs on {}, which no [[feed]] names",
                    quoted(&workload.id),
                    quoted(&workload.runs_on)
                );
                let hint = "declare its rack: until then it is moved whenever anything is";
                self.faults.warning(row.id.at, what, hint);
            }
        }
    }

    fn speakers(&self) {
        for wired in self.wired.iter().filter(|w| w.feed.kind == FeedKind::Ups) {
            let id = quoted(&wired.feed.id);
            let Some(source) = wired.feed.source else {
                let what = format!("nobody speaks for ups {id}: whether it is on battery is not known");
                let hint = "name its [[source]]: source = \"…\", or give both the same id";
                self.faults.warning(wired.at, what, hint);
                continue;
            };
            let mut says = self.site.channels.iter().filter(|c| c.source == source);
            if !says.any(|c| c.quantity == Quantity::OnBattery) {
                let what = format!("the source of ups {id} does not say whether it is on battery");
                self.faults.warning(wired.at, what, "add its `on_battery`");
            }
        }
    }

    fn generator(&self) {
        let generator = self.wired.iter().find(|w| w.feed.kind == FeedKind::Generator);
        let none = self.row.generator_grace.as_ref().filter(|g| g.value == 0);
        if let (Some(generator), Some(grace)) = (generator, none) {
            let what = format!(
                "generator_grace_s = 0 means no generator, and {} is one",
                quoted(&generator.feed.id)
            );
            self.faults.warning(
                grace.at,
                what,
                "say how long it may take to carry the load: 60 unless measured",
            );
        }
    }

    /// On battery counts only if a second group agrees.
    fn agreement(&self) {
        let speaks = |q| {
            matches!(
                q,
                Quantity::OnBattery | Quantity::GeneratorRunning | Quantity::OnGenerator
            )
        };
        let of_utility: Vec<_> = self.wired.iter().filter(|w| w.feed.kind == FeedKind::Utility).collect();
        let contacts = of_utility
            .iter()
            .filter_map(|w| w.feed.off)
            .map(|c| self.site.channels[c.at()].group);
        let channels = self
            .site
            .channels
            .iter()
            .filter(|c| speaks(c.quantity))
            .map(|c| c.group);
        let groups: BTreeSet<GroupIx> = channels.chain(contacts).collect();
        let needed = if self.site.single_group { 1 } else { 2 };
        if groups.len() < needed {
            let what = format!(
                "{} of {needed} groups can say that the mains are gone: no outage ever evacuates",
                groups.len()
            );
            let hint =
                "poll a UPS over another bus, or the generator's or the utility's contact (`off` of its [[feed]])";
            self.faults.warning(self.wired[0].at, what, hint);
        }
    }

    /// A battery that ends before the grace and the plan do wants a decision of its owner.
    fn batteries(&self) {
        if self.row.on_battery.is_some() {
            return;
        }
        let (grace_ms, plan_ms) = (self.site.power.generator_grace_ms, self.site.plan_needs_ms());
        let needs_s = (grace_ms + plan_ms + Power::MARGIN_MS) / 1_000;
        for wired in self.wired.iter().filter(|w| w.feed.kind == FeedKind::Ups) {
            let id = quoted(&wired.feed.id);
            let Some(runtime_ms) = wired.feed.runtime_ms else {
                let what = format!("how long ups {id} lasts is not declared, so nobody can say whether the plan fits");
                let hint =
                    "runtime_s = …, as its last discharge test showed; or on_battery in [site], which settles it";
                self.faults.warning(wired.at, what, hint);
                continue;
            };
            let lasts_s = runtime_ms * 4 / 5 / 1_000;
            if lasts_s < needs_s {
                let what = format!(
                    "ups {id} surely lasts {lasts_s} s (four fifths of it), and grace, plan and a minute to spare need {needs_s} s"
                );
                let hint = "choose in [site]: on_battery = \"evacuate\" moves what fits, \"stop_last_rung\" only stops cleanly";
                self.faults.error(wired.runtime_at.unwrap_or(wired.at), what, hint);
            }
        }
    }
}

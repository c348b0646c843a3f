//! `[[feed]]`: how power reaches the racks, and until where that can be believed.

mod graph;
mod lint;
mod row;

use std::collections::BTreeMap;

use muster_core::{Channel, Feed, FeedIx, FeedKind, Millis, OnBattery, Power, SourceIx, Zone, ZoneIx};
use muster_wire::{Quantity, Unit};

use super::faults::{At, Faults, quoted};
use super::names::{Index, did_you_mean};
use super::rows::Rows;
pub(super) use lint::{Shown, check};
pub(super) use row::{FeedRow, read};

/// What feeds are looked up in.
pub(super) struct Wires<'a> {
    pub(super) rows: &'a Rows,
    pub(super) zones: &'a [Zone],
    pub(super) zone_index: &'a Index,
    pub(super) source_index: &'a Index,
    pub(super) channels: &'a [Channel],
    pub(super) faults: &'a Faults<'a>,
}

/// One feed with its place in the file, before the order in which each stands after what feeds it.
pub(super) struct Wired {
    pub(super) feed: Feed,
    pub(super) at: usize,
    pub(super) runtime_at: Option<usize>,
    /// Something of `by` is not known, and has been reported.
    pub(super) unknown: bool,
    by: Vec<usize>,
}

impl<'a> Wires<'a> {
    /// Zones and channels as they are known by now, and where each stands.
    pub(super) const fn of(
        rows: &'a Rows,
        (zones, channels): (&'a [Zone], &'a [Channel]),
        (zone_index, source_index): (&'a Index, &'a Index),
        faults: &'a Faults<'a>,
    ) -> Self {
        Self {
            rows,
            zones,
            zone_index,
            source_index,
            channels,
            faults,
        }
    }
}

impl Wires<'_> {
    /// Looks everything up. Without `[[feed]]` the site is one, and only the grace counts.
    pub(super) fn lower(&self) -> (Power, Vec<Wired>) {
        let row = &self.rows.site;
        let usual = Power::default();
        let mut power = Power {
            generator_grace_ms: row
                .generator_grace
                .as_ref()
                .map_or(usual.generator_grace_ms, |g| g.value),
            on_battery: row.on_battery.as_ref().map_or(usual.on_battery, |o| o.value),
            ..usual
        };
        if self.rows.feeds.is_empty() {
            return (power, Vec::new());
        }
        let wired = graph::sorted(self.wired(), self.faults);
        power.battery_rooms = self.battery_rooms();
        power.feeds = wired.iter().map(|w| w.feed.clone()).collect();
        (power, wired)
    }

    /// Every row, and the UPSes that are named only as sources.
    fn wired(&self) -> Vec<Wired> {
        let ids = Index::of("feed", self.rows.feeds.iter().map(|f| &f.id), self.faults);
        let mut wired: Vec<Wired> = self.rows.feeds.iter().map(|row| self.one(row)).collect();
        let mut implied: BTreeMap<String, usize> = BTreeMap::new();
        for (ix, row) in self.rows.feeds.iter().enumerate() {
            for name in &row.by {
                let source = self.source_index.position(&name.value);
                let found = ids.position(&name.value).or_else(|| {
                    let source = source?;
                    let known = *implied.entry(name.value.clone()).or_insert(wired.len());
                    if known == wired.len() {
                        wired.push(self.implied(name, SourceIx(source as u16)));
                    }
                    Some(known)
                });
                match found {
                    Some(by) => wired[ix].by.push(by),
                    None => {
                        wired[ix].unknown = true;
                        self.unknown(name, row);
                    }
                }
            }
        }
        wired
    }

    fn unknown(&self, name: &At<String>, row: &FeedRow) {
        let known = self.rows.feeds.iter().map(|f| f.id.value.as_str());
        let sources = self.rows.sources.iter().map(|s| s.id.value.as_str());
        let otherwise = "declare it with a [[feed]] of its own, or name a UPS's [[source]]";
        let hint = did_you_mean(&name.value, known.chain(sources), otherwise);
        let what = format!(
            "{} is fed by {}, which does not exist",
            quoted(&row.id.value),
            quoted(&name.value)
        );
        self.faults.error(name.at, what, hint);
    }

    fn one(&self, row: &FeedRow) -> Wired {
        let zones = self.zones_of(row);
        let source = row.source.as_ref().and_then(|s| self.source_index.find(s, self.faults));
        let own = || {
            self.source_index
                .position(&row.id.value)
                .filter(|_| row.kind == FeedKind::Ups)
        };
        let source = source.or_else(own).map(|s| SourceIx(s as u16));
        let feed = Feed {
            id: row.id.value.clone(),
            kind: row.kind,
            zones,
            by: Vec::new(),
            needs: row.needs.as_ref().map_or(1, |n| n.value),
            source,
            off: row.off.as_ref().and_then(|off| self.contact(off)),
            runtime_ms: row.runtime.as_ref().map(|r| r.value),
        };
        Wired {
            feed,
            at: row.at,
            runtime_at: row.runtime.as_ref().map(|r| r.at),
            unknown: false,
            by: Vec::new(),
        }
    }

    /// A UPS that `by` names as a source, without a table of its own: it stands where it measures.
    fn implied(&self, name: &At<String>, source: SourceIx) -> Wired {
        let here = self.channels.iter().filter(|c| c.source == source);
        let mut zones: Vec<ZoneIx> = here.map(|c| c.zone).collect();
        zones.sort_unstable();
        zones.dedup();
        let feed = Feed {
            id: name.value.clone(),
            kind: FeedKind::Ups,
            zones: if zones.is_empty() { self.everywhere() } else { zones },
            by: Vec::new(),
            needs: 1,
            source: Some(source),
            off: None,
            runtime_ms: None,
        };
        Wired {
            feed,
            at: name.at,
            runtime_at: None,
            unknown: false,
            by: Vec::new(),
        }
    }

    /// Where it stands, where its battery stands, and what its cables cross. Where that is not said, every fire takes it.
    fn zones_of(&self, row: &FeedRow) -> Vec<ZoneIx> {
        let named = row.zone.iter().chain(&row.battery).chain(&row.crosses);
        // First of all, or a misspelt one would pass where `zone` is missing.
        let found = named.filter_map(|zone| self.zone_index.find(zone, self.faults));
        let mut zones: Vec<ZoneIx> = found.map(|z| ZoneIx(z as u16)).collect();
        if row.zone.is_none() && row.kind != FeedKind::Utility {
            let what = format!(
                "{} {} stands in no zone: a fire in any zone takes it",
                row.kind,
                quoted(&row.id.value)
            );
            self.faults.warning(row.at, what, "say where it stands: zone = \"…\"");
            return self.everywhere();
        }
        zones.sort_unstable();
        zones.dedup();
        zones
    }

    fn everywhere(&self) -> Vec<ZoneIx> {
        (0..self.zones.len() as u16).map(ZoneIx).collect()
    }

    /// The contact that is on while it carries nothing.
    fn contact(&self, off: &At<String>) -> Option<muster_core::ChannelIx> {
        let found = self.channels.iter().position(|c| c.id == off.value);
        let Some(ix) = found else {
            let known = self.channels.iter().map(|c| c.id.as_str());
            let hint = did_you_mean(&off.value, known, "name a [[channel]] with `source.signal`");
            self.faults
                .error(off.at, format!("there is no channel {}", quoted(&off.value)), hint);
            return None;
        };
        if self.channels[ix].quantity.unit() != Unit::Contact {
            let what = format!("{} is no contact", quoted(&off.value));
            self.faults.error(
                off.at,
                what,
                "`off` names a contact that is on while it carries nothing",
            );
        }
        Some(muster_core::ChannelIx(ix as u32))
    }

    /// Where batteries stand: as the feeds say, and wherever a battery monitor measures.
    fn battery_rooms(&self) -> Vec<ZoneIx> {
        let of_ups = |row: &&FeedRow| row.kind == FeedKind::Ups;
        let places = self
            .rows
            .feeds
            .iter()
            .filter(of_ups)
            .filter_map(|row| row.battery.as_ref().or(row.zone.as_ref()));
        let named = places
            .filter_map(|zone| self.zone_index.position(&zone.value))
            .map(|z| ZoneIx(z as u16));
        let monitors = self
            .channels
            .iter()
            .filter(|c| c.quantity == Quantity::BatteryAlarm)
            .map(|c| c.zone);
        let tabled: Vec<&str> = self.rows.feeds.iter().map(|f| f.id.value.as_str()).collect();
        let bare = self
            .rows
            .feeds
            .iter()
            .flat_map(|f| &f.by)
            .filter(|by| !tabled.contains(&by.value.as_str()));
        let bare: Vec<_> = bare.filter_map(|by| self.source_index.position(&by.value)).collect();
        let beside = self
            .channels
            .iter()
            .filter(|c| bare.contains(&c.source.at()))
            .map(|c| c.zone);
        let mut rooms: Vec<ZoneIx> = named.chain(monitors).chain(beside).collect();
        rooms.sort_unstable();
        rooms.dedup();
        rooms
    }
}

/// Where each feed stands after those that feed it.
fn numbered(places: &[usize], by: &[usize]) -> Vec<FeedIx> {
    let mut by: Vec<FeedIx> = by.iter().map(|ix| FeedIx(places[*ix] as u16)).collect();
    by.sort_unstable();
    by.dedup();
    by
}

/// Longest time that a generator may take, and that a battery may last: a day.
const MAX_S: i64 = 86_400;

/// `[site] generator_grace_s`.
pub(super) fn grace(table: &super::table::Table<'_>) -> Option<At<Millis>> {
    table.seconds("generator_grace_s", 0..=MAX_S)
}

/// `[site] on_battery`.
pub(super) fn on_battery(table: &super::table::Table<'_>) -> Option<At<OnBattery>> {
    let both = [OnBattery::Evacuate, OnBattery::StopLastRung];
    table.choice("on_battery", &both.map(|o| (o.as_str(), o)))
}

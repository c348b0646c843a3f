//! Which channels a site has: one for every signal of a source, each replaced or added to by `[[channel]]`.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::{Channel, GroupIx, Millis, SourceIx, ZoneIx};
use muster_wire::{MICRO, Micro, Quantity};

use super::channel::ChannelRow;
use super::checks::CheckRow;
use super::defaults;
use super::faults::{At, Faults, quoted};
use super::limits::LimitRow;
use super::names::{Index, is_signal};
use super::pick::Picked;
use super::profile;
use super::sensor::SensorRow;
use super::signals;
use super::source::{Kind, SourceRow};

/// A channel and what only the loader needs of it.
pub(super) struct Lowered {
    pub(super) channel: Channel,
    pub(super) signal: String,
    pub(super) sequence: bool,
    /// Where it stands in the messages of somebody else's sensor.
    pub(super) picked: Option<Picked>,
    /// Group label by name.
    pub(super) group: At<String>,
    /// Its reference and what inhibits it, by name.
    pub(super) leans_on: (Option<At<String>>, Option<At<String>>),
    /// Where an id of its own stands.
    own_id_at: Option<usize>,
}

/// Makes every channel of every source, in the order of the file.
pub(super) struct Maker<'a> {
    pub(super) sources: &'a [SourceRow],
    pub(super) rows: &'a [ChannelRow],
    pub(super) zones: &'a Index,
    pub(super) source_index: &'a Index,
    pub(super) faults: &'a Faults<'a>,
}

impl Maker<'_> {
    /// The groups of the channels are still names.
    pub(super) fn make(&self) -> Vec<Lowered> {
        let mut rows = self.rows_by_source();
        let mut made = Vec::new();
        for (ix, source) in self.sources.iter().enumerate() {
            let rows = rows.remove(&ix).unwrap_or_default();
            made.extend(self.of_source(SourceIx(ix as u16), source, &rows));
        }
        self.check_ids(&made);
        made
    }

    /// Only an own id can collide; ids made of a source and a signal do so only where those have been reported.
    fn check_ids(&self, made: &[Lowered]) {
        let (own, made_up): (Vec<_>, Vec<_>) = made.iter().partition(|m| m.own_id_at.is_some());
        let mut seen: BTreeSet<&str> = made_up.iter().map(|m| m.channel.id.as_str()).collect();
        for lowered in own {
            let (id, at) = (lowered.channel.id.as_str(), lowered.own_id_at.unwrap_or_default());
            if !seen.insert(id) {
                let what = format!("a second channel with the id {}", quoted(id));
                self.faults.error(at, what, "every channel needs an id of its own");
            }
        }
    }

    fn rows_by_source(&self) -> BTreeMap<usize, Vec<&ChannelRow>> {
        let mut by_source: BTreeMap<usize, Vec<&ChannelRow>> = BTreeMap::new();
        for row in self.rows {
            if let Some(ix) = self.source_index.find(&row.source, self.faults) {
                by_source.entry(ix).or_default().push(row);
            }
        }
        by_source
    }

    fn of_source(&self, ix: SourceIx, source: &SourceRow, rows: &[&ChannelRow]) -> Vec<Lowered> {
        let zone = source.zone.as_ref().map(|z| self.zone(z));
        if let Kind::Sensor(sensor) = &source.kind {
            return self.of_sensor((ix, source, sensor), zone, rows);
        }
        let signals = signals::of(source, self.faults);
        let rows = self.rows_by_signal(source, rows);
        // A device without a zone only has the channels that are asked for one by one.
        let wanted = source.zone.is_some() || source.signals.is_some();
        let automatic = signals.keys().map(String::as_str).filter(|_| wanted);
        let all: BTreeSet<&str> = automatic.chain(rows.keys().copied()).collect();
        if all.is_empty() && !matches!(source.kind, Kind::Unknown) {
            let what = format!("source {} has no channel", quoted(&source.id.value));
            self.faults
                .warning(source.at, what, "give it a `zone` and signals, or a [[channel]]");
        }
        let one = |signal: &str| {
            let known = signals.get(signal);
            let origin = Origin {
                ix,
                source,
                zone,
                signal,
                quantity: known.map(|(quantity, _)| *quantity),
                at: known.map_or(source.at, |(_, at)| *at),
            };
            self.one(&origin, rows.get(signal).copied())
        };
        all.into_iter().map(one).collect()
    }

    /// Other people's sensors have the channels that are asked for one by one, called after what they measure.
    fn of_sensor(
        &self,
        (ix, source, sensor): (SourceIx, &SourceRow, &SensorRow),
        zone: Option<ZoneIx>,
        rows: &[&ChannelRow],
    ) -> Vec<Lowered> {
        if rows.is_empty() {
            let what = format!("source {} has no channel", quoted(&source.id.value));
            self.faults
                .warning(source.at, what, "give it a [[channel]] with `signal` and `quantity`");
        }
        if let Some(signals) = source.signals.as_ref().and_then(|s| s.first()) {
            let what = "`signals` means nothing for a sensor that speaks MQTT";
            self.faults
                .error(signals.at, what, "give it a [[channel]] for each value");
        }
        let one = |row: &&ChannelRow| {
            let quantity = row.quantity.as_ref().map_or(Quantity::Contact, |q| q.value);
            let origin = Origin {
                ix,
                source,
                zone,
                signal: quantity.as_str(),
                quantity: row.quantity.as_ref().map(|q| q.value),
                at: row.at,
            };
            let mut lowered = self.one(&origin, Some(row));
            lowered.picked = Some(sensor.pick(row, quantity, self.faults));
            lowered.own_id_at = lowered.own_id_at.or(Some(row.at));
            let channel = &lowered.channel;
            sensor.check_pace(row, channel.k, channel.alarm.is_some(), self.faults);
            lowered
        };
        rows.iter().map(one).collect()
    }

    fn rows_by_signal<'r>(&self, source: &SourceRow, rows: &[&'r ChannelRow]) -> BTreeMap<&'r str, &'r ChannelRow> {
        let mut by_signal = BTreeMap::new();
        for row in rows {
            row.pick.check_unused(self.faults);
            if !is_signal(&row.signal.value) {
                // A missing signal stands at the table itself and has been reported.
                if row.signal.at != row.at {
                    let what = format!("{} is not the name of a signal", quoted(&row.signal.value));
                    self.faults
                        .error(row.signal.at, what, "use 1 to 32 of a-z, 0-9, `-` and `_`");
                }
                continue;
            }
            if by_signal.insert(row.signal.value.as_str(), *row).is_some() {
                let (signal, source) = (quoted(&row.signal.value), quoted(&source.id.value));
                let what = format!("a second [[channel]] for signal {signal} of source {source}");
                self.faults.error(row.signal.at, what, "one signal is one channel");
            }
        }
        by_signal
    }

    fn zone(&self, zone: &At<String>) -> ZoneIx {
        ZoneIx(self.zones.find(zone, self.faults).unwrap_or(0) as u16)
    }

    fn one(&self, origin: &Origin<'_>, row: Option<&ChannelRow>) -> Lowered {
        let at = row.map_or(origin.at, |r| r.at);
        let usual_id = format!("{}.{}", origin.source.id.value, origin.signal);
        let own_id = row.and_then(|r| r.id.as_ref());
        let id = own_id.map_or(usual_id, |i| i.value.clone());
        let quantity = self.quantity(origin, row, at);
        let no_limits = LimitRow::default();
        let limits = row.map_or(&no_limits, |r| &r.limits).lower(quantity, at, self.faults);
        let no_checks = CheckRow::default();
        let checks = row.map_or(&no_checks, |r| &r.checks);
        let leans_on = (checks.reference.clone(), checks.inhibited_by.clone());
        let checks = checks.lower(quantity, &limits, self.faults);
        let (low, high) = quantity.range_units();
        let channel = Channel {
            zone: self.zone_of(origin, row, &id, at),
            id,
            group: GroupIx(0),
            source: origin.ix,
            quantity,
            range: (Micro(low.saturating_mul(MICRO)), Micro(high.saturating_mul(MICRO))),
            watch: limits.watch,
            alarm: limits.alarm,
            k: limits.k,
            n: limits.n,
            supervision_ms: self.supervision(origin, row),
            checks,
        };
        let own_group = row.and_then(|r| r.group.clone()).filter(|g| !g.value.is_empty());
        let group = own_group.unwrap_or_else(|| At::new(origin.source.group(), origin.source.group_at()));
        let sequence = self.sequence(origin, row);
        Lowered {
            channel,
            signal: origin.signal.to_owned(),
            sequence,
            picked: None,
            group,
            leans_on,
            own_id_at: own_id.map(|i| i.at),
        }
    }

    fn zone_of(&self, origin: &Origin<'_>, row: Option<&ChannelRow>, id: &str, at: usize) -> ZoneIx {
        if let Some(zone) = row.and_then(|r| r.zone.as_ref()) {
            return self.zone(zone);
        }
        origin.zone.unwrap_or_else(|| {
            let what = format!("channel {} is in no zone", quoted(id));
            self.faults.error(at, what, "give `zone` on it or on its source");
            ZoneIx(0)
        })
    }

    fn quantity(&self, origin: &Origin<'_>, row: Option<&ChannelRow>, at: usize) -> Quantity {
        let own = row.and_then(|r| r.quantity.as_ref());
        if let Kind::Polled(polled) = &origin.source.kind {
            let Some(profile) = &polled.profile else {
                return own.map_or(Quantity::Contact, |q| q.value);
            };
            return self.quantity_of_device(origin, row, &profile::signals(profile));
        }
        if let (Kind::Sensor(_), None) = (&origin.source.kind, own) {
            self.faults
                .error(at, "nothing says what this channel measures", "give `quantity`");
            return Quantity::Contact;
        }
        let by_name = origin.quantity.or_else(|| Quantity::from_word(origin.signal));
        own.map(|q| q.value).or(by_name).unwrap_or_else(|| {
            let what = format!("nothing says what signal {} measures", quoted(origin.signal));
            self.faults.error(at, what, "give `quantity`");
            Quantity::Contact
        })
    }

    /// A device's signal may be given another meaning, but not another unit: the profile scales it.
    fn quantity_of_device(
        &self,
        origin: &Origin<'_>,
        row: Option<&ChannelRow>,
        known: &BTreeMap<&str, Quantity>,
    ) -> Quantity {
        let own = row.and_then(|r| r.quantity.as_ref());
        let Some(read) = known.get(origin.signal).copied() else {
            if let Some(row) = row {
                signals::unknown(&row.signal, known, self.faults);
            }
            return own.map_or(Quantity::Contact, |q| q.value);
        };
        let Some(own) = own else { return read };
        if own.value.unit() != read.unit() {
            let unit = |q: Quantity| {
                if q.unit().as_str() == "/" {
                    "a state or ratio"
                } else {
                    q.unit().as_str()
                }
            };
            let what = format!(
                "the device profile reads {} in {}, not {} in {}",
                read.as_str(),
                unit(read),
                own.value.as_str(),
                unit(own.value)
            );
            self.faults.error(own.at, what, "name a quantity of the same unit");
        }
        own.value
    }

    /// By default three missed polls or reports, or the usual time, whichever is longer.
    fn supervision(&self, origin: &Origin<'_>, row: Option<&ChannelRow>) -> Millis {
        let (usual, least, of) = match &origin.source.kind {
            Kind::Polled(polled) => {
                let poll_ms = polled.poll_ms.as_ref().map_or(0, |p| p.value as Millis);
                (
                    defaults::SUPERVISION_MS,
                    3 * poll_ms,
                    format!("three polls of {poll_ms} ms"),
                )
            }
            Kind::Sensor(sensor) => {
                let period_ms = sensor.period_ms();
                (
                    sensor.supervision_ms(),
                    period_ms,
                    format!("the {} s between two reports", period_ms / 1_000),
                )
            }
            Kind::Node { .. } | Kind::Unknown => (defaults::SUPERVISION_MS, 0, String::new()),
        };
        let Some(own) = row.and_then(|r| r.supervision_ms.as_ref()) else {
            return usual.max(least);
        };
        if own.value < least {
            let what = format!("supervision of {} ms is less than {of}", own.value);
            let hint = match &origin.source.kind {
                Kind::Sensor(_) => {
                    "say with `report_s` how often it reports at the latest, or give a longer `supervision_s`"
                }
                _ => "poll more often, or give a longer `supervision_s`",
            };
            self.faults.error(own.at, what, hint);
        }
        own.value
    }

    fn sequence(&self, origin: &Origin<'_>, row: Option<&ChannelRow>) -> bool {
        let own = row.and_then(|r| r.sequence.as_ref());
        if let (Kind::Polled(_), Some(own)) = (&origin.source.kind, own) {
            self.faults
                .error(own.at, "`sequence` means nothing for a polled device", "remove it");
        }
        if let (Kind::Sensor(_), Some(own)) = (&origin.source.kind, own.filter(|own| own.value)) {
            let what = "other people's sensors have no `boot` and `seq`";
            self.faults.error(own.at, what, "remove `sequence`");
        }
        own.is_none_or(|s| s.value)
    }
}

/// Where a channel comes from.
struct Origin<'a> {
    ix: SourceIx,
    source: &'a SourceRow,
    zone: Option<ZoneIx>,
    signal: &'a str,
    quantity: Option<Quantity>,
    at: usize,
}

//! Counts and sets kept as channels change, so that looking at a zone never means looking at every channel.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use muster_wire::Quantity;

use crate::{Channel, ChannelIx, GroupIx, Millis, Site, SourceIx, ZoneIx, state::in_reach};

/// What a zone or a source looks like now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Tally {
    /// Per zone: itself and its neighbours, whichever of the two has said so.
    near: Vec<BTreeSet<ZoneIx>>,
    /// Per zone: of every group that can vote in or near it, its channels in service: without a fault, and not bypassed.
    well: Vec<BTreeMap<GroupIx, u32>>,
    /// Per zone: groups of `well` with one such channel at least.
    healthy: Vec<u16>,
    /// Per zone: the other groups of `well`, and since when.
    #[serde(default)]
    out: Vec<BTreeMap<GroupIx, Millis>>,
    /// Per zone: channels beyond their watch limit.
    watching: Vec<BTreeSet<ChannelIx>>,
    /// Per zone: those of them that say "on battery".
    on_battery: Vec<BTreeSet<ChannelIx>>,
    /// Per source: channels at fault.
    faulty: Vec<u32>,
    /// Per source: channels that say "on battery", and since when one at least does.
    discharging: Vec<(u32, Millis)>,
}

impl Tally {
    pub(super) fn new(site: &Site) -> Self {
        let zones = site.zones.len();
        let mut near: Vec<BTreeSet<ZoneIx>> = (0..zones).map(|z| BTreeSet::from([ZoneIx(z as u16)])).collect();
        for (z, zone) in (0u16..).zip(&site.zones) {
            for other in &zone.adjacent {
                near[usize::from(z)].insert(*other);
                near[other.at()].insert(ZoneIx(z));
            }
        }
        let mut tally = Self {
            near,
            well: alloc::vec![BTreeMap::new(); zones],
            healthy: alloc::vec![0; zones],
            out: alloc::vec![BTreeMap::new(); zones],
            watching: alloc::vec![BTreeSet::new(); zones],
            on_battery: alloc::vec![BTreeSet::new(); zones],
            faulty: alloc::vec![0; site.sources.len()],
            discharging: alloc::vec![(0, 0); site.sources.len()],
        };
        for channel in site.channels.iter().filter(|c| c.alarm.is_some()) {
            tally.count_voter(channel, 0, true);
        }
        tally
    }

    /// Whether it counts the same, whenever it was that a source went on battery.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let counts = |t: &Self| t.discharging.iter().map(|(channels, _)| *channels).collect::<Vec<_>>();
        let same = self.near == other.near && self.well == other.well && self.healthy == other.healthy;
        let seen = self.watching == other.watching && self.on_battery == other.on_battery;
        let out = |t: &Self| {
            t.out
                .iter()
                .map(|z| z.keys().copied().collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        same && seen
            && out(self) == out(other)
            && self.out.iter().flat_map(BTreeMap::values).all(|since| in_reach(*since))
            && self.faulty == other.faulty
            && counts(self) == counts(other)
            && self.discharging.iter().all(|(_, since)| in_reach(*since))
    }

    /// A zone and those whose votes count together with its.
    pub(crate) fn near(&self, zone: ZoneIx) -> impl Iterator<Item = ZoneIx> + '_ {
        self.near.get(zone.at()).into_iter().flatten().copied()
    }

    /// Groups that could vote now, and those configured to, in a zone and near it.
    pub(crate) fn protection(&self, zone: ZoneIx) -> (u16, u16) {
        (self.healthy[zone.at()], self.well[zone.at()].len() as u16)
    }

    /// It was written before groups out of service were counted.
    pub(super) fn is_older(&self) -> bool {
        self.out.is_empty() && !self.near.is_empty()
    }

    /// What another has counted of them, since a time.
    pub(super) fn take_out(&mut self, counted: Self, now: Millis) {
        self.out = counted.out;
        self.out
            .iter_mut()
            .flat_map(BTreeMap::values_mut)
            .for_each(|since| *since = now);
    }

    /// Groups configured to vote in and near a zone that cannot now, and since when each.
    pub(crate) fn out(&self, zone: ZoneIx) -> impl Iterator<Item = (GroupIx, Millis)> + '_ {
        self.out
            .get(zone.at())
            .into_iter()
            .flatten()
            .map(|(group, since)| (*group, *since))
    }

    /// The same under another config.
    pub(super) fn out_since(&mut self, zone: ZoneIx, group: GroupIx, since: Millis) {
        if let Some(known) = self.out.get_mut(zone.at()).and_then(|out| out.get_mut(&group)) {
            *known = (*known).min(since);
        }
    }

    /// The channel to name for a zone that is on battery.
    pub(crate) fn on_battery(&self, zone: ZoneIx) -> Option<ChannelIx> {
        self.on_battery[zone.at()].first().copied()
    }

    /// Whether any channel of the site says "on battery".
    pub(crate) fn is_any_on_battery(&self) -> bool {
        self.on_battery.iter().any(|zone| !zone.is_empty())
    }

    /// The channel to name for a zone that watches.
    pub(crate) fn watching(&self, zone: ZoneIx) -> Option<ChannelIx> {
        self.watching[zone.at()].first().copied()
    }

    /// A zone without channels or neighbours, at the end.
    pub(crate) fn add_zone(&mut self) {
        let zone = ZoneIx(self.near.len() as u16);
        self.near.push(BTreeSet::from([zone]));
        self.well.push(BTreeMap::new());
        self.healthy.push(0);
        self.out.push(BTreeMap::new());
        self.watching.push(BTreeSet::new());
        self.on_battery.push(BTreeSet::new());
    }

    /// Forgets zones that were added.
    pub(crate) fn truncate_zones(&mut self, zones: usize) {
        self.near.truncate(zones);
        self.well.truncate(zones);
        self.healthy.truncate(zones);
        self.out.truncate(zones);
        self.watching.truncate(zones);
        self.on_battery.truncate(zones);
    }

    /// When the source last went on battery, if it ever did.
    pub(super) fn last_discharge(&self, source: SourceIx) -> Millis {
        self.discharging.get(source.at()).map_or(0, |d| d.1)
    }

    /// The same under another config.
    pub(super) fn discharges_since(&mut self, source: SourceIx, since: Millis) {
        if let Some(known) = self.discharging.get_mut(source.at()) {
            known.1 = since;
        }
    }

    /// Channels at fault, of all sources.
    pub(crate) fn faulty(&self) -> u32 {
        self.faulty.iter().sum()
    }

    /// Since when the source feeds its load from its battery.
    pub(crate) fn discharging_since(&self, source: SourceIx) -> Option<Millis> {
        let (channels, since) = *self.discharging.get(source.at())?;
        (channels > 0).then_some(since)
    }

    /// A channel's fault has come or gone.
    pub(super) fn fault(&mut self, channel: &Channel, at_fault: bool) {
        let faulty = &mut self.faulty[channel.source.at()];
        *faulty = if at_fault {
            *faulty + 1
        } else {
            faulty.saturating_sub(1)
        };
    }

    /// A channel goes out of service or is back.
    pub(super) fn serve(&mut self, channel: &Channel, now: Millis, serves: bool) {
        if channel.alarm.is_some() {
            self.count_voter(channel, now, serves);
        }
    }

    /// A channel has passed its watch limit or has come back.
    pub(super) fn watch(&mut self, ix: ChannelIx, channel: &Channel, now: Millis, on: bool) {
        enter(&mut self.watching[channel.zone.at()], ix, on);
        if channel.quantity != Quantity::OnBattery {
            return;
        }
        enter(&mut self.on_battery[channel.zone.at()], ix, on);
        let (channels, since) = &mut self.discharging[channel.source.at()];
        match (on, *channels) {
            (true, 0) => (*channels, *since) = (1, now),
            (true, n) => *channels = n + 1,
            (false, n) => *channels = n.saturating_sub(1),
        }
    }

    fn count_voter(&mut self, channel: &Channel, now: Millis, serves: bool) {
        for zone in &self.near[channel.zone.at()] {
            let count = self.well[zone.at()].entry(channel.group).or_default();
            let before = *count;
            *count = if serves { before + 1 } else { before.saturating_sub(1) };
            match (before, *count) {
                (0, 1) => {
                    self.healthy[zone.at()] += 1;
                    self.out[zone.at()].remove(&channel.group);
                }
                (1, 0) => {
                    self.healthy[zone.at()] -= 1;
                    self.out[zone.at()].insert(channel.group, now);
                }
                _ => {}
            }
        }
    }
}

fn enter(set: &mut BTreeSet<ChannelIx>, ix: ChannelIx, on: bool) {
    if on {
        set.insert(ix);
    } else {
        set.remove(&ix);
    }
}

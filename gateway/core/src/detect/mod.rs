//! From readings to alarms and trouble, channel by channel.

mod channel;
mod silence;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use muster_wire::{Absence, Micro, Quality};

pub(crate) use channel::ChannelState;
pub use channel::Fault;

use crate::{Channel, ChannelIx, GroupIx, Millis, Site, SourceIx, ZoneIx};

/// What a reading or the passing of time changed; everything else is told to nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A channel passed its alarm limit (or came back).
    Alarm { channel: ChannelIx, on: bool, why: String },
    /// A channel passed its watch limit (or came back).
    Watch { channel: ChannelIx, on: bool, why: String },
    /// A channel is at fault (or well again). Trouble, never an alarm.
    Fault { channel: ChannelIx, fault: Option<Fault> },
    /// A whole source is at fault at once; one line instead of one a channel.
    Silent {
        source: SourceIx,
        channels: Vec<ChannelIx>,
        why: String,
    },
}

/// Per-channel state and the times at which silence has to be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Detect {
    pub(crate) channels: Vec<ChannelState>,
    /// One entry a channel: when its age is to be looked at next. Readings do not touch it, so a reading costs no tree
    /// operation; a look that comes too early moves the entry.
    checks: BTreeSet<(Millis, ChannelIx)>,
    by_source: Vec<Vec<ChannelIx>>,
    /// Per zone: the channels that can vote, by group.
    voters: Vec<Vec<(GroupIx, Vec<ChannelIx>)>>,
}

/// One sample on its way in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) channel: ChannelIx,
    pub(crate) value: Result<Micro, Absence>,
    pub(crate) simulated: bool,
    pub(crate) age_ms: u32,
}

impl Detect {
    /// Everything unheard, from `now` on.
    pub(crate) fn new(site: &Site, now: Millis) -> Self {
        let mut detect = Self {
            channels: site.channels.iter().map(|_| ChannelState::new(now)).collect(),
            by_source: alloc::vec![Vec::new(); site.sources.len()],
            voters: alloc::vec![Vec::new(); site.zones.len()],
            checks: BTreeSet::new(),
        };
        for (i, channel) in (0u32..).zip(&site.channels) {
            detect.enlist(ChannelIx(i), channel, now);
        }
        detect
    }

    fn enlist(&mut self, ix: ChannelIx, channel: &Channel, now: Millis) {
        self.checks.insert((now + channel.supervision_ms, ix));
        self.by_source[channel.source.at()].push(ix);
        if channel.alarm.is_none() {
            return;
        }
        let voters = &mut self.voters[channel.zone.at()];
        match voters.iter_mut().find(|(group, _)| *group == channel.group) {
            Some((_, channels)) => channels.push(ix),
            None => voters.push((channel.group, alloc::vec![ix])),
        }
    }

    /// Takes one sample. The fast way through changes no level and allocates nothing.
    pub(crate) fn sample(&mut self, site: &Site, now: Millis, sample: Sample, changes: &mut Vec<Change>) {
        let (Some(state), Some(channel)) = (
            self.channels.get_mut(sample.channel.at()),
            site.channels.get(sample.channel.at()),
        ) else {
            return;
        };
        // Older than its supervision window: history, it says nothing about now.
        if Millis::from(sample.age_ms) >= channel.supervision_ms {
            return;
        }
        match judge(site.simulated, channel, sample) {
            Ok(value) => state.good(channel, sample.channel, now, value, changes),
            Err(fault) => state.bad(sample.channel, now, fault, changes),
        }
    }

    /// Groups that could vote now, and those configured to: in a zone and in those adjacent, whose votes count with its.
    pub(crate) fn protection(&self, site: &Site, zone: ZoneIx) -> (u16, u16) {
        let mut groups: BTreeMap<GroupIx, bool> = BTreeMap::new();
        for near in site.zones[zone.at()].adjacent.iter().chain([&zone]) {
            for (group, channels) in self.voters.get(near.at()).into_iter().flatten() {
                *groups.entry(*group).or_default() |= channels.iter().any(|c| self.channels[c.at()].fault.is_none());
            }
        }
        (
            groups.values().filter(|healthy| **healthy).count() as u16,
            groups.len() as u16,
        )
    }

    /// Channels that can vote for a group in a zone.
    pub(crate) fn voters(&self, zone: ZoneIx, group: GroupIx) -> &[ChannelIx] {
        let groups = self.voters.get(zone.at()).map_or(&[][..], Vec::as_slice);
        groups
            .iter()
            .find(|(g, _)| *g == group)
            .map_or(&[][..], |(_, channels)| channels.as_slice())
    }

    /// Channels of a source.
    pub(crate) fn of_source(&self, source: SourceIx) -> &[ChannelIx] {
        self.by_source.get(source.at()).map_or(&[][..], Vec::as_slice)
    }

    /// Forgets which channels have alarmed, after a reset.
    pub(crate) fn forget_alarms(&mut self) {
        self.channels.iter_mut().for_each(|c| c.alarmed = false);
    }
}

/// Whether a sample is believed at all.
fn judge(simulated_site: bool, channel: &Channel, sample: Sample) -> Result<Micro, Fault> {
    let value = sample.value.map_err(Fault::Absent)?;
    if sample.simulated && !simulated_site {
        return Err(Fault::Simulated);
    }
    if value < channel.range.0 || value > channel.range.1 {
        return Err(Fault::Range(value));
    }
    Ok(value)
}

/// The word for a channel's quality.
pub(crate) fn quality(state: &ChannelState, simulated_site: bool) -> Quality {
    match state.fault {
        Some(Fault::Absent(reason)) => Quality::Absent(reason),
        Some(Fault::Stale { .. } | Fault::Lost) => Quality::Stale,
        Some(Fault::Range(_)) => Quality::Bad,
        Some(Fault::Simulated) => Quality::Simulated,
        None if state.value.is_none() => Quality::Absent(Absence::Warmup),
        None if simulated_site => Quality::Simulated,
        None => Quality::Good,
    }
}

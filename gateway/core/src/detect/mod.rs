//! From readings to alarms and trouble, channel by channel.

mod carry;
mod channel;
mod discharge;
mod flaw;
mod limits;
mod service;
mod silence;
mod slope;
mod tally;
mod words;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use muster_wire::{Absence, MICRO, Micro, Quality, Quantity};

pub(crate) use channel::ChannelState;
pub use channel::Fault;
use channel::Seen;
pub(crate) use discharge::Discharge;
pub(crate) use limits::at_work;
pub(crate) use service::Fate;
pub(crate) use tally::Tally;
pub(crate) use words::meaning;

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
    /// A channel that was silent is heard, and at fault still. It died, if it did, when it fell silent.
    Heard { channel: ChannelIx, fault: Fault },
    /// A whole source is at fault at once; one line instead of one a channel.
    Silent {
        source: SourceIx,
        channels: Vec<ChannelIx>,
        why: String,
    },
}

/// Per-channel state and the times at which silence has to be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Detect {
    pub(crate) channels: Vec<ChannelState>,
    /// One entry a channel: when its age is to be looked at next. Readings do not touch it, so a reading costs no tree
    /// operation; a look that comes too early moves the entry.
    checks: BTreeSet<(Millis, ChannelIx)>,
    by_source: Vec<Vec<ChannelIx>>,
    /// The channels that can vote for a group in a zone.
    voters: BTreeMap<(ZoneIx, GroupIx), Vec<ChannelIx>>,
    /// All channels, by id: records name them so.
    by_id: Vec<ChannelIx>,
    /// Contacts that say how power flows, in order: on battery, generators, what feeds call `off`.
    #[serde(default)]
    speakers: Vec<ChannelIx>,
    pub(crate) tally: Tally,
    /// Zones in which people work: limits are lower there.
    #[serde(default)]
    pub(crate) at_work: BTreeSet<ZoneIx>,
    /// What sources on battery have said since they are.
    #[serde(default)]
    discharges: BTreeMap<SourceIx, Discharge>,
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
        let mut by_id: Vec<ChannelIx> = (0..site.channels.len() as u32).map(ChannelIx).collect();
        by_id.sort_by(|a, b| site.channels[a.at()].id.cmp(&site.channels[b.at()].id));
        let mut detect = Self {
            channels: site.channels.iter().map(|_| ChannelState::new(now)).collect(),
            by_source: alloc::vec![Vec::new(); site.sources.len()],
            voters: BTreeMap::new(),
            checks: BTreeSet::new(),
            by_id,
            speakers: speakers(site),
            tally: Tally::new(site),
            at_work: BTreeSet::new(),
            discharges: BTreeMap::new(),
        };
        for (i, channel) in (0u32..).zip(&site.channels) {
            detect.enlist(ChannelIx(i), channel, now);
        }
        detect
    }

    fn enlist(&mut self, ix: ChannelIx, channel: &Channel, now: Millis) {
        self.checks.insert((now + channel.supervision_ms, ix));
        self.by_source[channel.source.at()].push(ix);
        if channel.alarm.is_some() {
            self.voters.entry((channel.zone, channel.group)).or_default().push(ix);
        }
    }

    /// Takes one sample; whether more is known of a discharge by it. The fast way through changes no level and allocates
    /// nothing.
    pub(crate) fn sample(&mut self, site: &Site, now: Millis, sample: Sample, changes: &mut Vec<Change>) -> bool {
        let ix = sample.channel;
        let outside = self.outside(site, ix, now);
        let (Some(state), Some(channel)) = (self.channels.get_mut(ix.at()), site.channels.get(ix.at())) else {
            return false;
        };
        // Older than its supervision window: history, it says nothing about now.
        let age_ms = Millis::from(sample.age_ms);
        if age_ms >= channel.supervision_ms {
            return false;
        }
        let before = (state.fault.is_some(), state.in_watch(), state.serves());
        let discharging = || self.tally.discharging_since(channel.source).is_some();
        match judge(site.simulated, channel, sample) {
            // A device is part of the detecting system: its own fault is trouble, and never an alarm.
            Ok(value) if channel.quantity == Quantity::Fault && value.0 >= MICRO => {
                state.reported(ix, (now, age_ms), value, changes);
            }
            Ok(value) if state.doubts(channel, (now, age_ms), value) => {
                state.bad(ix, now, Fault::Jump(value), changes);
            }
            Ok(value) => {
                let at_work = !self.at_work.is_empty() && self.at_work.contains(&channel.zone);
                let seen = Seen {
                    now,
                    age_ms,
                    value,
                    outside,
                    at_work,
                };
                state.good(channel, ix, &seen, changes);
            }
            // Real UPSes report -1 or 65535 minutes on mains: heard, and nothing known.
            Err(Fault::Range(_)) if channel.quantity == Quantity::Runtime && !discharging() => {
                state.unknown(channel, ix, (now, age_ms), changes);
            }
            Err(fault) => state.bad(ix, now, fault, changes),
        }
        let after = (state.fault.is_some(), state.in_watch(), state.serves());
        if before.0 != after.0 {
            self.tally.fault(channel, after.0);
        }
        if before.2 != after.2 {
            self.tally.serve(channel, now, after.2);
        }
        if before.1 != after.1 {
            self.tally.watch(ix, channel, now, after.1);
        }
        let noted = discharge::is_noted(channel.quantity) && state.fault.is_none() && state.good_at == now - age_ms;
        let newest = state.value.filter(|_| noted);
        newest.is_some_and(|value| self.note_discharge(site, ix, (now - age_ms, value)))
    }

    /// Since when a channel that has alarmed is clear.
    pub(crate) fn clear_since(&self, ix: ChannelIx) -> Option<Millis> {
        self.channels.get(ix.at()).filter(|c| c.alarmed)?.clear_since
    }

    /// Channels that can vote for a group in a zone.
    pub(crate) fn voters(&self, zone: ZoneIx, group: GroupIx) -> &[ChannelIx] {
        self.voters.get(&(zone, group)).map_or(&[][..], Vec::as_slice)
    }

    /// Groups that can vote in a zone.
    pub(crate) fn groups_in(&self, zone: ZoneIx) -> impl Iterator<Item = GroupIx> + '_ {
        let all = (zone, GroupIx(0))..=(zone, GroupIx(u16::MAX));
        self.voters.range(all).map(|((_, group), _)| *group)
    }

    /// The channel of an id.
    pub(crate) fn channel(&self, site: &Site, id: &str) -> Option<ChannelIx> {
        let at = self
            .by_id
            .binary_search_by(|c| site.channels[c.at()].id.as_str().cmp(id));
        at.ok().map(|at| self.by_id[at])
    }

    /// Contacts that say how power flows, in order.
    pub(crate) fn speakers(&self) -> &[ChannelIx] {
        &self.speakers
    }

    /// Whether one of them has switched at this moment.
    pub(crate) fn switches(&self, ix: ChannelIx, now: Millis) -> bool {
        let switched = |c: &ChannelState| c.value_since == now && c.value.is_some();
        self.channels.get(ix.at()).is_some_and(switched) && self.speakers.binary_search(&ix).is_ok()
    }

    /// Channels of a source.
    pub(crate) fn of_source(&self, source: SourceIx) -> &[ChannelIx] {
        self.by_source.get(source.at()).map_or(&[][..], Vec::as_slice)
    }

    /// Whether nothing is heard of one channel of a source at least.
    pub(crate) fn is_silent(&self, source: SourceIx) -> bool {
        let silent = |c: &ChannelIx| self.channels[c.at()].fault.is_some_and(Fault::is_silence);
        self.of_source(source).iter().any(silent)
    }

    /// Forgets which channels have alarmed, after a reset.
    pub(crate) fn forget_alarms(&mut self) {
        self.channels.iter_mut().for_each(|c| c.alarmed = false);
    }
}

fn speakers(site: &Site) -> Vec<ChannelIx> {
    let off: BTreeSet<ChannelIx> = site.power.feeds.iter().filter_map(|f| f.off).collect();
    let speaks = |(ix, channel): &(ChannelIx, &Channel)| {
        matches!(
            channel.quantity,
            Quantity::OnBattery | Quantity::GeneratorRunning | Quantity::OnGenerator
        ) || off.contains(ix)
    };
    let all = (0u32..).map(ChannelIx).zip(&site.channels);
    all.filter(speaks).map(|(ix, _)| ix).collect()
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
        Some(Fault::Range(_) | Fault::Jump(_) | Fault::Stuck { .. }) => Quality::Bad,
        Some(Fault::Simulated) => Quality::Simulated,
        Some(Fault::Reported) if simulated_site => Quality::Simulated,
        Some(Fault::Reported) => Quality::Good,
        None if state.value.is_none() => Quality::Absent(Absence::Warmup),
        None if simulated_site => Quality::Simulated,
        None => Quality::Good,
    }
}

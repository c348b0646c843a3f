//! When being on battery counts: after the generator's grace, persistent, running down, and agreed to by a second group. On
//! battery alone is not a fire (design §5 "Power path").

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use muster_wire::{MICRO, Quantity};

use super::{
    Policy,
    battery::{self, Battery},
    feeds::{self, Burning, Lost},
};
use crate::{Channel, ChannelIx, FeedIx, FeedKind, GroupIx, Millis, Site, SourceIx, detect::Detect};

/// While batteries discharge, or the mains may come back, nothing that is heard needs to be news: it is looked at so often.
pub(crate) const LOOK_MS: Millis = 5_000;

/// Mains stable for so long, steps not yet begun for power's sake are held (design §5).
pub(crate) const MAINS_STABLE_MS: Millis = 120_000;

/// Power was lost, or is about to be: irreversible steps may run for what stands on these racks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct PowerLoss {
    /// Rack ids; none at a site without feeds: all of it.
    pub(crate) racks: BTreeSet<String>,
    pub(crate) why: String,
    /// The mains have come back for good: what has not begun waits.
    pub(crate) held: bool,
    /// Since when no battery threatens these racks.
    pub(crate) mains_since: Option<Millis>,
}

/// A rack, or the whole site without feeds, that ends with its batteries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// None: the site.
    pub(crate) rack: Option<FeedIx>,
    pub(crate) battery: Battery,
    pub(crate) earliest: Millis,
    pub(crate) likely: Millis,
}

/// What the batteries threaten, and whether that counts.
pub(crate) struct Outage {
    /// Everything that ends with its batteries, whether it counts or not.
    pub(crate) threatened: Vec<Ending>,
    /// Of these what counts.
    pub(crate) counting: Vec<Ending>,
}

/// What the batteries threaten at one moment.
pub(crate) fn of(site: &Site, policy: &Policy, detect: &Detect, now: Millis) -> Outage {
    let evidence = Evidence { site, detect, now };
    let agreed = site.single_group || evidence.groups().len() >= 2;
    let (threatened, counting) = if site.power.feeds.is_empty() {
        evidence.whole_site()
    } else {
        evidence.racks(&feeds::losses(site, (policy, detect), now, Burning::Evacuating))
    };
    Outage {
        threatened,
        counting: if agreed { counting } else { Vec::new() },
    }
}

/// Whether the mains are heard to be back for all that evacuates for power's sake: nobody heard, as after a restart, is not
/// that. Racks that the config does not know any more are passed over.
pub(crate) fn mains_carry(site: &Site, detect: &Detect, now: Millis, racks: &BTreeSet<String>) -> bool {
    let evidence = Evidence { site, detect, now };
    if site.power.feeds.is_empty() {
        return evidence.on_mains(evidence.of_battery(detect.speakers()));
    }
    let mains = evidence.mains();
    let mut begun = site.power.racks().filter(|(_, rack)| racks.contains(&rack.id));
    begun.all(|(ix, _)| mains[ix.at()])
}

struct Evidence<'a> {
    site: &'a Site,
    detect: &'a Detect,
    now: Millis,
}

/// Of the batteries on a feed's way: whether each has lasted and been heard for the grace, and whether one is seen to run down.
#[derive(Clone, Copy)]
struct Way {
    persistent: bool,
    falling: bool,
}

impl Evidence<'_> {
    /// What a source on battery says it by, in service: for the whole grace, and heard after it. Silence within the grace is
    /// nothing to act on.
    fn insisting(&self, source: SourceIx) -> impl Iterator<Item = &Channel> + '_ {
        let since = self.detect.tally.discharging_since(source);
        let over = since.map(|since| since.saturating_add(self.site.power.generator_grace_ms));
        let channels = self.detect.of_source(source).iter();
        let insists = move |ix: &&ChannelIx| {
            let (channel, state) = (&self.site.channels[ix.at()], &self.detect.channels[ix.at()]);
            let heard = over.is_some_and(|over| self.now.min(state.good_at) >= over);
            channel.quantity == Quantity::OnBattery
                && state.in_watch()
                && heard
                && self.detect.is_heeded(self.site, **ix, self.now)
        };
        channels.filter(insists).map(|ix| &self.site.channels[ix.at()])
    }

    fn persistent(&self, source: SourceIx) -> bool {
        self.insisting(source).next().is_some()
    }

    /// Groups that say that the mains are gone, and have for the grace: UPSes, a generator that runs, the utility's own contact.
    fn groups(&self) -> BTreeSet<GroupIx> {
        let discharging = self.detect.discharging();
        let on_battery = discharging.flat_map(|(source, _)| self.insisting(source).map(|c| c.group));
        on_battery.chain(self.contacts()).collect()
    }

    fn contacts(&self) -> impl Iterator<Item = GroupIx> + '_ {
        let utilities = self.site.power.feeds.iter().filter(|f| f.kind == FeedKind::Utility);
        let utilities: BTreeSet<_> = utilities.filter_map(|f| f.off).collect();
        let grace_ms = self.site.power.generator_grace_ms;
        self.detect.speakers().iter().filter_map(move |ix| {
            let (channel, state) = (&self.site.channels[ix.at()], &self.detect.channels[ix.at()]);
            let speaks = matches!(channel.quantity, Quantity::GeneratorRunning | Quantity::OnGenerator)
                || utilities.contains(ix);
            let lasts = state.fault.is_none() && state.on_for_ms(self.now).is_some_and(|ms| ms >= grace_ms);
            (speaks && lasts && self.detect.is_heeded(self.site, *ix, self.now)).then_some(channel.group)
        })
    }

    /// A UPS, or a site's, all of whose contacts in service are heard, sound, and say that it is on mains.
    fn on_mains(&self, mut contacts: impl Iterator<Item = ChannelIx>) -> bool {
        let mut any = false;
        let all = contacts.all(|ix| {
            let state = &self.detect.channels[ix.at()];
            any = true;
            state.fault.is_none() && !state.in_watch() && state.value.is_some_and(|v| v.0 < MICRO)
        });
        any && all
    }

    /// The contacts of these channels that say whether a UPS is on battery, and may be heeded.
    fn of_battery<'a>(&'a self, channels: &'a [ChannelIx]) -> impl Iterator<Item = ChannelIx> + 'a {
        let all = channels.iter().copied();
        let heeded = |ix: &ChannelIx| {
            self.site.channels[ix.at()].quantity == Quantity::OnBattery
                && self.detect.is_heeded(self.site, *ix, self.now)
        };
        all.filter(heeded)
    }

    /// Of every feed, whether as many UPSes on its way as it needs are heard to be on mains. Where none can say so, what
    /// feeds it is taken to be well.
    fn mains(&self) -> Vec<bool> {
        let mut mains: Vec<bool> = Vec::with_capacity(self.site.power.feeds.len());
        for feed in &self.site.power.feeds {
            let source = feed.source.filter(|_| feed.kind == FeedKind::Ups);
            let channels = source.map_or(&[][..], |s| self.detect.of_source(s));
            let says = |ix: &ChannelIx| self.site.channels[ix.at()].quantity == Quantity::OnBattery;
            let off = feed
                .off
                .and_then(|ix| self.detect.channels[ix.at()].on_for_ms(self.now));
            let carried = if channels.iter().any(says) {
                self.on_mains(self.of_battery(channels))
            } else {
                let by = feed.by.iter().filter(|by| mains[by.at()]).count();
                feed.by.is_empty() || by >= usize::from(feed.needs)
            };
            mains.push(carried && off.is_none());
        }
        mains
    }

    /// Without feeds nobody knows which battery carries what: the first that ends counts for all.
    fn whole_site(&self) -> (Vec<Ending>, Vec<Ending>) {
        let all = self.detect.discharging();
        let batteries = all.filter_map(|(source, _)| battery::of(self.site, self.detect, source, None));
        let ending = |battery: Battery| Ending {
            rack: None,
            battery,
            earliest: battery.earliest,
            likely: battery.likely,
        };
        let threatened: Vec<Ending> = batteries.map(ending).collect();
        let counts = |e: &&Ending| e.battery.is_known() && e.battery.falling && self.persistent(e.battery.source);
        let counting = threatened.iter().filter(counts).copied().collect();
        (threatened, counting)
    }

    fn racks(&self, losses: &[Option<Lost>]) -> (Vec<Ending>, Vec<Ending>) {
        let ways = self.ways();
        let (mut threatened, mut counting) = (Vec::new(), Vec::new());
        for (ix, _) in self.site.power.racks() {
            let Some((lost, battery)) = losses[ix.at()].and_then(|l| Some((l, l.battery()?))) else {
                continue;
            };
            let ending = Ending {
                rack: Some(ix),
                battery,
                earliest: lost.earliest,
                likely: lost.likely,
            };
            threatened.push(ending);
            if ways[ix.at()].is_some_and(|w| w.persistent && w.falling) {
                counting.push(ending);
            }
        }
        (threatened, counting)
    }

    /// Of every feed, what its batteries have shown; none without one that discharges.
    fn ways(&self) -> Vec<Option<Way>> {
        let mut ways: Vec<Option<Way>> = Vec::with_capacity(self.site.power.feeds.len());
        for feed in &self.site.power.feeds {
            let source = feed.source.filter(|_| feed.kind == FeedKind::Ups);
            let battery = source.and_then(|s| battery::of(self.site, self.detect, s, feed.runtime_ms));
            let own = battery.map(|b| Way {
                persistent: self.persistent(b.source),
                falling: b.falling,
            });
            let both = |a: Way, b: Way| Way {
                persistent: a.persistent && b.persistent,
                falling: a.falling || b.falling,
            };
            let before = feed.by.iter().filter_map(|by| ways[by.at()]).reduce(both);
            ways.push(own.or(before));
        }
        ways
    }
}

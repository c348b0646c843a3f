//! When being on battery counts: after the generator's grace, persistent, running down, and agreed to by a second group. On
//! battery alone is not a fire (design §5 "Power path").

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use muster_wire::{MICRO, Quantity};

use super::{
    Policy,
    battery::{self, Battery},
    feeds::{self, Burning, Lost},
};
use crate::{FeedIx, FeedKind, GroupIx, Millis, Site, SourceIx, detect::Detect};

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
    /// When more of it may count though nothing is heard.
    pub(crate) wake: Option<Millis>,
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
    let grace_over = detect
        .discharging()
        .map(|(_, since)| since + site.power.generator_grace_ms);
    Outage {
        threatened,
        counting: if agreed { counting } else { Vec::new() },
        wake: grace_over.filter(|at| *at > now).min(),
    }
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
    /// On battery for the whole grace, and heard after it: silence within the grace is nothing to act on.
    fn persistent(&self, source: SourceIx) -> bool {
        let Some(since) = self.detect.tally.discharging_since(source) else {
            return false;
        };
        let over = since + self.site.power.generator_grace_ms;
        let heard = self.detect.of_source(source).iter().any(|ix| {
            let (channel, state) = (&self.site.channels[ix.at()], &self.detect.channels[ix.at()]);
            channel.quantity == Quantity::OnBattery && state.in_watch() && state.good_at >= over
        });
        self.now >= over && heard
    }

    /// Groups that say that the mains are gone, and have for the grace: UPSes, a generator that runs, the utility's own contact.
    fn groups(&self) -> BTreeSet<GroupIx> {
        let discharging = self.detect.discharging().filter(|(source, _)| self.persistent(*source));
        let on_battery = discharging.flat_map(|(source, _)| {
            let channels = self
                .detect
                .of_source(source)
                .iter()
                .map(|ix| (ix, &self.site.channels[ix.at()]));
            let saying = channels
                .filter(|(ix, c)| c.quantity == Quantity::OnBattery && self.detect.channels[ix.at()].in_watch());
            saying.map(|(_, c)| c.group)
        });
        on_battery.chain(self.contacts()).collect()
    }

    fn contacts(&self) -> impl Iterator<Item = GroupIx> + '_ {
        let utilities = self.site.power.feeds.iter().filter(|f| f.kind == FeedKind::Utility);
        let utilities: BTreeSet<_> = utilities.filter_map(|f| f.off).collect();
        let channels = self.site.channels.iter().zip(&self.detect.channels).zip(0u32..);
        let grace_ms = self.site.power.generator_grace_ms;
        channels.filter_map(move |((channel, state), ix)| {
            let speaks = matches!(channel.quantity, Quantity::GeneratorRunning | Quantity::OnGenerator)
                || utilities.contains(&crate::ChannelIx(ix));
            let on = state.fault.is_none() && state.value.is_some_and(|v| v.0 >= MICRO);
            let lasts = self.now.min(state.good_at).saturating_sub(state.value_since) >= grace_ms;
            (speaks && on && lasts).then_some(channel.group)
        })
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

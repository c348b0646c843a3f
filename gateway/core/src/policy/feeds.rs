//! Which racks lose their power, and when: for each the latest of its alternatives, and of each the earliest thing that takes
//! it on its way (design §5 "Power path").

use alloc::{format, string::String, vec::Vec};

use muster_wire::{MICRO, Quantity};

use super::{
    Interval, Policy,
    battery::{self, Basis, Battery},
};
use crate::{ChannelIx, Feed, FeedKind, Millis, Site, SourceIx, ZoneIx, detect::Detect};

/// A contact that says "off" counts after this: a self-test looks like it for 5 to 10 s (NUT waits for 30).
const OFF_AFTER_MS: Millis = 30_000;

const MINUTE_MS: Millis = 60_000;
const HOUR_MS: Millis = 3_600_000;

/// The loss of one thing that carries power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) earliest: Millis,
    pub(crate) likely: Millis,
    /// The last thing it hung on.
    pub(crate) cause: Cause,
    /// A fire takes a part of it at least.
    pub(crate) fire: bool,
}

/// What takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A fire in a zone that it stands in or that its cables cross.
    Fire(ZoneIx),
    /// Somebody has cut the power of its zone.
    Epo(ChannelIx),
    /// It says itself that it carries nothing.
    Off(ChannelIx),
    /// It is too hot, or will be.
    Heat(ChannelIx),
    /// Its battery ends.
    Battery(Battery),
}

impl Lost {
    /// It carries nothing now, and no estimate is needed for that.
    pub(crate) const fn is_gone(&self) -> bool {
        matches!(self.cause, Cause::Epo(_) | Cause::Off(_))
    }

    /// The end of a battery decides.
    pub(crate) const fn battery(&self) -> Option<Battery> {
        match self.cause {
            Cause::Battery(battery) => Some(battery),
            _ => None,
        }
    }

    /// As a clock, with its reason.
    pub(crate) fn interval(&self, site: &Site, detect: &Detect) -> Interval {
        Interval {
            earliest: self.earliest,
            likely: self.likely,
            why: self.why(site, detect),
        }
    }

    fn why(&self, site: &Site, detect: &Detect) -> String {
        let id = |ix: ChannelIx| &site.channels[ix.at()].id;
        match self.cause {
            Cause::Fire(zone) => format!("every way of its power crosses {}", site.zones[zone.at()].id),
            Cause::Epo(ix) => format!("{}: emergency power off", id(ix)),
            Cause::Off(ix) => format!("{} is on: it carries nothing", id(ix)),
            Cause::Heat(ix) => battery::too_hot(id(ix)),
            Cause::Battery(battery) => {
                let why = battery.why(site, detect);
                let shared = self.earliest < battery.earliest;
                let less = if shared {
                    "; less, because it then carries others' load as well"
                } else {
                    ""
                };
                format!("{why}{less}")
            }
        }
    }
}

/// Of which zones it is asked what a fire there would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Burning {
    /// Those that evacuate.
    Evacuating,
    /// Those with any vote as well: what has to be prepared for.
    Voted,
    /// None: what is asked is how long batteries last.
    Nowhere,
}

impl Burning {
    fn holds(self, policy: &Policy, zone: ZoneIx) -> bool {
        let voted = || self == Self::Voted && policy.votes_in(zone).next().is_some();
        self != Self::Nowhere && policy.zones[zone.at()].evacuate.is_some() || voted()
    }

    /// Whether that dooms the site as a whole: by order or cut, or because batteries burn.
    pub(crate) fn dooms_all(self, site: &Site, policy: &Policy) -> bool {
        let mut rooms = site.power.battery_rooms.iter();
        site.power.feeds.is_empty() || policy.site_evacuate.is_some() || rooms.any(|z| self.holds(policy, *z))
    }
}

/// The loss of every feed, in the order of the config; none for what nothing threatens.
pub(crate) fn losses(
    site: &Site,
    (policy, detect): (&Policy, &Detect),
    now: Millis,
    burning: Burning,
) -> Vec<Option<Lost>> {
    let mut losses: Vec<Option<Lost>> = Vec::with_capacity(site.power.feeds.len());
    let path = Path {
        site,
        policy,
        detect,
        now,
        burning,
    };
    for feed in &site.power.feeds {
        let (own, upstream) = (path.own(feed), path.upstream(feed, &losses));
        let burns = upstream.is_some_and(|l| l.fire);
        // On battery, what feeds it is gone already, and a fire there keeps it from coming back.
        let discharges = own.is_some_and(|l| l.battery().is_some());
        let first = first([own, upstream.filter(|_| !discharges)]);
        losses.push(first.map(|l| Lost {
            fire: l.fire || burns,
            ..l
        }));
    }
    losses
}

/// Whether a contact says "off", and not for long enough yet.
pub(crate) fn ripens(site: &Site, detect: &Detect, now: Millis) -> bool {
    let mut contacts = site.power.feeds.iter().filter_map(|f| detect.channels.get(f.off?.at()));
    contacts.any(|c| c.fault.is_none() && c.on_for_ms(now).is_some_and(|ms| ms < OFF_AFTER_MS))
}

/// What comes first, and whether a fire is among it.
fn first(all: [Option<Lost>; 2]) -> Option<Lost> {
    let fire = all.iter().flatten().any(|l| l.fire);
    let first = all.into_iter().flatten().min_by_key(|l| (l.earliest, l.likely))?;
    Some(Lost { fire, ..first })
}

struct Path<'a> {
    site: &'a Site,
    policy: &'a Policy,
    detect: &'a Detect,
    now: Millis,
    burning: Burning,
}

impl Path<'_> {
    /// What takes the feed itself: the first of it.
    fn own(&self, feed: &Feed) -> Option<Lost> {
        let gone = feed.off.and_then(|ix| self.off(ix)).or_else(|| self.epo(feed));
        let fire = feed.zones.iter().find(|z| self.burning.holds(self.policy, **z));
        let fire = fire.map(|zone| self.fire(*zone));
        let source = feed.source.filter(|_| feed.kind == FeedKind::Ups);
        let ups = source.and_then(|source| self.ups(feed, source));
        first([gone.or(ups), fire])
    }

    /// The end of its battery or of the UPS itself. One that is hot is on battery all the same.
    fn ups(&self, feed: &Feed, source: SourceIx) -> Option<Lost> {
        let (battery, heat) = (
            battery::of(self.site, self.detect, source, feed.runtime_ms),
            self.heat(source),
        );
        let Some(mut battery) = battery else {
            return heat.map(|(at, ix)| Lost {
                earliest: at,
                likely: at,
                cause: Cause::Heat(ix),
                fire: false,
            });
        };
        if let Some((at, ix)) = heat.filter(|(at, _)| *at < battery.earliest) {
            (battery.earliest, battery.likely, battery.basis) = (at, battery.likely.min(at), Basis::Heat(ix));
        }
        Some(Lost {
            earliest: battery.earliest,
            likely: battery.likely,
            cause: Cause::Battery(battery),
            fire: false,
        })
    }

    /// A UPS stops when it is too hot: it warms towards its alarm limit, and from there on may do so at any moment.
    fn heat(&self, source: SourceIx) -> Option<(Millis, ChannelIx)> {
        let all = self.detect.of_source(source).iter();
        let ends = all.filter_map(|ix| {
            let (channel, state) = (&self.site.channels[ix.at()], &self.detect.channels[ix.at()]);
            let limit = channel
                .alarm
                .filter(|l| l.above && channel.quantity == Quantity::Temperature)?;
            let (left, rate) = (limit.set.0 - state.value?.0, state.rate(channel)?.0);
            let near = state.in_watch() || state.in_alarm();
            let warms_ms = if left <= 0 {
                0
            } else {
                left.saturating_mul(MINUTE_MS) / rate.max(1)
            };
            (near && (left <= 0 || rate > 0)).then(|| (state.good_at + warms_ms.clamp(MINUTE_MS, HOUR_MS), *ix))
        });
        ends.min()
    }

    /// The hazard prior, since the first sign.
    fn fire(&self, zone: ZoneIx) -> Lost {
        let sign = self.policy.open().map_or(self.now, |i| i.sign.unwrap_or(i.opened));
        Lost {
            earliest: sign.saturating_add(self.site.priors.loss_earliest_ms),
            likely: sign.saturating_add(self.site.priors.loss_likely_ms),
            cause: Cause::Fire(zone),
            fire: true,
        }
    }

    fn off(&self, ix: ChannelIx) -> Option<Lost> {
        let state = self.detect.channels.get(ix.at())?;
        let heeded = self.detect.is_heeded(self.site, ix, self.now);
        let on = heeded && state.on_for_ms(self.now)? >= OFF_AFTER_MS;
        on.then_some(Lost {
            earliest: state.value_since,
            likely: state.value_since,
            cause: Cause::Off(ix),
            fire: false,
        })
    }

    fn epo(&self, feed: &Feed) -> Option<Lost> {
        let of_zone = |zone: ZoneIx| {
            self.policy.votes_in(zone).find_map(|(group, vote)| {
                let mut voters = self.detect.voters(zone, group).iter();
                let is_on = |ix: &&ChannelIx| {
                    self.site.channels[ix.at()].quantity == Quantity::EmergencyPowerOff
                        && self.detect.channels[ix.at()].in_alarm()
                };
                voters.find(is_on).map(|ix| (vote.onset, *ix))
            })
        };
        let (at, ix) = feed.zones.iter().filter_map(|z| of_zone(*z)).min()?;
        Some(Lost {
            earliest: at,
            likely: at,
            cause: Cause::Epo(ix),
            fire: false,
        })
    }

    /// What feeds it is gone once fewer are left than it needs. Where one ends, the others carry its load as well.
    fn upstream(&self, feed: &Feed, losses: &[Option<Lost>]) -> Option<Lost> {
        let all = feed.by.len();
        let needs = usize::from(feed.needs).min(all);
        let mut lost: Vec<Lost> = feed.by.iter().filter_map(|by| *losses.get(by.at())?).collect();
        if all == 0 || all - lost.len() >= needs {
            return None;
        }
        lost.sort_by_key(|l| (l.earliest, l.likely));
        let last = all - needs;
        for i in 0..last {
            // The load of what is gone is in what the others show already.
            if lost[i].is_gone() {
                continue;
            }
            let (at, likely_at) = (lost[i].earliest.max(self.now), lost[i].likely.max(self.now));
            let left = battery::peukert(((all - i - 1) as i64 * MICRO) / (all - i) as i64);
            for other in lost[i + 1..].iter_mut().filter(|l| l.battery().is_some()) {
                other.earliest = at + battery::share((other.earliest - at).max(0), left);
                other.likely = likely_at.min(other.likely) + battery::share((other.likely - likely_at).max(0), left);
            }
            lost[i + 1..].sort_by_key(|l| (l.earliest, l.likely));
        }
        let mut decisive = lost[last];
        decisive.fire = lost[..=last].iter().any(|l| l.fire);
        decisive.likely = decisive.likely.max(decisive.earliest);
        Some(decisive)
    }
}

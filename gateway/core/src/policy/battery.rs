//! When a UPS on battery ends: what it reports, and our own estimate of its charge, its load and its owner's word. Integers
//! only. The earliest time is meant to be kept by 19 of 20 discharges (`muster-testbed runway` measures it).

use alloc::{format, string::String, vec::Vec};

use muster_wire::{MICRO, Micro, Quantity};

use super::Interval;
use crate::{
    ChannelIx, Millis, Site, SourceIx,
    detect::{Detect, Discharge},
};

/// A battery is due for replacement at four fifths of its capacity (IEEE 450 and 1188), so one in service has that much.
/// Neither gauges nor owners take it off.
const AGED: (i64, i64) = (4, 5);

/// Charge at which a battery that is due for replacement is empty by a gauge that does not know it. Micro-ratio.
const EMPTY: i64 = MICRO / 5;

/// The same of one half-way there.
const LIKELY_EMPTY: i64 = MICRO / 10;

/// Gauges count whole percents. Micro-ratio.
const GRAIN: i64 = MICRO / 100;

/// A rate is in micro-ratio over so long. Milliseconds.
const PER_MS: i64 = 1_000_000;

/// Points of a track that decide at least.
const ENOUGH: usize = 5;

/// The shortest batteries in use last for so long: what says nothing is taken for one of them.
const SHORTEST_MS: Millis = 180_000;

/// An overloaded inverter on an old battery holds for so long (incidents.md C). One that has held for longer is no such one,
/// and is given as long again.
const OVERLOAD_MS: Millis = 10_000;

/// What is not heard any more runs down at the worst credible rate: a UPS that has lost its neighbour of a redundant pair
/// carries twice its load. Only here: never towards a limit or a vote.
const STALE_RATE: i64 = 2;

/// A reported runtime says that it falls after so long. Milliseconds.
const TELLS_AFTER_MS: Millis = 30_000;

/// When one battery ends, and on what that rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Battery {
    pub(crate) source: SourceIx,
    pub(crate) earliest: Millis,
    pub(crate) likely: Millis,
    pub(crate) basis: Basis,
    /// It is seen to run down.
    pub(crate) falling: bool,
}

/// On what the earliest end rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Basis {
    /// What it reports itself.
    Reported(ChannelIx),
    /// Its charge, and how fast that falls.
    Charge(ChannelIx),
    /// It carries more than it can.
    Overload(ChannelIx),
    /// It is too hot, or will be, before its battery ends.
    Heat(ChannelIx),
    /// What its owner has declared.
    Declared,
    /// Nothing: it says nothing.
    Nothing,
}

/// A UPS that feeds its load from its battery; none for one that does not. `lasts_ms` is what its owner has declared.
pub(crate) fn of(site: &Site, detect: &Detect, source: SourceIx, lasts_ms: Option<Millis>) -> Option<Battery> {
    let since = detect.tally.discharging_since(source)?;
    let noted = detect.discharge(source);
    let reported = reported(site, detect, (source, since));
    let own = noted.and_then(|noted| own(site, detect, (source, noted)));
    let known = [
        own.map(|o| (o.earliest, o.likely, Basis::Charge(o.channel))),
        reported.map(|(channel, e, l)| (e, l, Basis::Reported(channel))),
        lasts_ms
            .map(|ms| declared(ms, since, noted))
            .map(|(e, l)| (e, l, Basis::Declared)),
        overload(site, detect, source).map(|(channel, at)| (at, Millis::MAX, Basis::Overload(channel))),
    ];
    let known: Vec<_> = known.into_iter().flatten().collect();
    // Where nothing is measured, what its owner has declared falls with the clock.
    let silent = !measures(site, detect, source);
    let falling = own.is_some() || noted.is_some_and(|n| runs_down(n, since)) || (silent && lasts_ms.is_some());
    let likely = known.iter().map(|(_, likely, _)| *likely).min();
    let Some((earliest, _, basis)) = known.into_iter().min_by_key(|(earliest, _, basis)| (*earliest, *basis)) else {
        let (earliest, basis) = (since + SHORTEST_MS, Basis::Nothing);
        return Some(Battery {
            source,
            earliest,
            likely: earliest,
            basis,
            falling,
        });
    };
    let likely = likely.filter(|at| *at < Millis::MAX).unwrap_or(earliest).max(earliest);
    Some(Battery {
        source,
        earliest,
        likely,
        basis,
        falling,
    })
}

/// Its charge or its runtime is heard now: what it said before it fell silent holds no clock up.
fn measures(site: &Site, detect: &Detect, source: SourceIx) -> bool {
    let tells = |ix: &ChannelIx| {
        let left = matches!(site.channels[ix.at()].quantity, Quantity::Charge | Quantity::Runtime);
        left && detect.channels[ix.at()].value.is_some() && !is_stale(detect, *ix)
    };
    detect.of_source(source).iter().any(tells)
}

/// Earliest and likely end by the runtimes that it reports, whichever is shortest.
fn reported(site: &Site, detect: &Detect, (source, since): (SourceIx, Millis)) -> Option<(ChannelIx, Millis, Millis)> {
    let runtimes = detect.of_source(source).iter().copied();
    let runtimes = runtimes.filter(|ix| site.channels[ix.at()].quantity == Quantity::Runtime);
    let ends = runtimes.filter_map(|ix| {
        let end = reported_end(site, detect, ix)?;
        let promised = detect.discharge(source).and_then(first_promise).unwrap_or(end);
        let end_at_first = end.min(promised);
        // Of the whole discharge, not of the rest: a gauge that does not know the age of its battery is off by as much to the
        // last.
        let aged = end_at_first - (end_at_first - since).max(0) * (AGED.1 - AGED.0) / AGED.1;
        Some((ix, aged, end))
    });
    ends.min_by_key(|(ix, earliest, _)| (*earliest, *ix))
}

/// The earliest end that it has promised since it is on battery, one sample apart: a runtime that stands still or grows
/// while nothing charges is a lie.
fn first_promise(noted: &Discharge) -> Option<Millis> {
    let mut ends: Vec<Millis> = noted.ends.points().iter().map(|(_, end)| *end).collect();
    ends.sort_unstable();
    ends.get(1).copied()
}

/// When a UPS says that it ends. What it said before it went on battery means nothing, and one sample never decides:
/// of the last two the later end counts, unless its owner has said that one is enough. Nor does a 0 that it has said on
/// mains already.
pub(crate) fn reported_end(site: &Site, detect: &Detect, ix: ChannelIx) -> Option<Millis> {
    let (channel, state) = (site.channels.get(ix.at())?, detect.channels.get(ix.at())?);
    let since = detect.tally.discharging_since(channel.source)?;
    let rate = if is_stale(detect, ix) { STALE_RATE } else { 1 };
    let end = |value: Micro, at: Millis| (at >= since).then(|| at + value.0.max(0) / (MICRO / 1_000) / rate);
    let value = state.value?;
    if value.0 == 0 && state.value_since < since {
        return None;
    }
    let latest = end(value, state.good_at)?;
    if channel.k == 1 {
        return Some(latest);
    }
    let (value, at) = state.earlier?;
    Some(latest.max(end(value, at)?))
}

fn is_stale(detect: &Detect, ix: ChannelIx) -> bool {
    detect.channels.get(ix.at()).is_some_and(|c| c.fault.is_some())
}

/// An end by the charge.
#[derive(Clone, Copy)]
struct Own {
    channel: ChannelIx,
    earliest: Millis,
    likely: Millis,
}

/// The charge that is left over how fast it falls, and less where the load has grown since.
fn own(site: &Site, detect: &Detect, (source, noted): (SourceIx, &Discharge)) -> Option<Own> {
    let channel = detect.of(site, source, Quantity::Charge)?;
    let (steep, usual) = falls(noted, even)?;
    let bent_steep = falls(noted, bent)?.0;
    let grown = grown(site, detect, (source, noted));
    let rate = if is_stale(detect, channel) { STALE_RATE } else { 1 };
    let lasts = |left: i64, fall: i64| share(left.max(0).saturating_mul(PER_MS) / fall.max(1), grown) / rate;
    let earliest = |(at, charge): &(Millis, i64)| {
        at.saturating_add(lasts(charge - EMPTY, steep).min(lasts(bent(*charge), bent_steep)))
    };
    let likely = |(at, charge): &(Millis, i64)| at.saturating_add(lasts(charge - LIKELY_EMPTY, usual));
    // One sample never decides: of the last two the later end counts.
    let newest = || noted.charge.points().iter().rev().take(2);
    Some(Own {
        channel,
        earliest: newest().map(earliest).max()?,
        likely: newest().map(likely).max()?,
    })
}

/// A gauge that counts.
const fn even(charge: i64) -> i64 {
    charge
}

/// A gauge that reads voltages stands still at first and falls steeply in the end: what it shows to the power of 3/2 is
/// about what is left.
fn bent(charge: i64) -> i64 {
    let (charge, one) = (charge.clamp(0, MICRO).unsigned_abs(), MICRO.unsigned_abs());
    i64::try_from(charge * (charge * one).isqrt() / one).unwrap_or(MICRO)
}

/// How fast the charge falls at the steepest that two pairs of points agree on, and usually; none while it does not. Each
/// pair lies half the discharge apart.
fn falls(noted: &Discharge, shape: fn(i64) -> i64) -> Option<(i64, i64)> {
    let points = noted.charge.points();
    let half = points.len() / 2;
    let (first, last) = (points.first()?, points.last()?);
    if points.len() < ENOUGH || first.1 - last.1 < GRAIN {
        return None;
    }
    let pairs = points.iter().zip(&points[half..]);
    let mut fell: Vec<(i64, i64)> = pairs
        .map(|((from, high), (to, low))| {
            let rate = |fall: i64| fall.saturating_mul(PER_MS) / (to - from).max(1);
            let fall = shape(*high) - shape(*low);
            (rate(fall), rate(fall + GRAIN))
        })
        .collect();
    fell.sort_unstable();
    let (usual, steep) = (fell[fell.len() / 2].0, fell[fell.len() - 2].1);
    (usual > 0).then_some((steep, usual))
}

/// What is left of a time when the load grows as it has: worse than in proportion (Peukert), here to the power of 5/4.
/// Micro-ratio.
fn grown(site: &Site, detect: &Detect, (source, noted): (SourceIx, &Discharge)) -> i64 {
    let now = detect
        .of(site, source, Quantity::Load)
        .and_then(|ix| load_now(detect, ix));
    let mut loads: Vec<i64> = noted.load.points().iter().map(|(_, load)| *load).collect();
    loads.sort_unstable();
    match (loads.get(loads.len() / 2), now) {
        (Some(usual), Some(now)) if now > *usual && *usual > 0 => peukert(usual.saturating_mul(MICRO) / now),
        _ => MICRO,
    }
}

/// Of the last two samples the lower: one never decides.
fn load_now(detect: &Detect, ix: ChannelIx) -> Option<i64> {
    let state = detect.channels.get(ix.at())?;
    Some(state.value?.0.min(state.earlier?.0.0))
}

/// `ratio` to the power of 5/4, both micro-ratios of at most 1.
pub(crate) fn peukert(ratio: i64) -> i64 {
    let ratio = ratio.clamp(0, MICRO).unsigned_abs();
    let one = MICRO.unsigned_abs();
    let root = |x: u64| (x * one).isqrt();
    i64::try_from(ratio * root(root(ratio)) / one).unwrap_or(MICRO)
}

/// A part of a time.
pub(crate) fn share(ms: Millis, ratio: i64) -> Millis {
    let wide = i128::from(ms) * i128::from(ratio) / i128::from(MICRO);
    i64::try_from(wide).unwrap_or(Millis::MAX / 8).min(Millis::MAX / 8)
}

/// What its owner says that it lasts, from the charge with which it began.
fn declared(lasts_ms: Millis, since: Millis, noted: Option<&Discharge>) -> (Millis, Millis) {
    let begun = noted.and_then(|n| n.charge.points().first()).map_or(MICRO, |(_, c)| *c);
    let lasts = share(lasts_ms, begun.clamp(0, MICRO));
    (since + lasts * AGED.0 / AGED.1, since + lasts)
}

/// It carries more than its rating, as one of N+1 does whose neighbour has failed.
fn overload(site: &Site, detect: &Detect, source: SourceIx) -> Option<(ChannelIx, Millis)> {
    // Of three phases one that is overloaded is enough.
    let loads = detect.of_source(source).iter().copied();
    let loads = loads.filter(|ix| site.channels[ix.at()].quantity == Quantity::Load);
    let (load, ix) = loads.filter_map(|ix| Some((load_now(detect, ix)?, ix))).max()?;
    let at = detect.channels[ix.at()].good_at;
    let noted = detect.discharge(source).map_or(&[][..], |n| n.load.points());
    let over = noted.iter().rev().take_while(|(_, load)| *load > MICRO).last();
    let borne_ms = over.map_or(0, |(from, _)| at - from);
    (load > MICRO).then_some((ix, at + borne_ms.max(OVERLOAD_MS)))
}

/// Whether the runtime that it reports falls at least half as fast as the clock.
fn runs_down(noted: &Discharge, since: Millis) -> bool {
    let points = noted.ends.points();
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return false;
    };
    let (passed, fell) = (last.0 - first.0, (first.1 - first.0) - (last.1 - last.0));
    last.0 - since >= TELLS_AFTER_MS && passed >= TELLS_AFTER_MS / 2 && fell >= passed / 2
}

/// One line.
pub(crate) fn too_hot(id: &str) -> String {
    format!("{id} warms towards its limit, and a UPS that is too hot stops")
}

impl Battery {
    /// It has said something that an end can be worked out of.
    pub(crate) fn is_known(&self) -> bool {
        self.basis != Basis::Nothing
    }

    /// As a clock, with its reason.
    pub(crate) fn interval(&self, site: &Site, detect: &Detect) -> Interval {
        Interval {
            earliest: self.earliest,
            likely: self.likely,
            why: self.why(site, detect),
        }
    }

    /// One line.
    pub(crate) fn why(&self, site: &Site, detect: &Detect) -> String {
        let (source, id) = (&site.sources[self.source.at()].id, |ix: ChannelIx| {
            &site.channels[ix.at()].id
        });
        match self.basis {
            Basis::Reported(ix) => {
                let left_s = detect.channels[ix.at()].value.unwrap_or_default().0.max(0) / MICRO;
                let id = id(ix);
                if is_stale(detect, ix) {
                    format!("{id} reported {left_s} s on battery and is not heard since, so half of it")
                } else {
                    format!("{id} reports {left_s} s on battery; an aged battery lasts for four fifths of it")
                }
            }
            Basis::Charge(ix) => {
                let noted = detect.discharge(self.source);
                let charge = noted.and_then(|n| n.charge.points().last()).map_or(0, |(_, c)| *c);
                let steep = noted.and_then(|n| falls(n, even)).map_or(0, |(steep, _)| steep);
                format!(
                    "{} {} % on battery, falling by up to {} % a minute; an aged battery is empty at 20 %",
                    id(ix),
                    charge / GRAIN,
                    Micro(steep * 60_000 / PER_MS * 100)
                )
            }
            Basis::Overload(ix) => {
                let load = load_now(detect, ix).unwrap_or(MICRO) / GRAIN;
                format!(
                    "{} {load} % of its rating on battery: an overloaded inverter may drop it any time",
                    id(ix)
                )
            }
            Basis::Heat(ix) => too_hot(id(ix)),
            Basis::Declared => format!("{source} is on battery, and lasts for as long as its owner has declared"),
            Basis::Nothing => format!("{source} is on battery and says nothing of its runtime: taken for 3 min"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_load_leaves_less_than_half_the_time() {
        assert_eq!(peukert(MICRO), MICRO);
        assert_eq!(peukert(0), 0);
        // 0.5 to the power of 1.25 is 0.42.
        assert!((peukert(MICRO / 2) - 420_448).abs() < 2, "{}", peukert(MICRO / 2));
        assert_eq!(share(1_000, MICRO / 4), 250);
        assert!(share(Millis::MAX, MICRO) > 0);
    }
}

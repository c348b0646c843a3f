//! What a UPS has said since it went on battery: charge, runtime and load, each as at most 16 points that span the whole
//! discharge. The estimates made of them are the policy's.

use alloc::vec::Vec;

use muster_wire::{Micro, Quantity};

use super::Detect;
use crate::{ChannelIx, Millis, Site, SourceIx, state::in_reach};

/// Points of a track.
const POINTS: usize = 16;

/// Between two points at first; doubled whenever all are taken, so that they span the discharge however long it is.
const FIRST_STEP_MS: Millis = 5_000;

/// At most 16 values over one discharge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Track {
    step_ms: Millis,
    points: Vec<(Millis, i64)>,
}

impl Default for Track {
    fn default() -> Self {
        Self {
            step_ms: FIRST_STEP_MS,
            points: Vec::new(),
        }
    }
}

impl Track {
    /// Takes a value unless the newest point is too near; whether it did.
    fn take(&mut self, at: Millis, value: i64) -> bool {
        if self.points.last().is_some_and(|(last, _)| at - last < self.step_ms) {
            return false;
        }
        if self.points.len() == POINTS {
            let mut odd = false;
            self.points.retain(|_| {
                odd = !odd;
                odd
            });
            self.step_ms = self.step_ms.saturating_mul(2);
        }
        self.points.push((at, value));
        true
    }

    pub(crate) fn points(&self) -> &[(Millis, i64)] {
        &self.points
    }
}

/// One source on battery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Discharge {
    /// When it went on battery: what it said before belongs to another discharge.
    pub(crate) since: Millis,
    /// Micro-ratio.
    pub(crate) charge: Track,
    /// Engine time at which it says that it ends.
    pub(crate) ends: Track,
    /// Micro-ratio of its rating.
    pub(crate) load: Track,
}

impl Detect {
    /// What has been noted of a source's present discharge.
    pub(crate) fn discharge(&self, source: SourceIx) -> Option<&Discharge> {
        let since = self.tally.discharging_since(source)?;
        self.discharges.get(&source).filter(|d| d.since == since)
    }

    /// Notes a good sample of a source on battery; whether anything new can be worked out of it.
    pub(super) fn note_discharge(&mut self, site: &Site, ix: ChannelIx, (at, value): (Millis, Micro)) -> bool {
        let Some(channel) = site.channels.get(ix.at()) else {
            return false;
        };
        let Some(since) = self.tally.discharging_since(channel.source) else {
            return self.discharges.remove(&channel.source).is_some();
        };
        let known = self.discharges.entry(channel.source).or_default();
        if known.since != since {
            *known = Discharge {
                since,
                ..Discharge::default()
            };
        }
        if at < since {
            return false;
        }
        match channel.quantity {
            Quantity::Charge => known.charge.take(at, value.0),
            Quantity::Load => known.load.take(at, value.0),
            _ => known.ends.take(at, at.saturating_add(value.0.max(0) / 1_000)),
        }
    }

    /// The first channel of a source that measures this.
    pub(crate) fn of(&self, site: &Site, source: SourceIx, quantity: Quantity) -> Option<ChannelIx> {
        let mut channels = self.of_source(source).iter().copied();
        channels.find(|ix| site.channels.get(ix.at()).is_some_and(|c| c.quantity == quantity))
    }

    /// Sources that feed their load from their battery, and since when.
    pub(crate) fn discharging(&self) -> impl Iterator<Item = (SourceIx, Millis)> + '_ {
        let all = (0..self.by_source.len() as u16).map(SourceIx);
        all.filter_map(|source| Some((source, self.tally.discharging_since(source)?)))
    }

    /// Whether what was noted of discharges can be, in a state that was read.
    pub(super) fn discharges_are_sane(&self) -> bool {
        let track = |t: &Track| {
            let times = t.points.windows(2).all(|two| two[0].0 < two[1].0);
            let sane = |(at, value): &(Millis, i64)| in_reach(*at) && in_reach(*value);
            times && t.points.len() <= POINTS && t.step_ms > 0 && t.points.iter().all(sane)
        };
        self.discharges.iter().all(|(source, d)| {
            source.at() < self.by_source.len()
                && in_reach(d.since)
                && [&d.charge, &d.ends, &d.load].into_iter().all(track)
        })
    }
}

/// Whether samples of a quantity are noted while their source is on battery.
pub(super) const fn is_noted(quantity: Quantity) -> bool {
    matches!(quantity, Quantity::Charge | Quantity::Load | Quantity::Runtime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_points_span_any_discharge() {
        let mut track = Track::default();
        for s in 0..7_200 {
            track.take(s * 1_000, s);
        }
        let points = track.points();
        assert!(points.len() <= POINTS && points.len() >= POINTS / 2, "{points:?}");
        assert_eq!(points[0], (0, 0), "the first stays");
        assert!(points.last().is_some_and(|(at, _)| *at >= 6_300_000), "{points:?}");
        assert!(points.windows(2).all(|two| two[0].0 < two[1].0));
    }
}

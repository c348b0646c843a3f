//! What is known of channels under one config, under the next.

use alloc::vec::Vec;

use super::Detect;
use crate::{ChannelIx, GroupIx, Millis, Site, SourceIx, ZoneIx, moved::Moved};

/// Which groups could not vote where, and since when.
pub(crate) type Out = Vec<(ZoneIx, GroupIx, Millis)>;

impl Detect {
    /// Takes over what another config knew of the same signals. What it did not know is unheard, from `now` on.
    pub(crate) fn take_over(&mut self, (old, was): (Self, &Site), site: &Site, moved: &Moved, now: Millis) -> Out {
        for (at, old_ix) in &old.checks {
            let Some(ix) = moved.channel(*old_ix) else { continue };
            let (before, after) = (&was.channels[old_ix.at()], &site.channels[ix.at()]);
            self.checks.remove(&(now + after.supervision_ms, ix));
            let state = &old.channels[old_ix.at()];
            let at = if before.supervision_ms == after.supervision_ms {
                *at
            } else {
                (state.good_at + after.supervision_ms).max(now + 1)
            };
            self.checks.insert((at, ix));
        }
        for (old_ix, mut state) in (0u32..).map(ChannelIx).zip(old.channels) {
            let Some(ix) = moved.channel(old_ix) else { continue };
            let (before, after) = (&was.channels[old_ix.at()], &site.channels[ix.at()]);
            state.judge_by(before, after);
            // What is bypassed is said once more by whoever knows the orders.
            state.bypassed = false;
            if state.fault.is_some() {
                self.tally.fault(after, true);
                self.tally.serve(after, now, false);
            }
            if state.in_watch() {
                self.tally.watch(ix, after, now, true);
            }
            self.channels[ix.at()] = state;
        }
        for old_ix in (0..was.sources.len() as u16).map(SourceIx) {
            if let Some(ix) = moved.source(old_ix) {
                self.tally.discharges_since(ix, old.tally.last_discharge(old_ix));
            }
        }
        let discharges = old.discharges.into_iter();
        self.discharges = discharges.filter_map(|(s, d)| Some((moved.source(s)?, d))).collect();
        let zones = (0..was.zones.len() as u16).map(ZoneIx);
        let out = zones.flat_map(|zone| old.tally.out(zone).map(move |(group, since)| (zone, group, since)));
        out.filter_map(|(zone, group, since)| Some((moved.zone(zone)?, moved.group(group)?, since)))
            .collect()
    }

    /// Groups that are out of service still, bypasses included, have been since then.
    pub(crate) fn out_since(&mut self, known: Out) {
        for (zone, group, since) in known {
            self.tally.out_since(zone, group, since);
        }
    }
}

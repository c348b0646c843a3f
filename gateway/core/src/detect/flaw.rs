//! Whether a state that was read from a recording belongs to its site: what the code relies on without looking.

use alloc::{collections::BTreeSet, string::String};

use super::{ChannelState, Detect, Tally};
use crate::{ChannelIx, Millis, Site, state::in_reach};

impl Detect {
    /// The first thing that cannot be, if there is one.
    pub(crate) fn flaw(&self, site: &Site) -> Option<String> {
        let fresh = Self::new(site, 0);
        let known = (&self.by_source, &self.voters, &self.by_id, &self.speakers)
            == (&fresh.by_source, &fresh.voters, &fresh.by_id, &fresh.speakers);
        if !known || self.channels.len() != site.channels.len() {
            return Some("its channels are not those of its site".into());
        }
        if !self.channels.iter().flat_map(ChannelState::times).all(in_reach) {
            return Some("a channel's time cannot be".into());
        }
        if self.at_work.iter().any(|zone| zone.at() >= site.zones.len()) {
            return Some("people work in a zone that is not in its site".into());
        }
        if !self.discharges_are_sane() {
            return Some("a discharge cannot be".into());
        }
        let looked_at: BTreeSet<ChannelIx> = self.checks.iter().map(|(_, ix)| *ix).collect();
        let each_once = self.checks.len() == self.channels.len() && looked_at.len() == self.channels.len();
        if !each_once
            || !self
                .checks
                .iter()
                .all(|(at, ix)| in_reach(*at) && ix.at() < site.channels.len())
        {
            return Some("not every channel's silence is looked at once".into());
        }
        (!self.tally.agrees(&self.counted(site))).then(|| "its counts are not those of its channels".into())
    }

    /// A state of core 1 has counted fewer things.
    pub(crate) fn count_anew_if_older(&mut self, site: &Site, now: Millis) {
        if self.speakers.is_empty() && site.flaw().is_none() {
            self.speakers = super::speakers(site);
        }
        if self.tally.is_older() && site.flaw().is_none() && self.channels.len() == site.channels.len() {
            self.tally.take_out(self.counted(site), now);
        }
    }

    /// The tally that these channels have.
    fn counted(&self, site: &Site) -> Tally {
        let mut tally = Tally::new(site);
        for ((i, channel), state) in (0u32..).zip(&site.channels).zip(&self.channels) {
            if state.fault.is_some() {
                tally.fault(channel, true);
            }
            if !state.serves() {
                tally.serve(channel, 0, false);
            }
            if state.in_watch() {
                tally.watch(ChannelIx(i), channel, 0, true);
            }
        }
        tally
    }
}

//! Nodes and devices as people are shown them: a summary each, because a large site has fifty channels a device.

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use muster_wire::Quantity;

use crate::{
    Channel, FaultView, Millis, SourceIx, SourceView, State,
    detect::{ChannelState, quality},
    settle,
};

impl State {
    /// Sources from the index `from` on at one moment, as many as have `most` channels together, and one at least while
    /// there is one: a large site is shown piece by piece, so that nothing waits long for it. Empty: there are no more.
    #[must_use]
    pub fn sources_from(&self, now: Millis, from: usize, most: usize) -> Vec<SourceView> {
        let mut left = most;
        let mut views: Vec<SourceView> = Vec::new();
        for at in from..self.site.sources.len() {
            let source = SourceIx(at as u16);
            let channels = self.detect.of_source(source).len();
            if !views.is_empty() && channels > left {
                break;
            }
            left = left.saturating_sub(channels.max(1));
            views.push(self.source(now, source));
        }
        views
    }

    fn source(&self, now: Millis, source: SourceIx) -> SourceView {
        let of = || {
            let channels = self.detect.of_source(source).iter();
            channels.map(|ix| (&self.site.channels[ix.at()], &self.detect.channels[ix.at()]))
        };
        let zones: BTreeSet<_> = of().map(|(channel, _)| channel.zone).collect();
        let groups: BTreeSet<_> = of().map(|(channel, _)| channel.group).collect();
        let faults: Vec<FaultView> = of().filter_map(|(channel, state)| self.fault(channel, state)).collect();
        let total = self.detect.of_source(source).len();
        SourceView {
            id: self.site.sources[source.at()].id.clone(),
            zones: zones.into_iter().map(|zone| self.zone_id(zone)).collect(),
            groups: groups.into_iter().map(|group| self.group_id(group)).collect(),
            channels_good: total.saturating_sub(faults.len()) as u32,
            channels_total: total as u32,
            faults,
            last_good_ms: of().filter_map(|(_, state)| age(state, now)).min(),
            alarm: of().any(|(_, state)| state.in_alarm()),
            watch: of().any(|(_, state)| state.in_watch()),
        }
    }

    /// Why a channel has no value that is believed, if it has none.
    fn fault(&self, channel: &Channel, state: &ChannelState) -> Option<FaultView> {
        let line: String = match state.fault {
            Some(fault) => settle::describe(fault, channel.quantity.unit().as_str()),
            // A runtime is not known on mains, however often it is heard.
            None if state.value.is_none() && channel.quantity != Quantity::Runtime => "nothing heard yet".into(),
            None => return None,
        };
        Some(FaultView {
            channel: channel.id.clone(),
            quality: quality(state, self.site.simulated).as_str().into(),
            line,
        })
    }
}

/// Since the last good sample, if there was one.
fn age(state: &ChannelState, now: Millis) -> Option<Millis> {
    state.value.map(|_| now.saturating_sub(state.good_at))
}

//! Reads out of a state what its levels rest on. Nothing is kept for it: it is worked out when somebody asks.

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::num::NonZeroU64;
use muster_wire::{Micro, Unit};

use crate::{
    CannotVote, Channel, ChannelExplained, ChannelIx, ExplainView, GroupExplained, GroupIx, Level, Millis,
    RateExplained, State, Target, VoteExplained, ZoneExplained, ZoneIx,
    detect::{ChannelState, at_work},
    policy::votes,
    settle,
};

impl State {
    /// What every zone's level rests on at one moment.
    #[must_use]
    pub fn explain(&self, now: Millis) -> ExplainView {
        ExplainView {
            site: self.site.id.clone(),
            now,
            level: self.level(),
            why: self.why(),
            single_group: self.site.single_group,
            zones: (0..self.site.zones.len() as u16)
                .map(|z| self.explain_zone(now, ZoneIx(z)))
                .collect(),
            racks: self.racks(now),
        }
    }

    /// The level of every zone, in the order of the config.
    pub fn zone_levels(&self) -> impl Iterator<Item = Level> + '_ {
        self.policy.zones.iter().map(|zone| zone.level)
    }

    fn explain_zone(&self, now: Millis, zone: ZoneIx) -> ZoneExplained {
        let state = &self.policy.zones[zone.at()];
        let others = self.detect.tally.near(zone).filter(|z| *z != zone);
        let voted = self.policy.votes_in(zone).map(|(group, _)| group);
        let groups: BTreeSet<GroupIx> = self.detect.groups_in(zone).chain(voted).collect();
        let here = self.site.channels.iter().filter(|c| c.zone == zone);
        ZoneExplained {
            id: self.zone_id(zone),
            level: state.level,
            why: state.why.clone(),
            counts_with: others.map(|z| self.zone_id(z)).collect(),
            window_until: self.policy.windows.get(&zone).map(|w| w.until),
            groups: groups.into_iter().map(|g| self.explain_group(now, zone, g)).collect(),
            without_limit: here.filter(|c| c.alarm.is_none()).map(|c| c.id.clone()).collect(),
        }
    }

    fn explain_group(&self, now: Millis, zone: ZoneIx, group: GroupIx) -> GroupExplained {
        let vote = self.policy.votes.get(&(zone, group)).map(|vote| VoteExplained {
            held: vote.held,
            onset: vote.onset,
            returns_at: votes::returns_at(&self.detect, (zone, group), vote).filter(|_| vote.held),
            died: vote.died,
            why: vote.why.clone(),
        });
        let voters = self.detect.voters(zone, group).iter();
        let channels: Vec<ChannelExplained> = voters.filter_map(|ix| self.explain_channel(now, *ix)).collect();
        GroupExplained {
            id: self.group_id(group),
            vote,
            can_vote: channels.iter().any(|c| c.cannot.is_none()),
            channels,
        }
    }

    fn explain_channel(&self, now: Millis, ix: ChannelIx) -> Option<ChannelExplained> {
        let (channel, state) = (self.site.channels.get(ix.at())?, self.detect.channels.get(ix.at())?);
        let works = self.detect.at_work.contains(&channel.zone);
        let limit = if works { at_work(channel) } else { channel.alarm }?;
        let outside = self.detect.outside(&self.site, ix, now);
        let short = |value: Micro| {
            let own = value.0.saturating_sub(outside.0);
            let (high, low) = if limit.above {
                (limit.set.0, own)
            } else {
                (own, limit.set.0)
            };
            Micro(high.saturating_sub(low))
        };
        let rate = |limit: Option<NonZeroU64>, now| {
            let limit = Micro(i64::try_from(limit?.get()).unwrap_or(i64::MAX));
            Some(RateExplained { now, limit })
        };
        Some(ChannelExplained {
            id: channel.id.clone(),
            quantity: channel.quantity.as_str().into(),
            unit: channel.quantity.unit().as_str().into(),
            contact: channel.quantity.unit() == Unit::Contact,
            value: state.value,
            outside,
            age_ms: state.value.map(|_| now.saturating_sub(state.good_at)),
            limit,
            lowered: works && channel.alarm != Some(limit),
            short: state.value.map(short),
            beyond: state.beyond_alarm(),
            k: channel.k,
            n: channel.n,
            rise: rate(channel.checks.rise, state.rate(channel)),
            trend: rate(channel.checks.trend, state.slow_rate()),
            alarm: state.in_alarm(),
            alarmed: state.alarmed,
            cannot: self.cannot_vote(now, ix, channel, state),
        })
    }

    /// An order that takes it out of service first: it says who has done that.
    fn cannot_vote(&self, now: Millis, ix: ChannelIx, channel: &Channel, state: &ChannelState) -> Option<CannotVote> {
        let cannot = |kind: &str, line: String, since| {
            Some(CannotVote {
                kind: kind.into(),
                line,
                since,
            })
        };
        if let Some(line) = self.kept_from_voting(now, ix) {
            let orders = &self.policy.bypasses;
            let order = orders.get(&Target::Channel(ix));
            if let Some(order) = order.or_else(|| orders.get(&Target::Source(channel.source))) {
                return cannot("bypass", line, order.since);
            }
            let by = channel
                .checks
                .inhibited_by
                .and_then(|by| self.detect.channels.get(by.at()));
            return cannot("inhibit", line, by.map_or(now, |by| by.value_since));
        }
        if let Some(fault) = state.fault {
            let line = settle::describe(fault, channel.quantity.unit().as_str());
            return cannot("fault", line, state.fault_since);
        }
        if state.value.is_none() {
            return cannot("unheard", "nothing heard yet".into(), state.good_at);
        }
        None
    }
}

//! Votes: a latched statement by one group that a hazard is present in a zone.

use alloc::{format, string::String, vec::Vec};

use super::Policy;
use crate::{ChannelIx, GroupIx, Millis, Site, ZoneIx, detect::Detect};

/// Good and below clear for this long, a vote returns (design §5).
pub(crate) const RETURN_AFTER_MS: Millis = 30 * 60_000;

/// Onsets within this of each other count together even if a vote has returned (design §5).
const TOGETHER_WITHIN_MS: Millis = 30 * 60_000;

/// A group's vote in a zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Vote {
    pub(crate) held: bool,
    /// Latest onset.
    pub(crate) onset: Millis,
    pub(crate) why: String,
    /// When a channel of it alarmed last.
    #[serde(default)]
    pub(crate) alarmed_at: Millis,
    /// It was not cast by an alarm: a channel of it died beside one.
    #[serde(default)]
    pub(crate) died: bool,
    /// Which.
    #[serde(default)]
    pub(crate) dead: Option<ChannelIx>,
    /// It has been heard again, which a restart does not forget.
    #[serde(default)]
    pub(crate) refuted: bool,
}

impl Vote {
    /// It is held, and was cast by an alarm.
    pub(crate) fn alarms(&self) -> bool {
        self.held && !self.died
    }

    /// It was cast by a death, and what died is still not heard: whoever speaks again was not burnt.
    pub(crate) fn is_of_the_dead(&self, detect: &Detect) -> bool {
        let heard = |ix: ChannelIx| {
            detect
                .channels
                .get(ix.at())
                .is_some_and(|c| c.is_heard_since(self.onset))
        };
        self.died && !self.refuted && !self.dead.is_some_and(heard)
    }
}

/// What a zone's votes come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sum {
    /// Two that count together.
    Evacuate(String),
    /// Enough unless somebody aborts; and the onset of the newest of them.
    Unless(String, Millis),
}

/// A group that cannot vote has to be repaired within this (failures.md §2; restoration time of IEC 61508-6). Then one of
/// the two others is enough, with an abort window.
pub(crate) const REPAIR_MS: Millis = 8 * 3_600_000;

/// When a held vote returns if nothing changes; none while a channel of it alarms, is at fault or is lost.
pub(crate) fn returns_at(detect: &Detect, (zone, group): (ZoneIx, GroupIx), vote: &Vote) -> Option<Millis> {
    let mut latest = None;
    for channel in detect
        .voters(zone, group)
        .iter()
        .map(|c| &detect.channels[c.at()])
        .filter(|c| c.alarmed)
    {
        latest = latest.max(Some(channel.clear_since? + RETURN_AFTER_MS));
    }
    // An edited config may know none of its channels any more: nothing holds it then but its own age.
    latest.or(Some(vote.onset + RETURN_AFTER_MS))
}

/// Whether two votes count together: both held, or onsets close together.
fn together(a: &Vote, b: &Vote) -> bool {
    (a.held && b.held) || (a.onset - b.onset).abs() <= TOGETHER_WITHIN_MS
}

impl Policy {
    /// The latched votes of a zone.
    pub(crate) fn votes_in(&self, zone: ZoneIx) -> impl Iterator<Item = (GroupIx, &Vote)> {
        let all = (zone, GroupIx(0))..=(zone, GroupIx(u16::MAX));
        self.votes.range(all).map(|((_, group), vote)| (*group, vote))
    }

    /// Why a zone is to be evacuated on votes, if it is: two that count together, in it and in zones declared adjacent,
    /// from different groups; or one, where the owner says so.
    pub(crate) fn counting(&self, site: &Site, detect: &Detect, zone: ZoneIx, now: Millis) -> Option<Sum> {
        for (group, vote) in self.votes_in(zone).filter(|(_, v)| !v.died) {
            if site.single_group {
                return Some(Sum::Evacuate(format!(
                    "{} votes, and this site runs on one group: {}",
                    site.groups[group.at()].id,
                    vote.why
                )));
            }
            let mut near = detect.tally.near(zone).flat_map(|z| self.votes_in(z));
            if let Some((other, with)) = near.find(|(g, v)| *g != group && !v.died && together(vote, v)) {
                return Some(Sum::Evacuate(two_votes(site, (group, vote), (other, with))));
            }
        }
        self.with_a_death(site, detect, zone)
            .or_else(|| self.one_of_two(site, detect, zone, now))
    }

    /// Why a vote does not count together with another that stands near it; none if there is no other, or if it does.
    pub(crate) fn apart(&self, site: &Site, detect: &Detect, (zone, group): (ZoneIx, GroupIx)) -> Option<String> {
        let vote = self.votes.get(&(zone, group))?;
        let near = || {
            let all = detect.tally.near(zone).flat_map(|z| self.votes_in(z));
            all.filter(|(g, v)| *g != group && !v.died)
        };
        let (other, with) = near().next().filter(|_| !near().any(|(_, v)| together(vote, v)))?;
        let minutes = (vote.onset - with.onset).abs() / 60_000;
        Some(format!(
            "it does not count together with that of {}, which has returned and fell {minutes} min before (limit {} min)",
            site.groups[other.at()].id,
            TOGETHER_WITHIN_MS / 60_000
        ))
    }

    /// One vote, and beside it a channel that died: of several such pairs the newest.
    fn with_a_death(&self, site: &Site, detect: &Detect, zone: ZoneIx) -> Option<Sum> {
        let dead = self.votes_in(zone).filter(|(_, v)| v.is_of_the_dead(detect));
        let pairs = dead.flat_map(|dead| {
            let alarms = self
                .votes_in(zone)
                .filter(move |(g, v)| *g != dead.0 && !v.died && together(v, dead.1));
            alarms.map(move |alarm| (alarm.1.onset.max(dead.1.onset), alarm, dead))
        });
        let (newest, alarm, dead) = pairs.max_by_key(|(at, ..)| *at)?;
        Some(Sum::Unless(two_votes(site, alarm, dead), newest))
    }

    /// One held vote, where one of three groups has been out for longer than a repair may take.
    fn one_of_two(&self, site: &Site, detect: &Detect, zone: ZoneIx, now: Millis) -> Option<Sum> {
        let from = self.one_is_enough_from(detect, zone).filter(|from| *from <= now)?;
        let (group, vote) = self.votes_in(zone).find(|(_, v)| v.alarms())?;
        let out: Vec<&str> = self
            .out(detect, zone)
            .map(|(g, _)| site.groups[g.at()].id.as_str())
            .collect();
        let since_min = (now - from + REPAIR_MS) / 60_000;
        let why = format!(
            "{} votes, and only two groups have been able to for {} h {} min ({} cannot; the repair limit is 8 h): {}",
            site.groups[group.at()].id,
            since_min / 60,
            since_min % 60,
            out.join(", "),
            vote.why
        );
        // The vote may be older than the limit.
        Some(Sum::Unless(why, vote.onset.max(from)))
    }

    /// From when on one held vote is enough in a zone that has one, with an abort window: two groups left of three or more,
    /// for longer than the repair limit. One that is left alone never is.
    pub(crate) fn one_is_enough_from(&self, detect: &Detect, zone: ZoneIx) -> Option<Millis> {
        self.votes_in(zone).find(|(_, v)| v.alarms())?;
        let (_, total) = detect.tally.protection(zone);
        let (count, since) = self
            .out(detect, zone)
            .fold((0, None), |(n, at), (_, since)| (n + 1, at.max(Some(since))));
        since
            .filter(|_| total >= 3 && count + 2 == total)
            .map(|since| since + REPAIR_MS)
    }

    /// Groups that can vote neither now nor have.
    fn out<'a>(&'a self, detect: &'a Detect, zone: ZoneIx) -> impl Iterator<Item = (GroupIx, Millis)> + 'a {
        let voted = move |g: GroupIx| detect.tally.near(zone).any(|z| self.votes.contains_key(&(z, g)));
        detect.tally.out(zone).filter(move |(g, _)| !voted(*g))
    }
}

fn two_votes(site: &Site, a: (GroupIx, &Vote), b: (GroupIx, &Vote)) -> String {
    let apart_ms = (a.1.onset - b.1.onset).abs();
    let (first, second) = if a.1.onset <= b.1.onset { (a, b) } else { (b, a) };
    format!(
        "{} and {} vote, {}.{} s apart: {}; {}",
        site.groups[first.0.at()].id,
        site.groups[second.0.at()].id,
        apart_ms / 1_000,
        apart_ms % 1_000 / 100,
        first.1.why,
        second.1.why
    )
}

//! Votes: a latched statement by one group that a hazard is present in a zone.

use alloc::{format, string::String};

use super::Policy;
use crate::{GroupIx, Millis, Site, ZoneIx, detect::Detect};

/// Good and below clear for this long, a vote returns (design §5).
const RETURN_AFTER_MS: Millis = 30 * 60_000;

/// Onsets within this of each other count together even if a vote has returned (design §5).
const TOGETHER_WITHIN_MS: Millis = 30 * 60_000;

/// A group's vote in a zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Vote {
    pub(crate) held: bool,
    /// Latest onset.
    pub(crate) onset: Millis,
    pub(crate) why: String,
}

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
    pub(crate) fn counting(&self, site: &Site, detect: &Detect, zone: ZoneIx) -> Option<String> {
        for (group, vote) in self.votes_in(zone) {
            if site.single_group {
                return Some(format!(
                    "{} votes, and this site runs on one group: {}",
                    site.groups[group.at()].id,
                    vote.why
                ));
            }
            let mut near = detect.tally.near(zone).flat_map(|z| self.votes_in(z));
            if let Some((other, with)) = near.find(|(g, v)| *g != group && together(vote, v)) {
                return Some(two_votes(site, (group, vote), (other, with)));
            }
        }
        None
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

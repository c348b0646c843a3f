//! Whether there is really something that makes one alarm a case for an abort window, whatever the core says of it.

use std::collections::BTreeSet;

use muster_core::{Millis, Site};

use super::truth::{Signal, Truth};

/// A group that is out for longer is one of which nothing is awaited any more (design §5).
const REPAIR_MS: Millis = 8 * 3_600_000;

fn is_near(site: &Site, zone: u16, other: u16) -> bool {
    zone == other || site.zones[usize::from(zone)].adjacent.iter().any(|a| a.0 == other)
}

/// Groups in a zone and beside it of which nothing can be believed, and since when: none is from the beginning on.
fn out(site: &Site, truth: &Truth, zone: u16) -> Vec<(u16, Option<Millis>)> {
    let near = || {
        site.channels
            .iter()
            .enumerate()
            .filter(|(_, c)| is_near(site, zone, c.zone.0))
    };
    let groups: BTreeSet<u16> = near().map(|(_, c)| c.group.0).collect();
    let since = |group: &u16| {
        let mut of_it = near().filter(|(_, c)| c.group.0 == *group);
        let all = of_it.try_fold(None, |latest: Option<Millis>, (c, channel)| {
            Some(latest.max(truth.out_since(c, channel.source.at())?))
        });
        all.map(|since| (*group, since))
    };
    groups.iter().filter_map(since).collect()
}

/// Beside this group's vote another detector of the zone is not heard, or all groups but two are out.
pub(crate) fn is_beside((site, truth): (&Site, &Truth), (zone, group): (u16, u16)) -> bool {
    let mut channels = site.channels.iter().zip(&truth.signals);
    let silent = channels.any(|(c, s)| c.zone.0 == zone && c.group.0 != group && *s == Signal::Silent);
    let out = out(site, truth, zone);
    let others = out.iter().filter(|(other, _)| *other != group).count();
    silent || others >= total(site, zone).saturating_sub(2).max(1)
}

fn total(site: &Site, zone: u16) -> usize {
    let near = site.channels.iter().filter(|c| is_near(site, zone, c.zone.0));
    near.map(|c| c.group).collect::<BTreeSet<_>>().len()
}

/// Since an abort something has fallen silent, or what is out is so for longer than a repair may take. A restart does not
/// know since when.
pub(crate) fn is_newer(
    (site, truth): (&Site, &Truth),
    zone: &str,
    (aborted_at, restarted): (Millis, Option<Millis>),
) -> bool {
    let Some(zone) = site.zones.iter().position(|z| z.id == zone) else {
        return false;
    };
    let mut signals = truth.signals.iter().zip(&truth.since);
    let died = signals.any(|(s, since)| *s == Signal::Silent && since.is_some_and(|since| since > aborted_at));
    let since = out(site, truth, zone as u16).into_iter().filter_map(|(_, since)| since);
    let ripe = |since: Millis| (aborted_at + 1..=truth.now).contains(&(since + REPAIR_MS));
    died || since.chain(restarted).any(ripe)
}

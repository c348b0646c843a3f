//! The level of a zone, and why.

use alloc::{format, string::String};

use muster_wire::Unit;

use super::Policy;
use crate::{
    Channel, Level, Site, ZoneIx,
    detect::{ChannelState, Detect, meaning},
};

/// What a zone's level is now, evacuation apart.
pub(crate) fn of_zone(site: &Site, policy: &Policy, detect: &Detect, zone: ZoneIx) -> (Level, String) {
    if let Some(why) = policy.zones[zone.at()].evacuate.as_ref() {
        return (Level::Evacuate, why.clone());
    }
    if let Some(window) = policy.windows.get(&zone) {
        return (
            Level::Prepare,
            format!("evacuation follows unless somebody aborts: {}", window.why),
        );
    }
    if let Some((group, vote)) = policy.votes_in(zone).next() {
        return (
            Level::Prepare,
            format!("{} votes: {}", site.groups[group.at()].id, vote.why),
        );
    }
    if let Some(ix) = detect.tally.on_battery(zone) {
        return (Level::Prepare, format!("{}: on battery", site.channels[ix.at()].id));
    }
    if let Some(ix) = detect.tally.watching(zone) {
        let (channel, state) = (&site.channels[ix.at()], &detect.channels[ix.at()]);
        return (Level::Watch, watched(channel, state));
    }
    let (level, why) = protection(site, detect, zone);
    match policy.bypass_in(site, detect, zone) {
        Some(bypass) if level == Level::Normal => (Level::Watch, bypass),
        Some(bypass) => (level, format!("{why}; {bypass}")),
        None => (level, why),
    }
}

/// By its limit, by a slow rise long before that, or because it has not been clear for long enough.
fn watched(channel: &Channel, state: &ChannelState) -> String {
    let (id, unit, value) = (&channel.id, channel.quantity.unit(), state.value.unwrap_or_default());
    if unit == Unit::Contact {
        return format!("{id} is on{}", meaning(channel.quantity, true));
    }
    let unit = unit.as_str();
    let rising = state.slow_rate().filter(|rate| {
        let limit = channel.checks.trend;
        limit.is_some_and(|limit| rate.0.unsigned_abs() >= limit.get())
    });
    match (channel.watch, rising) {
        (Some(limit), _) if limit.beyond(value) => {
            format!("{id} {value} {unit}, beyond its watch limit of {} {unit}", limit.set)
        }
        (_, Some(rate)) => format!("{id} {value} {unit}, rising by {rate} {unit}/h"),
        _ => format!("{id} {value} {unit}, not clear of its watch limit for long enough"),
    }
}

/// Fewer than two groups that can vote (one where the owner says so) is a watch state: protection is lost.
fn protection(site: &Site, detect: &Detect, zone: ZoneIx) -> (Level, String) {
    let (healthy, total) = detect.tally.protection(zone);
    let needed = if site.single_group { 1 } else { 2 };
    if total > 0 && healthy < needed {
        return (
            Level::Watch,
            format!("protection lost: {healthy} of {total} groups can vote, {needed} are needed"),
        );
    }
    if total == 0 {
        return (Level::Normal, "no channel can alarm here".into());
    }
    (Level::Normal, format!("{healthy} of {total} groups watch"))
}

//! The level of a zone, and why.

use alloc::{format, string::String};
use muster_wire::Quantity;

use super::Policy;
use crate::{ChannelIx, Level, Site, ZoneIx, detect::Detect};

/// What a zone's level is now, evacuation apart.
pub(crate) fn of_zone(site: &Site, policy: &Policy, detect: &Detect, zone: ZoneIx) -> (Level, String) {
    if let Some(why) = policy.zones[zone.at()].evacuate.as_ref() {
        return (Level::Evacuate, why.clone());
    }
    if let Some(((_, group), vote)) = policy.votes.iter().find(|((z, _), _)| *z == zone) {
        return (
            Level::Prepare,
            format!("{} votes: {}", site.groups[group.at()].id, vote.why),
        );
    }
    let watching = || watching(site, detect, zone);
    if let Some(ix) = watching().find(|c| site.channels[c.at()].quantity == Quantity::OnBattery) {
        return (Level::Prepare, format!("{}: on battery", site.channels[ix.at()].id));
    }
    if let Some(ix) = watching().next() {
        let (channel, state) = (&site.channels[ix.at()], &detect.channels[ix.at()]);
        let value = state.value.unwrap_or_default();
        return (
            Level::Watch,
            format!(
                "{} {value} {}, beyond its watch limit",
                channel.id,
                channel.quantity.unit().as_str()
            ),
        );
    }
    protection(site, detect, zone)
}

/// Fewer than two groups that can vote (one where the owner says so) is a watch state: protection is lost.
fn protection(site: &Site, detect: &Detect, zone: ZoneIx) -> (Level, String) {
    let (healthy, total) = detect.protection(site, zone);
    let needed = if site.single_group { 1 } else { 2 };
    if total > 0 && healthy < needed {
        return (
            Level::Watch,
            format!("protection lost: {healthy} of {total} groups can vote, {needed} are needed"),
        );
    }
    (Level::Normal, format!("{healthy} of {total} groups watch"))
}

fn watching<'a>(site: &'a Site, detect: &'a Detect, zone: ZoneIx) -> impl Iterator<Item = ChannelIx> + 'a {
    (0u32..)
        .zip(&site.channels)
        .filter(move |(i, c)| c.zone == zone && detect.channels[*i as usize].in_watch())
        .map(|(i, _)| ChannelIx(i))
}

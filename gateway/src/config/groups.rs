//! Common-cause groups: what has to share one, and whether a zone has two.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::{Channel, Group, GroupIx, SourceIx, Zone};

use super::channels::Lowered;
use super::faults::{At, Faults, quoted};
use super::site::SiteRow;
use super::source::{Kind, SourceRow};
use super::zone::ZoneRow;

/// The one group of everything heard over MQTT from nodes that do not prove their names to us. Without TLS a client id is a
/// claim: whoever is on that network can speak for every node, and two votes of two nodes may be those of one thief. Of
/// somebody else's broker we only have its word, and whoever has the broker speaks for every node.
pub(super) const UNPROVEN_GROUP: &str = "mqtt";

/// Gives every channel the index of its group; groups are numbered as they come.
pub(super) fn number(made: &mut [Lowered]) -> Vec<Group> {
    let mut by_id = BTreeMap::new();
    let mut groups = Vec::new();
    for lowered in made {
        let ix = *by_id
            .entry(lowered.group.value.clone())
            .or_insert_with_key(|id: &String| {
                groups.push(Group { id: id.clone() });
                GroupIx((groups.len() - 1) as u16)
            });
        lowered.channel.group = ix;
    }
    groups
}

/// What one fault or one thief takes together: a listener without identities, a board, a bus.
pub(super) fn check_shared(made: &[Lowered], sources: &[SourceRow], faults: &Faults<'_>) {
    check_listener(made, sources, faults);
    let of_source = check_boards(made, sources, faults);
    check_buses(&of_source, sources, faults);
}

fn is_unproven(source: &SourceRow) -> bool {
    !source.is_proven()
}

/// A node that does not prove its name may be given the listener's group by name, and no other.
fn check_listener(made: &[Lowered], sources: &[SourceRow], faults: &Faults<'_>) {
    let is_node = |made: &&Lowered| is_unproven(&sources[made.channel.source.at()]);
    let nodes = sources.iter().filter(|s| is_unproven(s));
    let of_nodes = nodes.filter_map(|s| s.group.as_ref());
    let of_channels = made.iter().filter(is_node).map(|m| &m.group);
    let wrong = of_nodes
        .chain(of_channels)
        .filter(|g| !g.value.is_empty() && g.value != UNPROVEN_GROUP);
    // A source's group is that of its channels as well, and is one fault.
    let by_place: BTreeMap<usize, &At<String>> = wrong.map(|g| (g.at, g)).collect();
    for group in by_place.into_values() {
        faults.error(
            group.at,
            format!("a node is in the group {}", quoted(&group.value)),
            "remove it: nodes that do not prove their names are one group, as one thief of the network or the broker speaks \
             for all of them; it is the node's own id once the embedded broker proves who speaks (TLS)",
        );
    }
}

/// Channels of one source share a board. The group of each source; an unproven node's has been checked.
fn check_boards<'m>(
    made: &'m [Lowered],
    sources: &[SourceRow],
    faults: &Faults<'_>,
) -> BTreeMap<SourceIx, &'m At<String>> {
    let mut of_source: BTreeMap<SourceIx, &At<String>> = BTreeMap::new();
    for lowered in made {
        let first = *of_source.entry(lowered.channel.source).or_insert(&lowered.group);
        let checked = is_unproven(&sources[lowered.channel.source.at()]);
        if first.value != lowered.group.value && !checked {
            let (id, group, other) = (&lowered.channel.id, quoted(&lowered.group.value), quoted(&first.value));
            // Shown where a group is given: of two channels one may have only the source's own.
            let at = if lowered.group.at == source_at(sources, lowered) {
                first.at
            } else {
                lowered.group.at
            };
            let what = format!(
                "channel {} is in group {group}, but its source is in {other}",
                quoted(id)
            );
            faults.error(
                at,
                what,
                "channels of one board fail together: give `group` on the source instead",
            );
        }
    }
    of_source
}

/// Devices of one segment share a wire that proves nobody's identity.
fn check_buses(of_source: &BTreeMap<SourceIx, &At<String>>, sources: &[SourceRow], faults: &Faults<'_>) {
    let mut of_segment: BTreeMap<String, (&SourceRow, &At<String>)> = BTreeMap::new();
    for (ix, source) in sources.iter().enumerate() {
        let Some(group) = of_source.get(&SourceIx(ix as u16)).copied() else {
            continue;
        };
        for segment in segments(source) {
            let (first, before) = *of_segment.entry(segment).or_insert((source, group));
            if before.value != group.value {
                let [a, b] = [source, first].map(|s| quoted(&s.id.value));
                let what = format!(
                    "{a} and {b} stand on one bus but are in the groups {} and {}",
                    quoted(&group.value),
                    quoted(&before.value)
                );
                faults.error(
                    group.at,
                    what,
                    "one device answers for both: give them the same `segment` or `group`",
                );
                break;
            }
        }
    }
}

fn source_at(sources: &[SourceRow], lowered: &Lowered) -> usize {
    sources.get(lowered.channel.source.at()).map_or(0, SourceRow::group_at)
}

/// The wire by address, and by name if it has one.
fn segments(source: &SourceRow) -> Vec<String> {
    let Kind::Polled(polled) = &source.kind else {
        return Vec::new();
    };
    let by_address = polled
        .address
        .as_ref()
        .map(|a| format!("address {}", a.value.segment()));
    let by_name = polled.segment.as_ref().map(|s| format!("segment {}", s.value));
    by_address.into_iter().chain(by_name).collect()
}

/// What the rule of two groups is checked against.
pub(super) struct Protection<'a> {
    pub(super) site: &'a SiteRow,
    pub(super) rows: &'a [ZoneRow],
    pub(super) zones: &'a [Zone],
    pub(super) channels: &'a [Channel],
    pub(super) groups: &'a [Group],
}

impl Protection<'_> {
    /// Two groups must be able to vote together wherever one can vote: in the zone, or with its neighbours.
    pub(super) fn check(&self, faults: &Faults<'_>) {
        let voting = self.voting_groups();
        let mut alone = Vec::new();
        for (ix, row) in self.rows.iter().enumerate() {
            if voting[ix].is_empty() {
                let what = format!(
                    "no channel in zone {} can alarm: a fire in it is not heard",
                    quoted(&row.id.value)
                );
                faults.warning(row.id.at, what, "put detectors there, or remove the zone");
                continue;
            }
            let neighbours = self.zones[ix].adjacent.iter().map(|zone| &voting[zone.at()]);
            let together: BTreeSet<_> = neighbours.chain([&voting[ix]]).flatten().collect();
            if let (1, Some(group)) = (together.len(), together.first().and_then(|g| self.groups.get(g.at()))) {
                alone.push((row, group));
            }
        }
        self.report(&alone, faults);
    }

    fn voting_groups(&self) -> Vec<BTreeSet<GroupIx>> {
        let mut voting = vec![BTreeSet::new(); self.zones.len()];
        for channel in self.channels.iter().filter(|c| c.alarm.is_some()) {
            if let Some(groups) = voting.get_mut(channel.zone.at()) {
                groups.insert(channel.group);
            }
        }
        voting
    }

    fn report(&self, alone: &[(&ZoneRow, &Group)], faults: &Faults<'_>) {
        if let Some(at) = self.site.single_group {
            let zones: Vec<_> = alone.iter().map(|(row, _)| quoted(&row.id.value)).collect();
            let zones = if zones.is_empty() {
                "no zone needs it".to_owned()
            } else {
                zones.join(", ")
            };
            let what = format!("single_group: one faulty or stolen group alone can evacuate this site ({zones})");
            faults.warning(at, what, "add a second group of detectors, then remove single_group");
            return;
        }
        for (row, group) in alone {
            let what = format!(
                "every alarm in zone {} is of one group, {}: it can never evacuate",
                quoted(&row.id.value),
                quoted(&group.id)
            );
            let hint =
                "add a detector of another group, declare an `adjacent` zone, or accept it with single_group = true";
            faults.error(row.id.at, what, hint);
        }
    }
}

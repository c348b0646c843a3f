//! `racks` and `destinations` of a `[[hook]]`: which of a target's own nodes stand where.

use std::collections::BTreeMap;

use super::faults::quoted;
use super::table::Table;

/// By rack of this site, what stands on it.
pub(super) fn racks(table: &Table<'_>) -> BTreeMap<String, Vec<String>> {
    lists(table, "racks")
}

/// By destination (`to` of a rung), what stands there. One that is in a rack of this site as well is a fault: what is moved
/// there would be lost too.
pub(super) fn destinations(table: &Table<'_>) -> BTreeMap<String, Vec<String>> {
    let there = lists(table, "destinations");
    let here: Vec<String> = racks(table).into_values().flatten().collect();
    for node in there.values().flatten().filter(|node| here.contains(node)) {
        let what = format!("{} is a destination and stands on a rack of this site", quoted(node));
        let at = table.place("destinations").unwrap_or(table.at);
        table
            .faults
            .error(at, what, "a destination has to keep its power when this site is lost");
    }
    there
}

fn lists(table: &Table<'_>, key: &'static str) -> BTreeMap<String, Vec<String>> {
    let lists = table.lists(key).into_iter();
    lists
        .map(|(name, nodes)| (name.value, nodes.into_iter().map(|node| node.value).collect()))
        .collect()
}

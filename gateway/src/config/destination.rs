//! `[[destination]]`: where workloads go to, and what room there is.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::{Destination, Workload};

use super::faults::{At, Faults, quoted};
use super::names::{Index, did_you_mean};
use super::table::Table;

/// Most room that is counted, in units of the owner's choice.
const MAX_ROOM: i64 = 1_000_000_000;

/// `[[destination]]` as it stands in the file.
pub(super) struct DestinationRow {
    id: At<String>,
    room: Option<At<i64>>,
}

/// Reads all of them.
pub(super) fn read(root: &Table<'_>) -> Vec<DestinationRow> {
    let one = |table: &Table<'_>| {
        let row = DestinationRow {
            id: table.need_id("id"),
            room: table.integer("room", 0..=MAX_ROOM),
        };
        table.finish();
        row
    };
    root.tables("destination", "[[destination]]").iter().map(one).collect()
}

/// Room that a workload takes where it goes: one unit, if nothing else is said.
pub(super) fn room(table: &Table<'_>) -> u32 {
    table.integer("room", 0..=MAX_ROOM).map_or(1, |n| n.value as u32)
}

/// Checked against where the workloads go.
pub(super) fn lower(rows: &[DestinationRow], workloads: &[Workload], faults: &Faults<'_>) -> Vec<Destination> {
    Index::of("destination", rows.iter().map(|row| &row.id), faults);
    let named = named(workloads);
    for row in rows {
        check(row, &named, faults);
    }
    let destination = |row: &DestinationRow| Destination {
        id: row.id.value.clone(),
        room: row.room.as_ref().map(|room| room.value as u32),
    };
    rows.iter().map(destination).collect()
}

/// What each place would have to hold if every workload came by its best rung that goes there.
fn named(workloads: &[Workload]) -> BTreeMap<&str, u64> {
    let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
    for workload in workloads {
        let places: BTreeSet<&str> = workload.rungs.iter().filter_map(|r| r.to.as_deref()).collect();
        for place in places {
            *wanted.entry(place).or_default() += u64::from(workload.room);
        }
    }
    wanted
}

fn check(row: &DestinationRow, named: &BTreeMap<&str, u64>, faults: &Faults<'_>) {
    let id = quoted(&row.id.value);
    let Some(wanted) = named.get(row.id.value.as_str()) else {
        let what = format!("no rung goes to the destination {id}");
        let hint = did_you_mean(
            &row.id.value,
            named.keys().copied(),
            "name it in `to` of a rung, or remove it",
        );
        return faults.warning(row.id.at, what, hint);
    };
    let Some(room) = row.room.as_ref().filter(|room| room.value.cast_unsigned() < *wanted) else {
        return;
    };
    let what = format!(
        "{id} has room for {}, and workloads of {wanted} may go there",
        room.value
    );
    let hint = "who comes first by tier has it, the others take their next rung; make room, or give them another place";
    faults.warning(room.at, what, hint);
}

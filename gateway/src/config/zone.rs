//! `[[zone]]`.

use std::collections::BTreeSet;

use muster_core::{Zone, ZoneIx};

use super::faults::{At, Faults, quoted};
use super::names::Index;
use super::table::Table;

/// `[[zone]]` as it stands in the file.
pub(super) struct ZoneRow {
    pub(super) id: At<String>,
    adjacent: Vec<At<String>>,
}

/// Reads all of them; a site without one is a fault.
pub(super) fn read(root: &Table<'_>) -> Vec<ZoneRow> {
    let tables = root.tables("zone", "[[zone]]");
    if tables.is_empty() {
        root.missing(
            "[[zone]]",
            "declare at least one fire and power compartment, such as id = \"battery-room\"",
        );
    }
    let one = |table: &Table<'_>| {
        let row = ZoneRow {
            id: table.need_id("id"),
            adjacent: table.texts("adjacent"),
        };
        table.finish();
        row
    };
    tables.iter().map(one).collect()
}

/// With neighbours by index, in both directions.
pub(super) fn lower(rows: &[ZoneRow], index: &Index, faults: &Faults<'_>) -> Vec<Zone> {
    let mut adjacent = vec![BTreeSet::new(); rows.len()];
    for (ix, row) in rows.iter().enumerate() {
        for neighbour in &row.adjacent {
            let Some(other) = index.find(neighbour, faults) else {
                continue;
            };
            if other == ix {
                let what = format!("zone {} is adjacent to itself", quoted(&row.id.value));
                faults.error(neighbour.at, what, "name its neighbours only");
                continue;
            }
            adjacent[ix].insert(ZoneIx(other as u16));
            adjacent[other].insert(ZoneIx(ix as u16));
        }
    }
    let zone = |(row, adjacent): (&ZoneRow, BTreeSet<ZoneIx>)| Zone {
        id: row.id.value.clone(),
        adjacent: adjacent.into_iter().collect(),
    };
    rows.iter().zip(adjacent).map(zone).collect()
}

//! `[[destination]]`: another site that workloads may go to.

use super::super::table::Table;
use super::{Amounts, amounts};

/// Another site that workloads may go to, as `to` of their rungs names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Its id.
    pub id: String,
    /// Room that is kept free there, by its owner's word; a resource that is not named is not counted.
    pub room: Amounts,
}

pub(super) fn read(root: &Table<'_>) -> Vec<Destination> {
    let one = |table: &Table<'_>| {
        let destination = Destination {
            id: table.need_id("id").value,
            room: amounts(table, "room", "room of [[destination]]"),
        };
        table.finish();
        destination
    };
    root.tables("destination", "[[destination]]").iter().map(one).collect()
}

//! A dry-contact module with eight inputs.

use super::table::Table;
use crate::Panel;

/// Inputs 0 and 1 are wired to the fire panel, the others to nothing.
pub(super) fn table(panel: &Panel) -> Table {
    let mut table = Table::default();
    let wired = [panel.fire_alarm, panel.suppression_discharge];
    for input in 0..8_u16 {
        let closed = wired.get(usize::from(input)).copied().unwrap_or(false);
        table.discrete.insert(input, closed);
    }
    table
}

//! Contact modules: one of eight plain inputs, one of eight contacts with two inputs each.

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

/// In Muster's own map: of each contact the input that closes with it, then the one that opens.
pub(super) fn pairs(panel: &Panel) -> Table {
    let mut table = Table::default();
    let contacts = [
        panel.epo,
        panel.suppression_discharge,
        panel.first_stage,
        panel.fire_alarm,
        panel.on_generator,
        panel.generator_running,
        panel.leak,
        panel.door,
    ];
    for (at, on) in (0..).step_by(2).zip(contacts) {
        table.discrete.insert(at, on);
        table.discrete.insert(at + 1, !on);
    }
    table
}

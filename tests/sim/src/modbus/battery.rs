//! A battery monitor in Muster's generic map.

use super::table::{Table, scaled, scaled_signed};
use crate::Battery;

/// The letters "MB": whoever reads this talks to the right device at the right address.
const CANARY: u16 = 0x4D42;

/// Input registers: 0 state bits (0 alarm), 1 hottest cell 0.1 °C, 2 string 0.1 V, 3 current 0.1 A, 4 charge 0.1 %.
pub(super) fn table(measured: &Battery) -> Table {
    let mut table = Table::default();
    for (register, value) in [
        (0, u16::from(measured.alarm)),
        (1, scaled_signed(measured.cell_max_c, 10.0)),
        (2, scaled(measured.string_v, 10.0)),
        (3, scaled_signed(measured.current_a, 10.0)),
        (4, scaled(measured.charge * 100.0, 10.0)),
        (5, CANARY),
    ] {
        table.input.insert(register, value);
    }
    table
}

/// When a BMS of this period last looked at its cells. It looks half a period before and after the story's zero, so a
/// spark never falls on its own measurement.
pub(super) fn looked_at_ms(now_ms: i64, period_ms: u32) -> i64 {
    let period_ms = i64::from(period_ms.max(1));
    let phase_ms = period_ms / 2;
    (now_ms - phase_ms).div_euclid(period_ms) * period_ms + phase_ms
}

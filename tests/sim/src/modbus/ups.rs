//! Registers of an APC Smart-UPS (document 990-9840, as NUT's `apc_modbus.c` reads it).

use super::table::{Table, scaled, scaled_signed};
use crate::{Ups, UpsPlace};

/// Rated power, VA and W alike. Assumed.
const RATED: u16 = 10_000;
const LINE_V: f64 = 230.0;

/// All registers of a UPS.
pub(super) fn table(ups: &Ups, place: UpsPlace) -> Table {
    let mut table = Table::default();
    put_states(&mut table, ups);
    put_measures(&mut table, ups);
    put_names(&mut table, place);
    table
}

fn bit(on: bool, position: u32) -> u32 {
    u32::from(on) << position
}

fn put_states(table: &mut Table, ups: &Ups) {
    let on_line = ups.output_on && !ups.on_battery;
    let status = bit(on_line, 1)
        | bit(ups.on_battery, 2)
        | bit(!ups.output_on, 4)
        | bit(!ups.output_on, 5)
        | bit(!ups.input_on, 6);
    table.put_u32(0, status);
    // Cause of the last change: 0 is system initialisation.
    table.holding.insert(2, 0);
    // Simple signalling: power failure 0, shutdown imminent 1.
    let imminent = ups.on_battery && ups.runtime_s < 120.0;
    table
        .holding
        .insert(18, (bit(ups.on_battery, 0) | bit(imminent, 1)) as u16);
    table.put_u32(20, bit(ups.over_temperature, 4));
    table.holding.insert(22, bit(ups.over_temperature, 3) as u16);
    // No battery test and no calibration has run.
    table.holding.insert(23, 0);
    table.holding.insert(24, 0);
}

fn put_measures(table: &mut Table, ups: &Ups) {
    let line_v = |on: bool| if on { LINE_V } else { 0.0 };
    table.put_u32(128, ups.runtime_s as u32);
    for (register, value) in [
        (130, scaled(ups.charge * 100.0, 512.0)),
        (131, scaled(ups.battery_v, 32.0)),
        (135, scaled_signed(ups.battery_c, 128.0)),
        (136, scaled(ups.load * 100.0, 256.0)),
        (140, scaled(ups.load * f64::from(RATED) / LINE_V, 32.0)),
        (142, scaled(line_v(ups.output_on), 64.0)),
        (144, scaled(if ups.output_on { 50.0 } else { 0.0 }, 128.0)),
        (151, scaled(line_v(ups.input_on), 64.0)),
        (588, RATED),
        (589, RATED),
    ] {
        table.holding.insert(register, value);
    }
}

fn put_names(table: &mut Table, place: UpsPlace) {
    table.put_text(516, 8, "UPS 15.5");
    table.put_text(532, 16, "Smart-UPS RT 10000 XL");
    let serial = match place {
        UpsPlace::BesideRack => "SIM000000001",
        UpsPlace::Elsewhere => "SIM000000002",
    };
    table.put_text(564, 8, serial);
}

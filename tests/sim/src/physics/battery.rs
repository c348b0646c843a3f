//! The rack's cells and what its BMS makes of them.

use super::Noise;

/// What a BMS can measure of the rack, if it looks at this moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Battery {
    /// Hottest measured cell, degrees Celsius.
    pub cell_max_c: f64,
    /// String voltage.
    pub string_v: f64,
    /// String current in ampere; discharge is negative.
    pub current_a: f64,
    /// State of charge, 0 to 1.
    pub charge: f64,
    /// Whether the BMS would raise its alarm on this.
    pub alarm: bool,
    /// Whether it still answers: its cables run over the rack.
    pub answers: bool,
}

/// The module's sensor has warmed enough after this; before, everything is flat ("no abnormal sign until just before
/// the fire"). What it showed afterwards is not on record: assumed from the module fires that went 86 → 200 °C in < 30 s.
const WARMS_S: f64 = 10.0;
/// A BMS alarms at this cell temperature. Assumed, usual for NMC.
const ALARM_C: f64 = 60.0;
/// Its cables have burnt. Assumed.
const CABLES_GONE_S: f64 = 75.0;

/// The rack `t_s` seconds after the spark.
pub(super) fn at(t_s: f64, noise: Noise) -> Battery {
    // One sensor a module: it lags behind the cell, and tops out at what it can show.
    let heat_c = ((t_s - WARMS_S).max(0.0) * 3.8).min(125.0);
    let cell_max_c = 25.2 + heat_c + 0.05 * noise.of(1);
    let burning = heat_c > 0.0;
    Battery {
        cell_max_c,
        string_v: if burning { 389.0 } else { 403.2 } + 0.1 * noise.of(2),
        current_a: if burning { 0.0 } else { 0.4 } + 0.1 * noise.of(3),
        charge: 0.98,
        alarm: cell_max_c >= ALARM_C,
        answers: t_s < CABLES_GONE_S,
    }
}

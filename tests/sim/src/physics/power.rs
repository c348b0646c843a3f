//! UPSes, and what heat and the ordered cut do to them.

use super::{Noise, rise};
use crate::facts::FIRST_LOSS_S;

/// Where a UPS stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpsPlace {
    /// Under the same ceiling as the rack's cables: heat stops it (Pangyo's first loss).
    BesideRack,
    /// Far enough: it carries its load until half an hour after the cut.
    Elsewhere,
}

impl UpsPlace {
    /// In the order of [`super::RoomState::ups`].
    pub const ALL: [Self; 2] = [Self::BesideRack, Self::Elsewhere];
}

/// One UPS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ups {
    /// Its load is fed.
    pub output_on: bool,
    /// From its battery.
    pub on_battery: bool,
    /// Its input has voltage.
    pub input_on: bool,
    /// Its battery, degrees Celsius.
    pub battery_c: f64,
    /// It reports over-temperature.
    pub over_temperature: bool,
    /// Runtime it reports, seconds.
    pub runtime_s: f64,
    /// State of charge, 0 to 1.
    pub charge: f64,
    /// Battery voltage.
    pub battery_v: f64,
    /// Load against rating, 0 to 1.
    pub load: f64,
    /// It answers.
    pub answers: bool,
}

/// Over-temperature is reported from here. Assumed; it falls at about 360 s after the spark.
const OVER_TEMPERATURE_C: f64 = 60.0;
/// Heat needs this long to the cables and the UPS above the rack. Assumed.
const WARMS_S: f64 = 120.0;
/// Its management card lives this much longer than its output. Assumed.
const CARD_OUTLIVES_S: f64 = 15.0;
/// Load was carried "about 30 minutes more" after the cut.
const AUTONOMY_S: f64 = 30.0 * 60.0;
/// Usual share of load. Assumed.
const LOAD: f64 = 0.62;

/// A UPS `t_s` seconds after the spark, when the supply is cut at `cut_s`.
pub(super) fn at(place: UpsPlace, t_s: f64, cut_s: f64, noise: Noise) -> Ups {
    let (heat_c, stops_s, signal) = match place {
        UpsPlace::BesideRack => (90.0, FIRST_LOSS_S as f64, 40),
        UpsPlace::Elsewhere => (12.0, cut_s + AUTONOMY_S, 50),
    };
    let battery_c = 25.0 + heat_c * rise(t_s, WARMS_S, 490.0) + 0.1 * noise.of(signal);
    let output_on = t_s < stops_s;
    let drained_s = (t_s - cut_s).clamp(0.0, AUTONOMY_S);
    let charge = 1.0 - drained_s / AUTONOMY_S;
    Ups {
        output_on,
        on_battery: output_on && t_s >= cut_s,
        input_on: t_s < cut_s,
        battery_c,
        over_temperature: battery_c >= OVER_TEMPERATURE_C,
        runtime_s: AUTONOMY_S - drained_s,
        charge,
        battery_v: 340.0 + 70.0 * charge + 0.2 * noise.of(signal + 1),
        load: if output_on {
            LOAD + 0.01 * noise.of(signal + 2)
        } else {
            0.0
        },
        answers: t_s < stops_s + CARD_OUTLIVES_S,
    }
}

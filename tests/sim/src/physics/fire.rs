//! What the air carries from the rack to a node.

use super::{Noise, rise};

/// Air at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Air {
    /// Degrees Celsius.
    pub temperature_c: f64,
    /// Volatile organic compounds, ppm.
    pub voc_ppm: f64,
    /// Hydrogen, ppm.
    pub hydrogen_ppm: f64,
    /// Smoke obscuration, percent a metre.
    pub smoke_per_m: f64,
}

/// Air of a healthy room. Assumed.
const CLEAN: Air = Air {
    temperature_c: 24.0,
    voc_ppm: 0.4,
    hydrogen_ppm: 3.0,
    smoke_per_m: 0.05,
};

/// Above this a node's electronics give up: plastic parts and solder paste are rated to about 105 °C. Assumed.
const NODE_DIES_C: f64 = 105.0;

impl Air {
    /// Whether a node in this air still works.
    #[must_use]
    pub fn node_works(&self) -> bool {
        self.temperature_c < NODE_DIES_C
    }

    /// As a sensor shows it: noise of about 0.1 °C, 3 % of the gas reading and 0.02 %/m.
    pub(super) fn with_noise(self, signal: u64, noise: Noise) -> Self {
        Self {
            temperature_c: self.temperature_c + 0.1 * noise.of(signal),
            voc_ppm: self.voc_ppm * (1.0 + 0.03 * noise.of(signal + 1)),
            hydrogen_ppm: self.hydrogen_ppm * (1.0 + 0.03 * noise.of(signal + 2)),
            smoke_per_m: self.smoke_per_m + 0.02 * noise.of(signal + 3),
        }
    }
}

/// Air at `distance_m` from the rack, `t_s` seconds after the spark. Never falls while it burns.
///
/// No useful pre-gas (BAM module tests: "in most cases thermal runaway was not accompanied by pre-gassing"): everything
/// starts with the fire. Smoke and gas arrive after 8 s and 2.2 s a metre, within 15 to 45 s in this room, which is
/// between the NIST smoke-alarm tests' first alarm (20 to 43 s) and second place (37 to 80 s). Heat follows later.
pub(super) fn air(distance_m: f64, t_s: f64) -> Air {
    let arrives_s = 8.0 + 2.2 * distance_m;
    let warms_s = 30.0 + 3.0 * distance_m;
    Air {
        temperature_c: CLEAN.temperature_c + 160.0 / (1.0 + distance_m / 4.0) * rise(t_s, warms_s, 240.0),
        voc_ppm: CLEAN.voc_ppm + 900.0 / (1.0 + distance_m / 10.0) * rise(t_s, arrives_s, 120.0),
        hydrogen_ppm: CLEAN.hydrogen_ppm + 4_000.0 / (1.0 + distance_m / 10.0) * rise(t_s, arrives_s + 10.0, 300.0),
        smoke_per_m: CLEAN.smoke_per_m + 60.0 / (1.0 + distance_m / 20.0) * rise(t_s, arrives_s, 150.0),
    }
}

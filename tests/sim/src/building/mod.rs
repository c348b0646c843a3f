//! A building in virtual time, for simulations of years and of many fires: what every sensor of a battery room would
//! show at any moment of a drawn course, in numbers, without devices or protocols.
//!
//! It knows nothing of the gateway's limits, decoders or rules: fires burn, air carries, sensors fail. Every course comes
//! from a seed alone, and every moment of it can be asked in any order. What is drawn, and from where, stands beside each
//! number; what no record gives is marked as assumed.

mod dice;
mod disturbance;
mod fault;
mod fire;
mod person;
mod place;
#[cfg(test)]
mod tests;

pub use dice::Dice;
pub use disturbance::{Cause, Disturbance};
pub use fault::{Dead, Fault, FaultKind};
pub use fire::{FULL_FOR_S, Fire, FireKind};
pub use person::calibration;
pub use place::{NODES, Probe, Room, Sign};

use crate::noise::wobble;

/// What comes of a sensor at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Heard {
    /// A value in the sign's own unit; of a contact 0 or 1.
    Value(f64),
    /// The sender says that it has none.
    Absent,
    /// The sender says that it is not warm yet.
    WarmingUp,
    /// Nothing comes at all.
    Silent,
}

/// Everything that happens in a room from one moment to another. Times in seconds; 0 is when the first thing begins.
#[derive(Clone, Debug)]
pub struct Course {
    /// Of its noise.
    pub seed: u64,
    /// The room it happens in.
    pub room: Room,
    /// The fire, if there is one.
    pub fire: Option<Fire>,
    /// When that is in full.
    pub fire_at_s: f64,
    /// What is no fire and no fault of a sensor.
    pub disturbances: Vec<Disturbance>,
    /// What is wrong with sensors, boards and wires.
    pub faults: Vec<Fault>,
}

impl Course {
    /// What a probe says at a moment.
    #[must_use]
    pub fn heard(&self, probe: Probe, t_s: f64) -> Heard {
        if self
            .fire
            .as_ref()
            .is_some_and(|fire| fire.has_burnt(&self.room, probe, t_s - self.fire_at_s))
        {
            return Heard::Silent;
        }
        let mut heard = Heard::Value(self.measured(probe, t_s));
        for fault in &self.faults {
            heard = fault.on(heard, probe, t_s, |at_s| self.measured(probe, at_s));
        }
        heard
    }

    /// What a sound sensor shows.
    fn measured(&self, probe: Probe, t_s: f64) -> f64 {
        match probe {
            Probe::Node { node, sign } => {
                let truth = self.air(node, sign, t_s);
                sign.with_noise(truth, wobble(self.seed, probe.signal(), (t_s * 1_000.0) as i64))
            }
            Probe::PanelFire => self.contact(
                |at_s| {
                    self.fire
                        .as_ref()
                        .is_some_and(|f| f.panel_alarms(at_s - self.fire_at_s))
                },
                t_s,
            ),
            Probe::PanelDischarge => self.contact(
                |at_s| self.fire.as_ref().is_some_and(|f| f.discharged(at_s - self.fire_at_s)),
                t_s,
            ),
            Probe::Cell => {
                let hot = self.fire.as_ref().map_or(0.0, |f| f.cell_rise_c(t_s - self.fire_at_s));
                25.0 + hot + 0.2 * wobble(self.seed, probe.signal(), (t_s * 1_000.0) as i64)
            }
            Probe::CellAlarm => self.contact(
                |at_s| self.fire.as_ref().is_some_and(|f| f.bms_alarms(at_s - self.fire_at_s)),
                t_s,
            ),
        }
    }

    fn contact(&self, on: impl Fn(f64) -> bool, t_s: f64) -> f64 {
        f64::from(u8::from(on(t_s)))
    }

    fn air(&self, node: usize, sign: Sign, t_s: f64) -> f64 {
        let fire = self
            .fire
            .as_ref()
            .map_or(0.0, |f| f.adds(&self.room, node, sign, t_s - self.fire_at_s));
        let other: f64 = self
            .disturbances
            .iter()
            .map(|d| d.adds(&self.room, node, sign, t_s))
            .sum();
        sign.clean() + fire + other
    }
}

/// A rise that starts at 0 and nears 1 with time constant `tau_s`; 0 before.
fn rise(since_s: f64, tau_s: f64) -> f64 {
    if since_s <= 0.0 {
        0.0
    } else {
        1.0 - libm::exp(-since_s / tau_s)
    }
}

//! A supervised dry contact: a loop with a resistor at its end, measured, so that a cut or shorted wire is not silence.
//!
//! ```text
//! 3.3 V ──[2k2]──┬── input        contact rests:  end-of-line 4k7 alone        → 2.25 V
//!                │                contact speaks: 1k0 beside the 4k7           → 0.90 V
//!                ├──[1k0]──o/o──┐ wire cut:       nothing                      → 3.30 V
//!                ├──[4k7]───────┤ wire shorted:   0 Ω                          → 0.00 V
//!               0 V ────────────┘
//! ```

use embedded_hal::i2c::I2c;
use muster_wire::{Absence, MICRO, Micro};

use super::analog::AdcInput;
use crate::contact::Majority;
use crate::{Debounce, Sensor};

/// Where one state of the loop ends and the next begins; half-way between the voltages above. Microvolts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineVolts {
    /// Below: shorted.
    pub short: Micro,
    /// From `short` to here: the contact speaks.
    pub active: Micro,
    /// From `active` to here it rests; above the wire is cut.
    pub rest: Micro,
}

impl Default for LineVolts {
    fn default() -> Self {
        Self {
            short: Micro(450_000),
            active: Micro(1_575_000),
            rest: Micro(2_775_000),
        }
    }
}

/// The contact: 1 while it speaks, 0 while it rests; `open` and `short` where the wire is faulty.
#[derive(Debug)]
pub struct Line<'a, I2C> {
    input: AdcInput<'a, I2C>,
    volts: LineVolts,
    majority: Majority,
}

impl<'a, I2C: I2c> Line<'a, I2C> {
    /// At this input.
    pub fn new(input: AdcInput<'a, I2C>, volts: LineVolts, debounce: Debounce) -> Self {
        Self {
            input,
            volts,
            majority: Majority::of(debounce),
        }
    }
}

impl<I2C: I2c> Sensor for Line<'_, I2C> {
    fn sample(&mut self) -> Result<Micro, Absence> {
        let active = state(self.volts, self.input.volts()?)?;
        let active = self.majority.settle(active).ok_or(Absence::Warmup)?;
        Ok(Micro(i64::from(active) * MICRO))
    }
}

/// Whether the contact speaks, or what is wrong with the wire.
fn state(limits: LineVolts, volts: Micro) -> Result<bool, Absence> {
    match volts {
        v if v < limits.short => Err(Absence::Short),
        v if v < limits.active => Ok(true),
        v if v < limits.rest => Ok(false),
        _ => Err(Absence::Open),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_states_are_told_apart() {
        let state = |millivolts: i64| state(LineVolts::default(), Micro(millivolts * 1_000));
        assert_eq!(state(0), Err(Absence::Short));
        assert_eq!(state(900), Ok(true));
        assert_eq!(state(2_250), Ok(false));
        assert_eq!(state(3_300), Err(Absence::Open));
        // Resistors of 5 % at both ends, worst case, stay in their state.
        for millivolts in [838, 963] {
            assert_eq!(state(millivolts), Ok(true));
        }
        for millivolts in [2_170, 2_325] {
            assert_eq!(state(millivolts), Ok(false));
        }
    }
}

//! The node's own supply, behind a divider at an input of the converter.

use embedded_hal::i2c::I2c;
use muster_wire::{Absence, Micro};

use super::analog::AdcInput;
use crate::{Limit, Sensor};

/// Micro-units in a thousandth.
const MICRO_PER_MILLI: i64 = 1_000;

/// Below this the supply sags; it is well again a twentieth above. Millivolts.
pub(super) fn sag(alarm_mv: u32) -> Limit {
    let set = i64::from(alarm_mv) * MICRO_PER_MILLI;
    Limit {
        set: Micro(set),
        clear: Micro(set + set / 20),
        above: false,
    }
}

/// Volts of the supply.
#[derive(Debug)]
pub struct Supply<'a, I2C> {
    input: AdcInput<'a, I2C>,
    /// Supply for one volt at the input, in thousandths.
    divider_milli: u32,
}

impl<'a, I2C: I2c> Supply<'a, I2C> {
    /// At this input, behind this divider.
    pub const fn new(input: AdcInput<'a, I2C>, divider_milli: u32) -> Self {
        Self { input, divider_milli }
    }
}

impl<I2C: I2c> Supply<'_, I2C> {
    /// One conversion, for a quick look.
    pub(super) fn look(&self) -> Result<Micro, Absence> {
        self.input.once().map(|volts| self.behind(volts))
    }

    /// At most 4.1 V times 2³²/1000: far inside 64 bits.
    fn behind(&self, volts: Micro) -> Micro {
        Micro(volts.0 * i64::from(self.divider_milli) / 1_000)
    }
}

impl<I2C: I2c> Sensor for Supply<'_, I2C> {
    fn sample(&mut self) -> Result<Micro, Absence> {
        self.input.volts().map(|volts| self.behind(volts))
    }
}

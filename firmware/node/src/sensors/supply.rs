//! The node's own supply, behind a divider at an input of the converter.

use embedded_hal::i2c::I2c;
use muster_wire::{Absence, Micro};

use super::analog::AdcInput;
use crate::Sensor;

/// Volts of the supply. With a limit below, its sag is an alarm edge: it goes out at once and before all else.
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

impl<I2C: I2c> Sensor for Supply<'_, I2C> {
    fn sample(&mut self) -> Result<Micro, Absence> {
        let Micro(volts) = self.input.volts()?;
        // At most 4.1 V times 2³²/1000: far inside 64 bits.
        Ok(Micro(volts * i64::from(self.divider_milli) / 1_000))
    }
}

//! The temperature of the board itself: LM75 and its many relatives (TMP105).

use embedded_hal::i2c::I2c;
use lm75::{Address, Lm75, ic};
use muster_wire::{Absence, Micro};

use super::micro;
use crate::Sensor;

/// An LM75 at its first address.
pub struct BoardTemperature<I2C>(Lm75<I2C, ic::Lm75>);

impl<I2C: I2c> BoardTemperature<I2C> {
    /// On this bus.
    pub fn new(i2c: I2C) -> Self {
        Self(Lm75::new(i2c, Address::default()))
    }
}

impl<I2C: I2c> Sensor for BoardTemperature<I2C> {
    fn sample(&mut self) -> Result<Micro, Absence> {
        micro(self.0.read_temperature().map_err(|_| Absence::Bus)?)
    }
}

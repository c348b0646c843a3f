//! Voltage and current of a battery string: Texas Instruments INA228 behind a divider and a shunt.

use core::cell::RefCell;

use embedded_hal::i2c::I2c;
use ina228::Ina228;
use muster_wire::{Absence, Micro};

use super::micro;
use crate::Sensor;

/// First address of an INA228.
const ADDRESS: u8 = 0x40;
/// What the device says it is (datasheet, 7.6.1.24): TI.
const TEXAS_INSTRUMENTS: u16 = 0x5449;

/// What is connected to the chip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shunt {
    /// Its resistance. Ohms, above 0.
    pub ohms: f32,
    /// The largest current that can be. Amperes, above 0.
    pub max_amperes: f32,
    /// String voltage for one volt at the chip, whose inputs bear 85 V.
    pub divider: f32,
}

impl Default for Shunt {
    /// 200 A and 40 mV; a divider of 10 for a string of up to 850 V.
    fn default() -> Self {
        Self {
            ohms: 0.000_2,
            max_amperes: 200.0,
            divider: 10.0,
        }
    }
}

/// The chip, shared by both sensors.
pub struct StringMonitor<I2C> {
    chip: Ina228<I2C>,
    shunt: Shunt,
    calibrated: bool,
}

impl<I2C: I2c> StringMonitor<I2C> {
    /// On this bus.
    pub fn new(i2c: I2C, shunt: Shunt) -> Self {
        Self {
            chip: Ina228::new(i2c, ADDRESS),
            shunt,
            calibrated: false,
        }
    }

    /// A chip that has been without power has forgotten its shunt, and would tell a current of 0.
    fn ready(&mut self) -> Result<(), Absence> {
        if !self.calibrated {
            let id = self.chip.manufacturer_id().map_err(|_| Absence::Bus)?;
            if id != TEXAS_INSTRUMENTS {
                return Err(Absence::Config);
            }
            self.chip
                .calibrate(self.shunt.max_amperes, self.shunt.ohms)
                .map_err(|_| Absence::Bus)?;
            self.calibrated = true;
        }
        Ok(())
    }

    fn read(&mut self, read: impl FnOnce(&mut Ina228<I2C>) -> Result<f32, I2C::Error>) -> Result<f32, Absence> {
        self.ready()?;
        read(&mut self.chip).map_err(|_| {
            self.calibrated = false;
            Absence::Bus
        })
    }
}

/// Volts.
pub struct StringVoltage<'m, I2C>(pub &'m RefCell<StringMonitor<I2C>>);

impl<I2C: I2c> Sensor for StringVoltage<'_, I2C> {
    fn sample(&mut self) -> Result<Micro, Absence> {
        let mut monitor = self.0.borrow_mut();
        let divider = monitor.shunt.divider;
        monitor
            .read(Ina228::bus_voltage)
            .and_then(|volts| micro(volts * divider))
    }
}

/// Amperes, positive while charging if the shunt is wired as drawn.
pub struct StringCurrent<'m, I2C>(pub &'m RefCell<StringMonitor<I2C>>);

impl<I2C: I2c> Sensor for StringCurrent<'_, I2C> {
    fn sample(&mut self) -> Result<Micro, Absence> {
        self.0.borrow_mut().read(Ina228::current).and_then(micro)
    }
}

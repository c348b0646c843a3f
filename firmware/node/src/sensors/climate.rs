//! Air temperature and humidity: Sensirion SHT4x.

use core::cell::RefCell;

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;
use muster_wire::{Absence, Micro};
use sht4x::{Error, Precision, Sht4x};

use crate::Sensor;

/// Micro-units in a milli-unit, in which the driver counts.
const MICRO_PER_MILLI: i64 = 1_000;

/// The chip and what it measured last.
#[derive(Debug)]
pub struct Climate<I2C, D> {
    chip: Sht4x<I2C, D>,
    delay: D,
    last: Option<(i32, i32)>,
}

impl<I2C: I2c, D: DelayNs> Climate<I2C, D> {
    /// On this bus.
    pub fn new(i2c: I2C, delay: D) -> Self {
        Self {
            chip: Sht4x::new(i2c),
            delay,
            last: None,
        }
    }

    /// Temperature in thousandths of a degree Celsius, humidity in thousandths of a percent.
    fn measure(&mut self) -> Result<(i32, i32), Absence> {
        self.last = None;
        let measured = self.chip.measure(Precision::High, &mut self.delay);
        let measured = measured.map_err(|error| match error {
            Error::Crc => Absence::Crc,
            _ => Absence::Bus,
        })?;
        let both = (measured.temperature_milli_celsius(), measured.humidity_milli_percent());
        self.last = Some(both);
        Ok(both)
    }

    /// What it measured last, for a sensor that has to be corrected for it.
    pub(super) fn last(&self) -> Option<(i32, i32)> {
        self.last
    }
}

/// Measures, and tells the temperature.
#[derive(Debug)]
pub struct Temperature<'c, I2C, D>(pub &'c RefCell<Climate<I2C, D>>);

impl<I2C: I2c, D: DelayNs> Sensor for Temperature<'_, I2C, D> {
    fn sample(&mut self) -> Result<Micro, Absence> {
        let (milli_celsius, _) = self.0.borrow_mut().measure()?;
        Ok(Micro(i64::from(milli_celsius) * MICRO_PER_MILLI))
    }
}

/// Tells the humidity of the measurement that [`Temperature`] made.
#[derive(Debug)]
pub struct Humidity<'c, I2C, D>(pub &'c RefCell<Climate<I2C, D>>);

impl<I2C: I2c, D: DelayNs> Sensor for Humidity<'_, I2C, D> {
    fn sample(&mut self) -> Result<Micro, Absence> {
        let (_, milli_percent) = self.0.borrow().last().ok_or(Absence::Bus)?;
        // The chip's scale goes from −6 to 119 %; what lies beyond 0 and 100 is saturation (SHT4x datasheet, 4.6).
        Ok(Micro(i64::from(milli_percent.clamp(0, 100_000)) * MICRO_PER_MILLI))
    }
}

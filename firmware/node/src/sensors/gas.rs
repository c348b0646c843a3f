//! Gas: organic vapours (Sensirion SGP40), and hydrogen by an analogue transmitter.

use core::cell::RefCell;

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;
use muster_wire::{Absence, MICRO, Micro};
use sgp40::{Error, Sgp40};

use super::analog::AdcInput;
use super::{Climate, Warmup, micro};
use crate::Sensor;

/// Only address of an SGP40.
const SGP40_ADDRESS: u8 = 0x59;

/// What the raw signal of an SGP40 means. The signal falls with the logarithm of the concentration:
/// c = `reference_ppm` · exp((`reference_ticks` − signal) / `ticks_per_e`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VocScale {
    /// The signal in air of `reference_ppm`; measured in the room while nothing is wrong.
    pub reference_ticks: u16,
    /// What that air is taken for, in ppm of ethanol.
    pub reference_ppm: f32,
    /// Ticks for a factor of e: 870 for a doubling is 1,255 (quoted from the SGP40's data sheet by a distributor; not seen in
    /// the original). A bump test with a known concentration sets it.
    pub ticks_per_e: f32,
}

impl Default for VocScale {
    fn default() -> Self {
        Self {
            reference_ticks: 30_000,
            reference_ppm: 0.5,
            ticks_per_e: 1_255.0,
        }
    }
}

/// Organic vapours in ppm of ethanol.
pub struct Voc<'c, I2C, D> {
    chip: Sgp40<I2C, D>,
    climate: &'c RefCell<Climate<I2C, D>>,
    scale: VocScale,
    warmup: Warmup,
}

impl<'c, I2C: I2c, D: DelayNs> Voc<'c, I2C, D> {
    /// On this bus, corrected for the climate that was measured before it. The heater needs `warmup` samples until it can
    /// be believed (datasheet: 60 s to a stable signal).
    pub fn new(i2c: I2C, delay: D, climate: &'c RefCell<Climate<I2C, D>>, scale: VocScale, warmup: u32) -> Self {
        Self {
            chip: Sgp40::new(i2c, SGP40_ADDRESS, delay),
            climate,
            scale,
            warmup: Warmup::of(warmup),
        }
    }

    fn ticks(&mut self) -> Result<u16, Absence> {
        let climate = self.climate.borrow().last();
        let read = match climate {
            // The driver takes thousandths, and holds them in 16 bits.
            Some((celsius, percent)) => {
                let humidity = u16::try_from(percent.clamp(0, 65_000)).unwrap_or(0);
                let temperature = i16::try_from(celsius.clamp(-32_000, 32_000)).unwrap_or(0);
                self.chip.measure_raw_with_rht(humidity, temperature)
            }
            None => self.chip.measure_raw(),
        };
        read.map_err(|error| match error {
            Error::Crc => Absence::Crc,
            _ => Absence::Bus,
        })
    }
}

impl<I2C: I2c, D: DelayNs> Sensor for Voc<'_, I2C, D> {
    fn sample(&mut self) -> Result<Micro, Absence> {
        let scale = self.scale;
        let sample = self.ticks().and_then(|ticks| {
            let below = f32::from(scale.reference_ticks) - f32::from(ticks);
            micro(scale.reference_ppm * libm::expf(below / scale.ticks_per_e))
        });
        self.warmup.judge(sample)
    }
}

/// What the voltage of a hydrogen transmitter means: a straight line from `zero` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HydrogenScale {
    /// Output in clean air. Microvolts; set at calibration.
    pub zero: Micro,
    /// Output at `span_ppm` above `zero`. Microvolts; set with span gas.
    pub span: Micro,
    /// The span gas. Whole ppm.
    pub span_ppm: u32,
    /// Below this the transmitter is not there, or broken (live zero). Microvolts.
    pub live: Micro,
}

impl Default for HydrogenScale {
    /// 0.4 V to 2.0 V for 0 to 4 % by volume, as transmitters for battery rooms commonly are.
    fn default() -> Self {
        Self {
            zero: Micro(400_000),
            span: Micro(1_600_000),
            span_ppm: 40_000,
            live: Micro(200_000),
        }
    }
}

/// Hydrogen in ppm, by a transmitter at an input of the converter.
#[derive(Debug)]
pub struct Hydrogen<'a, I2C> {
    input: AdcInput<'a, I2C>,
    scale: HydrogenScale,
    warmup: Warmup,
}

impl<'a, I2C: I2c> Hydrogen<'a, I2C> {
    /// At this input; the first `warmup` samples are not believed.
    pub fn new(input: AdcInput<'a, I2C>, scale: HydrogenScale, warmup: u32) -> Self {
        Self {
            input,
            scale,
            warmup: Warmup::of(warmup),
        }
    }
}

impl<I2C: I2c> Sensor for Hydrogen<'_, I2C> {
    fn sample(&mut self) -> Result<Micro, Absence> {
        let scale = self.scale;
        let sample = self.input.volts().and_then(|volts| {
            if volts < scale.live {
                return Err(Absence::Open);
            }
            let above = i128::from(volts.0.saturating_sub(scale.zero.0).max(0));
            let ppm = above * i128::from(scale.span_ppm) * i128::from(MICRO) / i128::from(scale.span.0.max(1));
            i64::try_from(ppm).map(Micro).map_err(|_| Absence::Range)
        });
        self.warmup.judge(sample)
    }
}

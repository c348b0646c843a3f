//! Voltages: Texas Instruments ADS1115, four inputs.

use core::cell::RefCell;

use ads1x1x::{Ads1x1x, ChannelId, DataRate16Bit, FullScaleRange, TargetAddr, channel, ic, mode};
use embedded_hal::i2c::I2c;
use muster_wire::{Absence, Micro};

/// Full scale of ±4.096 V: 125 µV a step (datasheet, table 8-3).
const MICROVOLTS_PER_STEP: i64 = 125;
/// Questions to a conversion under way; at 860 a second one takes 1.2 ms, and a question at 400 kHz at least 0.1 ms.
const ASKED: usize = 200;

type Chip<I2C> = Ads1x1x<I2C, ic::Ads1115, ic::Resolution16Bit, mode::OneShot>;

/// The converter, shared by what is connected to it.
pub struct Adc<I2C>(RefCell<Chip<I2C>>);

impl<I2C> core::fmt::Debug for Adc<I2C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Adc(…)")
    }
}

impl<I2C: I2c> Adc<I2C> {
    /// On this bus, at its first address.
    pub fn new(i2c: I2C) -> Self {
        Self(RefCell::new(Ads1x1x::new_ads1115(i2c, TargetAddr::default())))
    }

    fn convert<C: ChannelId<Chip<I2C>>>(&self, input: impl Fn() -> C) -> Result<Micro, Absence> {
        let mut chip = self.0.borrow_mut();
        // Set every time: a chip that has been without power for a moment has forgotten it.
        chip.set_full_scale_range(FullScaleRange::Within4_096V)
            .and_then(|()| chip.set_data_rate(DataRate16Bit::Sps860))
            .map_err(|_| Absence::Bus)?;
        for _ in 0..ASKED {
            match chip.read(input()) {
                Ok(steps) => return Ok(Micro(i64::from(steps) * MICROVOLTS_PER_STEP)),
                Err(nb::Error::WouldBlock) => {}
                Err(nb::Error::Other(_)) => return Err(Absence::Bus),
            }
        }
        Err(Absence::Bus)
    }
}

/// One of its inputs.
pub struct AdcInput<'a, I2C> {
    adc: &'a Adc<I2C>,
    number: u8,
}

impl<I2C> core::fmt::Debug for AdcInput<'_, I2C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "AdcInput({})", self.number)
    }
}

impl<'a, I2C: I2c> AdcInput<'a, I2C> {
    /// Input 0 to 3; any other reads as a bus fault.
    pub const fn new(adc: &'a Adc<I2C>, number: u8) -> Self {
        Self { adc, number }
    }

    /// The middle of three conversions, in microvolts: one that caught a spike is outvoted.
    pub(super) fn volts(&self) -> Result<Micro, Absence> {
        let mut three = [self.once()?, self.once()?, self.once()?];
        three.sort_unstable();
        Ok(three[1])
    }

    /// One conversion, in microvolts.
    pub(super) fn once(&self) -> Result<Micro, Absence> {
        match self.number {
            0 => self.adc.convert(|| channel::SingleA0),
            1 => self.adc.convert(|| channel::SingleA1),
            2 => self.adc.convert(|| channel::SingleA2),
            3 => self.adc.convert(|| channel::SingleA3),
            _ => Err(Absence::Bus),
        }
    }
}

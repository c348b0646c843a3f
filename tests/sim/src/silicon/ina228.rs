//! Texas Instruments INA228: voltage and current (datasheet SBOS886, 7.6). Behind a divider of 10 and a shunt of 0.2 mΩ.

use super::{Chip, Measurands};

const CONFIG: u8 = 0x00;
const SHUNT_CAL: u8 = 0x02;
const VSHUNT: u8 = 0x04;
const VBUS: u8 = 0x05;
const CURRENT: u8 = 0x07;
const MANUFACTURER: u8 = 0x3E;
const DEVICE: u8 = 0x3F;
const DIVIDER: f64 = 10.0;
const SHUNT_OHMS: f64 = 0.000_2;

/// The chip.
#[derive(Debug, Default)]
pub(super) struct Ina228 {
    pointer: u8,
    config: u16,
    /// Without it the current reads 0, as on the chip.
    shunt_cal: u16,
}

impl Chip for Ina228 {
    fn write(&mut self, bytes: &[u8], _: &Measurands) -> bool {
        let Some((pointer, value)) = bytes.split_first() else {
            return true;
        };
        self.pointer = *pointer;
        if let Ok(value) = <[u8; 2]>::try_from(value) {
            let value = u16::from_be_bytes(value);
            match self.pointer {
                CONFIG if value & 0x8000 != 0 => *self = Self::default(),
                CONFIG => self.config = value,
                SHUNT_CAL => self.shunt_cal = value & 0x7FFF,
                _ => {}
            }
        }
        true
    }

    fn read(&mut self, bytes: usize, around: &Measurands) -> Vec<u8> {
        let shunt_v = around.string_a * SHUNT_OHMS;
        let wide = |steps: f64| ((steps.round() as i32) << 4).to_be_bytes()[1..].to_vec();
        let mut value = match self.pointer {
            CONFIG => self.config.to_be_bytes().to_vec(),
            SHUNT_CAL => self.shunt_cal.to_be_bytes().to_vec(),
            VSHUNT => wide(shunt_v / 312.5e-9),
            VBUS => wide(around.string_v / DIVIDER / 195.312_5e-6),
            // SHUNT_CAL = 13107.2e6 · current_lsb · R (8.1.2), so a step of the current is 4096 / SHUNT_CAL of the shunt's.
            CURRENT if self.shunt_cal > 0 => wide(shunt_v / 312.5e-9 * 4_096.0 / f64::from(self.shunt_cal)),
            MANUFACTURER => vec![0x54, 0x49],
            DEVICE => vec![0x22, 0x81],
            _ => Vec::new(),
        };
        value.resize(bytes, 0);
        value
    }

    fn lose_power(&mut self) {
        *self = Self::default();
    }
}

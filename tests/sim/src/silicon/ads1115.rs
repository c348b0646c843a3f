//! Texas Instruments ADS1115: four voltages (datasheet SBAS444, 8). A hydrogen transmitter is at input 0, the supervised
//! line at input 1, the supply of the node through 47k over 10k at input 2.

use super::{Chip, Measurands, Wire};

const CONVERSION: u8 = 0;
const CONFIG: u8 = 1;
/// Config after power: input 0 against input 1, ±2.048 V, one shot, 128 a second, comparator off.
const AT_POWER: u16 = 0x8583;

/// The chip.
#[derive(Debug)]
pub(super) struct Ads1115 {
    pointer: u8,
    registers: [u16; 4],
}

impl Default for Ads1115 {
    fn default() -> Self {
        Self {
            pointer: CONVERSION,
            registers: [0, AT_POWER, 0x8000, 0x7FFF],
        }
    }
}

impl Chip for Ads1115 {
    fn write(&mut self, bytes: &[u8], around: &Measurands) -> bool {
        let Some((pointer, value)) = bytes.split_first() else {
            return true;
        };
        self.pointer = pointer & 0b11;
        if let Ok(value) = <[u8; 2]>::try_from(value) {
            let value = u16::from_be_bytes(value);
            self.registers[usize::from(self.pointer)] = value;
            if self.pointer == CONFIG && value & 0x8000 != 0 {
                self.registers[usize::from(CONVERSION)] = convert(value, around).cast_unsigned();
            }
        }
        matches!(value.len(), 0 | 2)
    }

    fn read(&mut self, bytes: usize, _: &Measurands) -> Vec<u8> {
        let mut value = self.registers[usize::from(self.pointer)];
        if self.pointer == CONFIG {
            // A conversion is over at once, so no conversion is under way.
            value |= 0x8000;
        }
        value.to_be_bytes().into_iter().cycle().take(bytes).collect()
    }

    fn lose_power(&mut self) {
        *self = Self::default();
    }
}

fn convert(config: u16, around: &Measurands) -> i16 {
    let volts = match config >> 12 & 0b111 {
        0b100 => 0.4 + around.hydrogen_ppm / 40_000.0 * 1.6,
        0b101 => line_volts(around.line),
        0b110 => around.supply_v / 5.7,
        _ => 0.0,
    };
    let full_scale = match config >> 9 & 0b111 {
        0 => 6.144,
        1 => 4.096,
        2 => 2.048,
        3 => 1.024,
        4 => 0.512,
        _ => 0.256,
    };
    (volts / full_scale * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

/// 3.3 V through 2k2; 4k7 at the end of the line, 1k0 through the contact.
fn line_volts(wire: Wire) -> f64 {
    let divided = |ohms: f64| 3.3 * ohms / (ohms + 2_200.0);
    match wire {
        Wire::Rest => divided(4_700.0),
        Wire::Active => divided(4_700.0 * 1_000.0 / 5_700.0),
        Wire::Cut => 3.3,
        Wire::Shorted => 0.0,
    }
}

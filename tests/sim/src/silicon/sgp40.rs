//! Sensirion SGP40: a raw signal that falls with the logarithm of what the air holds (datasheet, version 1.2, 3.2).

use super::sensirion::{arguments, words};
use super::{Chip, Measurands};

/// The signal in air of `REFERENCE_PPM`, and ticks for a factor of e: 870 for a doubling; see the firmware's `VocScale`.
const REFERENCE_TICKS: f64 = 30_000.0;
const REFERENCE_PPM: f64 = 0.5;
const TICKS_PER_E: f64 = 1_255.0;

/// The chip: what it answers next.
#[derive(Debug, Default)]
pub(super) struct Sgp40 {
    answer: Vec<u8>,
    /// The last digit is noise, as on the chip.
    noise: u16,
}

impl Chip for Sgp40 {
    fn write(&mut self, bytes: &[u8], around: &Measurands) -> bool {
        let Some((command, rest)) = bytes.split_first_chunk::<2>() else {
            return false;
        };
        let answer = match u16::from_be_bytes(*command) {
            // Measure raw, with humidity and temperature.
            0x260F if arguments(rest).is_some_and(|given| given.len() == 2) => {
                self.noise ^= 1;
                vec![self.noise ^ raw(around)]
            }
            // Self-test.
            0x280E => vec![0xD400],
            // Serial number.
            0x3682 => vec![0x0000, 0x0001, 0x0002],
            // Heater off, reset.
            0x3615 | 0x0006 => Vec::new(),
            _ => return false,
        };
        self.answer = words(&answer, around);
        true
    }

    fn read(&mut self, bytes: usize, _: &Measurands) -> Vec<u8> {
        let mut answer = std::mem::take(&mut self.answer);
        answer.resize(bytes, 0xFF);
        answer
    }

    fn lose_power(&mut self) {
        *self = Self::default();
    }
}

fn raw(around: &Measurands) -> u16 {
    let ppm = around.voc_ppm.max(0.001);
    (REFERENCE_TICKS - TICKS_PER_E * (ppm / REFERENCE_PPM).ln())
        .round()
        .clamp(0.0, 65_535.0) as u16
}

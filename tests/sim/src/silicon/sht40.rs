//! Sensirion SHT40: temperature and humidity (datasheet, version 6, 4.5 and 4.6).

use super::sensirion::{scaled, words};
use super::{Chip, Measurands};

/// Measures with high, medium and low repeatability.
const MEASURE: [u8; 3] = [0xFD, 0xF6, 0xE0];
const SERIAL: u8 = 0x89;
const RESET: u8 = 0x94;

/// The chip: what it answers next.
#[derive(Debug, Default)]
pub(super) struct Sht40 {
    answer: Vec<u8>,
    /// The last digit is noise, as on the chip: firmware takes one that never moves for stuck.
    noise: u16,
}

impl Chip for Sht40 {
    fn write(&mut self, bytes: &[u8], around: &Measurands) -> bool {
        self.answer = match bytes {
            [command] if MEASURE.contains(command) => {
                self.noise ^= 1;
                let temperature = self.noise ^ scaled(around.temperature_c, -45.0, 175.0);
                let humidity = self.noise ^ scaled(around.humidity_percent, -6.0, 125.0);
                words(&[temperature, humidity], around)
            }
            [SERIAL] => words(&[0x1234, 0x5678], around),
            [RESET] => Vec::new(),
            _ => return false,
        };
        true
    }

    fn read(&mut self, bytes: usize, _: &Measurands) -> Vec<u8> {
        let mut answer = std::mem::take(&mut self.answer);
        // Nothing measured: the bus stays high.
        answer.resize(bytes, 0xFF);
        answer
    }

    fn lose_power(&mut self) {
        *self = Self::default();
    }
}

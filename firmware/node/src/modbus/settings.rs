//! What a board is told of its serial line.

use super::Map;

/// Bits of a character on the line: start, eight, parity or a second stop, stop (Modbus over Serial Line 1.02, 2.5.1).
const BITS_A_BYTE: u64 = 11;
/// Above this the silent interval no longer shrinks (2.5.1.1).
const FAST_BAUD: u32 = 19_200;
const FAST_SILENCE_US: u64 = 1_750;
const MICROSECONDS: u64 = 1_000_000;

/// Parity of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// None, as most devices are delivered.
    None,
    /// Even, as the standard has it.
    Even,
    /// Odd.
    Odd,
}

/// A device on the line. Without a map there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineSettings {
    /// How it is read.
    pub map: Option<&'static Map>,
    /// Its address, 1 to 247.
    pub unit: u8,
    /// Bits a second.
    pub baud: u32,
    /// Of its characters; one stop bit.
    pub parity: Parity,
    /// Between the beginnings of two cycles. Milliseconds; never shorter than its map allows.
    pub poll_ms: u64,
}

impl Default for LineSettings {
    fn default() -> Self {
        Self {
            map: None,
            unit: 1,
            baud: 9_600,
            parity: Parity::None,
            poll_ms: 1_000,
        }
    }
}

impl LineSettings {
    /// Takes a setting: `modbus` (a profile), `modbus-unit`, `modbus-baud`, `modbus-parity`, `modbus-poll-ms`. `None` if it
    /// is no such key, or its value cannot be.
    pub fn take(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "modbus" => self.map = Some(Map::of(value)?),
            "modbus-unit" => self.unit = value.parse().ok().filter(|unit| (1..=247).contains(unit))?,
            "modbus-baud" => self.baud = value.parse().ok().filter(|baud| (1_200..=115_200).contains(baud))?,
            "modbus-poll-ms" => self.poll_ms = value.parse().ok().filter(|ms| (10..=60_000).contains(ms))?,
            "modbus-parity" => {
                self.parity = match value {
                    "none" => Parity::None,
                    "even" => Parity::Even,
                    "odd" => Parity::Odd,
                    _ => return None,
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Three and a half characters: what separates two frames. Microseconds.
    pub(super) fn silence_us(&self) -> u64 {
        if self.baud > FAST_BAUD {
            FAST_SILENCE_US
        } else {
            self.bytes_us(7) / 2
        }
    }

    /// Time of so many characters. Microseconds.
    pub(super) fn bytes_us(&self, bytes: u64) -> u64 {
        (bytes * BITS_A_BYTE * MICROSECONDS).div_ceil(u64::from(self.baud.max(1)))
    }
}

//! The memory that outlives power: an AT24C32 (4 KiB, pages of 32) on the sensors' bus.

use embedded_hal::i2c::I2c as _;
use muster_node::Memory;

use crate::sbcon::{BusError, SENSORS};

const ADDRESS: u8 = 0x50;
/// Bytes of one page: a write does not go beyond it (AT24C32 datasheet).
const PAGE: usize = 32;
/// Asked again so often while it is writing a page, which takes at most 10 ms.
const ASKED: usize = 1_000;

/// The chip.
pub(crate) struct Eeprom;

impl Memory for Eeprom {
    type Error = BusError;

    fn read(&mut self, offset: usize, bytes: &mut [u8]) -> Result<(), BusError> {
        SENSORS.clone().write_read(ADDRESS, &address(offset), bytes)
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), BusError> {
        for (page, bytes) in bytes.chunks(PAGE).enumerate() {
            let mut message = [0; PAGE + 2];
            message[..2].copy_from_slice(&address(offset + page * PAGE));
            message[2..2 + bytes.len()].copy_from_slice(bytes);
            SENSORS.clone().write(ADDRESS, &message[..2 + bytes.len()])?;
            await_page()?;
        }
        Ok(())
    }
}

/// Two bytes, high first.
fn address(offset: usize) -> [u8; 2] {
    (offset as u16).to_be_bytes()
}

/// While it writes, it does not answer to its address.
fn await_page() -> Result<(), BusError> {
    let answers = |_| SENSORS.clone().write(ADDRESS, &address(0)).is_ok();
    if (0..ASKED).any(answers) {
        Ok(())
    } else {
        Err(BusError::Address)
    }
}

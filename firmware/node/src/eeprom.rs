//! The memory that outlives power: an AT24C32, a 24LC32A, or any of their relatives with two bytes of address.

use embedded_hal::i2c::I2c;

use crate::Memory;

const ADDRESS: u8 = 0x50;
/// Bytes of one page: a write does not go beyond it (AT24C32 and 24LC32A datasheets; larger ones have larger pages).
const PAGE: usize = 32;
/// Asked again so often while it is writing a page, which takes at most 10 ms; a question at 400 kHz takes 25 µs.
const ASKED: usize = 1_000;

/// The chip, at its first address.
#[derive(Debug)]
pub struct Eeprom<I2C>(I2C);

impl<I2C: I2c> Eeprom<I2C> {
    /// On this bus.
    pub const fn new(i2c: I2C) -> Self {
        Self(i2c)
    }

    /// While it writes, it does not answer to its address.
    fn await_page(&mut self) -> Result<(), I2C::Error> {
        let mut answer = Ok(());
        for _ in 0..ASKED {
            answer = self.0.write(ADDRESS, &place(0));
            if answer.is_ok() {
                break;
            }
        }
        answer
    }
}

impl<I2C: I2c> Memory for Eeprom<I2C> {
    type Error = I2C::Error;

    fn read(&mut self, offset: usize, bytes: &mut [u8]) -> Result<(), I2C::Error> {
        self.0.write_read(ADDRESS, &place(offset), bytes)
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), I2C::Error> {
        for (page, bytes) in bytes.chunks(PAGE).enumerate() {
            let mut message = [0; PAGE + 2];
            message[..2].copy_from_slice(&place(offset + page * PAGE));
            message[2..2 + bytes.len()].copy_from_slice(bytes);
            self.0.write(ADDRESS, &message[..2 + bytes.len()])?;
            self.await_page()?;
        }
        Ok(())
    }
}

/// Two bytes, high first.
const fn place(offset: usize) -> [u8; 2] {
    (offset as u16).to_be_bytes()
}

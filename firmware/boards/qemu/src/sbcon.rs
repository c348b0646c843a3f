//! The board's I2C buses: two lines each, moved bit by bit through an SBCon register.
//!
//! Registers: Arm application note AN386, serial interfaces: read and set 0x0, clear 0x4; SCL is bit 0, SDA bit 1.

use embedded_hal::i2c::{Error, ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation};

use crate::mmio::Block;

const SET: usize = 0x0;
const CLEAR: usize = 0x4;
const SCL: u32 = 0b01;
const SDA: u32 = 0b10;

/// One bus.
#[derive(Clone)]
pub(crate) struct SbCon(Block);

/// The bus of the temperature sensor and of the memory that outlives power.
// SAFETY: the fourth SBCon of the AN386 (the shield's), which QEMU puts its devices on.
pub(crate) const SENSORS: SbCon = SbCon(unsafe { Block::at(0x4002_A000) });

/// What can go wrong on a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BusError {
    /// Nobody answers to the address.
    Address,
    /// A byte was not taken.
    Data,
}

impl Error for BusError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::NoAcknowledge(match self {
            Self::Address => NoAcknowledgeSource::Address,
            Self::Data => NoAcknowledgeSource::Data,
        })
    }
}

impl ErrorType for SbCon {
    type Error = BusError;
}

impl SbCon {
    fn line(&self, line: u32, high: bool) {
        self.0.register(if high { SET } else { CLEAR }).write(line);
    }

    fn begin(&self) {
        self.line(SDA, true);
        self.line(SCL, true);
        self.line(SDA, false);
        self.line(SCL, false);
    }

    fn end(&self) {
        self.line(SDA, false);
        self.line(SCL, true);
        self.line(SDA, true);
    }

    fn bit(&self, high: bool) -> bool {
        self.line(SDA, high);
        self.line(SCL, true);
        let read = self.0.register(SET).read() & SDA != 0;
        self.line(SCL, false);
        read
    }

    /// Whether it was taken.
    fn put(&self, byte: u8) -> bool {
        for at in (0..8).rev() {
            self.bit(byte >> at & 1 != 0);
        }
        !self.bit(true)
    }

    fn get(&self, last: bool) -> u8 {
        let byte = (0..8).fold(0, |byte, _| byte << 1 | u8::from(self.bit(true)));
        self.bit(last);
        byte
    }

    fn address(&self, address: u8, read: bool) -> Result<(), BusError> {
        self.begin();
        if self.put(address << 1 | u8::from(read)) {
            Ok(())
        } else {
            Err(BusError::Address)
        }
    }

    fn carry_out(&self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), BusError> {
        let mut reading = None;
        for operation in operations {
            let reads = matches!(operation, Operation::Read(_));
            if reading.replace(reads) != Some(reads) {
                self.address(address, reads)?;
            }
            match operation {
                Operation::Read(bytes) => {
                    let last = bytes.len().saturating_sub(1);
                    for (at, byte) in bytes.iter_mut().enumerate() {
                        *byte = self.get(at == last);
                    }
                }
                Operation::Write(bytes) => {
                    if !bytes.iter().all(|byte| self.put(*byte)) {
                        return Err(BusError::Data);
                    }
                }
            }
        }
        Ok(())
    }
}

impl I2c for SbCon {
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), BusError> {
        let done = self.carry_out(address, operations);
        self.end();
        done
    }
}

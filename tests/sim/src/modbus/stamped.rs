//! A device whose answers say when they were made: whoever has its value can tell how old it is.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_modbus::{ExceptionCode, Request, Response};

use super::DeviceError;
use super::server::{Device, View};

/// Holding registers it has, from 0 on.
pub const REGISTERS: u16 = 50;
/// Each of these and the one behind it hold the time of the answer, high word first; every other register its own number.
pub const STAMPS: [u16; 2] = [0, 10];

/// Tells the time of an answer, in whatever unit its reader knows.
pub type Stamp = Arc<dyn Fn() -> u32 + Send + Sync>;

/// A device that stamps.
#[derive(Clone)]
pub(super) struct Stamped(Stamp);

impl Stamped {
    pub(super) fn answer(&self, request: &Request<'_>) -> Result<Response, ExceptionCode> {
        let Request::ReadHoldingRegisters(at, count) = *request else {
            return Err(ExceptionCode::IllegalFunction);
        };
        let end = at
            .checked_add(count)
            .filter(|end| at < *end && *end <= REGISTERS)
            .ok_or(ExceptionCode::IllegalDataAddress)?;
        let now = (self.0)();
        let word = |register: u16| match register {
            high if STAMPS.contains(&high) => (now >> 16) as u16,
            low if STAMPS.contains(&low.wrapping_sub(1)) => now as u16,
            other => other,
        };
        Ok(Response::ReadHoldingRegisters((at..end).map(word).collect()))
    }
}

/// Puts such a device up at `bind` (port 0 takes a free one), as Modbus unit `unit`.
///
/// # Errors
/// [`DeviceError::Listen`] if the address cannot be listened on.
pub async fn spawn(bind: SocketAddr, unit: u8, stamp: Stamp) -> Result<Device, DeviceError> {
    Device::start(bind, unit, View::Stamped(Stamped(stamp))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_registers_are_read_and_two_of_them_tell_the_time() {
        let device = Stamped(Arc::new(|| 0x0102_0304));
        let read = |at, count| device.answer(&Request::ReadHoldingRegisters(at, count));
        let words = |words: &[u16]| Ok(Response::ReadHoldingRegisters(words.to_vec()));
        assert_eq!(read(0, 3), words(&[0x0102, 0x0304, 2]));
        assert_eq!(read(9, 4), words(&[9, 0x0102, 0x0304, 12]));
        assert_eq!(read(49, 1), words(&[49]));
        for (at, count) in [(0, 0), (0, 51), (49, 2), (50, 1), (u16::MAX, 1)] {
            assert_eq!(read(at, count), Err(ExceptionCode::IllegalDataAddress), "{at} {count}");
        }
        let coils = device.answer(&Request::ReadCoils(0, 1));
        assert_eq!(coils, Err(ExceptionCode::IllegalFunction));
    }
}

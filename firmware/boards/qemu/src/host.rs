//! What the emulator's host lends the board, by semihosting: random numbers, the time, and the files of `muster enroll`.
//! On a real board these are a random number generator, a clock and a page of flash.

use core::ffi::CStr;
use core::fmt::Write as _;

use heapless::String;
use rand_core::{CryptoRng, RngCore};
use semihosting::experimental::random;
use semihosting::experimental::time::SystemTime;
use semihosting::fs::File;
use semihosting::io::Read as _;

/// Random numbers of the host's kernel.
#[derive(Clone, Copy)]
pub(crate) struct HostRandom;

impl CryptoRng for HostRandom {}

impl RngCore for HostRandom {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        // Keys made of anything else would be worse than none.
        assert!(random::fill_bytes(bytes).is_ok(), "the host has no random numbers");
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

/// Unix seconds; 0 if the host has no time.
pub(crate) fn unix_s() -> u32 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u32::try_from(since.as_secs()).unwrap_or(u32::MAX))
}

/// Reads a file of a folder whole; `None` if it is not there or does not fit.
pub(crate) fn read_file<'b>(folder: &str, name: &str, room: &'b mut [u8]) -> Option<&'b [u8]> {
    let mut path = String::<128>::new();
    write!(path, "{folder}/{name}\0").ok()?;
    let mut file = File::open(CStr::from_bytes_with_nul(path.as_bytes()).ok()?).ok()?;
    let mut read = 0;
    while read < room.len() {
        match file.read(&mut room[read..]).ok()? {
            0 => return room.get(..read),
            more => read += more,
        }
    }
    None
}

//! The boot count: rises with every start, whatever happens to power in between.

use crc::{CRC_32_ISO_HDLC, Crc};

/// Bytes of memory it needs.
pub const BOOT_BYTES: usize = 2 * SLOT_BYTES;

const SLOT_BYTES: usize = 16;
const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Memory that outlives power: an EEPROM, FRAM, or a page of flash behind a wear-levelling layer.
pub trait Memory {
    /// What can fail.
    type Error;

    /// Reads from an offset.
    ///
    /// # Errors
    /// The memory does not answer.
    fn read(&mut self, offset: usize, bytes: &mut [u8]) -> Result<(), Self::Error>;

    /// Writes at an offset, and returns once it would outlive power.
    ///
    /// # Errors
    /// The memory does not answer, or did not take it.
    fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// A start's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boot {
    /// Above that of every start before. At most `i64::MAX`.
    pub count: u64,
    /// Whether the memory holds it; if not, the next start has to be numbered by the clock as well.
    pub kept: bool,
}

/// Takes the next number and keeps it, in two slots in turn, so that a power cut in the middle of writing costs nothing.
/// Where the memory is empty, worn out or gone, the count goes on from the time: a count that began anew at 1 would be
/// taken for a replay for ever. `unix_s` is 0 if the time is not known either.
pub fn next_boot<M: Memory>(memory: &mut M, unix_s: u32) -> Boot {
    let slots = [0, 1].map(|slot| read_slot(memory, slot));
    let last = slots.into_iter().flatten().max();
    let count = last.map_or(u64::from(unix_s).max(1), |last| last.saturating_add(1));
    let count = count.min(i64::MAX.unsigned_abs());
    let older = usize::from(slots[0] == last && last.is_some());
    let kept = write_slot(memory, older, count) && read_slot(memory, older) == Some(count);
    if kept || unix_s == 0 {
        return Boot { count, kept };
    }
    // The memory still says what it said: the time at least rises.
    Boot {
        count: count.max(u64::from(unix_s)),
        kept,
    }
}

fn read_slot<M: Memory>(memory: &mut M, slot: usize) -> Option<u64> {
    let mut bytes = [0; SLOT_BYTES];
    memory.read(slot * SLOT_BYTES, &mut bytes).ok()?;
    let (value, rest) = bytes.split_first_chunk::<8>()?;
    let checksum = u32::from_le_bytes(*rest.first_chunk()?);
    (checksum == CHECKSUM.checksum(value)).then(|| u64::from_le_bytes(*value))
}

fn write_slot<M: Memory>(memory: &mut M, slot: usize, count: u64) -> bool {
    let mut bytes = [0; SLOT_BYTES];
    bytes[..8].copy_from_slice(&count.to_le_bytes());
    let checksum = CHECKSUM.checksum(&bytes[..8]);
    bytes[8..12].copy_from_slice(&checksum.to_le_bytes());
    memory.write(slot * SLOT_BYTES, &bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails after so many bytes were written.
    struct Eeprom {
        bytes: [u8; BOOT_BYTES],
        endurance: usize,
    }

    impl Memory for Eeprom {
        type Error = ();

        fn read(&mut self, offset: usize, bytes: &mut [u8]) -> Result<(), ()> {
            bytes.copy_from_slice(&self.bytes[offset..offset + bytes.len()]);
            Ok(())
        }

        fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), ()> {
            for (at, byte) in bytes.iter().enumerate() {
                self.endurance = self.endurance.checked_sub(1).ok_or(())?;
                self.bytes[offset + at] = *byte;
            }
            Ok(())
        }
    }

    fn new() -> Eeprom {
        Eeprom {
            bytes: [0xFF; BOOT_BYTES],
            endurance: usize::MAX,
        }
    }

    #[test]
    fn it_rises_with_every_start() {
        let mut eeprom = new();
        for expected in 1..=5 {
            let boot = next_boot(&mut eeprom, 0);
            assert_eq!(
                boot,
                Boot {
                    count: expected,
                    kept: true
                }
            );
        }
        // An empty memory begins at the time, and goes on one by one.
        let mut eeprom = new();
        assert_eq!(next_boot(&mut eeprom, 1_790_000_000).count, 1_790_000_000);
        assert_eq!(next_boot(&mut eeprom, 1_790_000_009).count, 1_790_000_001);
    }

    #[test]
    fn power_cut_at_any_byte_loses_no_count() {
        for cut in 0..=SLOT_BYTES {
            let mut eeprom = new();
            for _ in 0..3 {
                next_boot(&mut eeprom, 0);
            }
            eeprom.endurance = cut;
            let cut_short = next_boot(&mut eeprom, 0);
            eeprom.endurance = usize::MAX;
            let next = next_boot(&mut eeprom, 0);
            assert!(next.kept && next.count >= 4, "cut after {cut} bytes: {next:?}");
            // A start whose count was not kept may share it with the next only if it never could say so.
            assert!(
                next.count > cut_short.count || !cut_short.kept,
                "{cut_short:?} {next:?}"
            );
        }
    }

    #[test]
    fn a_worn_out_memory_counts_by_the_clock() {
        let mut eeprom = new();
        next_boot(&mut eeprom, 1_790_000_000);
        eeprom.endurance = 0;
        let first = next_boot(&mut eeprom, 1_790_000_100);
        let second = next_boot(&mut eeprom, 1_790_000_200);
        assert!(!first.kept && first.count < second.count, "{first:?} {second:?}");
    }
}

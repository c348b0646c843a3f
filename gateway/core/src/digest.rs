//! A digest that is the same in debug, in release and on every word size.

use core::hash::{Hash, Hasher};

/// FNV-1a, 64 bits (Fowler, Noll, Vo). Integers enter little-endian and lengths as 64 bits, so that the digest does not
/// depend on the machine. Not against forgery: it tells whether two runs are the same.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    fn write_u16(&mut self, i: u16) {
        self.write(&i.to_le_bytes());
    }
    fn write_u32(&mut self, i: u32) {
        self.write(&i.to_le_bytes());
    }
    fn write_u64(&mut self, i: u64) {
        self.write(&i.to_le_bytes());
    }
    fn write_usize(&mut self, i: usize) {
        self.write_u64(i as u64);
    }
    fn write_i16(&mut self, i: i16) {
        self.write_u16(i.cast_unsigned());
    }
    fn write_i32(&mut self, i: i32) {
        self.write_u32(i.cast_unsigned());
    }
    fn write_i64(&mut self, i: i64) {
        self.write_u64(i.cast_unsigned());
    }
    fn write_isize(&mut self, i: isize) {
        self.write_i64(i as i64);
    }
}

/// Digest of anything hashable.
pub(crate) fn of(value: &impl Hash) -> u64 {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every width enters as its bytes do, the least significant first.
    #[test]
    fn integers_enter_little_endian() {
        let bytes = |bytes: &[u8]| {
            let mut hasher = Fnv(0);
            hasher.write(bytes);
            hasher.0
        };
        let of = |write: fn(&mut Fnv)| {
            let mut hasher = Fnv(0);
            write(&mut hasher);
            hasher.0
        };
        assert_eq!(of(|h| h.write_i16(-2)), bytes(&[0xfe, 0xff]));
        assert_eq!(of(|h| h.write_i32(-2)), bytes(&[0xfe, 0xff, 0xff, 0xff]));
        assert_eq!(of(|h| h.write_u16(0x0102)), bytes(&[2, 1]));
        assert_eq!(of(|h| h.write_isize(1)), bytes(&[1, 0, 0, 0, 0, 0, 0, 0]));
    }
}

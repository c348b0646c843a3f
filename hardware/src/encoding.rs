//! How bits in registers make a number.

use muster_wire::{Absence, Micro};

/// Which of two registers comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WordOrder {
    /// The high word has the lower address (ABCD), as most devices do.
    #[default]
    Big,
    /// The low word has the lower address (CDAB).
    Little,
}

/// What a signal's registers hold. Within a register the high byte comes first: Modbus leaves no choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// A coil or a discrete input.
    Single,
    /// Two inputs of one contact: the first closes with it, the second opens. Both open or both closed is a wire at fault.
    Pair,
    /// One register, unsigned.
    U16,
    /// One register, two's complement.
    I16,
    /// Two registers, unsigned.
    U32(WordOrder),
    /// Two registers, two's complement.
    I32(WordOrder),
    /// Two registers, IEEE 754 single precision.
    F32(WordOrder),
    /// Bit 0 to 15 of one register; bit 0 is the lowest.
    Bit16(u8),
    /// Bit 0 to 31 of two registers; bit 0 is the lowest.
    Bit32(u8, WordOrder),
}

impl Encoding {
    /// Registers or bits it takes: 1 or 2.
    #[must_use]
    pub const fn words(self) -> u16 {
        match self {
            Self::Single | Self::U16 | Self::I16 | Self::Bit16(_) => 1,
            Self::Pair | Self::U32(_) | Self::I32(_) | Self::F32(_) | Self::Bit32(..) => 2,
        }
    }

    /// Whether it is one bit (else a number).
    #[must_use]
    pub const fn is_bit(self) -> bool {
        matches!(self, Self::Single | Self::Pair | Self::Bit16(_) | Self::Bit32(..))
    }

    /// All bits of the registers, as they stand; `None` for the wrong number of registers.
    pub(crate) fn pattern(self, words: &[u16]) -> Option<u32> {
        match (self, words) {
            (Self::Single | Self::U16 | Self::I16 | Self::Bit16(_), &[one]) => Some(u32::from(one)),
            (Self::Pair, &[closes, opens]) => Some(u32::from(closes != 0) | u32::from(opens != 0) << 1),
            (Self::U32(order) | Self::I32(order) | Self::F32(order) | Self::Bit32(_, order), &[first, second]) => {
                Some(match order {
                    WordOrder::Big => join(first, second),
                    WordOrder::Little => join(second, first),
                })
            }
            _ => None,
        }
    }

    /// What is wrong with the wires of a contact, if anything is.
    pub(crate) const fn wire_fault(self, pattern: u32) -> Option<Absence> {
        match (self, pattern) {
            (Self::Pair, 0b00) => Some(Absence::Open),
            (Self::Pair, 0b11) => Some(Absence::Short),
            _ => None,
        }
    }

    /// The number in a pattern, in millionths; `None` for what is no number.
    pub(crate) fn micro(self, pattern: u32) -> Option<Micro> {
        match self {
            Self::F32(_) => Micro::from_f64(f32::from_bits(pattern).into()),
            _ => Micro::from_units(self.whole(pattern)),
        }
    }

    /// The whole number in a pattern; a float has none.
    fn whole(self, pattern: u32) -> i64 {
        match self {
            Self::F32(_) => 0,
            Self::Single => i64::from(pattern != 0),
            Self::Pair => i64::from(pattern & 1),
            Self::U16 | Self::U32(_) => i64::from(pattern),
            Self::I16 => i64::from((pattern & 0xFFFF) as u16 as i16),
            Self::I32(_) => i64::from(pattern as i32),
            Self::Bit16(bit) | Self::Bit32(bit, _) => i64::from(pattern.checked_shr(u32::from(bit)).unwrap_or(0) & 1),
        }
    }
}

fn join(high: u16, low: u16) -> u32 {
    u32::from(high) << 16 | u32::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(encoding: Encoding, words: &[u16]) -> Option<i64> {
        encoding.pattern(words).map(|p| encoding.whole(p))
    }

    #[test]
    fn signs_and_word_orders() {
        assert_eq!(number(Encoding::U16, &[0xFFFF]), Some(65_535));
        assert_eq!(number(Encoding::I16, &[0xFFFF]), Some(-1));
        assert_eq!(number(Encoding::U32(WordOrder::Big), &[0x0001, 0x0002]), Some(65_538));
        assert_eq!(
            number(Encoding::U32(WordOrder::Little), &[0x0001, 0x0002]),
            Some(131_073)
        );
        assert_eq!(number(Encoding::I32(WordOrder::Big), &[0xFFFF, 0xFFFE]), Some(-2));
        assert_eq!(
            number(Encoding::I32(WordOrder::Little), &[0x0000, 0x8000]),
            Some(i64::from(i32::MIN))
        );
    }

    #[test]
    fn bits_are_numbered_over_both_registers() {
        let on_battery = Encoding::Bit32(2, WordOrder::Big);
        assert_eq!(number(on_battery, &[0, 0b100]), Some(1));
        assert_eq!(number(on_battery, &[0b100, 0]), Some(0));
        let overload = Encoding::Bit32(21, WordOrder::Big);
        assert_eq!(number(overload, &[0b10_0000, 0]), Some(1));
        assert_eq!(number(Encoding::Bit16(15), &[0x8000]), Some(1));
        assert_eq!(number(Encoding::Single, &[1]), Some(1));
    }

    #[test]
    fn the_wrong_number_of_registers_is_no_number() {
        assert_eq!(number(Encoding::U32(WordOrder::Big), &[1]), None);
        assert_eq!(number(Encoding::U16, &[1, 2]), None);
        assert_eq!(number(Encoding::Single, &[]), None);
    }
}

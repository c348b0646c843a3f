//! A register whose value is known beforehand: it proves that answers belong to the registers asked for.

use crate::Block;

/// A register that is read at the end of every cycle. Where it does not hold what it should, the whole cycle is
/// discarded: the device is another one, the addresses are off by one, or the answers are out of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canary {
    /// Where it stands.
    pub block: Block,
    /// What it holds.
    pub expect: Expect,
}

/// What a canary holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// This value; of a single register or bit.
    Value(u16),
    /// Anything but zeros.
    Nonzero,
    /// A counter that moves at least once in this time, in milliseconds: a device that answers and is dead does not.
    Moving {
        /// Milliseconds.
        within_ms: u64,
    },
    /// Text: printable ASCII, filled up with NUL, not all blank.
    Ascii,
}

impl Canary {
    /// Whether the device answered what it should.
    #[must_use]
    pub fn holds(&self, answer: &[u16]) -> bool {
        answer.len() == usize::from(self.block.count)
            && match self.expect {
                Expect::Value(value) => answer.iter().all(|w| *w == value),
                Expect::Nonzero => answer.iter().any(|w| *w != 0),
                // Whoever remembers the last answer judges it.
                Expect::Moving { .. } => true,
                Expect::Ascii => is_text(answer),
            }
    }

    /// Whether the expectation fits its table: bits hold no text, and only one value can be expected.
    pub(crate) fn is_possible(&self) -> bool {
        let bits = self.block.table.is_bits();
        match self.expect {
            Expect::Value(value) => self.block.count == 1 && !(bits && value > 1),
            Expect::Nonzero => true,
            Expect::Moving { .. } => !bits,
            Expect::Ascii => !bits,
        }
    }
}

fn is_text(words: &[u16]) -> bool {
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
    let text = bytes
        .iter()
        .rposition(|b| *b != 0)
        .map_or(&[][..], |last| &bytes[..=last]);
    text.iter().all(|b| (b' '..=b'~').contains(b)) && text.iter().any(|b| *b != b' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;

    fn canary(count: u16, expect: Expect) -> Canary {
        let block = Block {
            table: Table::Holding,
            start: 0,
            count,
        };
        Canary { block, expect }
    }

    #[test]
    fn a_value_must_be_met_and_the_length_too() {
        let c = canary(1, Expect::Value(7));
        assert!(c.holds(&[7]));
        assert!(!c.holds(&[8]) && !c.holds(&[]) && !c.holds(&[7, 7]));
    }

    #[test]
    fn zeros_never_pass() {
        for expect in [Expect::Nonzero, Expect::Ascii] {
            assert!(!canary(2, expect).holds(&[0, 0]), "{expect:?}");
        }
        assert!(canary(2, Expect::Nonzero).holds(&[0, 1]));
    }

    #[test]
    fn text_is_text() {
        let c = canary(2, Expect::Ascii);
        assert!(c.holds(&[0x534D, 0x5400]), "SMT and one NUL");
        assert!(!c.holds(&[0x2020, 0x2020]), "blank");
        assert!(!c.holds(&[0x0053, 0x4D54]), "NUL before the text: off by a byte");
        assert!(!c.holds(&[0x53FF, 0x4D54]), "not printable");
    }

    #[test]
    fn what_can_never_hold_is_impossible() {
        assert!(!canary(2, Expect::Value(7)).is_possible());
        let mut coil = canary(1, Expect::Value(2));
        coil.block.table = Table::Coil;
        assert!(!coil.is_possible());
        coil.expect = Expect::Ascii;
        assert!(!coil.is_possible());
    }
}

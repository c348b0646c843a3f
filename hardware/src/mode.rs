//! A register that says whether the device measures at all.

use muster_wire::Absence;

use crate::{Block, Signal};

/// A register of states or of bits, read at the end of every cycle: while it says that the device warms up or is inhibited,
/// none of its signals has a value. So a gas detector under calibration trips nothing, and everybody sees why. What stands in
/// this register itself keeps its value: a device says that it is isolated, and its faults, also while it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Where it stands; one register.
    pub block: Block,
    /// What it holds while the device warms up.
    pub warmup: Vec<u16>,
    /// What it holds while somebody has inhibited, calibrates or tests it.
    pub inhibited: Vec<u16>,
    /// Bits of which at least one is set then, where it is a register of bits.
    pub inhibited_bits: u16,
}

impl Mode {
    /// Why the device's signals have no value now; none if they have.
    #[must_use]
    pub fn absence(&self, answer: &[u16]) -> Option<Absence> {
        match answer {
            [state] if self.warmup.contains(state) => Some(Absence::Warmup),
            [state] if self.inhibited.contains(state) || state & self.inhibited_bits != 0 => Some(Absence::Config),
            [_] => None,
            _ => Some(Absence::Bus),
        }
    }

    /// Whether a signal stands in this register, and so keeps its value.
    #[must_use]
    pub fn is_about(&self, signal: &Signal) -> bool {
        signal.table == self.block.table && signal.address == self.block.start && signal.words() == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;

    #[test]
    fn a_device_that_does_not_measure_says_why() {
        let mode = Mode {
            block: Block {
                table: Table::Input,
                start: 10,
                count: 1,
            },
            warmup: vec![2],
            inhibited: vec![3, 12],
            inhibited_bits: 0,
        };
        let states = [1, 2, 3, 12, 99].map(|state| mode.absence(&[state]));
        let config = Some(Absence::Config);
        assert_eq!(states, [None, Some(Absence::Warmup), config, config, None]);
        assert_eq!(mode.absence(&[]), Some(Absence::Bus));
    }

    #[test]
    fn a_bit_inhibits_whatever_else_the_register_says() {
        let block = Block {
            table: Table::Holding,
            start: 7,
            count: 1,
        };
        let mode = Mode {
            block,
            warmup: Vec::new(),
            inhibited: Vec::new(),
            inhibited_bits: 1 << 7,
        };
        let of = |word: u16| mode.absence(&[word]);
        assert_eq!((of(0), of(0x7F), of(0xFF00)), (None, None, None));
        assert_eq!((of(0x80), of(0xFFFF)), (Some(Absence::Config), Some(Absence::Config)));
    }
}

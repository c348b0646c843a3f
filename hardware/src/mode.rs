//! A register that says whether the device measures at all.

use muster_wire::Absence;

use crate::Block;

/// A register of states, read at the end of every cycle: while it says that the device warms up or is inhibited, none of its
/// signals has a value. So a gas detector under calibration trips nothing, and everybody sees why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Where it stands; one register.
    pub block: Block,
    /// What it holds while the device warms up.
    pub warmup: Vec<u16>,
    /// What it holds while somebody has inhibited, calibrates or tests it.
    pub inhibited: Vec<u16>,
}

impl Mode {
    /// Why the device's signals have no value now; none if they have.
    #[must_use]
    pub fn absence(&self, answer: &[u16]) -> Option<Absence> {
        match answer {
            [state] if self.warmup.contains(state) => Some(Absence::Warmup),
            [state] if self.inhibited.contains(state) => Some(Absence::Config),
            [_] => None,
            _ => Some(Absence::Bus),
        }
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
        };
        let states = [1, 2, 3, 12, 99].map(|state| mode.absence(&[state]));
        let config = Some(Absence::Config);
        assert_eq!(states, [None, Some(Absence::Warmup), config, config, None]);
        assert_eq!(mode.absence(&[]), Some(Absence::Bus));
    }
}

//! Which registers are read together.

use crate::{Signal, Table};

/// One read: `count` registers or bits from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    /// Where.
    pub table: Table,
    /// First address, 0-based.
    pub start: u16,
    /// How many, 1 to [`Table::most_per_read`].
    pub count: u16,
}

impl Block {
    /// The part of this block's answer that belongs to a signal; `None` where the signal is not in the block, or the
    /// answer is too short.
    #[must_use]
    pub fn part<'a>(&self, signal: &Signal, answer: &'a [u16]) -> Option<&'a [u16]> {
        if signal.table != self.table {
            return None;
        }
        let from = usize::from(signal.address.checked_sub(self.start)?);
        let to = from + usize::from(signal.words());
        if to > usize::from(self.count) {
            return None;
        }
        answer.get(from..to)
    }

    /// First address behind it.
    const fn end(&self) -> u32 {
        self.start as u32 + self.count as u32
    }

    /// Takes `signal` in where that keeps the gap and the size within their limits.
    fn grow(&mut self, signal: &Signal, max_gap: u16) -> bool {
        let (from, to) = (u32::from(signal.address), signal.end());
        let size = to.max(self.end()) - u32::from(self.start);
        let near = from <= self.end() + u32::from(max_gap);
        let fits = signal.table == self.table && near && size <= u32::from(self.table.most_per_read());
        if let (true, Ok(count)) = (fits, u16::try_from(size)) {
            self.count = count;
        }
        fits
    }
}

/// Joins signals into blocks; `max_gap` addresses nobody asked for may lie between two of them.
pub(crate) fn plan<'a>(signals: impl Iterator<Item = &'a Signal>, max_gap: u16) -> Vec<Block> {
    let mut sorted: Vec<&Signal> = signals.collect();
    sorted.sort_by_key(|s| (s.table, s.address));
    let mut blocks: Vec<Block> = Vec::new();
    for signal in sorted {
        if !blocks.last_mut().is_some_and(|b| b.grow(signal, max_gap)) {
            blocks.push(Block {
                table: signal.table,
                start: signal.address,
                count: signal.words(),
            });
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encoding, Scale};
    use muster_wire::Quantity;

    fn at(table: Table, address: u16, encoding: Encoding) -> Signal {
        Signal {
            name: format!("s{address}"),
            table,
            address,
            encoding,
            scale: Scale::ONE,
            sentinels: Vec::new(),
            quantity: Quantity::Counter,
            trip: false,
            invert: false,
            scale_from: None,
            states: Vec::new(),
            none_of: Vec::new(),
            unless_signals: Vec::new(),
        }
    }

    fn holding(addresses: &[u16]) -> Vec<Signal> {
        addresses
            .iter()
            .map(|a| at(Table::Holding, *a, Encoding::U16))
            .collect()
    }

    fn spans(blocks: &[Block]) -> Vec<(u16, u16)> {
        blocks.iter().map(|b| (b.start, b.count)).collect()
    }

    #[test]
    fn a_small_gap_is_read_over_and_a_large_one_is_not() {
        let signals = holding(&[30, 0, 9, 10]);
        assert_eq!(spans(&plan(signals.iter(), 8)), [(0, 11), (30, 1)]);
        assert_eq!(spans(&plan(signals.iter(), 7)), [(0, 1), (9, 2), (30, 1)]);
        assert_eq!(spans(&plan(signals.iter(), 0)), [(0, 1), (9, 2), (30, 1)]);
    }

    #[test]
    fn tables_never_mix_and_nothing_wanted_reads_nothing() {
        let signals = [at(Table::Input, 1, Encoding::U16), at(Table::Holding, 0, Encoding::U16)];
        assert_eq!(plan(signals.iter(), 100).len(), 2);
        assert_eq!(plan([].iter(), 8), []);
    }

    #[test]
    fn no_block_is_larger_than_one_read_may_be_and_no_signal_is_split() {
        let wide = [
            at(Table::Holding, 0, Encoding::U16),
            at(Table::Holding, 124, Encoding::U32(crate::WordOrder::Big)),
        ];
        assert_eq!(spans(&plan(wide.iter(), 124)), [(0, 1), (124, 2)]);
        let every: Vec<u16> = (0..300).collect();
        assert_eq!(
            spans(&plan(holding(&every).iter(), 8)),
            [(0, 125), (125, 125), (250, 50)]
        );
        let coils: Vec<Signal> = (0..2_001).map(|a| at(Table::Coil, a, Encoding::Single)).collect();
        assert_eq!(spans(&plan(coils.iter(), 8)), [(0, 2_000), (2_000, 1)]);
    }

    #[test]
    fn overlapping_signals_share_their_registers() {
        let signals = [
            at(Table::Holding, 10, Encoding::U32(crate::WordOrder::Big)),
            at(Table::Holding, 10, Encoding::U16),
            at(Table::Holding, 11, Encoding::U16),
        ];
        assert_eq!(spans(&plan(signals.iter(), 8)), [(10, 2)]);
    }

    #[test]
    fn the_last_address_of_all_does_not_overflow() {
        let signals = holding(&[65_534, 65_535]);
        assert_eq!(spans(&plan(signals.iter(), 124)), [(65_534, 2)]);
    }

    #[test]
    fn a_part_is_cut_at_the_right_place_or_not_at_all() {
        let block = Block {
            table: Table::Holding,
            start: 5,
            count: 4,
        };
        let answer = [50, 60, 70, 80];
        let part = |address, encoding| {
            block
                .part(&at(Table::Holding, address, encoding), &answer)
                .map(<[u16]>::to_vec)
        };
        assert_eq!(part(6, Encoding::U32(crate::WordOrder::Big)), Some(vec![60, 70]));
        assert_eq!(part(8, Encoding::U32(crate::WordOrder::Big)), None, "half outside");
        assert_eq!(part(4, Encoding::U16), None, "before it");
        assert_eq!(
            block.part(&at(Table::Input, 6, Encoding::U16), &answer),
            None,
            "another table"
        );
        assert_eq!(
            block.part(&at(Table::Holding, 8, Encoding::U16), &answer[..3]),
            None,
            "cut answer"
        );
    }
}

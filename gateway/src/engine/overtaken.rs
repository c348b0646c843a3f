//! Marks of packs that came before older ones: an alarm overtakes readings on its way here. Its node is told that it may
//! forget everything up to it, so its mark waits until the readings that were ahead of it have been taken as well.

use std::collections::VecDeque;

use crate::lanes::Mark;

/// Marks that wait. Beyond it a mark is dropped, which delays an acknowledgement until the node's next pack.
const MOST: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Overtaken {
    /// Batches taken from the lane of readings.
    taken: u64,
    /// How many have to be taken before a mark holds. In that order.
    waiting: VecDeque<(u64, Mark)>,
}

impl Overtaken {
    /// The mark of a pack on the lane of alarms, while so many batches are in the lane of readings: it holds at once, or
    /// waits.
    pub(super) fn alarm(&mut self, mark: Option<Mark>, ahead: usize) -> Option<Mark> {
        let mark = mark?;
        if ahead == 0 {
            return Some(mark);
        }
        if self.waiting.len() < MOST {
            self.waiting.push_back((self.taken + ahead as u64, mark));
        }
        None
    }

    /// A batch of readings has been taken, with what it caused. The next mark that holds by that, until there is none.
    pub(super) fn taken(&mut self) {
        self.taken += 1;
    }

    pub(super) fn next(&mut self) -> Option<Mark> {
        let holds = self.waiting.front().is_some_and(|(at, _)| *at <= self.taken);
        holds.then(|| self.waiting.pop_front())?.map(|(_, mark)| mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(seq: u64) -> Mark {
        let node = "node-1".into();
        Mark { node, boot: 1, seq }
    }

    #[test]
    fn a_mark_holds_once_what_it_overtook_has_been_taken() {
        let mut overtaken = Overtaken::default();
        assert_eq!(overtaken.alarm(Some(mark(1)), 0), Some(mark(1)));
        assert_eq!(overtaken.alarm(None, 3), None);
        assert_eq!(overtaken.alarm(Some(mark(9)), 2), None);
        overtaken.taken();
        assert_eq!(overtaken.next(), None);
        assert_eq!(overtaken.alarm(Some(mark(12)), 2), None);
        overtaken.taken();
        assert_eq!((overtaken.next(), overtaken.next()), (Some(mark(9)), None));
        overtaken.taken();
        assert_eq!((overtaken.next(), overtaken.next()), (Some(mark(12)), None));
        for seq in 0..2 * MOST as u64 {
            overtaken.alarm(Some(mark(seq)), 5);
        }
        assert_eq!(overtaken.waiting.len(), MOST);
    }
}

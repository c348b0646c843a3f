//! What waits to be told at one place. Votes, levels and ends wait in order until they are out. Trouble waits apart, so that
//! it never holds them back, and of a flood of it the first lines and the count are told (ISA-18.2, first-out).

use std::collections::VecDeque;

use super::sort::{Line, Sort};
use crate::config::Topic;

/// Lines of one message.
pub(super) const LINES: usize = 20;
/// Votes, levels and ends that wait. A site says a few a minute in an incident: this is days of a dead outside.
const URGENT_MAX: usize = 10_000;
/// Lines of trouble that wait. The oldest go first: trouble that still matters has newer lines.
const TROUBLES_MAX: usize = 200;

/// Bounded; see the constants.
#[derive(Debug, Default)]
pub(super) struct Queue {
    urgent: VecDeque<Line>,
    /// Lines at the front that are on their way.
    flying: usize,
    troubles: VecDeque<Line>,
    lost: u64,
}

/// The trouble that is to be told at once: the first lines in the order they came, and how many more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    /// At most [`LINES`].
    pub(super) first: Vec<Line>,
    /// What the others are about.
    pub(super) more: Vec<String>,
    /// Lines that found no room while this place could not be reached.
    pub(super) lost: u64,
    /// Id of the last line.
    pub(super) through: i64,
}

impl Queue {
    /// Takes a line. False if one had to go for it, or it found no room itself: to be counted.
    pub(super) fn push(&mut self, line: Line) -> bool {
        if line.is_trouble() {
            self.troubles.push_back(line);
            let room = self.troubles.len() <= TROUBLES_MAX;
            if !room {
                self.troubles.pop_front();
                self.lost += 1;
            }
            return room;
        }
        let room = self.urgent.len() < URGENT_MAX;
        if room || self.drop_a_level() {
            self.urgent.push_back(line);
        }
        room
    }

    /// The oldest level that is not on its way: a newer one says more. Votes and ends are never dropped for another.
    fn drop_a_level(&mut self) -> bool {
        let waiting = self.urgent.iter().skip(self.flying);
        let level = waiting.clone().position(|line| line.sort == Sort::Of(Topic::Level));
        level.is_some_and(|at| self.urgent.remove(self.flying + at).is_some())
    }

    /// Whether there are votes, levels or ends beside those on their way.
    pub(super) fn has_more(&self) -> bool {
        self.urgent.len() > self.flying
    }

    pub(super) fn has_trouble(&self) -> bool {
        !self.troubles.is_empty()
    }

    /// The oldest urgent lines, which stay here until they have [`Queue::landed`].
    pub(super) fn fly(&mut self) -> Vec<Line> {
        self.flying = self.urgent.len().min(LINES);
        self.urgent.iter().take(self.flying).cloned().collect()
    }

    /// What was on its way is not any more, and waits again.
    pub(super) fn grounded(&mut self) {
        self.flying = 0;
    }

    /// What was on its way is out. The id up to which everything is.
    pub(super) fn landed(&mut self) -> Option<i64> {
        let mut out = self.urgent.drain(..std::mem::take(&mut self.flying));
        out.next_back().map(|line| line.id)
    }

    /// The trouble to be told, which stays here until it has been [`Queue::digested`].
    pub(super) fn digest(&self) -> Option<Digest> {
        let through = self.troubles.back()?.id;
        Some(Digest {
            first: self.troubles.iter().take(LINES).cloned().collect(),
            more: self
                .troubles
                .iter()
                .skip(LINES)
                .map(|line| line.subject.clone())
                .collect(),
            lost: self.lost,
            through,
        })
    }

    pub(super) fn digested(&mut self, digest: &Digest) {
        self.troubles.retain(|line| line.id > digest.through);
        self.lost -= digest.lost;
    }

    /// Lines that wait, and the engine time of the oldest.
    pub(super) fn waiting(&self) -> (usize, Option<i64>) {
        let oldest = self.urgent.front().into_iter().chain(self.troubles.front());
        (
            self.urgent.len() + self.troubles.len(),
            oldest.map(|line| line.at).min(),
        )
    }
}

#[cfg(test)]
mod tests {
    use muster_core::Level;

    use super::*;

    fn line(id: i64, topic: Topic) -> Line {
        Line {
            id,
            at: id,
            wall_ms: id,
            sort: Sort::Of(topic),
            level: Level::Prepare,
            subject: format!("s{id}"),
            text: String::new(),
        }
    }

    fn ids(lines: &[Line]) -> Vec<i64> {
        lines.iter().map(|line| line.id).collect()
    }

    #[test]
    fn urgent_lines_stay_until_they_are_out_and_keep_their_order() {
        let mut queue = Queue::default();
        for id in 0..30 {
            assert!(queue.push(line(id, Topic::Vote)));
        }
        assert_eq!(ids(&queue.fly()), (0..20).collect::<Vec<_>>());
        // On its way twice is the same message.
        assert_eq!(ids(&queue.fly()), (0..20).collect::<Vec<_>>());
        assert_eq!((queue.has_more(), queue.waiting()), (true, (30, Some(0))));
        assert_eq!(queue.landed(), Some(19));
        assert_eq!(ids(&queue.fly()), (20..30).collect::<Vec<_>>());
        assert!(!queue.has_more());
        assert_eq!((queue.landed(), queue.landed()), (Some(29), None));
    }

    #[test]
    fn trouble_drops_no_vote_and_a_flood_tells_its_first_lines() {
        let mut queue = Queue::default();
        queue.push(line(0, Topic::Vote));
        let kept = (1..=5_000).filter(|id| queue.push(line(*id, Topic::Trouble))).count();
        assert_eq!(kept, TROUBLES_MAX);
        assert_eq!(ids(&queue.fly()), [0]);
        let digest = queue.digest().unwrap();
        assert_eq!(ids(&digest.first), (4_801..=4_820).collect::<Vec<_>>());
        assert_eq!((digest.more.len(), digest.lost), (180, 4_800));
        queue.push(line(5_001, Topic::Trouble));
        queue.digested(&digest);
        let rest = queue.digest().unwrap();
        assert_eq!((ids(&rest.first), rest.lost), (vec![5_001], 1));
    }

    #[test]
    fn when_it_is_full_old_levels_go_and_votes_stay() {
        let mut queue = Queue::default();
        queue.push(line(0, Topic::Level));
        for id in 1..URGENT_MAX as i64 - 1 {
            queue.push(line(id, Topic::Vote));
        }
        queue.push(line(90_000, Topic::Level));
        assert_eq!(queue.fly()[0].id, 0);
        // The first level is on its way; the second goes.
        assert!(!queue.push(line(90_001, Topic::Vote)));
        assert!(!queue.push(line(90_002, Topic::Vote)), "it found no room");
        assert_eq!(queue.urgent.len(), URGENT_MAX);
        assert_eq!(queue.urgent.back().map(|line| line.id), Some(90_001));
        assert_eq!(
            queue
                .urgent
                .iter()
                .filter(|line| line.sort == Sort::Of(Topic::Level))
                .count(),
            1
        );
    }
}

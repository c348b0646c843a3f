//! What waits for the disk. Batches are poured together, so that a disk that stalled catches up in one transaction; as a
//! transaction takes all that waits, no batch is ever split.

use std::sync::Arc;

use muster_core::{Entry, Millis};

use super::Batch;
use super::rows::Marks;
use crate::told::Told;

/// Decisions that may wait. A site makes a few a second at most in an incident: this is hours of a dead disk.
pub(super) const ENTRIES_MAX: usize = 100_000;
/// Lines for people that may wait.
pub(super) const EVENTS_MAX: usize = 20_000;

/// Everything not yet on disk. Bounded: entries and events by the constants above, marks by the nodes of the config.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// With their wall clocks, Unix milliseconds.
    pub(super) entries: Vec<(i64, Entry)>,
    /// Highest a node.
    pub(super) marks: Marks,
    /// With their wall clocks, Unix milliseconds.
    pub(super) events: Vec<(i64, Arc<Told>)>,
    /// Engine time and wall clock of the last batch; none if nothing waits.
    pub(super) clock: Option<(Millis, i64)>,
    /// Lines for people older than this leave. Milliseconds of engine time; none: they are kept.
    pub(super) keep_ms: Option<Millis>,
}

/// What found no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turned {
    /// Lines for people.
    pub(super) events: usize,
    /// Decisions; the whole batch with them, its marks too, so that no pack counts as taken without what it caused.
    pub(super) entries: usize,
}

impl Pending {
    /// Adds a batch and says what found no room.
    pub(super) fn add(&mut self, batch: Batch) -> Turned {
        if self.entries.len() + batch.entries.len() > ENTRIES_MAX {
            return Turned {
                events: batch.events.len(),
                entries: batch.entries.len(),
            };
        }
        let wall_of = |at: Millis| batch.wall_ms.saturating_add(at.saturating_sub(batch.engine_ms));
        self.clock = Some((batch.engine_ms, batch.wall_ms));
        self.entries
            .extend(batch.entries.into_iter().map(|entry| (wall_of(entry.at), entry)));
        for mark in batch.marks {
            self.raise(mark.node, (mark.boot, mark.seq));
        }
        let lines = batch.events.into_iter().map(|told| (wall_of(told.at), told));
        Turned {
            events: take_up_to(&mut self.events, lines),
            entries: 0,
        }
    }

    /// Puts what came later behind this; how many lines for people found no room.
    pub(super) fn append(&mut self, later: Self) -> usize {
        self.entries.extend(later.entries);
        for (node, mark) in later.marks {
            self.raise(node, mark);
        }
        self.clock = later.clock.or(self.clock);
        take_up_to(&mut self.events, later.events.into_iter())
    }

    /// Lines for people from before this engine time leave.
    pub(super) fn keep_from(&self) -> Option<Millis> {
        let (now, _) = self.clock?;
        Some(now.saturating_sub(self.keep_ms?))
    }

    /// Whether nothing waits; an empty batch is something, it carries the clock.
    pub(super) fn is_empty(&self) -> bool {
        self.clock.is_none()
    }

    /// Packs of one node come by two lanes, so the lower mark may come later.
    fn raise(&mut self, node: Arc<str>, mark: (u64, u64)) {
        let highest = self.marks.entry(node).or_insert(mark);
        *highest = mark.max(*highest);
    }
}

fn take_up_to<T>(queue: &mut Vec<T>, more: impl ExactSizeIterator<Item = T>) -> usize {
    let room = EVENTS_MAX.saturating_sub(queue.len());
    let turned_away = more.len().saturating_sub(room);
    queue.extend(more.take(room));
    turned_away
}

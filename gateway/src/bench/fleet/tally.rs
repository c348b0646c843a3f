//! What the engine hears of a fleet, answer by answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_core::{ChannelIx, Input};
use muster_wire::{MICRO, Micro};

use crate::api::Tap;
use crate::clock;
use crate::lanes::Batch;

/// How it is known when an answer was written. Microseconds of the machine's clock.
#[derive(Clone)]
pub(super) enum Written {
    /// The answer says so, in the low 32 bits.
    InIt,
    /// Whoever passed it on noted it, a place a device: a device has one answer under way at the most.
    Noted(Arc<[AtomicU64]>),
}

impl Written {
    /// How long ago it was. Microseconds.
    fn age_us(&self, now: u64, device: usize, value: Micro) -> u64 {
        match self {
            // Both turn over every 71 minutes.
            Self::InIt => u64::from((now as u32).wrapping_sub((value.0 / MICRO) as u32)),
            Self::Noted(at) => now.saturating_sub(at[device].load(Ordering::Relaxed)),
        }
    }
}

/// The channel by which one kind of answer of one device is known.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) channel: ChannelIx,
    pub(super) device: usize,
    /// Of trip signals, or of all others.
    pub(super) trip: bool,
}

/// What was counted. Times in microseconds.
#[derive(Default)]
pub(super) struct Book {
    open: bool,
    pub(super) trip_us: Vec<u64>,
    pub(super) rest_us: Vec<u64>,
    /// From one answer with trip signals to the device's next.
    pub(super) period_us: Vec<u64>,
    /// When a device's trip signals were heard last.
    last: Vec<Option<u64>>,
}

/// Shared with the engine's thread.
#[derive(Clone)]
pub(super) struct Tally(Arc<Mutex<Book>>);

impl Tally {
    pub(super) fn of(devices: usize) -> Self {
        let last = vec![None; devices];
        Self(Arc::new(Mutex::new(Book {
            last,
            ..Book::default()
        })))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many devices have been heard.
    pub(super) fn heard(&self) -> usize {
        self.book().last.iter().flatten().count()
    }

    /// Counts from now on.
    pub(super) fn open(&self) {
        self.book().open = true;
    }

    /// Counts no more; what was counted.
    pub(super) fn close(&self) -> Book {
        std::mem::take(&mut self.book())
    }

    /// For the engine.
    pub(super) fn tap(&self, marks: &[Mark], written: Written) -> Tap {
        let highest = marks.iter().map(|mark| mark.channel.at()).max().unwrap_or_default();
        let mut by_channel = vec![None; highest + 1];
        for mark in marks {
            by_channel[mark.channel.at()] = Some(*mark);
        }
        let tally = self.clone();
        Box::new(move |batch| {
            let now = clock::machine_us();
            if let Some((mark, value)) = marked(batch, &by_channel) {
                tally.book().take(mark, now, written.age_us(now, mark.device, value));
            }
        })
    }
}

/// The first sample in a batch that a mark knows.
fn marked(batch: &Batch, marks: &[Option<Mark>]) -> Option<(Mark, Micro)> {
    batch.inputs.iter().find_map(|input| match input {
        Input::Reading {
            channel,
            value: Ok(value),
            ..
        } => marks.get(channel.at()).copied().flatten().map(|mark| (mark, *value)),
        _ => None,
    })
}

impl Book {
    fn take(&mut self, mark: Mark, now: u64, age_us: u64) {
        let Some(last) = self.last.get_mut(mark.device) else {
            return;
        };
        let before = if mark.trip { last.replace(now) } else { None };
        if !self.open {
            return;
        }
        if mark.trip {
            self.trip_us.push(age_us);
            self.period_us.extend(before.map(|before| now.saturating_sub(before)));
        } else {
            self.rest_us.push(age_us);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::lanes;

    fn reading(channel: u32, value: i64) -> Input {
        Input::Reading {
            channel: ChannelIx(channel),
            value: Ok(Micro(value)),
            simulated: false,
            age_ms: 0,
        }
    }

    #[test]
    fn an_answer_is_as_old_as_the_time_in_it_also_where_that_turns_over() {
        let age = |now, stamp: u32| Written::InIt.age_us(now, 0, Micro(i64::from(stamp) * MICRO));
        assert_eq!(age(1_500, 1_000), 500);
        assert_eq!(age((7 << 32) + 100, u32::MAX - 99), 200);
    }

    #[test]
    fn only_marked_channels_are_counted_and_only_while_it_is_open() {
        let (lanes, _ends) = lanes();
        let tally = Tally::of(2);
        let mark = |channel, device, trip| Mark {
            channel: ChannelIx(channel),
            device,
            trip,
        };
        let noted: Arc<[AtomicU64]> = (0..2).map(|_| AtomicU64::new(clock::machine_us())).collect();
        let tap = tally.tap(&[mark(3, 0, true), mark(5, 1, false)], Written::Noted(noted));
        let hear = |channels: &[u32]| {
            let inputs = channels.iter().map(|channel| reading(*channel, 0)).collect();
            tap(&lanes.batch(inputs, None));
        };
        hear(&[3]);
        assert_eq!(tally.heard(), 1);
        tally.open();
        hear(&[2, 3]);
        hear(&[4, 9]);
        hear(&[5]);
        let book = tally.close();
        assert_eq!(
            (book.trip_us.len(), book.rest_us.len(), book.period_us.len()),
            (1, 1, 1)
        );
    }
}

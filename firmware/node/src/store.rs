//! Samples on their way: kept until the gateway has them on disk, bounded, oldest data dropped first.

use heapless::Vec;
use muster_wire::{Absence, Micro};

/// Records a pack: with this many of the largest, a pack fits [`crate::PACK_BYTES`] whatever their age.
pub(crate) const PACK_RECORDS: usize = 32;

/// One sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) at_ms: u64,
    pub(crate) channel: usize,
    pub(crate) value: Result<Micro, Absence>,
    pub(crate) alarm: bool,
    /// The pack it went out in. A pack sent again has the same number, or one sample would count as two.
    sent: Option<Sent>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    seq: u64,
    again: bool,
}

impl Entry {
    pub(crate) fn new(at_ms: u64, channel: usize, value: Result<Micro, Absence>, alarm: bool) -> Self {
        Self {
            at_ms,
            channel,
            value,
            alarm,
            sent: None,
        }
    }

    fn go(&mut self, seq: u64) {
        self.sent = Some(Sent { seq, again: false });
    }

    fn goes_again(&self) -> Option<u64> {
        self.sent.filter(|sent| sent.again).map(|sent| sent.seq)
    }
}

/// Entries in the order of their sampling.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store<const N: usize> {
    entries: Vec<Entry, N>,
    lost: u32,
}

impl<const N: usize> Store<N> {
    /// Samples dropped without an acknowledgement, since boot.
    pub(crate) const fn lost(&self) -> u32 {
        self.lost
    }

    /// Keeps a sample; where the store is full the oldest data make room, an alarm only for a newer alarm.
    pub(crate) fn push(&mut self, entry: Entry) {
        let Err(entry) = self.entries.push(entry) else { return };
        self.lost = self.lost.saturating_add(1);
        let oldest_data = self.entries.iter().position(|kept| !kept.alarm);
        let Some(at) = oldest_data.or((entry.alarm && N > 0).then_some(0)) else {
            return;
        };
        self.entries[at..].rotate_left(1);
        if let Some(newest) = self.entries.last_mut() {
            *newest = entry;
        }
    }

    /// Everything up to this pack is on the gateway's disk.
    pub(crate) fn trim(&mut self, seq: u64) {
        self.entries
            .retain(|entry| entry.sent.is_none_or(|sent| sent.seq > seq));
    }

    /// Whatever is on its way may not have arrived.
    pub(crate) fn send_again(&mut self) {
        for sent in self.entries.iter_mut().filter_map(|entry| entry.sent.as_mut()) {
            sent.again = true;
        }
    }

    /// Chooses the next pack and gives its number and whether it is an alarm: first what goes again, in its old order,
    /// because a number below one already taken is refused; then alarms, then data, numbered `next`.
    pub(crate) fn claim(&mut self, next: u64) -> Option<(u64, bool)> {
        if let Some(seq) = self.entries.iter().filter_map(Entry::goes_again).min() {
            let pack = self.entries.iter_mut().filter(|entry| entry.goes_again() == Some(seq));
            return pack.fold(None, |_, entry| {
                entry.go(seq);
                Some((seq, entry.alarm))
            });
        }
        let alarm = self.waiting().any(|entry| entry.alarm);
        self.waiting().next()?;
        let pack = self
            .entries
            .iter_mut()
            .filter(|entry| entry.sent.is_none() && entry.alarm == alarm);
        pack.take(PACK_RECORDS).for_each(|entry| entry.go(next));
        Some((next, alarm))
    }

    /// Whether anything has not gone out, or goes again.
    pub(crate) fn has_more(&self) -> bool {
        self.waiting().next().is_some() || self.entries.iter().any(|entry| entry.goes_again().is_some())
    }

    /// The samples of a pack.
    pub(crate) fn pack(&self, seq: u64) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.sent.is_some_and(|sent| sent.seq == seq))
    }

    fn waiting(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.sent.is_none())
    }
}

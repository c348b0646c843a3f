//! Samples on their way: kept until the gateway has them on disk, bounded, oldest data dropped first.

use heapless::Vec;
use muster_wire::{Absence, Micro};

use crate::channel::Report;

/// Records a pack: with this many of the largest, a pack fits [`crate::PACK_BYTES`] whatever their age.
pub(crate) const PACK_RECORDS: usize = 32;

/// How urgent a sample is that waits to go out, or goes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// In its turn.
    Data,
    /// Before data.
    Alarm,
    /// Before everything: the node may be gone at any moment.
    Gasp,
}

/// One sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) at_ms: u64,
    pub(crate) channel: usize,
    pub(crate) value: Result<Micro, Absence>,
    urgency: Urgency,
    /// The pack it went out in. A pack sent again has the same number, or one sample would count as two.
    sent: Option<Sent>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    seq: u64,
    again: bool,
}

impl Entry {
    pub(crate) fn new(at_ms: u64, channel: usize, value: Result<Micro, Absence>, report: Report) -> Self {
        let urgency = match report {
            Report::Quiet | Report::Data => Urgency::Data,
            Report::Alarm => Urgency::Alarm,
            Report::Gasp => Urgency::Gasp,
        };
        Self {
            at_ms,
            channel,
            value,
            urgency,
            sent: None,
        }
    }

    fn is_alarm(&self) -> bool {
        self.urgency > Urgency::Data
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

    /// Keeps a sample; where the store is full the oldest data make room, an alarm only for a newer alarm, and a last
    /// message for nothing.
    pub(crate) fn push(&mut self, entry: Entry) {
        let Err(entry) = self.entries.push(entry) else { return };
        self.lost = self.lost.saturating_add(1);
        let oldest = |below: Urgency| self.entries.iter().position(|kept| kept.urgency < below);
        let alarm = entry.is_alarm().then(|| oldest(Urgency::Gasp)).flatten();
        let Some(at) = oldest(Urgency::Alarm).or(alarm) else {
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

    /// Nothing that has gone out was taken.
    pub(crate) fn number_anew(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.sent = None);
    }

    /// Chooses the next pack and gives its number and whether it is an alarm: first a last message; then what goes again, in
    /// its old order, because a number below one already taken is refused; then alarms, then data, numbered `next`.
    pub(crate) fn claim(&mut self, next: u64) -> Option<(u64, bool)> {
        if self.urgency() == Some(Urgency::Gasp) {
            self.gasp(next);
            return Some((next, true));
        }
        if let Some(seq) = self.entries.iter().filter_map(Entry::goes_again).min() {
            let pack = self.entries.iter_mut().filter(|entry| entry.goes_again() == Some(seq));
            return pack.fold(None, |_, entry| {
                entry.go(seq);
                Some((seq, entry.is_alarm()))
            });
        }
        let urgent = self.waiting().any(|entry| entry.is_alarm());
        self.waiting().next()?;
        let pack = self
            .entries
            .iter_mut()
            .filter(|entry| entry.sent.is_none() && entry.is_alarm() == urgent);
        pack.take(PACK_RECORDS).for_each(|entry| entry.go(next));
        Some((next, urgent))
    }

    /// The last message, and with it as many alarms as fit beside it. Whatever goes again would be refused behind its
    /// number, so it is numbered anew: it may then arrive twice, which is better than not at all.
    fn gasp(&mut self, next: u64) {
        for entry in self.entries.iter_mut().filter(|entry| entry.goes_again().is_some()) {
            entry.sent = None;
        }
        let mut room = PACK_RECORDS;
        for urgency in [Urgency::Gasp, Urgency::Alarm] {
            let waiting = self.entries.iter_mut().filter(|entry| entry.sent.is_none());
            let pack = waiting.filter(|entry| entry.urgency == urgency).take(room);
            room -= pack.map(|entry| entry.go(next)).count();
        }
    }

    /// Of the most urgent that waits to go out, or goes again.
    pub(crate) fn urgency(&self) -> Option<Urgency> {
        let again = self.entries.iter().filter(|entry| entry.goes_again().is_some());
        self.waiting().chain(again).map(|entry| entry.urgency).max()
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

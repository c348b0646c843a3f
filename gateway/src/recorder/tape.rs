//! The engine's end: takes what the core was given and what it made of it, and never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use muster_core::{Effect, Input, Millis, State};

use super::format::{Batch, Moment};
use crate::clock::{Clock, Stopwatch};

/// Bytes that may wait for the disk, and beyond them one parcel: what one turn of the engine's loop takes (64 packs). The
/// readings of four seconds of 100,000 channels at 1 Hz: a segment begins, and a disk stalls, for less.
pub(super) const WAITING: usize = 16 << 20;
/// A parcel counts as so many at least, so that there are slots for all that fit: some minutes of a quiet site's.
const LEAST: usize = 4 << 10;
/// Slots, with one for a beginning and one for the stop.
const PARCELS: usize = WAITING / LEAST + 2;
/// Moments that make a parcel worth sending before its time.
const FULL: usize = 512;
/// What led to nothing may wait this long: it is what a kill can cost.
const AT_MOST: Duration = Duration::from_millis(100);
/// The state's digest is noted this often. Engine time.
const DIGEST_EVERY_MS: Millis = 1_000;
/// Beyond this many channels as much more seldom as there are more, so that digests never take more than a few thousandths
/// of the loop's time.
const DIGEST_CHANNELS: usize = 500;
/// A disk that takes nothing for so long is trouble: what waits is not safe from a kill.
const STALLED_AFTER: Duration = Duration::from_secs(5);
/// What a stopping process grants the disk.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// What goes to the recorder's thread.
pub(super) enum Parcel {
    /// Moments, to the segment at hand, and the bytes they took while they waited.
    Batch(Batch, usize),
    /// A new segment begins here.
    Begin(Box<Begin>),
    /// The last one; the channel is answered when everything is written.
    Stop(SyncSender<()>),
}

/// How a segment begins.
pub(super) struct Begin {
    pub(super) state: State,
    pub(super) at: Millis,
    pub(super) wall_ms: i64,
    /// Inputs that found no room since the segment before.
    pub(super) lost: Option<u64>,
}

/// What both ends know.
#[derive(Default)]
pub(super) struct Shared {
    /// The thread wants a state to begin a segment with.
    pub(super) wants_state: AtomicBool,
    /// A state is on its way or being written. A large site has no memory for two.
    pub(super) has_state: AtomicBool,
    /// Bytes of the parcels on their way.
    pub(super) waiting: AtomicUsize,
    /// Parcels that have been dealt with.
    pub(super) done: AtomicU64,
    /// It was said that the disk takes nothing. The thread takes it back.
    pub(super) stalled: AtomicBool,
}

/// The thread's end.
pub(super) struct End {
    pub(super) parcels: Receiver<Parcel>,
    pub(super) shared: Arc<Shared>,
}

/// The engine's end. Off, it does nothing.
pub struct Tape(Option<Link>);

struct Link {
    parcels: SyncSender<Parcel>,
    shared: Arc<Shared>,
    clock: Clock,
    batch: Batch,
    /// Bytes in the batch that its moments only point at.
    behind: usize,
    /// Engine time of the last moment in the batch.
    last: Millis,
    since: Stopwatch,
    /// The batch holds something that was decided.
    urgent: bool,
    digest_due: Millis,
    /// Inputs lost since the queue was full; none while all is well.
    lost: Option<u64>,
    /// Parcels that had been dealt with, and since when it has not been more.
    done: (u64, Stopwatch),
}

/// Both ends.
pub(super) fn pair(clock: Clock) -> (Tape, End) {
    let (parcels, end) = sync_channel(PARCELS);
    let shared = Arc::new(Shared::default());
    let link = Link {
        parcels,
        shared: Arc::clone(&shared),
        digest_due: clock.now() + DIGEST_EVERY_MS,
        clock,
        batch: Batch::default(),
        behind: 0,
        last: 0,
        since: Stopwatch::start(),
        urgent: false,
        lost: None,
        done: (0, Stopwatch::start()),
    };
    (Tape(Some(link)), End { parcels: end, shared })
}

impl Tape {
    /// Records nothing.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// The first segment begins with this state; before the first input.
    pub fn begin(&mut self, state: &State) {
        if let Some(link) = &mut self.0 {
            link.begin(state, None);
        }
    }

    /// What the core was given at `now`, and what it made of it.
    pub fn take(&mut self, now: Millis, input: &Input, effects: &[Effect]) {
        if let Some(link) = &mut self.0 {
            link.take(now, input, effects);
        }
    }

    /// Sends what has gathered, once a turn of the loop; `state` is the one after all that was taken. The input to take if
    /// the recorder has just fallen behind.
    pub fn hand_over(&mut self, state: &State) -> Option<Input> {
        self.0.as_mut()?.hand_over(state)
    }

    /// Bytes on their way to the disk.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        let link = self.0.as_ref();
        link.map_or(0, |link| link.shared.waiting.load(Ordering::Relaxed))
    }

    /// Writes what waits, within a second.
    pub fn stop(&mut self) {
        if let Some(link) = self.0.take() {
            link.stop();
        }
    }
}

impl Link {
    fn take(&mut self, now: Millis, input: &Input, effects: &[Effect]) {
        if let Some(lost) = &mut self.lost {
            *lost += 1;
            return;
        }
        if self.batch.moments.is_empty() {
            (self.batch.at, self.last) = (now, now);
            self.batch.wall_ms = self.clock.wall_of(now);
            self.since = Stopwatch::start();
        }
        self.push(Moment::of(now.saturating_sub(self.last), input));
        self.last = now;
        if !effects.is_empty() {
            self.urgent = true;
            self.push(Moment::Effects(effects.to_vec()));
        }
    }

    fn push(&mut self, moment: Moment) {
        self.behind += moment.bytes_behind();
        self.batch.moments.push(moment);
    }

    fn hand_over(&mut self, state: &State) -> Option<Input> {
        let ripe = self.urgent || self.batch.moments.len() >= FULL || self.since.elapsed() >= AT_MOST;
        let wanted = self.shared.wants_state.load(Ordering::Relaxed);
        let mut trouble = self.stalls();
        if !self.batch.moments.is_empty() && (ripe || wanted) {
            trouble = self.send(state).or(trouble);
        }
        // A gap ends once half of the queue is free again, so that it does not begin anew at once. Where a segment should end
        // and there is no room to say so, it goes on.
        let room = self.shared.waiting.load(Ordering::Relaxed) <= WAITING / 2;
        let room = room && !self.shared.has_state.load(Ordering::Acquire);
        if room && (wanted || self.lost.is_some()) {
            self.shared.wants_state.store(false, Ordering::Relaxed);
            let lost = self.lost.take();
            self.begin(state, lost);
        }
        trouble
    }

    fn send(&mut self, state: &State) -> Option<Input> {
        if self.last >= self.digest_due {
            let channels = state.site().channels.len() / DIGEST_CHANNELS;
            self.digest_due =
                self.last + DIGEST_EVERY_MS * Millis::try_from(channels.max(1)).unwrap_or(Millis::MAX / 2);
            self.batch.moments.push(Moment::Digest(state.digest()));
        }
        let batch = self.gathered();
        let inputs = batch.inputs();
        if self.put_batch(batch) {
            return None;
        }
        self.lost = Some(inputs);
        Some(trouble(
            "the disk does not keep up with the flight recorder: inputs are not recorded",
        ))
    }

    /// Whether it has just become plain that the disk takes nothing.
    fn stalls(&mut self) -> Option<Input> {
        let done = self.shared.done.load(Ordering::Relaxed);
        if done != self.done.0 || self.shared.waiting.load(Ordering::Relaxed) == 0 {
            self.done = (done, Stopwatch::start());
            return None;
        }
        if self.done.1.elapsed() < STALLED_AFTER || self.shared.stalled.swap(true, Ordering::Relaxed) {
            return None;
        }
        let line = format!(
            "the disk has taken nothing of the flight recorder for {} s: inputs wait in memory",
            STALLED_AFTER.as_secs()
        );
        Some(trouble(&line))
    }

    fn begin(&mut self, state: &State, lost: Option<u64>) {
        let at = self.clock.now();
        let begin = Begin {
            state: state.clone(),
            at,
            wall_ms: self.clock.wall_of(at),
            lost,
        };
        self.shared.has_state.store(true, Ordering::Release);
        if self.parcels.try_send(Parcel::Begin(Box::new(begin))).is_err() {
            self.shared.has_state.store(false, Ordering::Release);
            self.lost = Some(lost.unwrap_or_default());
        }
    }

    /// What has gathered, in no more memory than it takes.
    fn gathered(&mut self) -> Batch {
        self.urgent = false;
        let mut batch = std::mem::take(&mut self.batch);
        batch.moments.shrink_to_fit();
        batch
    }

    /// Whether there was room.
    fn put_batch(&mut self, batch: Batch) -> bool {
        let bytes = size_of::<Parcel>() + size_of_val(&*batch.moments) + std::mem::take(&mut self.behind);
        if self.shared.waiting.load(Ordering::Relaxed) >= WAITING {
            return false;
        }
        let bytes = bytes.max(LEAST);
        self.shared.waiting.fetch_add(bytes, Ordering::Relaxed);
        let sent = self.parcels.try_send(Parcel::Batch(batch, bytes)).is_ok();
        if !sent {
            self.shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
        sent
    }

    fn stop(mut self) {
        let batch = self.gathered();
        if !batch.moments.is_empty() {
            self.put_batch(batch);
        }
        let (done, written) = sync_channel(1);
        if self.parcels.try_send(Parcel::Stop(done)).is_ok()
            && written.recv_timeout(STOP_WITHIN) == Err(RecvTimeoutError::Timeout)
        {
            tracing::warn!("the flight recorder could not write its last inputs before the stop");
        }
    }
}

fn trouble(line: &str) -> Input {
    Input::Own {
        part: "recorder".into(),
        trouble: Some(line.into()),
    }
}

/// What an effect or an entry takes with its strings, about. Bytes.
const A_LINE: usize = 512;

impl Moment {
    /// Bytes that it points at, about. A config is shared with the state.
    fn bytes_behind(&self) -> usize {
        match self {
            Self::Reading(..) | Self::Digest(_) => 0,
            Self::Input(_, input) => match &**input {
                Input::Restore(entries) => entries.len() * A_LINE,
                _ => A_LINE,
            },
            Self::Effects(effects) => effects.len() * A_LINE,
        }
    }
}

impl Batch {
    /// Whether it holds what has no bound but the site's: a config, or a journal.
    pub(super) fn may_be_huge(&self) -> bool {
        let huge = |input: &Input| matches!(input, Input::Config(_) | Input::Restore(_));
        self.moments
            .iter()
            .any(|moment| matches!(moment, Moment::Input(_, input) if huge(input)))
    }

    /// Inputs among its moments.
    #[must_use]
    pub fn inputs(&self) -> u64 {
        let inputs = self.moments.iter();
        inputs
            .filter(|m| matches!(m, Moment::Reading(..) | Moment::Input(..)))
            .count() as u64
    }
}

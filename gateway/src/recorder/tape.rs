//! The engine's end: takes what the core was given and what it made of it, and never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use muster_core::{Effect, Input, Millis, State};

use super::format::{Batch, Moment};
use crate::clock::{Clock, Stopwatch};

/// Parcels that may wait for the disk. One holds at most what one turn of the engine's loop takes (64 packs), so they are a
/// few MiB under the heaviest flood.
const PARCELS: usize = 64;
/// Moments that make a parcel worth sending before its time.
const FULL: usize = 512;
/// What led to nothing may wait this long: it is what a kill can cost.
const AT_MOST: Duration = Duration::from_millis(100);
/// The state's digest is noted this often. Engine time.
const DIGEST_EVERY_MS: Millis = 1_000;
/// Beyond this many channels as much more seldom as there are more, so that digests never take more than a few thousandths
/// of the loop's time.
const DIGEST_CHANNELS: usize = 500;
/// What a stopping process grants the disk.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// What goes to the recorder's thread.
pub(super) enum Parcel {
    /// Moments, to the segment at hand.
    Batch(Batch),
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
    /// Parcels on their way.
    pub(super) waiting: AtomicUsize,
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
    /// Engine time of the last moment in the batch.
    last: Millis,
    since: Stopwatch,
    /// The batch holds something that was decided.
    urgent: bool,
    digest_due: Millis,
    /// Inputs lost since the queue was full; none while all is well.
    lost: Option<u64>,
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
        last: 0,
        since: Stopwatch::start(),
        urgent: false,
        lost: None,
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

    /// Parcels on their way to the disk.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
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
        self.batch
            .moments
            .push(Moment::of(now.saturating_sub(self.last), input));
        self.last = now;
        if !effects.is_empty() {
            self.urgent = true;
            self.batch.moments.push(Moment::Effects(effects.to_vec()));
        }
    }

    fn hand_over(&mut self, state: &State) -> Option<Input> {
        let ripe = self.urgent || self.batch.moments.len() >= FULL || self.since.elapsed() >= AT_MOST;
        let wanted = self.shared.wants_state.load(Ordering::Relaxed);
        let mut trouble = None;
        if !self.batch.moments.is_empty() && (ripe || wanted) {
            trouble = self.send(state);
        }
        // A gap ends once half of the queue is free again, so that it does not begin anew at once. Where a segment should end
        // and there is no room to say so, it goes on.
        let room = self.shared.waiting.load(Ordering::Relaxed) <= PARCELS / 2;
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
        self.urgent = false;
        let batch = std::mem::take(&mut self.batch);
        let inputs = batch.inputs();
        if self.put(Parcel::Batch(batch)) {
            return None;
        }
        self.lost = Some(inputs);
        Some(Input::Own {
            part: "recorder".into(),
            trouble: Some("the disk does not keep up with the flight recorder: inputs are not recorded".into()),
        })
    }

    fn begin(&mut self, state: &State, lost: Option<u64>) {
        let at = self.clock.now();
        let begin = Begin {
            state: state.clone(),
            at,
            wall_ms: self.clock.wall_of(at),
            lost,
        };
        if !self.put(Parcel::Begin(Box::new(begin))) {
            self.lost = Some(lost.unwrap_or_default());
        }
    }

    fn put(&self, parcel: Parcel) -> bool {
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let sent = self.parcels.try_send(parcel).is_ok();
        if !sent {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        sent
    }

    fn stop(mut self) {
        let batch = std::mem::take(&mut self.batch);
        if !batch.moments.is_empty() {
            self.put(Parcel::Batch(batch));
        }
        let (done, written) = sync_channel(1);
        if self.put(Parcel::Stop(done)) && written.recv_timeout(STOP_WITHIN) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the flight recorder could not write its last inputs before the stop");
        }
    }
}

impl Batch {
    /// Inputs among its moments.
    #[must_use]
    pub fn inputs(&self) -> u64 {
        let inputs = self.moments.iter();
        inputs
            .filter(|m| matches!(m, Moment::Reading(..) | Moment::Input(..)))
            .count() as u64
    }
}

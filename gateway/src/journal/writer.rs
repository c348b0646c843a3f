//! The writing thread. Handing over never blocks; the disk may take as long as it likes.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use muster_core::Millis;

use super::pending::{Pending, Turned};
use super::store::Stored;
use super::{Batch, Journal, JournalError, Report};
use crate::clock::Stopwatch;
use crate::counters::{Cause, Counters};

/// First wait after a write that failed; it doubles.
const BACKOFF_MIN: Duration = Duration::from_millis(200);
/// Longest wait between two tries.
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// What a stopping process grants the disk.
const FLUSH_WAIT: Duration = Duration::from_secs(2);
/// Without a batch for this long the log may be folded back. Shorter than the second after which marks come.
const FOLD_AFTER: Duration = Duration::from_millis(300);
/// Between tries while stopping.
const STOPPING_BACKOFF: Duration = Duration::from_millis(50);

/// The end that takes batches. Dropping it writes what waits, for at most two seconds and a little.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    counters: Counters,
}

/// How long lines for people are kept, at most. Clone freely.
#[derive(Clone, Debug)]
pub struct Keeping(Arc<AtomicI64>);

impl Keeping {
    /// From here on this long. Milliseconds of engine time.
    pub fn keep_ms(&self, ms: Millis) {
        self.0.store(ms, Ordering::Relaxed);
    }

    /// For how long.
    #[must_use]
    pub fn ms(&self) -> Millis {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for Keeping {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(Millis::MAX)))
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    keeping: Keeping,
}

#[derive(Debug, Default)]
struct State {
    pending: Pending,
    lost: usize,
    stopping: Option<Stopwatch>,
    ended: bool,
}

impl Journal {
    /// Starts the writing thread; `report` is called on it. A journal that could not be written when it was opened is tried
    /// again for as long as it takes.
    ///
    /// # Errors
    /// [`JournalError::Thread`] if the system starts no thread.
    pub fn spawn(self, counters: Counters, report: impl Fn(Report) + Send + 'static) -> Result<Writer, JournalError> {
        let shared = Arc::new(Shared::default());
        let desk = Desk {
            journal: self,
            shared: Arc::clone(&shared),
            counters: counters.clone(),
            report,
            failing_since: None,
        };
        std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || desk.run())
            .map_err(|source| JournalError::Thread { source })?;
        Ok(Writer { shared, counters })
    }
}

impl Writer {
    /// Hands a batch over and returns at once. Lines for people are dropped, and counted, when the disk has been away for
    /// long; decisions only beyond 100,000 of them, which is reported as [`Report::Failed`].
    pub fn submit(&self, batch: Batch) {
        let mut state = self.shared.lock();
        let turned = state.pending.add(batch);
        state.lost += turned.entries;
        let ended = state.ended;
        drop(state);
        self.shared.changed.notify_all();
        self.count(turned);
        if ended {
            self.counters.count(
                Cause::Fault,
                "journal",
                &"its writer has ended; nothing is written any more",
            );
        }
    }

    /// How long lines for people are kept: for ever, until it is told otherwise.
    #[must_use]
    pub fn keeping(&self) -> Keeping {
        self.shared.keeping.clone()
    }

    /// Writes what waits and ends the thread, within two seconds and a little. Whether everything reached the disk.
    #[must_use]
    pub fn stop(self) -> bool {
        self.end()
    }

    fn count(&self, turned: Turned) {
        for _ in 0..turned.events {
            self.counters.count(
                Cause::JournalFull,
                "journal",
                &"an event line dropped: the disk does not keep up",
            );
        }
        for _ in 0..turned.entries {
            self.counters.count(
                Cause::JournalWrite,
                "journal",
                &"a decision lost: too many wait for the disk",
            );
        }
    }

    fn end(&self) -> bool {
        let mut state = self.shared.lock();
        let waited = state.stopping.get_or_insert_with(Stopwatch::start).elapsed();
        self.shared.changed.notify_all();
        // Asked again by `drop`, it does not begin to wait anew.
        let at_most = (FLUSH_WAIT + BACKOFF_MIN).saturating_sub(waited);
        let state = self.shared.wait_while(state, at_most, |state| !state.ended);
        state.ended && state.pending.is_empty() && state.lost == 0
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.end() {
            tracing::error!("the journal could not write everything before the end");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'a>(
        &self,
        state: MutexGuard<'a, State>,
        at_most: Duration,
        condition: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout_while(state, at_most, condition);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Whether nothing comes for this long; returns as soon as something does.
    fn quiet_for(&self, quiet: Duration) -> bool {
        let nothing = |state: &mut State| state.pending.is_empty() && state.lost == 0 && state.stopping.is_none();
        let mut state = self.wait_while(self.lock(), quiet, nothing);
        nothing(&mut state)
    }

    /// All that waits, as soon as something does; none when the end has come.
    fn take(&self) -> Option<(Pending, usize)> {
        let state = self.lock();
        let waited = self.changed.wait_while(state, |state| {
            state.pending.is_empty() && state.lost == 0 && state.stopping.is_none()
        });
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.pending.is_empty() && state.lost == 0 {
            return None;
        }
        Some((std::mem::take(&mut state.pending), std::mem::take(&mut state.lost)))
    }

    /// Puts back what could not be written, before what has come since; how many lines for people found no room.
    fn put_back(&self, mut unwritten: Pending) -> usize {
        let mut state = self.lock();
        let turned_away = unwritten.append(std::mem::take(&mut state.pending));
        state.pending = unwritten;
        turned_away
    }

    /// Waits before the next try; whether there is to be one.
    fn pause(&self, backoff: Duration) -> bool {
        let state = self.wait_while(self.lock(), backoff, |state| state.stopping.is_none());
        let Some(stopping) = state.stopping else { return true };
        if stopping.elapsed() >= FLUSH_WAIT {
            return false;
        }
        drop(self.wait_while(state, STOPPING_BACKOFF, |_| true));
        true
    }
}

/// The thread's own.
struct Desk<R: Fn(Report)> {
    journal: Journal,
    shared: Arc<Shared>,
    counters: Counters,
    report: R,
    /// Wait before the next try; none while writing works.
    failing_since: Option<Duration>,
}

/// Tells whoever waits, even if the thread panics.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

impl<R: Fn(Report)> Desk<R> {
    /// The file is closed and its lock released before the end is told.
    fn run(self) {
        let ended = Ended(Arc::clone(&self.shared));
        self.work();
        drop(ended);
    }

    fn work(mut self) {
        while let Some((mut pending, lost)) = self.next() {
            pending.keep_ms = Some(self.shared.keeping.ms());
            if lost > 0 {
                let why = format!("{lost} decisions lost: too many waited for the disk");
                (self.report)(Report::Failed { why });
            }
            if pending.is_empty() {
                continue;
            }
            match self.journal.write(&pending) {
                Ok(stored) => self.stored(stored),
                Err(e) => {
                    self.failed(&e, pending);
                    if !self.wait() {
                        return;
                    }
                }
            }
        }
    }

    /// Votes and answers come in bursts: the log is folded back once a burst is over, not between two of its commits.
    fn next(&mut self) -> Option<(Pending, usize)> {
        if self.shared.quiet_for(FOLD_AFTER) {
            self.fold(true);
        }
        self.shared.take()
    }

    fn stored(&mut self, stored: Stored) {
        if self.failing_since.take().is_some() {
            (self.report)(Report::Recovered);
        }
        // First of all: hooks wait for it, and nobody for an acknowledgement.
        if let Some(through) = stored.through {
            let commit_us = stored.commit_us;
            (self.report)(Report::Stored { through, commit_us });
        }
        if !stored.marks.is_empty() {
            (self.report)(Report::Marked(stored.marks));
        }
        for _ in 0..stored.conflicts {
            self.counters.count(
                Cause::Fault,
                "journal",
                &"a sequence came twice with different decisions",
            );
        }
        self.fold(false);
    }

    fn fold(&mut self, idle: bool) {
        if let Err(e) = self.journal.fold(idle) {
            self.counters.count(Cause::JournalWrite, "journal", &e);
        }
    }

    fn failed(&mut self, e: &JournalError, pending: Pending) {
        self.counters.count(Cause::JournalWrite, "journal", e);
        let turned_away = self.shared.put_back(pending);
        for _ in 0..turned_away {
            self.counters.count(
                Cause::JournalFull,
                "journal",
                &"an event line dropped: the disk does not keep up",
            );
        }
        if self.failing_since.is_none() {
            (self.report)(Report::Failed { why: e.to_string() });
        }
    }

    fn wait(&mut self) -> bool {
        let backoff = self
            .failing_since
            .map_or(BACKOFF_MIN, |last| (last * 2).min(BACKOFF_MAX));
        self.failing_since = Some(backoff);
        self.shared.pause(backoff)
    }
}

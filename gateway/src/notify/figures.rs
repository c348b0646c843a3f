//! Figures of one place, for `/metrics`.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use muster_core::Millis;

/// No line waits.
const NONE: i64 = i64::MIN;

/// Figures of one place.
#[derive(Debug)]
pub struct Figures {
    /// Its id.
    pub place: String,
    sent: AtomicU64,
    failed: AtomicU64,
    oldest: AtomicI64,
}

impl Figures {
    pub(super) fn new(place: &str) -> Self {
        Self {
            place: place.to_owned(),
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            oldest: AtomicI64::new(NONE),
        }
    }

    pub(super) fn count_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_oldest(&self, at: Option<Millis>) {
        self.oldest.store(at.unwrap_or(NONE), Ordering::Relaxed);
    }

    /// Messages or heartbeats it took.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Attempts it did not take.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Engine time of the oldest line that waits, or since when no heartbeat gets out; none if all is well.
    #[must_use]
    pub fn oldest(&self) -> Option<Millis> {
        Some(self.oldest.load(Ordering::Relaxed)).filter(|at| *at != NONE)
    }
}

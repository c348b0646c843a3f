//! The story's clock: one for all devices, given from outside.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

/// Tells every simulated device at which moment of the story it is. Nothing else here reads a clock.
pub trait StoryTime: Send + Sync {
    /// Milliseconds since the first sign; negative before it. Never falls.
    fn now_ms(&self) -> i64;
    /// How many times faster than real time the story runs, ≥ 1.
    fn speed(&self) -> u32;
}

/// A story clock that stands still until it is set by hand, for tests.
#[derive(Debug)]
pub struct HandClock {
    now_ms: AtomicI64,
    speed: AtomicU32,
}

impl HandClock {
    /// Stands at `now_ms` and says it runs `speed` times as fast as real time (at least 1).
    #[must_use]
    pub fn new(now_ms: i64, speed: u32) -> Self {
        Self {
            now_ms: AtomicI64::new(now_ms),
            speed: AtomicU32::new(speed.max(1)),
        }
    }

    /// Moves on to `now_ms`; an earlier moment is ignored.
    pub fn set(&self, now_ms: i64) {
        self.now_ms.fetch_max(now_ms, Ordering::Relaxed);
    }
}

impl StoryTime for HandClock {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    fn speed(&self) -> u32 {
        self.speed.load(Ordering::Relaxed)
    }
}

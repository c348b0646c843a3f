//! A stop-watch around pure code; no decision sees it.
#![allow(
    clippy::disallowed_methods,
    reason = "this is the one place of these tests that may read a clock"
)]

use std::time::{Duration, Instant};

/// How long some work took, in real time.
pub(crate) fn took(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

//! The one place of the firmware that reads a clock: the board's, through embassy.

use embassy_time::Instant;

/// Milliseconds since the board's start.
pub(super) fn now_ms() -> u64 {
    Instant::now().as_millis()
}

//! The one place of the firmware that reads a clock: the board's, through embassy.

use embassy_time::Instant;

/// Since the board's start.
pub(crate) fn now() -> Instant {
    Instant::now()
}

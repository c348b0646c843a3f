#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod gaps;
mod hostile;
mod keeping;
mod rig;
mod torn;

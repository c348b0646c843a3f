//! Whether the bridges would hold: readiness, drills, and the hosts that go last.

mod drills;
mod readiness;
mod upsmon;

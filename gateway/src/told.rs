//! What people and programs outside are told as it happens: every event, numbered.

use std::sync::Arc;

use muster_core::{Event, Millis};
use tokio::sync::broadcast;

/// Events a listener may be behind; one that is further behind is told how many it has missed and goes on from there.
pub const BACKLOG: usize = 4_096;

/// An event with its number and times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its id in the journal's ring of lines. Rises, over restarts too, with gaps.
    pub id: i64,
    /// Engine time.
    pub at: Millis,
    /// Wall clock in Unix milliseconds; a story's, in a simulation.
    pub wall_ms: i64,
    /// The event.
    pub event: Event,
}

/// Where to listen. Sending never waits: a slow listener misses events, nobody else notices.
pub type Telling = broadcast::Sender<Arc<Told>>;

/// A new line of telling, with nobody listening.
#[must_use]
pub fn telling() -> Telling {
    broadcast::channel(BACKLOG).0
}

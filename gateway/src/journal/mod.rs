//! The journal: one SQLite file that outlives the process. What is decided is written here before it is done.

use muster_core::{Entry, Event, Millis};

use crate::lanes::Mark;

/// What is written in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Decisions; never dropped.
    pub entries: Vec<Entry>,
    /// High-water marks of nodes.
    pub marks: Vec<Mark>,
    /// Lines for people, with the engine time; the first to go when the queue is full.
    pub events: Vec<(Millis, Event)>,
    /// Engine time of the batch.
    pub engine_ms: Millis,
    /// Wall clock of the batch, Unix milliseconds.
    pub wall_ms: i64,
}

/// What the journal's writer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Everything up to here is on disk.
    Stored {
        /// Last durable sequence.
        through: u64,
        /// What the commit alone took, for the latency report. Microseconds.
        commit_us: u64,
    },
    /// A write failed; it is tried again.
    Failed {
        /// One line.
        why: String,
    },
    /// Writing works again.
    Recovered,
}

/// What a journal held when it was opened.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// Every decision, oldest first.
    pub entries: Vec<Entry>,
    /// Every node's high-water mark.
    pub marks: Vec<Mark>,
    /// Engine time of the last transaction; 0 in a new journal.
    pub engine_ms: Millis,
    /// Wall clock of the last transaction, Unix milliseconds; none in a new journal.
    pub wall_ms: Option<i64>,
    /// Key for the bearers of progress URLs; made with the journal, so that a restart honours those already given out.
    pub progress_key: [u8; 32],
    /// What is wrong with it, one line each (a broken chain, say); none stops the start.
    pub findings: Vec<String>,
}

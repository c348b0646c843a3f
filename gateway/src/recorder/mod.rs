//! The flight recorder: every input exactly as it was handed to the core, with what the core made of it.
//!
//! Segments lie beside the journal, in `{journal}.flight/`. Each begins with the whole state, so it replays on its own
//! (`muster replay`). The decision loop hands over and never waits; what could not be written is a gap that the next
//! segment names. Segments form a ring; those around an incident are pinned and have a bound of their own.

mod desk;
mod format;
mod frame;
mod pin;
mod read;
mod ring;
mod segment;
mod tape;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use format::{Batch, Head, Moment, Sample};
pub use read::{Piece, ReadError, Segment, Tear, read, segments_in};
pub use tape::Tape;

use crate::clock::Clock;
use crate::counters::Counters;

/// Told what is wrong with the recorder, and `None` once it is well again. Called on its thread.
pub type Report = Box<dyn Fn(Option<String>) + Send>;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of segments that no incident pins; 0 switches the recorder off.
    pub ring: u64,
    /// Bytes of segments pinned around incidents.
    pub pinned: u64,
    /// A segment ends beyond this many bytes.
    pub segment: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            ring: 256 << 20,
            pinned: 1_024 << 20,
            segment: 8 << 20,
        }
    }
}

/// Where and for whom it records.
#[derive(Clone, Debug)]
pub struct Place {
    /// Folder of the segments; made if it is missing.
    pub folder: PathBuf,
    /// Site id.
    pub site: String,
}

impl Place {
    /// Beside a journal: `muster.db.flight/`.
    #[must_use]
    pub fn beside(journal: &Path, site: &str) -> Self {
        let mut folder = journal.as_os_str().to_owned();
        folder.push(".flight");
        Self {
            folder: folder.into(),
            site: site.into(),
        }
    }
}

/// The number in a segment's file name.
#[must_use]
pub fn number_of(segment: &Path) -> Option<u64> {
    let name = segment.file_name()?.to_str()?;
    ring::parse(name).map(|(number, _)| number)
}

/// Starts the recorder's thread. A folder that cannot be written is trouble, and tried again.
///
/// # Errors
/// The system gives no thread.
pub fn start(place: Place, bounds: Bounds, clock: Clock, counters: Counters, report: Report) -> std::io::Result<Tape> {
    if bounds.ring == 0 {
        return Ok(Tape::off());
    }
    let (tape, end) = tape::pair(clock);
    let shared = Arc::clone(&end.shared);
    let desk = desk::Desk::new(place, bounds, (counters, report), shared);
    std::thread::Builder::new()
        .name("recorder".into())
        .spawn(move || desk.run(&end.parcels))?;
    Ok(tape)
}

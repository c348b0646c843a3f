//! What was told before: slices of the journal's ring, read beside the writer and off the threads that serve.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::api::ApiState;
use crate::journal::{JournalError, Reader, StoredEvent, UNSEEN_EVENTS};

/// For one slice. A disk that takes longer is sick, and nobody may wait for it in a row.
const DEADLINE: Duration = Duration::from_secs(3);

/// Readers of the journal at a time, all of them waiting for the same disk.
const READERS: usize = 4;

/// The desk at which the journal is read.
#[derive(Debug)]
pub(crate) struct Desk {
    seats: Arc<Semaphore>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            seats: Arc::new(Semaphore::new(READERS)),
        }
    }
}

impl Desk {
    /// Reads something from the journal, within a deadline. A thread that hangs on the disk keeps its seat, so that at
    /// most [`READERS`] of them ever hang.
    ///
    /// # Errors
    /// One line: what the journal said, or that it said nothing.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        path: PathBuf,
        look: impl FnOnce(&Reader) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, String> {
        let seats = self.seats.clone();
        let reading = async move {
            // Never closed.
            let seat = seats.acquire_owned().await.map_err(|e| e.to_string())?;
            let task = tokio::task::spawn_blocking(move || {
                let found = Reader::open(&path).and_then(|reader| look(&reader));
                drop(seat);
                found
            });
            let found = task.await.map_err(|e| e.to_string())?;
            found.map_err(|e| e.to_string())
        };
        let silent = |_| format!("the journal was not read within {} s", DEADLINE.as_secs());
        timeout(DEADLINE, reading).await.map_err(silent)?
    }
}

/// A piece of the past.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// An event.
    Event(StoredEvent),
    /// Nothing is known of the ids in between.
    Hole {
        /// The last id before.
        after: i64,
        /// The first id behind.
        next: i64,
        /// Why they are not to be had.
        why: String,
    },
}

/// What lies between `after` and `through`, one slice of it; nothing when all of it has been read. Then what is missing at
/// the end is a hole too.
pub(super) async fn slice(state: &ApiState, desk: &Desk, after: i64, through: i64) -> Vec<Piece> {
    let path = state.journal_path.clone();
    let read = desk.read(path, move |reader| {
        Ok((
            reader.last_event_through(after)?,
            reader.events(after.saturating_add(1))?,
        ))
    });
    match read.await {
        Ok((before, rows)) => pieces(after, before, rows, through),
        Err(why) => vec![Piece::Hole {
            after,
            next: through.saturating_add(1),
            why,
        }],
    }
}

/// `before` is the last id on disk up to `after`.
fn pieces(after: i64, before: Option<i64>, rows: Vec<StoredEvent>, through: i64) -> Vec<Piece> {
    let (mut at, mut on_disk, mut pieces) = (after, before, Vec::new());
    for row in rows.into_iter().take_while(|row| row.id <= through) {
        pieces.extend(hole(at, on_disk, row.id));
        (at, on_disk) = (row.id, Some(row.id));
        pieces.push(Piece::Event(row));
    }
    if pieces.is_empty() {
        // All that is on disk has been read. Behind it is what was lost, or the ids that a start leaves free.
        pieces.extend(hole(at, on_disk, through.saturating_add(1)));
    }
    pieces
}

/// What is missing between two ids, if anything is: a start leaves a known number of ids free.
fn hole(at: i64, on_disk: Option<i64>, next: i64) -> Option<Piece> {
    let from = on_disk.unwrap_or(at);
    // "0" asks for all that is kept; so nothing before the first is missing.
    let kept_from_here = on_disk.is_none() && at == 0;
    if kept_from_here || next - from == 1 || next - from == UNSEEN_EVENTS + 1 || next - at == 1 {
        return None;
    }
    let why = if on_disk.is_none() {
        "older than what the journal keeps"
    } else {
        "not in the journal: the disk did not keep up, or Muster ended before they were written"
    };
    Some(Piece::Hole {
        after: at,
        next,
        why: why.to_owned(),
    })
}

/// The newest lines, newest first; none where the journal cannot be read.
pub(crate) async fn newest(state: &ApiState, desk: &Desk, below: i64, most: u32) -> Vec<StoredEvent> {
    let read = desk.read(state.journal_path.clone(), move |reader| {
        reader.newest_events(below, most)
    });
    read.await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: i64) -> StoredEvent {
        StoredEvent {
            id,
            at_ms: 0,
            wall_ms: 0,
            kind: String::new(),
            level: String::new(),
            subject: String::new(),
            line: String::new(),
        }
    }

    /// Ids, and holes as (last before, first behind).
    fn shape(after: i64, before: Option<i64>, ids: &[i64], through: i64) -> Vec<(i64, i64)> {
        let pieces = pieces(after, before, ids.iter().copied().map(row).collect(), through);
        let shape = pieces.iter().map(|piece| match piece {
            Piece::Event(event) => (event.id, event.id),
            Piece::Hole { after, next, .. } => (*after, *next),
        });
        shape.collect()
    }

    #[test]
    fn rows_in_a_row_have_no_hole_and_those_in_memory_are_left_out() {
        assert_eq!(shape(5, Some(5), &[6, 7, 8], 7), [(6, 6), (7, 7)]);
        assert_eq!(shape(0, None, &[1_001, 1_002], 1_002), [(1_001, 1_001), (1_002, 1_002)]);
    }

    #[test]
    fn a_start_leaves_ids_free_and_nothing_is_said_of_it() {
        assert_eq!(shape(6, Some(6), &[1_007], 2_000), [(1_007, 1_007)]);
        // Told, seen, and lost with the process: whoever saw it goes on behind the free ids.
        assert_eq!(shape(9, Some(6), &[1_007], 2_000), [(1_007, 1_007)]);
        assert_eq!(shape(6, Some(6), &[], 1_006), []);
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(shape(5, None, &[100], 200), [(5, 100), (100, 100)]);
        assert_eq!(shape(5, Some(5), &[6, 9], 200), [(6, 6), (6, 9), (9, 9)]);
        assert_eq!(shape(5, Some(5), &[], 7), [(5, 8)]);
        assert_eq!(shape(5, None, &[], 7), [(5, 8)]);
    }
}

//! What was said and not told: read from the journal's ring of lines.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::sort::{Line, Sort};
use crate::counters::{Cause, Counters};
use crate::journal::{JournalError, Reader};

/// The ring is read within this, or what it holds is not told: somebody may be waiting for the next vote.
const WITHIN: Duration = Duration::from_millis(1_500);

/// What the ring holds beyond an id.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Votes, levels, openings and ends, oldest first.
    pub(super) lines: Vec<Line>,
    /// Id of the last line of any sort.
    pub(super) through: i64,
}

/// What the ring holds with ids in `(after, through]`; none if it cannot be read.
pub(super) async fn lines(journal: PathBuf, after: i64, through: i64, counters: &Counters) -> Option<Found> {
    let reading = tokio::task::spawn_blocking(move || read(&journal, after, through));
    let why = match tokio::time::timeout(WITHIN, reading).await {
        Ok(Ok(Ok(found))) => return Some(found),
        Ok(Ok(Err(e))) => e.to_string(),
        Ok(Err(e)) => e.to_string(),
        Err(_) => format!("not read within {} ms", WITHIN.as_millis()),
    };
    let what = format!("what was said before cannot be read from the journal: {why}");
    counters.count(Cause::NotifyMissed, "journal", &what);
    None
}

fn read(journal: &Path, after: i64, through: i64) -> Result<Found, JournalError> {
    let reader = Reader::open(journal)?;
    let mut found = Found {
        lines: Vec::new(),
        through: after,
    };
    while found.through < through {
        let slice = reader.events(found.through.saturating_add(1))?;
        let Some(last) = slice.last() else { break };
        found.through = last.id;
        let within = slice.into_iter().filter(|stored| stored.id <= through);
        found.lines.extend(within.filter_map(Line::of_stored));
    }
    Ok(found)
}

/// Where an incident begins among lines, as the id before it.
pub(super) fn before_opening(lines: &[Line], incident: &str) -> Option<i64> {
    let opens = format!("{incident} opens");
    let is_it = |line: &&Line| line.sort == Sort::Opening && line.text.starts_with(&opens);
    lines.iter().rev().find(is_it).map(|line| line.id - 1)
}

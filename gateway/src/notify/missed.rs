//! What was said and not told: read from the journal's ring of lines.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::sort::{Line, Sort};
use crate::counters::{Cause, Counters};
use crate::journal::{JournalError, Reader};

/// The ring is read within this, or what it holds is not told: somebody may be waiting for the next vote.
const WITHIN: Duration = Duration::from_millis(1_500);

/// Votes, levels, openings and ends with ids in `(after, through]`, oldest first.
pub(super) async fn lines(journal: PathBuf, after: i64, through: i64, counters: &Counters) -> Vec<Line> {
    let reading = tokio::task::spawn_blocking(move || read(&journal, after, through));
    let why = match tokio::time::timeout(WITHIN, reading).await {
        Ok(Ok(Ok(lines))) => return lines,
        Ok(Ok(Err(e))) => e.to_string(),
        Ok(Err(e)) => e.to_string(),
        Err(_) => format!("not read within {} ms", WITHIN.as_millis()),
    };
    let what = format!("what was said before cannot be read from the journal: {why}");
    counters.count(Cause::NotifyMissed, "journal", &what);
    Vec::new()
}

fn read(journal: &Path, after: i64, through: i64) -> Result<Vec<Line>, JournalError> {
    let reader = Reader::open(journal)?;
    let (mut found, mut from) = (Vec::new(), after.saturating_add(1));
    loop {
        let slice = reader.events(from)?;
        let Some(last) = slice.last() else { break };
        from = last.id.saturating_add(1);
        let within = slice.into_iter().filter(|stored| stored.id <= through);
        found.extend(within.filter_map(Line::of_stored));
        if from > through {
            break;
        }
    }
    Ok(found)
}

/// Where an incident begins among lines, as the id before it.
pub(super) fn before_opening(lines: &[Line], incident: &str) -> Option<i64> {
    let opens = format!("{incident} opens");
    let is_it = |line: &&Line| line.sort == Sort::Opening && line.text.starts_with(&opens);
    lines.iter().rev().find(is_it).map(|line| line.id - 1)
}

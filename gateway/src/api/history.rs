//! Incidents of the past, out of the journal's decisions.

mod past;

use muster_core::{Millis, Record};
use serde::Serialize;

use past::Past;

use super::wall;
use crate::clock::Clock;
use crate::journal::{JournalError, Reader, StoredEntry};

/// Decisions read of one incident: more than the largest site makes; what is beyond is said to be missing.
const ENTRIES_MAX: usize = 25_000;

/// A line of the list.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    id: String,
    opened: Millis,
    opened_wall: Option<String>,
    closed: Option<Millis>,
    closed_wall: Option<String>,
    closed_by: Vec<String>,
    why: String,
    /// Sequence of its first decision: where the next page goes on.
    #[serde(skip)]
    pub(super) seq: i64,
}

/// Up to `most` incidents before sequence `before`, newest first.
pub(super) fn list(
    reader: &Reader,
    (site, clock): (&str, &Clock),
    before: i64,
    most: u32,
) -> Result<Vec<Line>, JournalError> {
    let opened = reader.entries_of_kind("incident_opened", before, most)?;
    let mut lines = Vec::new();
    // Each ends with the last reset before the next one opens.
    let mut until = before;
    for entry in opened {
        let closed = reader.entries_of_kind("incident_closed", until, 1)?;
        until = entry.seq;
        if let Some(mut line) = Line::open(&entry, site, clock) {
            closed
                .iter()
                .filter(|c| c.seq > entry.seq)
                .for_each(|c| line.close(c, clock));
            lines.push(line);
        }
    }
    Ok(lines)
}

/// The incident of number `n`; none if the journal has none.
pub(super) fn find(reader: &Reader, (site, clock): (&str, &Clock), n: u32) -> Result<Option<Past>, JournalError> {
    let Some(first) = opening(reader, n)? else {
        return Ok(None);
    };
    let Some(line) = Line::open(&first, site, clock) else {
        return Ok(None);
    };
    let (mut past, mut seq, mut read) = (Past::new(line), first.seq, 0);
    while past.line.closed.is_none() {
        let slice = reader.entries(seq.saturating_add(1))?;
        let Some(last) = slice.last() else { break };
        (seq, read) = (last.seq, read + slice.len());
        past.truncated = read > ENTRIES_MAX;
        if past.truncated {
            break;
        }
        for entry in &slice {
            past.take(entry, clock);
            if past.line.closed.is_some() {
                break;
            }
        }
    }
    Ok(Some(past))
}

/// Openings are few; a damaged one is passed over.
fn opening(reader: &Reader, n: u32) -> Result<Option<StoredEntry>, JournalError> {
    let mut before = i64::MAX;
    loop {
        let page = reader.entries_of_kind("incident_opened", before, 100)?;
        let Some(last) = page.last() else { return Ok(None) };
        before = last.seq;
        let is_it = |e: &StoredEntry| matches!(e.record(), Ok(Record::IncidentOpened { n: found, .. }) if found == n);
        if let Some(found) = page.into_iter().find(is_it) {
            return Ok(Some(found));
        }
    }
}

/// The journal knows only the real wall clock; a story's time is made from the engine's.
fn wall_of(entry: &StoredEntry, clock: &Clock) -> Option<String> {
    let ms = if clock.speed() == 1 {
        entry.wall_ms
    } else {
        clock.wall_of(entry.at_ms)
    };
    wall::rfc3339(ms)
}

impl Line {
    fn open(entry: &StoredEntry, site: &str, clock: &Clock) -> Option<Self> {
        let Ok(Record::IncidentOpened { n, why }) = entry.record() else {
            return None;
        };
        Some(Self {
            id: format!("{site}-{n}"),
            opened: entry.at_ms,
            opened_wall: wall_of(entry, clock),
            closed: None,
            closed_wall: None,
            closed_by: Vec::new(),
            why,
            seq: entry.seq,
        })
    }

    fn close(&mut self, entry: &StoredEntry, clock: &Clock) {
        if let Ok(Record::IncidentClosed { by, .. }) = entry.record() {
            (self.closed, self.closed_wall) = (Some(entry.at_ms), wall_of(entry, clock));
            self.closed_by = by;
        }
    }
}

//! Retention: the oldest decisions leave, and the chain goes on to hold.
//!
//! Removed is only a beginning of the journal, up to a place where no incident is open and nothing is on its way home. In the same transaction an entry
//! is added at the end, `pruned`: up to where, the hash of the last entry removed, and what the removed ones had left
//! behind. So the chain begins at a hash that is itself part of the chain, and a restart knows what it has to.

use muster_core::{Entry, Leftover, Millis, Record, Verb};
use rusqlite::{Connection, Transaction};

use super::chain::Chain;
use super::rows::{self, SLICE, StoredEntry};

/// Entries removed in one transaction, so that no commit gets long: a hook may wait for the next one.
const ENTRIES_AT_A_TIME: usize = 2_000;

/// What may be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prunable {
    /// Last sequence to go.
    pub through: u64,
    /// Its hash, hexadecimal.
    pub hash: String,
    /// What those that go leave behind.
    pub leftover: Leftover,
    /// There is more than goes at a time.
    pub more: bool,
}

/// Entries that were removed before the first that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Last sequence of them.
    pub through: i64,
    /// Sequence of the entry that says so.
    pub said_by: i64,
    /// When they were removed, wall clock, Unix milliseconds.
    pub wall_ms: i64,
    pub(super) hash: Vec<u8>,
    leftover: Leftover,
}

/// What was removed before the first entry; none if nothing was, or nothing says so.
pub(super) fn removed(conn: &Connection) -> rusqlite::Result<Option<Removed>> {
    let Some(first) = rows::entries(conn, i64::MIN, 1)?.pop() else {
        return Ok(None);
    };
    let said = rows::of_kind(conn, "pruned")?;
    Ok(said.iter().rev().find_map(|row| says_removed(row, first.seq)))
}

fn says_removed(row: &StoredEntry, first: i64) -> Option<Removed> {
    let Ok(Record::Pruned {
        through,
        hash,
        leftover,
    }) = row.record()
    else {
        return None;
    };
    let through = i64::try_from(through).ok()?;
    (through.checked_add(1) == Some(first) && row.seq > through).then(|| Removed {
        through,
        said_by: row.seq,
        wall_ms: row.wall_ms,
        hash: from_hex(&hash),
        leftover,
    })
}

impl Removed {
    /// The chain as it was at the end of what is gone.
    pub(super) fn chain(&self) -> Chain {
        Chain {
            head: self.hash.clone(),
            last: Some(self.through),
            ..Chain::default()
        }
    }
}

/// What may go of entries older than an engine time; none if nothing may.
pub(super) fn prunable(conn: &Connection, before: Millis) -> rusqlite::Result<Option<Prunable>> {
    let mut leftover = removed(conn)?.map_or_else(Leftover::default, |r| r.leftover);
    let (mut found, mut open, mut seen, mut decisions) = (None, false, 0, 0);
    let mut from = Some(i64::MIN);
    while let Some(first) = from {
        let slice = rows::entries(conn, first, SLICE)?;
        from = slice.last().and_then(|row| row.seq.checked_add(1));
        for row in slice {
            let Some(Entry { seq, at, record }) = row.entry() else {
                return Ok(found);
            };
            if at >= before {
                return Ok(found);
            }
            if seen == ENTRIES_AT_A_TIME {
                return Ok(found.map(|f| Prunable { more: true, ..f }));
            }
            seen += 1;
            leftover.take(&record);
            match record {
                // Steps of the way back belong together as well.
                Record::IncidentOpened { .. } | Record::OrderTaken { verb: Verb::Return, .. } => open = true,
                Record::IncidentClosed { .. } | Record::ReturnEnded { .. } => open = false,
                _ => {}
            }
            // One that only says what was removed is no reason to remove again.
            decisions += usize::from(!matches!(record, Record::Pruned { .. }));
            if !open && decisions > 0 {
                found = Some(Prunable {
                    through: seq,
                    hash: hex(&row.hash),
                    leftover: leftover.clone(),
                    more: false,
                });
            }
        }
    }
    Ok(found)
}

/// Removes what an entry says is removed, if the chain agrees; whether it does.
pub(super) fn carry_out(tx: &Transaction<'_>, through: u64, hash: &str) -> rusqlite::Result<bool> {
    let through = i64::try_from(through).unwrap_or(i64::MIN);
    let last = rows::entries(tx, through, 1)?.pop();
    let agrees = last.is_some_and(|row| row.seq == through && hex(&row.hash) == hash);
    if agrees {
        tx.execute("DELETE FROM entry WHERE seq <= ?1", [through])?;
    }
    Ok(agrees)
}

/// The entries with what the removed ones left behind put before them.
pub(super) fn with_leftover(mut entries: Vec<Entry>) -> Vec<Entry> {
    let first = entries.first().map_or(0, |entry| entry.seq);
    let leftover = entries
        .iter()
        .rev()
        .find(|entry| matches!(&entry.record, Record::Pruned { through, .. } if through.checked_add(1) == Some(first)));
    if let Some(Entry { at, record, .. }) = leftover.cloned() {
        let seq = first.saturating_sub(1);
        entries.insert(0, Entry { seq, at, record });
    }
    entries
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is no hash is one that no entry follows.
fn from_hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..text.len()).step_by(2).map_while(digit).collect()
}

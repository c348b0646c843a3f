//! What stands in the tables, read leniently: a damaged value is for the chain to find, not a reason to stop reading.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_core::{Entry, Millis, Record};
use rusqlite::{Connection, OptionalExtension, Row};

/// Rows read at a time, so that no reader keeps the log from being folded back.
pub(super) const SLICE: u32 = 500;

/// A decision as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Sequence.
    pub seq: i64,
    /// Engine time, milliseconds.
    pub at_ms: Millis,
    /// Wall clock, Unix milliseconds.
    pub wall_ms: i64,
    /// Sort of record, a word.
    pub kind: String,
    /// JSON of the record, byte for byte.
    pub body: Vec<u8>,
    /// Link of the chain; 32 bytes unless damaged.
    pub hash: Vec<u8>,
}

/// A line for people as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Rises; gaps are possible where lines were dropped.
    pub id: i64,
    /// Engine time, milliseconds.
    pub at_ms: Millis,
    /// Wall clock, Unix milliseconds.
    pub wall_ms: i64,
    /// Sort of event, a word.
    pub kind: String,
    /// Level of the site then, a word.
    pub level: String,
    /// What it is about.
    pub subject: String,
    /// The line.
    pub line: String,
}

impl StoredEvent {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: int(row, 0)?,
            at_ms: int(row, 1)?,
            wall_ms: int(row, 2)?,
            kind: text(row, 3)?,
            level: text(row, 4)?,
            subject: text(row, 5)?,
            line: text(row, 6)?,
        })
    }
}

/// The columns of an entry, in the order [`StoredEntry`] is read and written.
pub(super) const ENTRY_COLUMNS: &str = "seq, at_ms, wall_ms, kind, body, hash";

/// Highest (boot, seq) of each node.
pub(super) type Marks = BTreeMap<Arc<str>, (u64, u64)>;

#[derive(serde::Deserialize)]
struct Kind {
    kind: String,
}

/// The word for a record in the column `kind`, out of its JSON.
pub(super) fn kind_of(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<Kind>(body).ok().map(|found| found.kind)
}

impl StoredEntry {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: int(row, 0)?,
            at_ms: int(row, 1)?,
            wall_ms: int(row, 2)?,
            kind: text(row, 3)?,
            body: bytes(row, 4)?,
            hash: bytes(row, 5)?,
        })
    }

    pub(super) fn kind_in_body(&self) -> Option<String> {
        kind_of(&self.body)
    }

    /// The record itself.
    ///
    /// # Errors
    /// If the body is not the JSON of a record this version knows.
    pub fn record(&self) -> Result<Record, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// As the core takes it back; none if it cannot be read.
    pub(super) fn entry(&self) -> Option<Entry> {
        Some(Entry {
            seq: u64::try_from(self.seq).ok()?,
            at: self.at_ms,
            record: self.record().ok()?,
        })
    }
}

/// Up to `limit` entries from sequence `from` on.
pub(super) fn entries(conn: &Connection, from: i64, limit: u32) -> rusqlite::Result<Vec<StoredEntry>> {
    let sql = format!("SELECT {ENTRY_COLUMNS} FROM entry WHERE seq >= ?1 ORDER BY seq LIMIT ?2");
    let mut query = conn.prepare(&sql)?;
    let rows = query.query_map((from, limit), StoredEntry::of)?;
    rows.collect()
}

/// Every entry of a kind, oldest first. For kinds of which there are few.
pub(super) fn of_kind(conn: &Connection, kind: &str) -> rusqlite::Result<Vec<StoredEntry>> {
    let sql = format!("SELECT {ENTRY_COLUMNS} FROM entry WHERE kind = ?1 ORDER BY seq");
    let mut query = conn.prepare(&sql)?;
    let rows = query.query_map([kind], StoredEntry::of)?;
    rows.collect()
}

/// Up to `limit` entries of one kind before sequence `before`, newest first.
pub(super) fn entries_of_kind(
    conn: &Connection,
    kind: &str,
    before: i64,
    limit: u32,
) -> rusqlite::Result<Vec<StoredEntry>> {
    let sql = format!("SELECT {ENTRY_COLUMNS} FROM entry WHERE kind = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3");
    let mut query = conn.prepare(&sql)?;
    let rows = query.query_map((kind, before, limit), StoredEntry::of)?;
    rows.collect()
}

/// The last entry that this Muster can read.
pub(super) fn last_readable(conn: &Connection) -> rusqlite::Result<Option<StoredEntry>> {
    let mut query = conn.prepare(&format!("SELECT {ENTRY_COLUMNS} FROM entry ORDER BY seq DESC"))?;
    let rows = query.query_map((), StoredEntry::of)?;
    for row in rows {
        let row = row?;
        if row.entry().is_some() {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// Every entry that can be reached in a damaged file, from the beginning and from the end: the latest matter most.
pub(super) fn entries_within_reach(conn: &Connection) -> Vec<StoredEntry> {
    let mut found = BTreeMap::new();
    for order in ["ASC", "DESC"] {
        let sql = format!("SELECT {ENTRY_COLUMNS} FROM entry ORDER BY seq {order}");
        let Ok(mut query) = conn.prepare(&sql) else { continue };
        let Ok(rows) = query.query_map((), StoredEntry::of) else {
            continue;
        };
        for row in rows.map_while(Result::ok) {
            found.insert(row.seq, row);
        }
    }
    found.into_values().collect()
}

/// Up to `limit` events from `from` on.
pub(super) fn events(conn: &Connection, from: i64, limit: u32) -> rusqlite::Result<Vec<StoredEvent>> {
    let mut query = conn.prepare(
        "SELECT id, at_ms, wall_ms, kind, level, subject, line FROM event WHERE id >= ?1 ORDER BY id LIMIT ?2",
    )?;
    let rows = query.query_map((from, limit), StoredEvent::of)?;
    rows.collect()
}

/// Up to `limit` events below `below`, newest first.
pub(super) fn newest_events(conn: &Connection, below: i64, limit: u32) -> rusqlite::Result<Vec<StoredEvent>> {
    let mut query = conn.prepare(
        "SELECT id, at_ms, wall_ms, kind, level, subject, line FROM event WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let rows = query.query_map((below, limit), StoredEvent::of)?;
    rows.collect()
}

/// Id of the last event that is not beyond `id`.
pub(super) fn last_event_through(conn: &Connection, id: i64) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT id FROM event WHERE id <= ?1 ORDER BY id DESC LIMIT 1";
    conn.query_row(sql, [id], |row| int(row, 0)).optional()
}

/// Id of the last line for people; 0 if there is none.
pub(super) fn last_event(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("SELECT coalesce(max(id), 0) FROM event", [], |row| int(row, 0))
}

/// The last id that a line may have had before this start.
pub(super) fn told(conn: &Connection) -> rusqlite::Result<i64> {
    let reserved = conn
        .query_row("SELECT through FROM told", [], |row| int(row, 0))
        .optional();
    // Without the table nothing could be reserved.
    Ok(reserved.ok().flatten().unwrap_or(0).max(last_event(conn)?))
}

/// Every high-water mark.
pub(super) fn marks(conn: &Connection) -> rusqlite::Result<Marks> {
    let mut query = conn.prepare("SELECT node, boot, seq FROM mark")?;
    let rows = query.query_map((), |row| {
        let numbers = (int(row, 1)?.cast_unsigned(), int(row, 2)?.cast_unsigned());
        Ok((Arc::from(text(row, 0)?), numbers))
    })?;
    rows.collect()
}

/// Engine time and wall clock of the last transaction.
pub(super) fn clock(conn: &Connection) -> rusqlite::Result<Option<(Millis, i64)>> {
    conn.query_row("SELECT engine_ms, wall_ms FROM clock", [], |row| {
        Ok((int(row, 0)?, int(row, 1)?))
    })
    .optional()
}

/// The key of progress URLs; none if it is gone or damaged.
pub(super) fn progress_key(conn: &Connection) -> rusqlite::Result<Option<[u8; 32]>> {
    let found = conn
        .query_row("SELECT progress_key FROM meta", [], |row| bytes(row, 0))
        .optional()?;
    Ok(found.and_then(|key| key.try_into().ok()))
}

fn int(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
    Ok(row.get_ref(column)?.as_i64().unwrap_or(0))
}

fn bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<u8>> {
    let value = row.get_ref(column)?;
    Ok(value.as_bytes_or_null().ok().flatten().unwrap_or_default().to_vec())
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(String::from_utf8_lossy(&bytes(row, column)?).into_owned())
}

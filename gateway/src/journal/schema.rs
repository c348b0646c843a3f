//! How the file is laid out, made, and recognised.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::JournalError;

/// `Mstr`: tells a Muster journal from any other SQLite file.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"Mstr");
/// Version of the layout this Muster reads and writes.
pub(super) const VERSION: i32 = 1;
/// How every SQLite file begins that holds anything.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const TABLES: &str = include_str!("schema.sql");
/// A reader's lock is a matter of microseconds; longer is a fault, and is tried again by the writer.
const BUSY: Duration = Duration::from_millis(100);
/// The log is cut back to this after a checkpoint. Bytes.
const LOG_KEPT: i64 = 16 << 20;

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Empty: no journal was made here yet.
    New,
    /// A journal of this version.
    Ours,
}

/// Recognises a file; `Newer` and `Foreign` are errors because neither may be written or moved away.
pub(super) fn recognise(conn: &Connection, path: &Path) -> Result<Layout, JournalError> {
    let read = |pragma: &str| conn.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i32>(0));
    let wrong = |e| JournalError::of_sqlite(path, e);
    let tables: i64 = conn
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(wrong)?;
    let (id, version) = (
        read("application_id").map_err(wrong)?,
        read("user_version").map_err(wrong)?,
    );
    match (id, tables) {
        (0, 0) if is_zeroed(path) => Err(JournalError::corrupt(path, "its header is gone")),
        (0, 0) => Ok(Layout::New),
        (APPLICATION_ID, _) if version > VERSION => Err(JournalError::Newer {
            path: path.into(),
            found: version,
        }),
        (APPLICATION_ID, 1..) => Ok(Layout::Ours),
        (APPLICATION_ID, _) => Err(JournalError::corrupt(path, "it holds no tables")),
        _ => Err(JournalError::Foreign { path: path.into() }),
    }
}

/// SQLite takes some files without its header for empty ones and would write over them.
fn is_zeroed(path: &Path) -> bool {
    let mut header = [0; MAGIC.len()];
    let read = std::fs::File::open(path).and_then(|mut file| match file.metadata()?.len() {
        0 => Ok(false),
        _ => file.read_exact(&mut header).map(|()| header != *MAGIC),
    });
    read.unwrap_or(true)
}

/// Settings of the writing connection. The log is folded back by the writer when it is idle (`store.rs`), never inside a
/// commit that a hook waits for.
pub(super) fn prepare_to_write(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "cell_size_check", true)?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "journal_size_limit", LOG_KEPT)
}

/// Makes the tables, in one transaction: after a kill there is a whole journal or an empty file.
pub(super) fn create(conn: &mut Connection, progress_key: &[u8; 32], wall_ms: i64) -> rusqlite::Result<()> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(TABLES)?;
    tx.execute(
        "INSERT INTO meta (one, progress_key, created_ms) VALUES (1, ?1, ?2)",
        (progress_key, wall_ms),
    )?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", VERSION)?;
    tx.commit()
}

/// Ids left free at a start: a kill may have lost lines that were told, and whoever heard them goes on from their ids.
pub(crate) const UNSEEN_EVENTS: i64 = 1_000;

/// Sets ids of lines for people aside for this start, on disk, so that none is ever given twice: not after a kill before the
/// first line was written, and, as a new journal begins at the time of day, not after one was set aside. The table came
/// after version 1 of the layout, and changes the meaning of nothing in it.
pub(super) fn reserve_events(conn: &Connection, wall_ms: i64) -> rusqlite::Result<()> {
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS told (one INTEGER PRIMARY KEY CHECK (one = 1), through INTEGER NOT NULL) STRICT",
    )?;
    let last = super::rows::last_event(conn)?;
    let sql = "INSERT INTO told (one, through) VALUES (1, max(?1, ?2) + ?3)
               ON CONFLICT (one) DO UPDATE SET through = max(through, ?2) + ?3";
    conn.execute(sql, (wall_ms, last, UNSEEN_EVENTS)).map(drop)
}

/// Looks for broken pages and missing tables; the first thing found.
pub(super) fn damage(conn: &Connection) -> rusqlite::Result<Option<String>> {
    let word: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if word != "ok" {
        return Ok(Some(word));
    }
    let lacking = ["meta", "entry", "aside", "mark", "event", "clock"]
        .into_iter()
        .find(|table| conn.prepare(&format!("SELECT * FROM {table}")).is_err());
    Ok(lacking.map(|table| format!("its table `{table}` is missing")))
}

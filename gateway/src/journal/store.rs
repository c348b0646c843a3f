//! The writing connection: one transaction for all that waits.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

use muster_core::{Entry, Millis, Record};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::chain::{GENESIS, link};
use super::pending::Pending;
use super::prune;
use super::rows::{self, ENTRY_COLUMNS, Marks, StoredEntry};
use super::schema::{self, Layout};
use super::{JournalError, wall_now_ms};
use crate::clock::Stopwatch;
use crate::lanes::Mark;
use crate::told::Told;

/// Lines for people that are kept. About 50 MB.
const EVENTS_KEPT: i64 = 200_000;
/// At most this many old lines leave in one transaction, beyond as many as came.
const TRIM_SLICE: i64 = 64;
/// Old lines leave with a transaction that no hook waits for, which comes every second; or when so many have come that they
/// would pile up in a flood of decisions.
const TRIM_WHEN_CAME: usize = 256;
/// The log is folded back after about this many rows when nothing waits.
const FOLD_WHEN_IDLE_ROWS: usize = 500;
/// The log is folded back after about this many rows even when something waits.
const FOLD_ROWS: usize = 8_000;

/// The writing connection and the end of the chain.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) conn: Connection,
    pub(super) events_kept: i64,
    head: Vec<u8>,
    last: Option<i64>,
    marks: Marks,
    since_fold_rows: usize,
    /// Lines that came since old ones last left.
    since_trim: usize,
}

/// What one transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// Last durable sequence; none if the transaction carried no decision.
    pub(super) through: Option<u64>,
    /// Highest durable mark of every node it was about.
    pub(super) marks: Vec<Mark>,
    /// What COMMIT alone took: the log's write and its fsync. Microseconds.
    pub(super) commit_us: u64,
    /// Decisions whose sequence the journal already holds with other content; not written.
    pub(super) conflicts: usize,
}

impl Store {
    /// Opens or makes the file. `progress_key` is used if it is made. Also returns the findings.
    pub(super) fn open(path: &Path, progress_key: &[u8; 32]) -> Result<(Self, Vec<String>), JournalError> {
        make_file(path)?;
        let wrong = |e| JournalError::of_sqlite(path, e);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, flags).map_err(wrong)?;
        let layout = schema::recognise(&conn, path)?;
        schema::prepare_to_write(&conn).map_err(wrong)?;
        match layout {
            Layout::New => schema::create(&mut conn, progress_key, wall_now_ms()).map_err(wrong)?,
            Layout::Ours => sound(&conn, path)?,
        }
        if let Err(error) = schema::reserve_events(&conn, wall_now_ms()) {
            // A disk that takes nothing now is told of by the first write; lines for people are no reason not to start.
            tracing::warn!(%error, "no ids could be reserved for lines of events");
        }
        let aside = set_unreadable_end_aside(&mut conn).map_err(wrong)?;
        let store = Self::at_the_end(conn).map_err(wrong)?;
        Ok((store, aside))
    }

    fn at_the_end(conn: Connection) -> rusqlite::Result<Self> {
        let last = rows::last_readable(&conn)?;
        Ok(Self {
            head: last.as_ref().map_or(GENESIS.to_vec(), |row| row.hash.clone()),
            last: last.map(|row| row.seq),
            marks: rows::marks(&conn)?,
            events_kept: EVENTS_KEPT,
            since_fold_rows: FOLD_WHEN_IDLE_ROWS,
            since_trim: 0,
            conn,
        })
    }

    /// Writes all that waits in one transaction. On an error nothing of it is written and the same call may be made again.
    pub(super) fn apply(&mut self, pending: &Pending) -> rusqlite::Result<Stored> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut end = End {
            head: self.head.clone(),
            last: self.last,
        };
        let conflicts = end.write_entries(&tx, &pending.entries)?;
        write_marks(&tx, &pending.marks, &self.marks)?;
        write_events(&tx, &pending.events)?;
        let came = self.since_trim + pending.events.len();
        let trim = pending.entries.is_empty() || came >= TRIM_WHEN_CAME;
        if trim {
            trim_events(&tx, self.events_kept, came)?;
            forget_events(&tx, pending.keep_from())?;
        }
        write_clock(&tx, pending.clock)?;
        let commit = Stopwatch::start();
        tx.commit()?;
        let commit_us = u64::try_from(commit.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.take_over(end, pending);
        self.since_trim = if trim { 0 } else { came };
        let through = pending.entries.iter().map(|(_, entry)| entry.seq).max();
        Ok(Stored {
            through,
            marks: self.marks_of(pending),
            commit_us,
            conflicts,
        })
    }

    fn marks_of(&self, pending: &Pending) -> Vec<Mark> {
        let on_disk = pending.marks.keys().filter_map(|node| self.marks.get_key_value(node));
        on_disk
            .map(|(node, &(boot, seq))| Mark {
                node: node.clone(),
                boot,
                seq,
            })
            .collect()
    }

    fn take_over(&mut self, end: End, pending: &Pending) {
        self.head = end.head;
        self.last = end.last;
        for (node, mark) in &pending.marks {
            let highest = self.marks.entry(node.clone()).or_insert(*mark);
            *highest = (*mark).max(*highest);
        }
        self.since_fold_rows += 2 + pending.entries.len() + pending.marks.len() + pending.events.len();
    }

    /// Folds the log back into the file when it has grown and nothing waits, or has grown very much. A failure is harmless:
    /// the log holds everything, and the next try comes.
    pub(super) fn fold(&mut self, idle: bool) -> rusqlite::Result<()> {
        let due_rows = if idle { FOLD_WHEN_IDLE_ROWS } else { FOLD_ROWS };
        if self.since_fold_rows < due_rows {
            return Ok(());
        }
        self.since_fold_rows = 0;
        self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }
}

/// The end of the chain as it will be after the transaction.
struct End {
    head: Vec<u8>,
    last: Option<i64>,
}

impl End {
    fn write_entries(&mut self, tx: &Transaction<'_>, entries: &[(i64, Entry)]) -> rusqlite::Result<usize> {
        if entries.is_empty() {
            return Ok(0);
        }
        let sql = format!("INSERT INTO entry ({ENTRY_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
        let mut insert = tx.prepare_cached(&sql)?;
        let mut conflicts = 0;
        for (wall_ms, entry) in entries {
            let row = self.next(*wall_ms, entry)?;
            if self.last.is_some_and(|last| row.seq <= last) {
                conflicts += usize::from(!already_there(tx, &row)?);
                continue;
            }
            let body = String::from_utf8_lossy(&row.body);
            insert.execute((row.seq, row.at_ms, row.wall_ms, &row.kind, body, &row.hash))?;
            if let Record::Pruned { through, hash, .. } = &entry.record {
                // Where the chain does not agree nothing goes, and the entry says something untrue of the past.
                conflicts += usize::from(!prune::carry_out(tx, *through, hash)?);
            }
            self.last = Some(row.seq);
            self.head = row.hash;
        }
        Ok(conflicts)
    }

    fn next(&self, wall_ms: i64, entry: &Entry) -> rusqlite::Result<StoredEntry> {
        let body = serde_json::to_vec(&entry.record).map_err(unwritable_value)?;
        let seq = i64::try_from(entry.seq).map_err(unwritable_value)?;
        Ok(StoredEntry {
            hash: link(&self.head, seq, entry.at, wall_ms, &body).to_vec(),
            kind: rows::kind_of(&body).unwrap_or_default(),
            at_ms: entry.at,
            seq,
            wall_ms,
            body,
        })
    }
}

/// A commit that answered with an error may have reached the disk all the same; after the file was opened anew its entries
/// come a second time.
fn already_there(tx: &Transaction<'_>, row: &StoredEntry) -> rusqlite::Result<bool> {
    let there = rows::entries(tx, row.seq, 1)?;
    Ok(there
        .first()
        .is_some_and(|old| (old.seq, old.at_ms, &old.body) == (row.seq, row.at_ms, &row.body)))
}

fn unwritable_value(e: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(e))
}

/// Marks only rise.
fn write_marks(tx: &Transaction<'_>, marks: &Marks, before: &Marks) -> rusqlite::Result<()> {
    if marks.is_empty() {
        return Ok(());
    }
    let mut write = tx.prepare_cached("INSERT OR REPLACE INTO mark (node, boot, seq) VALUES (?1, ?2, ?3)")?;
    let risen = marks
        .iter()
        .filter(|(node, mark)| before.get(*node).is_none_or(|old| old < mark));
    for (node, (boot, seq)) in risen {
        write.execute((&**node, boot.cast_signed(), seq.cast_signed()))?;
    }
    Ok(())
}

fn write_events(tx: &Transaction<'_>, events: &[(i64, Arc<Told>)]) -> rusqlite::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    // A commit that answered with an error may have reached the disk: the same lines then come a second time.
    let sql = "INSERT OR IGNORE INTO event (id, at_ms, wall_ms, kind, level, subject, line) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut write = tx.prepare_cached(sql)?;
    for (wall_ms, Told { id, at, event, .. }) in events.iter().map(|(wall_ms, told)| (wall_ms, &**told)) {
        let (kind, level) = (event.kind.as_str(), event.level.as_str());
        write.execute((id, at, wall_ms, kind, level, &event.subject, &event.line))?;
    }
    Ok(())
}

/// Oldest lines leave, a slice at a time, so that no transaction gets long.
fn trim_events(tx: &Transaction<'_>, kept: i64, came: usize) -> rusqlite::Result<()> {
    if came == 0 {
        return Ok(());
    }
    let slice = i64::try_from(came).unwrap_or(i64::MAX).saturating_add(TRIM_SLICE);
    let sql =
        "DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?1 AND id < (SELECT min(id) FROM event) + ?2";
    tx.prepare_cached(sql)?.execute((kept, slice))?;
    Ok(())
}

/// Lines older than is kept leave, a slice at a time.
fn forget_events(tx: &Transaction<'_>, keep_from: Option<Millis>) -> rusqlite::Result<()> {
    if let Some(from) = keep_from {
        let sql = "DELETE FROM event WHERE at_ms < ?1 AND id IN (SELECT id FROM event ORDER BY id LIMIT ?2)";
        tx.prepare_cached(sql)?.execute((from, TRIM_SLICE))?;
    }
    Ok(())
}

fn write_clock(tx: &Transaction<'_>, clock: Option<(Millis, i64)>) -> rusqlite::Result<()> {
    if let Some(now) = clock {
        let sql = "INSERT OR REPLACE INTO clock (one, engine_ms, wall_ms) VALUES (1, ?1, ?2)";
        tx.prepare_cached(sql)?.execute(now)?;
    }
    Ok(())
}

/// An empty file that only its owner may read: it will hold the key of progress URLs. SQLite gives its log the same rights.
fn make_file(path: &Path) -> Result<(), JournalError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) if path.exists() => Ok(()),
        Err(source) => Err(JournalError::Create {
            path: path.into(),
            source,
        }),
    }
}

fn sound(conn: &Connection, path: &Path) -> Result<(), JournalError> {
    let found = schema::damage(conn).map_err(|e| JournalError::of_sqlite(path, e))?;
    found.map_or(Ok(()), |what| Err(JournalError::corrupt(path, what)))
}

/// Entries at the end that this Muster cannot read would stand in the way of new ones with the same sequences.
fn set_unreadable_end_aside(conn: &mut Connection) -> rusqlite::Result<Vec<String>> {
    let from = rows::last_readable(conn)?.map_or(i64::MIN, |row| row.seq.saturating_add(1));
    if rows::entries(conn, from, 1)?.is_empty() {
        return Ok(Vec::new());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = format!("INSERT INTO aside SELECT {ENTRY_COLUMNS}, ?2 FROM entry WHERE seq >= ?1");
    let moved = tx.execute(&sql, (from, wall_now_ms()))?;
    tx.execute("DELETE FROM entry WHERE seq >= ?1", [from])?;
    tx.commit()?;
    let line = format!("the last {moved} entries cannot be read; they were set aside in the table `aside`");
    Ok(vec![line])
}

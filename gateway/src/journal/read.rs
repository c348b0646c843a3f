//! Reading a journal that a gateway may be writing: nothing is locked, nothing is changed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use muster_core::Millis;
use rusqlite::{Connection, OpenFlags};

use super::chain::{Break, Chain};
use super::prune::{self, Prunable, Removed};
use super::rows::{self, SLICE, StoredEntry, StoredEvent};
use super::schema::{self, Layout};
use super::{JournalError, lock::beside};

/// A writer holds the file for moments only.
const BUSY: Duration = Duration::from_secs(2);

/// A journal opened for reading.
#[derive(Debug)]
pub struct Reader {
    conn: Connection,
    path: PathBuf,
}

/// What following the chain showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Entries followed.
    pub entries: u64,
    /// Hash of the last, as stored; 32 zeros without entries. Note it elsewhere: only so is a cut at the end found.
    pub head: Vec<u8>,
    /// Where the chain does not hold, oldest first, at most 10.
    pub breaks: Vec<Break>,
    /// How many places in all.
    pub breaks_total: usize,
    /// What retention has removed before the first; it is held against the chain.
    pub removed: Option<Removed>,
}

impl Verified {
    /// Whether nothing inside was altered, cut or reordered.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.breaks_total == 0
    }

    /// One line a break.
    pub(super) fn findings(&self) -> Vec<String> {
        let named = self.breaks.iter().map(|b| format!("the chain is broken: {b}"));
        let more = self.breaks_total - self.breaks.len();
        named
            .chain((more > 0).then(|| format!("the chain is broken in {more} more places")))
            .collect()
    }
}

impl Reader {
    /// Opens a journal.
    ///
    /// # Errors
    /// [`JournalError::Missing`], `Foreign`, `Newer`, `Corrupt`, or what the system says.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        if !path.exists() {
            return Err(JournalError::Missing { path: path.into() });
        }
        let conn = connect(path).map_err(|e| JournalError::of_sqlite(path, e))?;
        match schema::recognise(&conn, path)? {
            Layout::Ours => Ok(Self {
                conn,
                path: path.into(),
            }),
            Layout::New => Err(JournalError::Foreign { path: path.into() }),
        }
    }

    /// Up to 500 decisions from sequence `from` on; ask again behind the last until none comes.
    ///
    /// # Errors
    /// What SQLite says of a damaged file.
    pub fn entries(&self, from: i64) -> Result<Vec<StoredEntry>, JournalError> {
        rows::entries(&self.conn, from, SLICE).map_err(|e| self.error(e))
    }

    /// Up to 500 lines for people from `from` on.
    ///
    /// # Errors
    /// What SQLite says of a damaged file.
    pub fn events(&self, from: i64) -> Result<Vec<StoredEvent>, JournalError> {
        rows::events(&self.conn, from, SLICE).map_err(|e| self.error(e))
    }

    /// Up to `most` decisions of one kind before sequence `before`, newest first.
    ///
    /// # Errors
    /// What SQLite says of a damaged file.
    pub fn entries_of_kind(&self, kind: &str, before: i64, most: u32) -> Result<Vec<StoredEntry>, JournalError> {
        rows::entries_of_kind(&self.conn, kind, before, most).map_err(|e| self.error(e))
    }

    /// The newest lines for people below id `below`, newest first, at most `most`.
    ///
    /// # Errors
    /// What SQLite says of a damaged file.
    pub fn newest_events(&self, below: i64, most: u32) -> Result<Vec<StoredEvent>, JournalError> {
        rows::newest_events(&self.conn, below, most).map_err(|e| self.error(e))
    }

    /// Id of the last line for people that is not beyond `id`; none if the ring begins behind it.
    ///
    /// # Errors
    /// What SQLite says of a damaged file.
    pub fn last_event_through(&self, id: i64) -> Result<Option<i64>, JournalError> {
        rows::last_event_through(&self.conn, id).map_err(|e| self.error(e))
    }

    /// Follows the whole chain.
    ///
    /// # Errors
    /// What SQLite says of a damaged file; a chain that does not hold is not an error.
    pub fn verify(&self) -> Result<Verified, JournalError> {
        follow(&self.conn, |_| ()).map_err(|e| self.error(e))
    }

    /// What may be removed of entries older than an engine time: up to 2,000, up to a place where no incident is open.
    ///
    /// # Errors
    /// What SQLite says of a damaged file.
    pub fn prunable(&self, before: Millis) -> Result<Option<Prunable>, JournalError> {
        prune::prunable(&self.conn, before).map_err(|e| self.error(e))
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.conn
    }

    fn error(&self, e: rusqlite::Error) -> JournalError {
        JournalError::of_sqlite(&self.path, e)
    }
}

/// Breaks that are named; the rest is counted.
const BREAKS_NAMED: usize = 10;

/// Follows the chain through every entry and shows each to `see`.
pub(super) fn follow(conn: &Connection, mut see: impl FnMut(StoredEntry)) -> rusqlite::Result<Verified> {
    let removed = prune::removed(conn)?;
    let mut chain = removed.as_ref().map_or_else(Chain::default, Removed::chain);
    let (mut breaks, mut breaks_total) = (Vec::new(), 0);
    let mut from = Some(i64::MIN);
    while let Some(first) = from {
        let slice = rows::entries(conn, first, SLICE)?;
        from = slice.last().and_then(|row| row.seq.checked_add(1));
        for row in slice {
            let wrong = chain.follow(&row);
            breaks_total += usize::from(wrong.is_some());
            breaks.extend(wrong.filter(|_| breaks_total <= BREAKS_NAMED));
            see(row);
        }
    }
    Ok(Verified {
        entries: chain.entries,
        head: chain.head,
        breaks,
        breaks_total,
        removed,
    })
}

/// On a disk that is read-only SQLite cannot make its shared memory; a file without a log can be read all the same.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let plain = Connection::open_with_flags(path, flags).and_then(|conn| {
        conn.busy_timeout(BUSY)?;
        conn.pragma_update(None, "trusted_schema", false)?;
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(conn)
    });
    let no_log = std::fs::metadata(beside(path, "-wal")).map_or(true, |log| log.len() == 0);
    match plain {
        Err(e) if no_log && cannot_share(&e) => Connection::open_with_flags(
            format!("file:{}?immutable=1", in_uri(path)),
            flags | OpenFlags::SQLITE_OPEN_URI,
        ),
        other => other,
    }
}

fn cannot_share(e: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly, SystemIoFailure};
    matches!(e.sqlite_error_code(), Some(CannotOpen | ReadOnly | SystemIoFailure))
}

/// A path as SQLite's URIs want it.
fn in_uri(path: &Path) -> String {
    let path = path.to_string_lossy();
    path.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

//! The journal: one SQLite file that outlives the process. What is decided is written here before it is done.
//!
//! One thread writes ([`Writer`]); anybody may read beside it ([`Reader`]). Entries are hash-chained and leave from the
//! beginning only, when they are older than is kept (`prune.rs`); marks only rise, lines for people are a bounded ring. A full or sick disk holds nothing back: what was decided waits in memory,
//! the writer reports it and tries again, and the engine goes on.

mod aside;
mod chain;
mod error;
mod line;
mod lock;
mod owner;
mod pending;
mod prune;
mod read;
mod rows;
mod schema;
mod store;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_core::{Entry, Millis};
use rusqlite::{Connection, ErrorCode};

pub use chain::Break;
pub use error::JournalError;
pub use line::line;
pub use prune::{Prunable, Removed};
pub use read::{Reader, Verified};
pub use rows::{StoredEntry, StoredEvent};
pub(crate) use schema::UNSEEN_EVENTS;
pub use writer::{Keeping, Writer};

use crate::clock::Clock;
use crate::lanes::Mark;
use crate::told::Told;

/// What is written in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Decisions; never dropped.
    pub entries: Vec<Entry>,
    /// High-water marks of nodes.
    pub marks: Vec<Mark>,
    /// Lines for people; the first to go when the queue is full.
    pub events: Vec<Arc<Told>>,
    /// Engine time of the batch.
    pub engine_ms: Millis,
    /// Wall clock of the batch, Unix milliseconds.
    pub wall_ms: i64,
}

/// What the journal's writer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Everything up to here is on disk.
    Stored {
        /// Last durable sequence.
        through: u64,
        /// What the commit alone took, for the latency report. Microseconds.
        commit_us: u64,
    },
    /// These nodes' packs are on disk up to here; said after the [`Report::Stored`] of the same transaction.
    Marked(Vec<Mark>),
    /// A write failed; it is tried again.
    Failed {
        /// One line.
        why: String,
    },
    /// Writing works again.
    Recovered,
}

/// What a journal held when it was opened.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// Whose it is; none in a new journal.
    pub site: Option<String>,
    /// Every decision that is kept, oldest first; before them what the removed ones left behind.
    pub entries: Vec<Entry>,
    /// Every node's high-water mark.
    pub marks: Vec<Mark>,
    /// Engine time of the last transaction; 0 in a new journal.
    pub engine_ms: Millis,
    /// Wall clock of the last transaction, Unix milliseconds; none in a new journal.
    pub wall_ms: Option<i64>,
    /// Key for the bearers of progress URLs; made with the journal, so that a restart honours those already given out.
    pub progress_key: [u8; 32],
    /// The last id a line for people may have had.
    pub told: i64,
    /// What is wrong with it, one line each (a broken chain, say); none stops the start.
    pub findings: Vec<String>,
}

/// An open journal, before its writer starts. At most one process has it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// Whose it is to be; none until [`Journal::claim`].
    site: Option<String>,
    progress_key: [u8; 32],
    lock: Option<lock::Lock>,
    /// None while the disk cannot be written.
    store: Option<store::Store>,
}

impl Journal {
    /// Opens a journal, or makes one in a folder that exists, and reads back what it holds. A torn end of the log, left by a
    /// kill or a power cut, is what SQLite's log is made for. A broken hash chain is a finding, not an error.
    ///
    /// # Errors
    /// See [`JournalError`]; each says what to do. The gateway starts by [`Journal::open_or_aside`].
    pub fn open(path: &Path) -> Result<(Self, Restored), JournalError> {
        check_place(path)?;
        let lock = lock::Lock::take(path)?;
        let (store, aside) = store::Store::open(path, &new_key()?)?;
        let mut restored = restore(&store.conn, path)?;
        restored.findings.extend(aside);
        let journal = Self {
            path: path.into(),
            site: None,
            progress_key: restored.progress_key,
            lock: Some(lock),
            store: Some(store),
        };
        Ok((journal, restored))
    }

    /// Writes all that waits, opening the file first if that failed before.
    fn write(&mut self, pending: &pending::Pending) -> Result<store::Stored, JournalError> {
        if self.lock.is_none() {
            self.lock = Some(lock::Lock::take(&self.path)?);
        }
        let mut store = match self.store.take() {
            Some(store) => store,
            None => self.open_again()?,
        };
        let stored = store.apply(pending);
        // A disk that was only busy or full goes on with the same connection; after anything else it is made anew.
        let code = stored.as_ref().err().and_then(rusqlite::Error::sqlite_error_code);
        if stored.is_ok() || matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DiskFull)) {
            self.store = Some(store);
        }
        stored.map_err(|e| JournalError::of_sqlite(&self.path, e))
    }

    /// A file that broke while it was in use is replaced as at the start.
    fn open_again(&self) -> Result<store::Store, JournalError> {
        let opened = store::Store::open(&self.path, &self.progress_key);
        let (store, findings) = match opened {
            Err(why @ JournalError::Corrupt { .. }) => {
                let finding = aside::rebuild(&self.path, &why)?;
                tracing::error!("{finding}");
                store::Store::open(&self.path, &self.progress_key)?
            }
            other => other?,
        };
        for finding in findings {
            tracing::error!("{finding}");
        }
        self.take(&store.conn)?;
        Ok(store)
    }

    fn fold(&mut self, idle: bool) -> Result<(), JournalError> {
        let folded = self.store.as_mut().map_or(Ok(()), |store| store.fold(idle));
        folded.map_err(|e| JournalError::of_sqlite(&self.path, e))
    }
}

fn check_place(path: &Path) -> Result<(), JournalError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(JournalError::Folder { folder: folder.into() });
    }
    if path.is_dir() {
        return Err(JournalError::NotAFile { path: path.into() });
    }
    Ok(())
}

/// Reads back everything; what cannot be read and where the chain breaks are findings.
fn restore(conn: &Connection, path: &Path) -> Result<Restored, JournalError> {
    let wrong = |e| JournalError::of_sqlite(path, e);
    let (mut entries, mut findings) = (Vec::new(), Vec::new());
    let verified = read::follow(conn, |row| match row.entry() {
        Some(entry) => entries.push(entry),
        None => findings.push(format!("entry {} cannot be read and is left out", row.seq)),
    })
    .map_err(wrong)?;
    findings.extend(verified.findings());
    let clock = rows::clock(conn).map_err(wrong)?;
    let last_at = entries.last().map_or(0, |entry: &Entry| entry.at);
    let key = rows::progress_key(conn).map_err(wrong)?;
    Ok(Restored {
        site: owner::read(conn),
        told: rows::told(conn).map_err(wrong)?,
        marks: into_marks(rows::marks(conn).map_err(wrong)?),
        engine_ms: clock.map_or(last_at, |(engine_ms, _)| engine_ms.max(last_at)),
        wall_ms: clock.map(|(_, wall_ms)| wall_ms),
        progress_key: key.ok_or_else(|| JournalError::corrupt(path, "the key in its table `meta` is gone"))?,
        entries: prune::with_leftover(entries),
        findings,
    })
}

fn into_marks(marks: rows::Marks) -> Vec<Mark> {
    let marks = marks.into_iter();
    marks.map(|(node, (boot, seq))| Mark { node, boot, seq }).collect()
}

fn new_key() -> Result<[u8; 32], JournalError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|source| JournalError::Key { source })?;
    Ok(key)
}

/// For names and columns that only people read.
fn wall_now_ms() -> i64 {
    Clock::starting_at(0).wall_ms()
}

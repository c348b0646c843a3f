//! A start that must not fail: there may be a fire on. What can be saved of a broken journal goes on in a new one.

use std::io;
use std::path::{Path, PathBuf};

use muster_core::Entry;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::lock::{Lock, beside};
use super::owner;
use super::prune::with_leftover;
use super::rows::{self, ENTRY_COLUMNS, Marks, StoredEntry};
use super::store::Store;
use super::{Journal, JournalError, Reader, Restored, into_marks, new_key, restore, wall_now_ms};

impl Journal {
    /// As [`Journal::open`], but a broken file is renamed to `*.broken-<unix seconds>` and what can still be read of it goes
    /// on in a new one; and a disk that cannot be written (full, read-only) is no reason not to start: what can be read is
    /// restored, and the writer tries on. Both are findings.
    ///
    /// # Errors
    /// What only a person can mend: no such folder, another process, another program's file, a later Muster's journal.
    pub fn open_or_aside(path: &Path) -> Result<(Self, Restored), JournalError> {
        let why = match Self::open(path) {
            Err(why @ (JournalError::Corrupt { .. } | JournalError::Unwritable { .. })) => why,
            other => return other,
        };
        if matches!(why, JournalError::Unwritable { .. }) {
            return without_disk(path, &why);
        }
        let rebuilt = Lock::take(path).and_then(|_lock| rebuild(path, &why));
        match rebuilt.and_then(|finding| Ok((finding, Self::open(path)?))) {
            Ok((finding, (journal, mut restored))) => {
                restored.findings.insert(0, finding);
                Ok((journal, restored))
            }
            Err(held @ JournalError::Locked { .. }) => Err(held),
            Err(cannot) => without_disk(path, &cannot),
        }
    }
}

/// Puts a new journal with all that can be read in a broken one's place, and returns what was done. The new one is whole
/// before it takes the name; the caller holds the lock.
pub(super) fn rebuild(path: &Path, why: &JournalError) -> Result<String, JournalError> {
    let salvage = Salvage::of(path);
    let fresh = beside(path, ".new");
    remove_old(&fresh).map_err(|e| JournalError::unwritable(path, e))?;
    let (mut store, _) = Store::open(&fresh, &salvage.progress_key.map_or_else(new_key, Ok)?)?;
    salvage
        .put_into(&mut store.conn)
        .map_err(|e| JournalError::of_sqlite(&fresh, e))?;
    drop(store);
    let broken = exchange(path, &fresh).map_err(|source| JournalError::Aside {
        path: path.into(),
        source,
    })?;
    let (broken, kept) = (broken.display(), salvage.entries.len());
    Ok(format!(
        "{why}; it was moved to {broken}, {kept} of its entries could be saved"
    ))
}

/// What can still be read of a broken journal.
#[derive(Default)]
struct Salvage {
    entries: Vec<StoredEntry>,
    marks: Marks,
    clock: Option<(i64, i64)>,
    progress_key: Option<[u8; 32]>,
    site: Option<String>,
}

impl Salvage {
    fn of(broken: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let Ok(conn) = Connection::open_with_flags(broken, flags) else {
            return Self::default();
        };
        Self {
            entries: rows::entries_within_reach(&conn),
            marks: rows::marks(&conn).unwrap_or_default(),
            clock: rows::clock(&conn).ok().flatten(),
            progress_key: rows::progress_key(&conn).ok().flatten(),
            site: owner::read(&conn),
        }
    }

    /// Rows as they were, hashes too: a hole shows as a break of the chain. Folded into the one file that is renamed.
    fn put_into(&self, conn: &mut Connection) -> rusqlite::Result<()> {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = format!("INSERT INTO entry ({ENTRY_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
        for row in &self.entries {
            let body = String::from_utf8_lossy(&row.body);
            tx.execute(&sql, (row.seq, row.at_ms, row.wall_ms, &row.kind, body, &row.hash))?;
        }
        for (node, (boot, seq)) in &self.marks {
            let numbers = (&**node, boot.cast_signed(), seq.cast_signed());
            tx.execute("INSERT INTO mark (node, boot, seq) VALUES (?1, ?2, ?3)", numbers)?;
        }
        if let Some(clock) = self.clock {
            tx.execute("INSERT INTO clock (one, engine_ms, wall_ms) VALUES (1, ?1, ?2)", clock)?;
        }
        if let Some(site) = &self.site {
            owner::write(&tx, site)?;
        }
        tx.commit()?;
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    fn restored(self) -> Restored {
        let entries: Vec<Entry> = self.entries.iter().filter_map(StoredEntry::entry).collect();
        let last_at = entries.last().map_or(0, |entry| entry.at);
        Restored {
            site: self.site,
            marks: into_marks(self.marks),
            engine_ms: self.clock.map_or(last_at, |(engine_ms, _)| engine_ms.max(last_at)),
            wall_ms: self.clock.map(|(_, wall_ms)| wall_ms),
            progress_key: self.progress_key.unwrap_or_default(),
            // The lines went with the broken file. As a new journal does, it begins at the time of day.
            told: wall_now_ms(),
            findings: Vec::new(),
            entries: with_leftover(entries),
        }
    }
}

fn remove_old(fresh: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        match std::fs::remove_file(beside(fresh, suffix)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// The name never stands for nothing: a start after a crash in here finds the broken file or the new one. The log goes with
/// the broken file, because SQLite would replay it into the new one.
fn exchange(path: &Path, fresh: &Path) -> io::Result<PathBuf> {
    let broken = (wall_now_ms() / 1_000..)
        .map(|unix| beside(path, &format!(".broken-{unix}")))
        .find(|name| !name.exists())
        .unwrap_or_default();
    std::fs::hard_link(path, &broken).or_else(|_| std::fs::copy(path, &broken).map(|_| ()))?;
    for suffix in ["-wal", "-shm"] {
        match std::fs::rename(beside(path, suffix), beside(&broken, suffix)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    std::fs::rename(fresh, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(broken)
}

/// Starts with what can be read; the writer goes on trying to open the file.
fn without_disk(path: &Path, why: &JournalError) -> Result<(Journal, Restored), JournalError> {
    let lock = Lock::take(path).ok();
    let read = Reader::open(path).and_then(|reader| restore(reader.connection(), path));
    let read = read.or_else(|_| restore(&connect_alone(path)?, path));
    let mut restored = read.unwrap_or_else(|_| Salvage::of(path).restored());
    if restored.progress_key == [0; 32] {
        restored.progress_key = new_key()?;
    }
    let kept = restored.entries.len();
    let line =
        format!("{why}; started all the same with the {kept} entries that could be read, and writing is tried again");
    restored.findings.insert(0, line);
    let journal = Journal {
        path: path.into(),
        site: None,
        progress_key: restored.progress_key,
        lock,
        store: None,
    };
    Ok((journal, restored))
}

/// A full disk has no room for the memory that connections share; one that is alone needs none, and leaves the log alone.
fn connect_alone(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|conn| {
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        Ok(conn)
    });
    opened.map_err(|e| JournalError::of_sqlite(path, e))
}

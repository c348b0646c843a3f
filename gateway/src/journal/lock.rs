//! One journal, one gateway: an advisory lock on a file beside it, held for life. A lock inside SQLite would also shut out
//! `muster journal`, which only reads.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::JournalError;

/// Held until dropped; the system releases it when the process dies, however it dies.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a journal, or says who cannot.
    pub(super) fn take(journal: &Path) -> Result<Self, JournalError> {
        let file = open(&beside(journal, ".lock")).map_err(|e| JournalError::unwritable(journal, e))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(JournalError::Locked { path: journal.into() }),
            Err(TryLockError::Error(e)) => Err(JournalError::unwritable(journal, e)),
        }
    }
}

/// On a read-only disk an old lock file still serves.
fn open(path: &Path) -> io::Result<File> {
    let writing = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    writing.or_else(|why| File::open(path).map_err(|_| why))
}

/// A path with something after its whole name: `journal.db` → `journal.db.lock`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    name.into()
}

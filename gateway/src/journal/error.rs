//! What can go wrong with a journal, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::schema::VERSION;

/// Why a journal could not be opened, read or started.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// No such folder. Not made: a missing mount must not be papered over.
    #[error("{}: there is no such folder; make it, or change [store] path", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
    },
    /// The path names a folder.
    #[error("{}: this is a folder; [store] path names the journal's file", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// No file to read.
    #[error("{}: there is no such file; it is what `path` in [store] of the config names, muster.db beside the config if nothing does", .path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// Another process has it.
    #[error("{}: another process holds this journal; one journal serves one gateway, stop the other first", .path.display())]
    Locked {
        /// The journal.
        path: PathBuf,
    },
    /// A new file could not be made.
    #[error("{}: cannot make the journal: {source}", .path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Written by a later Muster.
    #[error("{}: written by a later Muster (layout {found}, this one knows {VERSION}); run that version, or give [store] another path", .path.display())]
    Newer {
        /// The journal.
        path: PathBuf,
        /// Its layout.
        found: i32,
    },
    /// Another site's votes and incidents.
    #[error(
        "{}: this is the journal of site {found:?}, and this config is for {site:?}; give [store] a path of its own for \
         {site:?}. If the site was renamed or begins anew, move the file away: its votes and incidents do not go on then",
        .path.display()
    )]
    OtherSite {
        /// The journal.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Who asked for it.
        site: String,
    },
    /// Somebody else's database.
    #[error("{}: an SQLite file, but not a Muster journal; give [store] another path", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Not readable as a database any more.
    #[error("{}: the journal is broken ({what}); move it away, the next start makes a new one", .path.display())]
    Corrupt {
        /// The journal.
        path: PathBuf,
        /// What is wrong, one line.
        what: String,
        /// What SQLite said, if it did.
        #[source]
        source: Option<rusqlite::Error>,
    },
    /// The disk is full, read-only or sick.
    #[error("{}: the journal cannot be written: {source}; has its disk room, and may Muster's user write in its folder?", .path.display())]
    Unwritable {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Any other answer of SQLite.
    #[error("{}: {source}", .path.display())]
    Sqlite {
        /// The journal.
        path: PathBuf,
        /// What it said.
        #[source]
        source: rusqlite::Error,
    },
    /// A broken journal could not be renamed.
    #[error("{}: the broken journal cannot be moved away: {source}", .path.display())]
    Aside {
        /// The journal.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system gave no random numbers.
    #[error("no random numbers for the key of progress URLs: {source}")]
    Key {
        /// Why.
        #[source]
        source: getrandom::Error,
    },
    /// The writer's thread did not start.
    #[error("the journal's writer did not start: {source}")]
    Thread {
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl JournalError {
    /// Sorts an answer of SQLite by what can be done about it.
    pub(super) fn of_sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt {
                path,
                what: source.to_string(),
                source: Some(source),
            },
            Some(
                ErrorCode::ReadOnly
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::DatabaseBusy,
            ) => Self::Unwritable {
                path,
                source: Box::new(source),
            },
            _ => Self::Sqlite { path, source },
        }
    }

    pub(super) fn corrupt(path: &Path, what: impl Into<String>) -> Self {
        Self::Corrupt {
            path: path.into(),
            what: what.into(),
            source: None,
        }
    }

    pub(super) fn unwritable(path: &Path, source: io::Error) -> Self {
        Self::Unwritable {
            path: path.into(),
            source: Box::new(source),
        }
    }
}

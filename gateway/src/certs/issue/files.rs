//! Writing files that hold keys.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::IssueError;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Anybody: 0644.
    Public,
    /// Its owner: 0600.
    Secret,
}

/// Writes a new file; one that is there is never touched. Folders on the way are made for their owner only.
pub(super) fn put(path: &Path, kind: Kind, bytes: &[u8]) -> Result<PathBuf, IssueError> {
    let fault = |source| IssueError::Write {
        path: path.to_owned(),
        source,
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(fault)?;
    let mode = match kind {
        Kind::Public => 0o644,
        Kind::Secret => 0o600,
    };
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = opened.map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => IssueError::Exists(path.to_owned()),
        _ => fault(source),
    })?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fault)?;
    Ok(path.to_owned())
}

/// Takes the place of a public file at once: a reader sees the old one or the new one, whole.
pub(super) fn renew(path: &Path, bytes: &[u8]) -> Result<PathBuf, IssueError> {
    let fault = |source| IssueError::Write {
        path: path.to_owned(),
        source,
    };
    let beside = path.with_extension("new");
    // What an attempt that was cut short has left is no use.
    let _ = std::fs::remove_file(&beside);
    put(&beside, Kind::Public, bytes)?;
    std::fs::rename(&beside, path).map_err(fault)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault)?;
    Ok(path.to_owned())
}

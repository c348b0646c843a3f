//! Reading segments: whatever the bytes are, a piece or an error, and memory in proportion to the file.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use muster_core::State;

use super::format::{Batch, Head, MAGIC};
use super::frame::{self, Cut};
use super::ring;

/// Why a segment cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Its first bytes are those of something else.
    #[error("{path} is no segment of a flight recorder that this version reads")]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// Its head or state is torn or spoilt.
    #[error("{path} has no whole beginning: {why}")]
    Beginning {
        /// Which.
        path: PathBuf,
        /// One line.
        why: String,
    },
}

/// A segment as it was read.
#[derive(Debug)]
pub struct Segment {
    /// Its file.
    pub path: PathBuf,
    /// Its head.
    pub head: Head,
    /// The state it begins with; or why this version cannot use it, as after a change of what a state holds.
    pub state: Result<State, String>,
    bytes: Vec<u8>,
    at: usize,
}

/// What comes next in a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Inputs and what they led to.
    Batch(Batch),
    /// Nothing that could be read.
    Tear(Tear),
}

/// Where a segment cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tear {
    /// Byte of the file.
    pub at: usize,
    /// One line.
    pub why: String,
}

/// Reads a file and its beginning.
///
/// # Errors
/// [`ReadError`].
pub fn read(path: &Path) -> Result<Segment, ReadError> {
    let bytes = fs::read(path).map_err(|source| ReadError::File {
        path: path.into(),
        source,
    })?;
    of_bytes(path, bytes)
}

/// As [`read`], of the bytes that stand in `path`.
pub(super) fn of_bytes(path: &Path, bytes: Vec<u8>) -> Result<Segment, ReadError> {
    let foreign = || ReadError::Foreign { path: path.into() };
    if !bytes.starts_with(MAGIC) {
        return Err(foreign());
    }
    let beginning = |why: String| ReadError::Beginning { path: path.into(), why };
    let (content, at) = whole(&bytes, MAGIC.len()).map_err(beginning)?;
    let head: Head = decode(content).map_err(beginning)?;
    if head.format != 1 {
        return Err(foreign());
    }
    let (content, at) = whole(&bytes, at).map_err(beginning)?;
    let state = decode(content);
    Ok(Segment {
        path: path.into(),
        head,
        state,
        bytes,
        at,
    })
}

/// Only the head of a file.
pub(super) fn head(path: &Path) -> Option<Head> {
    /// No head is longer.
    const LONGEST: u64 = 4_096;
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    let (content, _) = whole(&bytes, MAGIC.len()).ok()?;
    decode(content).ok()
}

/// The segments in a folder, oldest first.
///
/// # Errors
/// The folder cannot be read.
pub fn segments_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_name().and_then(|n| n.to_str()).and_then(ring::parse);
        found.extend(number.map(|(number, _)| (number, path)));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

impl Segment {
    /// The next piece; none at the end, and after a tear.
    pub fn next_piece(&mut self) -> Option<Piece> {
        let tear = |at, why: &str| {
            Some(Piece::Tear(Tear {
                at,
                why: why.to_owned(),
            }))
        };
        let at = self.at;
        let (piece, next) = match frame::cut(&self.bytes, at) {
            Cut::End => return None,
            Cut::Torn => (
                tear(at, "the last record is torn: the process or the disk ended here"),
                None,
            ),
            Cut::Spoilt => (
                tear(
                    at,
                    "a record's checksum is wrong: the file was changed, or the disk lost it",
                ),
                None,
            ),
            Cut::Frame(content, next) => match decode(content) {
                Ok(batch) => (Some(Piece::Batch(batch)), Some(next)),
                Err(why) => (tear(at, &why), None),
            },
        };
        self.at = next.unwrap_or(self.bytes.len());
        piece
    }
}

fn whole(bytes: &[u8], at: usize) -> Result<(&[u8], usize), String> {
    match frame::cut(bytes, at) {
        Cut::Frame(content, next) => Ok((content, next)),
        Cut::End | Cut::Torn => Err("it is torn".into()),
        Cut::Spoilt => Err("its checksum is wrong".into()),
    }
}

fn decode<T: serde::de::DeserializeOwned>(content: &[u8]) -> Result<T, String> {
    let mut rest = content;
    let value = ciborium::from_reader(&mut rest).map_err(|error| format!("a record cannot be understood: {error}"))?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err("a record has something behind its end".into())
    }
}

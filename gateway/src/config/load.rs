//! From a file to a [`Config`], or to every fault in it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use toml::de::DeTable;

use super::faults::Faults;
use super::finding::{Finding, Severity};
use super::table::Table;
use super::{Config, lower, rows};

/// Largest file that is read: 16 MiB. One of 100,000 channels, each with a table of its own, takes 8.
pub const MAX_BYTES: u64 = 16 << 20;

/// Keys named that stand there twice.
const TWINS_MAX: usize = 20;

/// Why a file could not be read as text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("{0}")]
    Open(#[source] std::io::Error),
    #[error("it is not a regular file")]
    NotAFile,
    #[error("it is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("it is not UTF-8 text")]
    NotUtf8(#[source] std::string::FromUtf8Error),
}

/// Reads and checks a config. Beside it stand its warnings.
///
/// # Errors
/// Every fault of the file, warnings included, in the order of the file.
pub fn load(path: &Path) -> Result<(Config, Vec<Finding>), Vec<Finding>> {
    let text = read_text(path).map_err(|cause| {
        let hint = "a config is one TOML file of at most 16 MiB";
        vec![Finding::of_file(
            &path.display().to_string(),
            format!("the config cannot be read: {cause}"),
            hint,
        )]
    })?;
    parse(&text, path)
}

/// As [`load`], of text that stands in `path`: names in findings and relative paths are those of that file.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, path: &Path) -> Result<(Config, Vec<Finding>), Vec<Finding>> {
    let file = path.display().to_string();
    let faults = Faults::new(&file, text);
    let (document, broken) = DeTable::parse_recoverable(text);
    // A key that stands there twice is read once, and everything else is as its owner wrote it.
    let is_twin = |cause: &&toml::de::Error| cause.message() == "duplicate key";
    for twin in broken.iter().filter(is_twin).take(TWINS_MAX) {
        let hint = "remove one; a table such as [site] stands there once";
        faults.error(place(twin), "this key stands there twice", hint);
    }
    // Of anything else the first alone: one mistake makes many.
    let broken = broken.iter().find(|cause| !is_twin(cause));
    if let Some(cause) = broken {
        let hint = "the rest is checked once this is right";
        faults.error(place(cause), format!("not TOML: {}", cause.message()), hint);
        return Err(faults.into_findings());
    }
    let root = Table::new("the file", 0, document.get_ref(), &faults);
    let config = lower::lower(rows::read(&root, path.parent().unwrap_or(Path::new(""))), &faults);
    let findings = faults.into_findings();
    if findings.iter().any(|f| f.severity == Severity::Error) {
        Err(findings)
    } else {
        Ok((config, findings))
    }
}

/// Byte where it went wrong.
fn place(cause: &toml::de::Error) -> usize {
    cause.span().map_or(0, |span| span.start)
}

/// The text of a regular file of at most [`MAX_BYTES`]. A pipe or a device could keep us waiting for ever.
pub(crate) fn read_text(path: &Path) -> Result<String, ReadError> {
    if !std::fs::metadata(path).map_err(ReadError::Open)?.is_file() {
        return Err(ReadError::NotAFile);
    }
    let file = File::open(path).map_err(ReadError::Open)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(ReadError::Open)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ReadError::TooLarge);
    }
    String::from_utf8(bytes).map_err(ReadError::NotUtf8)
}

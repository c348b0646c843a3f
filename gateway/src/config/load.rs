//! From a file to a [`Config`], or to every fault in it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use toml::de::DeTable;

use super::faults::Faults;
use super::finding::{Finding, Severity};
use super::names::did_you_mean;
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
        let hint = match &cause {
            ReadError::Open(_) => cause.mend(&instead(path)),
            _ => "a config is one TOML file of at most 16 MiB".to_owned(),
        };
        vec![Finding::of_file(
            &path.display().to_string(),
            format!("the config cannot be read: {cause}"),
            &hint,
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

/// What somebody may have meant by a file that is not there.
fn instead(path: &Path) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let beside = std::fs::read_dir(folder.unwrap_or(Path::new(".")))
        .into_iter()
        .flatten()
        .flatten();
    let names: Vec<String> = beside
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    let asked = path.file_name().unwrap_or_default().to_string_lossy();
    did_you_mean(
        &asked,
        names.iter().map(String::as_str),
        "name the site's own file; gateway/examples/single-room.toml is one to start from",
    )
}

impl ReadError {
    /// What a person does about it: `usual`, unless the system has said that we may not.
    pub(crate) fn mend(&self, usual: &str) -> String {
        match self {
            Self::Open(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied => {
                let user = rustix::process::geteuid().as_raw();
                format!(
                    "this runs as the user {user}, who may not read it: `chown {user}` and `chmod 600` it, and let that user into its \
                     folder; or run this as the user who may"
                )
            }
            _ => usual.to_owned(),
        }
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

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_file_that_is_not_there_may_be_another() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("my-site.toml"), "").unwrap();
        let hint = |name: &str| load(&folder.path().join(name)).unwrap_err()[0].hint.clone();
        assert_eq!(hint("my-site.tom"), "did you mean `my-site.toml`?");
        assert!(hint("zzzzzz").contains("single-room.toml"), "{}", hint("zzzzzz"));
    }

    #[test]
    fn what_may_not_be_read_names_who_may_not() {
        let denied = ReadError::Open(Error::from(ErrorKind::PermissionDenied));
        assert!(denied.mend("the usual").contains("chown"), "{}", denied.mend(""));
        let missing = ReadError::Open(Error::from(ErrorKind::NotFound));
        assert_eq!(missing.mend("the usual"), "the usual");
    }
}

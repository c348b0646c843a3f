//! Where a report is kept: a page's figures, and a picture.

use std::path::{Path, PathBuf};

use super::{NoPlace, Report, page, picture};

/// Why a report is not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The page is not there, or not ours to read.
    #[error("cannot read {file}")]
    Read {
        /// The page.
        file: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// It is no page for figures.
    #[error("{file} is not written")]
    Page {
        /// The page.
        file: PathBuf,
        /// Cause.
        #[source]
        source: NoPlace,
    },
    /// The disk or the folder does not take it.
    #[error("cannot write {file}")]
    Write {
        /// Page or picture.
        file: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
}

/// The files that are renewed.
#[derive(Clone, Debug)]
pub struct Kept {
    page: Option<PathBuf>,
    svg: Option<PathBuf>,
}

impl Kept {
    /// Looks whether the page has a place for figures: before minutes of measuring, not after them.
    ///
    /// # Errors
    /// It is not to be read, or has none.
    pub fn ready(page: Option<PathBuf>, svg: Option<PathBuf>) -> Result<Self, KeepError> {
        if let Some(file) = &page {
            page::has_place(&read(file)?).map_err(|source| KeepError::Page {
                file: file.clone(),
                source,
            })?;
        }
        Ok(Self { page, svg })
    }

    /// Renews both.
    ///
    /// # Errors
    /// A file is not to be read or written.
    pub fn renew(&self, report: &Report) -> Result<(), KeepError> {
        if let Some(file) = &self.page {
            let renewed = page::renewed(&read(file)?, report).map_err(|source| KeepError::Page {
                file: file.clone(),
                source,
            })?;
            write(file, &renewed)?;
        }
        self.svg
            .as_deref()
            .map_or(Ok(()), |file| write(file, &picture::svg(report)))
    }
}

fn read(file: &Path) -> Result<String, KeepError> {
    std::fs::read_to_string(file).map_err(|source| KeepError::Read {
        file: file.to_owned(),
        source,
    })
}

fn write(file: &Path, text: &str) -> Result<(), KeepError> {
    std::fs::write(file, text).map_err(|source| KeepError::Write {
        file: file.to_owned(),
        source,
    })
}

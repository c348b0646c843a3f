//! The segment that is being written.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::format::{Batch, Head, MAGIC};
use super::frame;
use crate::clock::Stopwatch;
use muster_core::State;

/// Appends to one file.
pub(super) struct Writing {
    file: File,
    buffer: Vec<u8>,
    /// Bytes so far.
    pub(super) bytes: u64,
    /// Of them, head and state.
    pub(super) opening: u64,
    /// A new segment has been asked for.
    pub(super) asked: bool,
    unsynced: Option<Stopwatch>,
}

impl Writing {
    /// A new file with its head and state.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn begin(path: &Path, head: &Head, state: &State) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let mut writing = Self {
            file,
            buffer: MAGIC.to_vec(),
            bytes: 0,
            opening: 0,
            asked: false,
            unsynced: None,
        };
        frame::append(&mut writing.buffer, head)?;
        writing.put()?;
        // A large site's is many times what a batch is.
        writing.bytes += frame::stream(&mut writing.file, state)?;
        writing.opening = writing.bytes;
        Ok(writing)
    }

    /// Appends a batch. In the system's hands when it returns: a kill loses none of it, a power cut what was not synced.
    ///
    /// # Errors
    /// The disk's; the file then ends in a torn frame.
    pub(super) fn add(&mut self, batch: &Batch) -> io::Result<()> {
        if batch.may_be_huge() {
            self.bytes += frame::stream(&mut self.file, batch)?;
            self.unsynced.get_or_insert_with(Stopwatch::start);
            return Ok(());
        }
        frame::append(&mut self.buffer, batch)?;
        self.put()
    }

    fn put(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&self.buffer);
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        self.unsynced.get_or_insert_with(Stopwatch::start);
        written
    }

    /// Onto the disk, if something has waited for so long.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn sync_after(&mut self, wait: std::time::Duration) -> io::Result<()> {
        if self.unsynced.as_ref().is_some_and(|since| since.elapsed() >= wait) {
            self.file.sync_data()?;
            self.unsynced = None;
        }
        Ok(())
    }
}

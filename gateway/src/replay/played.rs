//! An incident file, played in every room of it and judged.

use std::path::Path;

use super::judge::{Judged, judge};
use super::play::{Course, play};
use crate::config::Finding;
use crate::incident::{self, Incident};

/// A file, what came of it in its rooms, and whether that is what it expects.
#[derive(Debug)]
pub struct Played {
    /// The file.
    pub incident: Incident,
    /// One a room.
    pub courses: Vec<Course>,
    /// Every expectation in every room that it is about.
    pub judged: Vec<Judged>,
}

impl Played {
    /// Reads and plays a file.
    ///
    /// # Errors
    /// Every fault of the file, or of its rooms' configs.
    pub fn load(path: &Path) -> Result<Self, Vec<Finding>> {
        let incident = incident::load(path)?;
        let courses: Vec<_> = incident.stages()?.iter().map(|stage| play(&incident, stage)).collect();
        let judged = judge(&incident.expects, &courses);
        Ok(Self {
            incident,
            courses,
            judged,
        })
    }

    /// Whether every expectation was kept.
    #[must_use]
    pub fn kept(&self) -> bool {
        self.judged.iter().all(|j| j.kept)
    }

    /// That as a word, for programs.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        if self.kept() { "kept" } else { "broken" }
    }
}

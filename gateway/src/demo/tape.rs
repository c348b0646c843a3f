//! What happened in a room, and when by the story's clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster_core::{Event, EventKind};

use crate::clock::Stopwatch;

/// One event of one room.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Scenario milliseconds: 0 is the first sign.
    pub(super) story_ms: i64,
    /// Real time since the demo began.
    pub(super) real: Duration,
    /// What.
    pub(super) event: Event,
}

/// Everything a room's gateway said. Clones share one tape.
#[derive(Clone, Debug)]
pub(super) struct Tape {
    lines: Arc<Mutex<Vec<Line>>>,
    began: Stopwatch,
}

impl Tape {
    /// An empty tape.
    #[must_use]
    pub(super) fn new() -> Self {
        Self {
            lines: Arc::default(),
            began: Stopwatch::start(),
        }
    }

    /// Adds an event.
    pub(super) fn add(&self, story_ms: i64, event: &Event) {
        let line = Line {
            story_ms,
            real: self.began.elapsed(),
            event: event.clone(),
        };
        self.lines
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(line);
    }

    /// The lines so far.
    #[must_use]
    pub(super) fn lines(&self) -> Vec<Line> {
        self.lines
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// The n-th vote, from 0.
    #[must_use]
    pub(super) fn vote(&self, n: usize) -> Option<Line> {
        self.lines()
            .into_iter()
            .filter(|l| l.event.kind == EventKind::Vote && l.event.line.contains(" votes: "))
            .nth(n)
    }

    /// When a hook was first called in a phase.
    #[must_use]
    pub(super) fn first_call(&self, phase: &str) -> Option<Line> {
        let part = format!(".{phase}");
        self.lines().into_iter().find(|l| {
            l.event.kind == EventKind::Step && l.event.subject.contains(&part) && l.event.line.starts_with("called")
        })
    }
}

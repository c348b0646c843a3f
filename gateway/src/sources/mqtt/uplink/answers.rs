//! What the broker allows us.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Stopwatch;

/// That it refused what we publish stands for so long.
const FORGET_AFTER: Duration = Duration::from_secs(60);

/// What the broker says to what we ask of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    pub(super) missing: usize,
    /// Filters it refuses, with its reason.
    pub(super) refused: BTreeMap<String, String>,
    /// Why it did not take what we published, and since when.
    pub(super) not_taken: Option<(String, Stopwatch)>,
}

impl Answers {
    /// None yet, of this many.
    pub(super) fn of(missing: usize) -> Self {
        Self {
            missing,
            ..Self::default()
        }
    }

    /// What is wrong with them, if anything.
    pub(super) fn trouble(&self, pulse: &str) -> Option<String> {
        let Some((filter, why)) = self.refused.first_key_value() else {
            let why = self.not_taken()?;
            return Some(format!(
                "it does not take what we publish ({why}): allow {pulse} and …/ack to our client there"
            ));
        };
        let more = match self.refused.len() - 1 {
            0 => String::new(),
            n => format!(", and {n} more"),
        };
        Some(format!(
            "it refuses our subscription to {filter}{more} ({why}): allow it to our client there"
        ))
    }

    /// Unless it has not said so for a while: somebody may have mended its rules.
    pub(super) fn not_taken(&self) -> Option<&str> {
        let (why, since) = self.not_taken.as_ref()?;
        (since.elapsed() < FORGET_AFTER).then_some(why)
    }
}

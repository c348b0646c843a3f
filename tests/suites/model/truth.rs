//! What is really so: what the detectors show, and what people have said.

use muster_core::{Millis, Verb};
use serde::Serialize;

/// Two people have to speak within this.
const PAIR_MS: Millis = 5 * 60_000;

/// What a detector shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Signal {
    Clear,
    Alarm,
    /// Heard, and no value: its own checksum fails.
    Nonsense,
    /// Not heard.
    Silent,
}

/// Somebody's word.
#[derive(Clone, Debug, Serialize)]
struct Word {
    who: String,
    verb: Verb,
    at: Millis,
    /// It still waits for a second one.
    waits: bool,
}

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Truth {
    pub(crate) now: Millis,
    pub(crate) signals: Vec<Signal>,
    /// What each was heard to say last was an alarm: lost alarming is alarming still (design §5).
    pub(crate) burned: Vec<bool>,
    words: Vec<Word>,
}

impl Truth {
    pub(crate) fn new(detectors: usize) -> Self {
        Self {
            now: 0,
            signals: vec![Signal::Clear; detectors],
            burned: vec![false; detectors],
            words: Vec::new(),
        }
    }

    /// Somebody speaks; what was said too long ago says nothing any more.
    pub(crate) fn say(&mut self, who: &str, verb: Verb) {
        let now = self.now;
        self.words
            .retain(|w| now - w.at <= PAIR_MS && !(w.who == who && w.verb.as_str() == verb.as_str()));
        self.words.push(Word {
            who: who.to_owned(),
            verb,
            at: now,
            waits: true,
        });
    }

    pub(crate) fn has_said(&self, who: &str, verb: Verb) -> bool {
        let recent = |w: &&Word| self.now - w.at <= PAIR_MS;
        self.words
            .iter()
            .filter(recent)
            .any(|w| w.who == who && w.verb.as_str() == verb.as_str())
    }

    /// How many ask for it and wait.
    pub(crate) fn said_by(&self, verb: Verb) -> usize {
        let waits = |w: &&Word| w.waits && self.now - w.at < PAIR_MS && w.verb.as_str() == verb.as_str();
        self.words.iter().filter(waits).count()
    }

    /// What was asked for was done: nobody waits for it any more.
    pub(crate) fn heard(&mut self, verb: Verb) {
        self.words
            .iter_mut()
            .filter(|w| w.verb.as_str() == verb.as_str())
            .for_each(|w| w.waits = false);
    }

    /// After a reset or a restart, nobody may rely on a word said before.
    pub(crate) fn forget(&mut self) {
        self.words.iter_mut().for_each(|w| w.waits = false);
    }
}

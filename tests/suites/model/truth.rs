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
    /// Since when each shows what it shows; none: from the beginning on.
    pub(crate) since: Vec<Option<Millis>>,
    /// When each alarmed last.
    pub(crate) alarmed_at: Vec<Option<Millis>>,
    /// From when until when each source is out of service.
    pub(crate) bypassed: Vec<Option<(Millis, Millis)>>,
    words: Vec<Word>,
}

impl Truth {
    pub(crate) fn new(detectors: usize, sources: usize) -> Self {
        Self {
            now: 0,
            signals: vec![Signal::Clear; detectors],
            burned: vec![false; detectors],
            since: vec![None; detectors],
            alarmed_at: vec![None; detectors],
            bypassed: vec![None; sources],
            words: Vec::new(),
        }
    }

    /// A detector shows something else from now on.
    pub(crate) fn show(&mut self, c: usize, signal: Signal) {
        if self.signals[c] != signal {
            (self.signals[c], self.since[c]) = (signal, Some(self.now));
        }
        self.burned[c] = signal == Signal::Alarm || (self.burned[c] && signal != Signal::Clear);
        if signal == Signal::Alarm {
            self.alarmed_at[c] = Some(self.now);
        }
    }

    /// Since when a detector cannot be believed: silent, at fault or out of service.
    pub(crate) fn out_since(&self, c: usize, source: usize) -> Option<Option<Millis>> {
        let bypassed = self.bypassed[source].filter(|(_, until)| self.now <= *until);
        let mute = matches!(self.signals[c], Signal::Silent | Signal::Nonsense).then_some(self.since[c]);
        mute.or_else(|| bypassed.map(|(from, _)| Some(from)))
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

    /// It was refused: there was nothing to be done.
    pub(crate) fn refused(&mut self, who: &str, verb: Verb) {
        let same = |w: &&mut Word| w.who == who && w.verb.as_str() == verb.as_str();
        self.words.iter_mut().filter(same).for_each(|w| w.waits = false);
    }

    /// After a reset or a restart, nobody may rely on a word said before.
    pub(crate) fn forget(&mut self) {
        self.words.iter_mut().for_each(|w| w.waits = false);
    }
}

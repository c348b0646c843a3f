//! What is told of a story, kept in a file that a person has read: `tests/decision/stories/NAME.txt`. `MUSTER_WRITE=1` writes it anew,
//! for the next one to read.

use std::fmt::Write;

use muster_core::{Answer, Millis};

use super::{MINUTE, SECOND, Stand};

pub(crate) fn clock(ms: Millis) -> String {
    format!("{}:{:02}", ms.div_euclid(MINUTE), ms.rem_euclid(MINUTE) / SECOND)
}

/// Fails if the file says something else.
pub(crate) fn keep(name: &str, text: &str) {
    let path = format!("{}/tests/decision/stories/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("MUSTER_WRITE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let first = text.lines().zip(kept.lines()).find(|(new, old)| new != old);
    assert!(text == kept, "{path} says something else: {first:#?}");
}

/// How far a stand has been told.
#[derive(Default)]
pub(crate) struct Told {
    events: usize,
    entries: usize,
    calls: usize,
    answers: usize,
    pub text: String,
}

impl Told {
    /// Everything that has come of it since: what was said, written, called and answered.
    pub(crate) fn rest(&mut self, stand: &Stand) {
        let Self { text, .. } = self;
        for entry in &stand.entries[self.entries.min(stand.entries.len())..] {
            writeln!(text, "{} #{} {:?}", clock(entry.at), entry.seq, entry.record).unwrap();
        }
        // What is tried for ever is told three times.
        for call in stand.calls[self.calls..].iter().filter(|call| call.attempt <= 3) {
            let (deadline, attempt) = (clock(call.deadline), call.attempt);
            writeln!(
                text,
                "    calls {} attempt {attempt}, until {deadline}, doomed {:?}",
                call.step, call.doomed
            )
            .unwrap();
        }
        for event in &stand.events[self.events..] {
            writeln!(text, "    {:?} {}: {}", event.kind, event.subject, event.line).unwrap();
        }
        for Answer { verdict, why, .. } in &stand.answers[self.answers..] {
            writeln!(text, "    answers {verdict:?}: {why}").unwrap();
        }
        self.entries = stand.entries.len();
        (self.calls, self.events, self.answers) = (stand.calls.len(), stand.events.len(), stand.answers.len());
    }

    /// And how it stands now.
    pub(crate) fn now(&mut self, stand: &Stand) {
        self.rest(stand);
        let zones: Vec<_> = stand
            .view()
            .zones
            .into_iter()
            .map(|z| format!("{} {}: {}", z.id, z.level.as_str(), z.why))
            .collect();
        writeln!(
            self.text,
            "{} {}: {}",
            clock(stand.now),
            stand.level().as_str(),
            stand.state.why()
        )
        .unwrap();
        zones.iter().for_each(|zone| writeln!(self.text, "  {zone}").unwrap());
        for c in stand.state.channels(stand.now) {
            if c.watch || c.alarm || c.quality != "good" {
                writeln!(
                    self.text,
                    "  {} {:?} {}{}{}",
                    c.id,
                    c.value,
                    c.quality,
                    if c.watch { " watch" } else { "" },
                    if c.alarm { " alarm" } else { "" }
                )
                .unwrap();
            }
        }
    }
}

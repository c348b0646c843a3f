//! The same inputs through the same core: what a flight recorder kept (`recording`), and incident files in virtual time
//! (`play`). `explain` says of one moment what it rests on, and what would have changed it.

pub mod explain;
mod facts;
pub mod judge;
pub mod play;
mod played;
pub mod recording;
pub mod show;
#[cfg(test)]
mod tests;

pub use facts::{Facts, Safe};
pub use played::Played;

use muster_core::{Effect, EventKind, Millis, Record};

/// One thing that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Engine time.
    pub at: Millis,
    /// Wall clock, Unix milliseconds.
    pub wall_ms: i64,
    /// What.
    pub effect: Effect,
}

impl Decision {
    /// Whether people want to read it without having asked for every one: not what goes into the journal, and no trouble of
    /// single channels.
    #[must_use]
    pub fn is_told(&self) -> bool {
        match &self.effect {
            Effect::FireHook(call) => call.attempt == 1,
            Effect::Event(event) => matches!(
                event.kind,
                EventKind::Vote | EventKind::Level | EventKind::Incident | EventKind::Order | EventKind::Workload
            ),
            Effect::Fault(_) | Effect::CancelHook { .. } => true,
            Effect::Persist(_) | Effect::Answer(_) => false,
        }
    }

    /// Sort, subject and line, as people and programs are shown them.
    #[must_use]
    pub fn told(&self) -> (&'static str, String, String) {
        match &self.effect {
            Effect::Persist(entry) => ("journal", format!("{}", entry.seq), record(&entry.record)),
            Effect::FireHook(call) => {
                let line = format!(
                    "hook called, {}, attempt {}, token {}",
                    call.mode, call.attempt, call.token
                );
                ("hook", call.step.clone(), line)
            }
            Effect::CancelHook { incident, step } => ("hook", step.clone(), format!("called off in {incident}")),
            Effect::Event(event) => (event.kind.as_str(), event.subject.clone(), event.line.clone()),
            Effect::Answer(answer) => ("answer", answer.verdict.to_string(), answer.why.clone()),
            Effect::Fault(what) => ("fault", "core".into(), what.clone()),
        }
    }
}

/// A record as one line: its own JSON, which names everything by id.
fn record(record: &Record) -> String {
    serde_json::to_string(record).unwrap_or_else(|error| error.to_string())
}

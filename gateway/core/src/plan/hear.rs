//! What hooks answer, and what follows for their steps.

use alloc::{format, string::String, vec::Vec};

use super::{Doing, Stage, is_last, rung_of};
use crate::{Effect, EventKind, HookOutcome, Millis, Mode, Phase, Record, State, StepEnd, clip::clip};

/// First pause before a step is tried again; doubles with every attempt.
const BACKOFF_FIRST_MS: Millis = 250;
/// Longest pause.
pub(super) const BACKOFF_LONGEST_MS: Millis = 8_000;
/// So often is asked whether people have brought home what its hook could not.
const LAST_WORDS: u32 = 3;
/// A workload whose last rung cannot is tried again this often.
pub(super) const STRANDED_RETRY_MS: Millis = 30_000;

impl State {
    /// What a hook said. Late words, about steps that have ended or of another mode, change nothing.
    pub(crate) fn hook(
        &mut self,
        now: Millis,
        (incident, step, mode): (&str, &str, Mode),
        outcome: &HookOutcome,
        out: &mut Vec<Effect>,
    ) -> bool {
        if self.drill_hook(now, (incident, step, mode), outcome, out) {
            return true;
        }
        let current = self.policy.acting().map(|i| self.incident_id(i.n));
        let known = self
            .plan
            .book
            .find(step)
            .filter(|_| current.as_deref() == Some(incident));
        let Some(i) = known else {
            return false;
        };
        let known = self.plan.book.step(i);
        if known.mode != mode || known.ended().is_some() || known.attempts == 0 {
            return false;
        }
        self.hear(now, i, outcome, out);
        true
    }

    fn hear(&mut self, now: Millis, i: usize, outcome: &HookOutcome, out: &mut Vec<Effect>) {
        match outcome {
            HookOutcome::Accepted => self.accepted(now, i, None, out),
            HookOutcome::Running { percent } => self.accepted(now, i, *percent, out),
            HookOutcome::Done => self.done(now, i, out),
            HookOutcome::Cannot { note } => self.cannot(now, i, &clip(note), out),
            HookOutcome::TokenRefused => {
                let note = "its token was refused: another gateway acts".into();
                self.end(now, i, StepEnd::Refused, note, out);
            }
            HookOutcome::Retry { cause } => self.retry(now, i, &clip(cause), out),
        }
    }

    fn accepted(&mut self, now: Millis, i: usize, percent: Option<u8>, out: &mut Vec<Effect>) {
        let step = self.plan.book.step(i);
        if !step.accepted {
            let id = step.id.clone();
            self.record(now, Record::StepAccepted { step: id }, out);
        }
        // A late word of what waits without a lane: it is called again when there is one.
        let step = self.plan.book.step(i);
        let waits = matches!(step.doing, Doing::Backoff { .. }) && !self.plan.book.may_call(&self.site, step);
        self.plan.book.change(&self.site, i, |step| {
            step.percent = percent.map(|p| p.min(100)).or(step.percent);
            if !waits {
                (step.aside, step.doing) = (false, Doing::Accepted { heard: now });
            }
        });
    }

    fn done(&mut self, now: Millis, i: usize, out: &mut Vec<Effect>) {
        let step = self.plan.book.step(i);
        let (work, phase, mode) = (step.work, step.phase, step.mode);
        let took_ms = now - step.begun;
        let note = format!("{}.{} s after its intent", took_ms / 1_000, took_ms % 1_000 / 100);
        let home = step.home;
        let (kind, _) = rung_of(&self.site, work, step.rung);
        self.end(now, i, StepEnd::Done, note, out);
        if phase == Phase::Verify {
            let id = self.site.workloads[work.at()].id.clone();
            let drill = if mode == Mode::Drill {
                " (drill: nothing has really moved)"
            } else {
                ""
            };
            let line = if home && self.policy.open().is_some() {
                String::from("runs at home again, though nobody ordered its return: it is evacuated")
            } else if home {
                format!("at home again, its probe says so{drill}")
            } else {
                format!("safe by {kind}, its probe says so{drill}")
            };
            self.say(EventKind::Workload, &id, line, out);
        }
    }

    fn cannot(&mut self, now: Millis, i: usize, note: &str, out: &mut Vec<Effect>) {
        let step = self.plan.book.step(i);
        let last = is_last(&self.site, step.work, step.rung);
        match step.phase {
            // Not there yet is no end: the probe is asked again while the rung fits.
            Phase::Verify if !self.is_last_word(i) => self.retry(now, i, note, out),
            Phase::Evacuate if last => self.strand(now, i, note, out),
            _ => self.end(now, i, StepEnd::Cannot, note.into(), out),
        }
    }

    /// There is no rung below: said loudly, and tried again for as long as the incident lasts.
    fn strand(&mut self, now: Millis, i: usize, note: &str, out: &mut Vec<Effect>) {
        let step = self.plan.book.step(i);
        let (work, id) = (step.work, step.id.clone());
        if self.plan.book.works[work.at()].stage != Stage::Stranded {
            let (step, note) = (id, note.into());
            self.record(now, Record::StepStranded { step, note }, out);
            let id = self.site.workloads[work.at()].id.clone();
            let line = format!(
                "STRANDED: its last rung cannot: {}",
                self.plan.book.works[work.at()].why
            );
            self.say(EventKind::Workload, &id, line, out);
        }
        self.plan.book.change(&self.site, i, |step| {
            step.doing = Doing::Backoff {
                until: now + STRANDED_RETRY_MS,
            };
            step.note = note.into();
        });
    }

    /// Whether somebody else has brought home what its hook could not: asked a few times, or the return would have no end.
    fn is_last_word(&self, i: usize) -> bool {
        let step = self.plan.book.step(i);
        step.home && self.could_not_come(step.work) && step.attempts >= LAST_WORDS
    }

    fn retry(&mut self, now: Millis, i: usize, cause: &str, out: &mut Vec<Effect>) {
        if self.is_last_word(i) {
            return self.end(now, i, StepEnd::Cannot, cause.into(), out);
        }
        let step = self.plan.book.step(i);
        let doubled = BACKOFF_FIRST_MS << step.attempts.saturating_sub(1).min(8);
        let (id, first, work) = (step.id.clone(), step.attempts == 1, step.work);
        // What has to leave goes before a question that has been answered once.
        let asks = step.home && self.policy.open().is_some();
        self.plan.book.change(&self.site, i, |step| {
            step.doing = Doing::Backoff {
                until: now + doubled.min(BACKOFF_LONGEST_MS),
            };
            step.note = cause.into();
            if asks {
                (step.aside, step.stuck) = (true, false);
            }
        });
        if first && asks {
            let id = self.site.workloads[work.at()].id.clone();
            let line = format!("believed away still, and asked again whether it is home: {cause}");
            self.say(EventKind::Workload, &id, line, out);
        } else if first {
            self.say(EventKind::Step, &id, format!("is tried again: {cause}"), out);
        }
    }
}

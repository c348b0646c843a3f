//! One call from the attempt to its end: the attempt, then, if it was accepted and says where, questions how it goes on.

use std::sync::Arc;

use muster_core::{Call, HookOutcome, Input, Mode};
use reqwest::Url;

use crate::hooks::envelope::Envelope;
use crate::hooks::underway::{self, Underway};
use crate::hooks::webhook::Limits;
use crate::hooks::{Follow, Hook};
use crate::lanes::{Control, Lanes};

/// Carries one call out and tells the core.
#[derive(Clone, Debug)]
pub(super) struct Carrier {
    incident: String,
    step: String,
    mode: Mode,
    lanes: Lanes,
    limits: Limits,
}

impl std::fmt::Display for Carrier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.incident, self.step)
    }
}

impl Carrier {
    pub(super) fn new(call: &Call, lanes: Lanes, limits: Limits) -> Self {
        Self {
            incident: call.incident.clone(),
            step: call.step.clone(),
            mode: call.mode,
            lanes,
            limits,
        }
    }

    /// One attempt, and what follows from it.
    pub(super) async fn carry(self, hook: Arc<Hook>, call: Call, envelope: Envelope) {
        let reply = hook.attempt(&call, &envelope).await;
        self.tell(reply.outcome).await;
        match reply.follow {
            Some(Follow::Ask(at)) => self.follow(&hook, &at, &envelope.id).await,
            Some(Follow::Hear(underway)) => self.hear(underway).await,
            None => {}
        }
    }

    /// Passes on whatever an attempt says by itself, until it ends.
    async fn hear(&self, mut underway: Underway) {
        loop {
            let outcome = underway.next().await.unwrap_or_else(underway::broken);
            let ends = underway::is_end(&outcome);
            self.tell(outcome).await;
            if ends {
                return;
            }
        }
    }

    /// Tells the core. Waits while the lane is full, which slows this step alone; a stopped engine needs no outcome.
    pub(super) async fn tell(&self, outcome: HookOutcome) {
        let input = Input::Hook {
            incident: self.incident.clone(),
            step: self.step.clone(),
            mode: self.mode,
            outcome,
        };
        let _ = self.lanes.control.send(Control::Input(input)).await;
    }

    /// Asks until the step has ended, the questions are used up, or too many in a row have failed. The core hears of a
    /// change only. It ends in an outcome that lets the core go on: at worst it calls the step again, with the same key.
    async fn follow(&self, hook: &Hook, at: &Url, id: &str) {
        let mut last = HookOutcome::Accepted;
        let mut failed = 0;
        for _ in 0..self.limits.questions {
            tokio::time::sleep(self.limits.ask_every).await;
            let outcome = hook.ask(at, id).await;
            failed = if matches!(outcome, HookOutcome::Retry { .. }) {
                failed + 1
            } else {
                0
            };
            match outcome {
                HookOutcome::Retry { .. } if failed < self.limits.failed_questions => {}
                HookOutcome::Accepted => {}
                HookOutcome::Running { .. } if outcome == last => {}
                HookOutcome::Running { .. } => {
                    last = outcome.clone();
                    self.tell(outcome).await;
                }
                end => return self.tell(end).await,
            }
        }
        let cause = format!("still under way after {} questions", self.limits.questions);
        self.tell(HookOutcome::Retry { cause }).await;
    }
}

//! One attempt at one step.

use std::time::Duration;

use muster_core::{Call, HookOutcome, Mode, Phase};

use super::command::{CommandError, Commands};
use super::jobs::Which;
use super::leave::ids;
use crate::clock::Clock;
use crate::hooks::underway::Say;

/// Pause between two looks at what is under way; the controller has others to serve.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// One attempt.
pub(super) struct Step {
    pub(super) commands: Commands,
    pub(super) call: Call,
    pub(super) which: Which,
    /// Nodes that lose their power.
    pub(super) doomed: Vec<String>,
    pub(super) clock: Clock,
    pub(super) say: Say,
}

/// Why an attempt goes no further.
pub(super) enum Halt {
    /// It has ended.
    Outcome(HookOutcome),
    /// A command had no effect.
    Command(CommandError),
}

impl From<CommandError> for Halt {
    fn from(error: CommandError) -> Self {
        Self::Command(error)
    }
}

impl Step {
    /// Carries the phase out.
    pub(super) async fn carry_out(&self) -> Result<HookOutcome, Halt> {
        match self.call.phase {
            Phase::Prepare => self.drain().await.map(|()| HookOutcome::Done),
            Phase::Evacuate => {
                self.drain().await?;
                self.leave().await
            }
            Phase::Verify => self.verify().await,
            Phase::Restore => self.undrain().await.map(|()| HookOutcome::Done),
        }
    }

    pub(super) fn is_drill(&self) -> bool {
        self.call.mode == Mode::Drill
    }

    /// Engine milliseconds until the step has to have ended.
    pub(super) fn left_ms(&self) -> i64 {
        self.call.deadline - self.clock.now()
    }

    pub(super) async fn pause(&self, left: usize, of: usize) {
        let percent = u8::try_from(of.saturating_sub(left) * 100 / of.max(1)).ok();
        let _ = self.say.send(HookOutcome::Running { percent }).await;
        tokio::time::sleep(LOOK_EVERY).await;
    }

    /// A job is safe once it has no doomed node: it is in the queue, or runs elsewhere.
    async fn verify(&self) -> Result<HookOutcome, Halt> {
        if self.call.asks_home() {
            return self.takes_jobs_again().await;
        }
        let jobs = self.commands.jobs_on(&self.doomed, &self.which).await?;
        if jobs.is_empty() || self.is_drill() {
            return Ok(HookOutcome::Done);
        }
        let cause = format!("left on doomed nodes: {}", ids(&jobs.iter().collect::<Vec<_>>()));
        Ok(HookOutcome::Retry { cause })
    }
}

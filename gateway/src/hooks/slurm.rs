//! A Slurm cluster, spoken to by its own commands: the doomed nodes are drained, and what runs on them is requeued, as
//! draining alone stops nothing (decision record 0050). Nothing is remembered here: every attempt looks at the cluster.

mod command;
mod drain;
mod jobs;
mod leave;
mod preflight;
mod step;

use std::collections::BTreeMap;

use muster_core::{Call, HookOutcome};

use super::underway::{PATIENCE, Say, Underway};
use super::webhook::Limits;
use super::{Reply, note, places};
use crate::clock::Clock;
use crate::config::{Placed, SlurmTarget};
use crate::counters::{Cause, Counters};
use command::{CommandError, Commands};
pub(crate) use jobs::FORMS;
use jobs::Which;
use step::{Halt, Step};

/// Whether `[[workload]] object` is a name that a cluster may know.
pub(crate) fn knows(object: &str) -> bool {
    Which::parse(object).is_some()
}

/// One cluster.
#[derive(Clone, Debug)]
pub struct Slurm {
    id: String,
    target: SlurmTarget,
    works: BTreeMap<String, Placed>,
    limits: Limits,
    clock: Clock,
    counters: Counters,
}

impl Slurm {
    /// A cluster as configured.
    #[must_use]
    pub fn new(
        (id, target, works): (String, SlurmTarget, BTreeMap<String, Placed>),
        limits: Limits,
        clock: Clock,
        counters: Counters,
    ) -> Self {
        Self {
            id,
            target,
            works,
            limits,
            clock,
            counters,
        }
    }

    /// One attempt: what is quick, or the beginning of what is heard of until its end.
    pub async fn attempt(&self, call: &Call) -> Reply {
        let (hook, call) = (self.clone(), call.clone());
        let work = async move |say| hook.see_through(call, say).await;
        Underway::carry(&self.clock, work).into_reply(PATIENCE).await
    }

    async fn see_through(&self, call: Call, say: Say) -> HookOutcome {
        let (step, mode) = (call.step.clone(), call.mode);
        let ended = match self.step(call, say) {
            Ok(step) => step.carry_out().await,
            Err(note) => Ok(HookOutcome::Cannot { note }),
        };
        let outcome = ended.unwrap_or_else(|halt| self.meaning(halt));
        tracing::info!(hook = self.id, step, %mode, ?outcome, "an attempt at the cluster has ended");
        outcome
    }

    fn step(&self, call: Call, say: Say) -> Result<Step, String> {
        let placed = self.works.get(&call.workload);
        let placed = placed.ok_or_else(|| format!("workload {} is not in the config of this hook", call.workload))?;
        let which = Which::parse(&placed.object);
        let which = which.ok_or_else(|| format!("object `{}` is unknown: {FORMS}", placed.object))?;
        if !self.target.racks.contains_key(&placed.rack) {
            return Err(format!("no node is known to stand on rack {}", placed.rack));
        }
        let doomed = self.doomed(places::lost(&call, Some(&placed.rack)).as_deref());
        Ok(Step {
            commands: self.commands(),
            call,
            which,
            doomed,
            clock: self.clock.clone(),
            say,
        })
    }

    /// Nodes of these racks; none: of all.
    fn doomed(&self, racks: Option<&[String]>) -> Vec<String> {
        let nodes = places::doomed_of(&self.target.racks, racks);
        nodes.into_iter().map(str::to_owned).collect()
    }

    fn commands(&self) -> Commands {
        Commands {
            target: self.target.clone(),
            limit: self.limits.attempt,
        }
    }

    /// What the decision is told, counted by cause. That we may not is certain; all else may pass.
    fn meaning(&self, halt: Halt) -> HookOutcome {
        let error = match halt {
            Halt::Outcome(outcome) => return outcome,
            Halt::Command(error) => error,
        };
        let cause = match &error {
            CommandError::Start { .. } => Cause::HookConnect,
            CommandError::Timeout { .. } => Cause::HookTimeout,
            CommandError::Refused { .. } => Cause::HookExit,
            CommandError::TooLong { .. } => Cause::HookBody,
        };
        let line = note::clean(error.to_string().as_bytes());
        self.counters.count(cause, &self.id, &line);
        if error.is_denied() {
            HookOutcome::Cannot { note: line }
        } else {
            HookOutcome::Retry { cause: line }
        }
    }
}

//! Making jobs leave the doomed nodes. Draining stops none: each is requeued, and early, as Slurm does not start a requeued
//! job again for two minutes. What cannot be requeued is ended by the last rung, after it was told to write a checkpoint.

use std::time::Duration;

use muster_core::{HookOutcome, RungKind};

use super::jobs::Job;
use super::step::{Halt, Step};
use crate::lines;

/// What a job has to end by itself once it is told to (`KillWait`): not taken from it for its checkpoint. Milliseconds.
const ENDING_MS: i64 = 30_000;

impl Step {
    /// Until nothing is left, or only what this rung cannot end.
    pub(super) async fn leave(&self) -> Result<HookOutcome, Halt> {
        let (mut most, mut told) = (0, false);
        loop {
            let jobs = self.commands.jobs_on(&self.doomed, &self.which).await?;
            if jobs.is_empty() {
                return Ok(HookOutcome::Done);
            }
            let (go, stay): (Vec<&Job>, Vec<&Job>) =
                jobs.iter().filter(|job| !job.is_ending).partition(|job| job.requeues);
            for job in go {
                self.requeue(job).await?;
            }
            if !stay.is_empty() {
                if self.call.rung != RungKind::Stop {
                    let note = format!("cannot be requeued: {}; the rest is", ids(&stay));
                    return Ok(HookOutcome::Cannot { note });
                }
                if !told {
                    self.checkpoint(&stay).await?;
                    told = true;
                }
                for job in &stay {
                    self.act("scancel", &[&job.id], job).await?;
                }
            }
            if self.is_drill() {
                return Ok(HookOutcome::Done);
            }
            most = most.max(jobs.len());
            self.pause(jobs.len(), most).await;
        }
    }

    async fn requeue(&self, job: &Job) -> Result<(), Halt> {
        let wanted = self.commands.wanted_by(job).await?;
        if let Some(node) = wanted.iter().find(|node| self.doomed.contains(node)) {
            // It is safe in the queue, and will not start before the node is back.
            tracing::warn!(
                job = job.id,
                node,
                "stuck: the job asks for a doomed node by name, and waits for it"
            );
        }
        self.act("scontrol", &["requeue", &job.id], job).await
    }

    /// Tells them to write what they have, and waits for it as long as the deadline leaves time to end them.
    async fn checkpoint(&self, jobs: &[&Job]) -> Result<(), Halt> {
        let Some((signal, time)) = &self.commands.target.checkpoint else {
            return Ok(());
        };
        let signal = format!("--signal={signal}");
        for job in jobs {
            self.act("scancel", &["--full", &signal, &job.id], job).await?;
        }
        let left_ms = u64::try_from(self.left_ms() - ENDING_MS).unwrap_or(0);
        if !self.is_drill() {
            tokio::time::sleep(Duration::from_millis(left_ms).min(*time)).await;
        }
        Ok(())
    }

    /// One that has ended meanwhile, or may not be requeued just now, is seen at the next look.
    async fn act(&self, program: &'static str, arguments: &[&str], job: &Job) -> Result<(), Halt> {
        if self.is_drill() {
            tracing::info!(job = job.id, program, ?arguments, "drill: it would be told");
            return Ok(());
        }
        match self.commands.run(program, arguments).await {
            Err(error) if error.is_denied() => Err(error.into()),
            Err(error) => {
                tracing::warn!(job = job.id, %error, "not now");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }
}

/// The first few, for people.
pub(super) fn ids(jobs: &[&Job]) -> String {
    const SHOWN: usize = 8;
    let all: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    format!("jobs {}", lines::some_of(&all, SHOWN))
}

//! Carries out the core's calls: one attempt each, with a deadline, and tells what came of it.

mod carry;
mod flights;

use std::sync::Arc;

use muster_core::{Call, HookOutcome};
use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::config::HookTarget;
use crate::counters::{Cause, Counters};
use crate::hooks::envelope::{EnvelopeError, Envelopes};
use crate::hooks::webhook::Limits;
use crate::hooks::{ClientError, Clients, Hook, HookError};
use crate::lanes::Lanes;
use carry::Carrier;
use flights::Flights;

/// What the runner needs of the gateway.
#[derive(Clone, Debug)]
pub struct RunnerContext {
    /// For deadlines in events.
    pub clock: Clock,
    /// For failures outside.
    pub counters: Counters,
    /// Where outcomes go: the control lane.
    pub lanes: Lanes,
    /// `http://host:port` of our own API, as hooks see it.
    pub progress_base_url: String,
    /// The journal's key for the bearers of progress.
    pub progress_key: [u8; 32],
}

/// Why the runner cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// A hook cannot be made of its config.
    #[error("hook `{hook}`")]
    Hook {
        /// Hook id.
        hook: String,
        /// What is wrong.
        #[source]
        source: HookError,
    },
    /// No HTTP client.
    #[error("no hook can be called")]
    Client(#[source] ClientError),
    /// Progress could not be reported to us.
    #[error("hooks cannot be told where to report progress")]
    Progress(#[source] EnvelopeError),
    /// Called from outside of tokio.
    #[error("the runner starts inside an async runtime")]
    Runtime(#[source] tokio::runtime::TryCurrentError),
}

/// Carries out attempts. Dropping it stops all of them.
#[derive(Debug)]
pub struct Runner {
    hooks: Vec<Arc<Hook>>,
    envelopes: Envelopes,
    flights: Arc<Flights>,
    runtime: Handle,
    counters: Counters,
    lanes: Lanes,
    limits: Limits,
}

impl Runner {
    /// Ready to call `hooks`, which are indexed as `Site::hooks`.
    ///
    /// # Errors
    /// A hook that cannot be made, no TLS, or not in an async runtime; see [`RunnerError`].
    pub fn spawn(hooks: Vec<HookTarget>, ctx: RunnerContext) -> Result<Self, RunnerError> {
        Self::with_limits(hooks, ctx, Limits::default())
    }

    /// As [`Runner::spawn`], with other limits.
    ///
    /// # Errors
    /// As [`Runner::spawn`].
    pub fn with_limits(hooks: Vec<HookTarget>, ctx: RunnerContext, limits: Limits) -> Result<Self, RunnerError> {
        Ok(Self {
            hooks: ready(hooks, &ctx.clock, &ctx.counters, limits)?,
            envelopes: Envelopes::new(ctx.clock.clone(), &ctx.progress_base_url, ctx.progress_key)
                .map_err(RunnerError::Progress)?,
            flights: Arc::default(),
            runtime: Handle::try_current().map_err(RunnerError::Runtime)?,
            counters: ctx.counters,
            lanes: ctx.lanes,
            limits,
        })
    }

    /// From here on calls go to these, indexed as `Site::hooks`. What is under way goes on as it began.
    pub fn call_by(&mut self, hooks: Vec<Arc<Hook>>) {
        self.hooks = hooks;
    }

    /// Starts one attempt at once and returns. What came of it goes into the control lane. It takes the place of whatever
    /// was under way for the same step.
    pub fn fire(&self, call: Call) {
        let carrier = Carrier::new(&call, self.lanes.clone(), self.limits);
        let Some(hook) = self.hooks.get(call.hook.at()) else {
            let note = format!("no hook {} in the config", call.hook.at());
            return self.refuse(carrier, HookOutcome::Cannot { note });
        };
        let envelope = if hook.is_told_a_bearer() {
            self.envelopes.of(&call)
        } else {
            self.envelopes.without_bearer(&call)
        };
        let envelope = match envelope {
            Ok(envelope) => envelope,
            Err(cause) => {
                return self.refuse(
                    carrier,
                    HookOutcome::Retry {
                        cause: cause.to_string(),
                    },
                );
            }
        };
        let (hook, told) = (Arc::clone(hook), carrier.clone());
        let key = (call.incident.clone(), call.step.clone());
        let begun = self
            .flights
            .begin(&self.runtime, key, carrier.carry(hook, call, envelope));
        if let Err(full) = begun {
            self.refuse(
                told,
                HookOutcome::Retry {
                    cause: full.to_string(),
                },
            );
        }
    }

    /// Stops whatever is under way for a step: the attempt, the questions how it goes on, a program and all it started.
    /// A hook elsewhere is told nothing.
    pub fn cancel(&self, incident: &str, step: &str) {
        self.flights.end(&(incident.to_owned(), step.to_owned()));
    }

    /// A call that cannot even begin: a broken invariant of our own, and the core is told as of any other outcome.
    fn refuse(&self, carrier: Carrier, outcome: HookOutcome) {
        self.counters
            .count(Cause::Fault, "runner", &format_args!("{carrier}: {outcome:?}"));
        self.runtime.spawn(async move { carrier.tell(outcome).await });
    }
}

/// The hooks of a config, ready to be called.
///
/// # Errors
/// A URL that is none, or no TLS.
pub fn ready(
    hooks: Vec<HookTarget>,
    clock: &Clock,
    counters: &Counters,
    limits: Limits,
) -> Result<Vec<Arc<Hook>>, RunnerError> {
    let clients = Clients::new(limits.connect).map_err(RunnerError::Client)?;
    let hook = |target: HookTarget| {
        let id = target.id.clone();
        Hook::new(target, &clients, limits, clock.clone(), counters.clone())
            .map(Arc::new)
            .map_err(|source| RunnerError::Hook { hook: id, source })
    };
    hooks.into_iter().map(hook).collect()
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.flights.end_all();
    }
}

#[cfg(test)]
mod receiver_tests;
#[cfg(test)]
mod tests;

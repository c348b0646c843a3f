//! A Kubernetes cluster, spoken to by its own API: the doomed nodes are closed, pods evicted by what their disruption budgets
//! allow, and a workload is safe when it is ready elsewhere (decision record 0050). Nothing is remembered here: every attempt
//! looks at the cluster, and what has to last is marked on its objects.

mod api;
mod cordon;
mod evict;
mod ground;
mod kinds;
mod object;
mod preflight;
mod quantity;
mod restore;
mod rights;
mod room;
mod step;
mod stop;
mod stuck;
mod verify;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use muster_core::{Call, HookOutcome};
use reqwest::Url;

use super::underway::{PATIENCE, Say, Underway};
use super::webhook::{Failure, Limits};
use super::{Clients, HookError, Reply, note, places, target};
use crate::clock::Clock;
use crate::config::{KubernetesTarget, Placed};
use crate::counters::{Cause, Counters};
use api::{Api, ApiError};
use step::{Halt, Step, leaves_for, object_of};

pub(crate) use object::FORMS;

/// Whether `[[workload]] object` is a name that a cluster may know.
pub(crate) fn knows(object: &str) -> bool {
    object::Object::parse(object).is_some()
}

/// One cluster.
#[derive(Clone, Debug)]
pub struct Kubernetes {
    id: String,
    url: Url,
    target: KubernetesTarget,
    works: BTreeMap<String, Placed>,
    client: reqwest::Client,
    limits: Limits,
    clock: Clock,
    counters: Counters,
}

impl Kubernetes {
    /// A cluster as configured.
    ///
    /// # Errors
    /// Its URL is none, or its `ca`, `cert` or `key` cannot be used.
    pub fn new(
        (id, target, works): (String, KubernetesTarget, BTreeMap<String, Placed>),
        clients: &Clients,
        limits: Limits,
        clock: Clock,
        counters: Counters,
    ) -> Result<Self, HookError> {
        let identity = target
            .identity
            .as_ref()
            .map(|(cert, key)| (cert.as_path(), key.as_path()));
        Ok(Self {
            url: target::parse(&target.url)?,
            client: clients.proving(target.allow_loopback, target.ca.as_deref(), identity)?,
            id,
            target,
            works,
            limits,
            clock,
            counters,
        })
    }

    /// One attempt: what is quick, or the beginning of what is heard of until its end.
    pub async fn attempt(&self, call: &Call) -> Reply {
        let (hook, call) = (self.clone(), call.clone());
        let work = async move |say| hook.see_through(call, say).await;
        Underway::carry(&self.clock, work).into_reply(PATIENCE).await
    }

    async fn see_through(&self, call: Call, say: Say) -> HookOutcome {
        let (step_id, mode) = (call.step.clone(), call.mode);
        let ended = match self.step(call, say).await {
            Ok(step) => step.carry_out().await,
            Err(halt) => Err(halt),
        };
        let outcome = ended.unwrap_or_else(|halt| self.meaning(halt));
        tracing::info!(hook = self.id, step = step_id, %mode, ?outcome, "an attempt at the cluster has ended");
        outcome
    }

    async fn step(&self, call: Call, say: Say) -> Result<Step, Halt> {
        let unknown = || step::cannot(format!("workload {} is not in the config of this hook", call.workload));
        let placed = self.works.get(&call.workload).ok_or_else(unknown)?;
        let object = object_of(&placed.object)?;
        let lost = places::lost(&call, Some(&placed.rack));
        let api = self.api(call.mode == muster_core::Mode::Drill);
        let ground = step::seen(&api, &self.target, lost.as_deref(), leaves_for(&call)).await?;
        if !ground.knows(&self.target, &placed.rack) {
            return Err(step::cannot(format!(
                "no node is known to stand on rack {}",
                placed.rack
            )));
        }
        Ok(Step {
            api,
            target: self.target.clone(),
            call,
            object,
            lost,
            ground: Mutex::new(Arc::new(ground)),
            clock: self.clock.clone(),
            hook: self.id.clone(),
            counters: self.counters.clone(),
            say,
        })
    }

    fn api(&self, dry_run: bool) -> Api {
        Api {
            url: self.url.clone(),
            client: self.client.clone(),
            token_file: self.target.token_file.clone(),
            allow_loopback: self.target.allow_loopback,
            limits: self.limits,
            dry_run,
        }
    }

    /// What the decision is told, counted by cause. That we may not is certain (403); all else may pass.
    fn meaning(&self, halt: Halt) -> HookOutcome {
        let (cause, error) = match halt {
            Halt::Outcome(HookOutcome::Retry { cause }) => {
                return HookOutcome::Retry {
                    cause: note::clean(cause.as_bytes()),
                };
            }
            Halt::Outcome(HookOutcome::Cannot { note }) => {
                return HookOutcome::Cannot {
                    note: note::clean(note.as_bytes()),
                };
            }
            Halt::Outcome(outcome) => return outcome,
            Halt::Api(error) => (cause_of(&error), error),
        };
        let line = line_of(&error);
        self.counters.count(cause, &self.id, &line);
        match error.code() {
            Some(403) => HookOutcome::Cannot { note: line },
            _ => HookOutcome::Retry { cause: line },
        }
    }
}

const fn cause_of(error: &ApiError) -> Cause {
    match error {
        ApiError::Unanswered(Failure::Timeout(_)) => Cause::HookTimeout,
        ApiError::Unanswered(Failure::Forbidden(_)) => Cause::HookForbidden,
        ApiError::Unanswered(_) | ApiError::Token { .. } | ApiError::NoToken(_) => Cause::HookConnect,
        ApiError::Refused(_) => Cause::HookStatus,
        ApiError::Body(_) | ApiError::TooLong => Cause::HookBody,
    }
}

fn line_of(error: &ApiError) -> String {
    let inner = std::error::Error::source(error)
        .map(|source| format!(": {source}"))
        .unwrap_or_default();
    note::clean(format!("{error}{inner}").as_bytes())
}

/// For people.
fn words_of(halt: Halt) -> String {
    match halt {
        Halt::Outcome(HookOutcome::Cannot { note: words } | HookOutcome::Retry { cause: words }) => words,
        Halt::Outcome(outcome) => format!("{outcome:?}"),
        Halt::Api(error) => line_of(&error),
    }
}

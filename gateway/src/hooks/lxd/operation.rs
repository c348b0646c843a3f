//! Operations: begun, waited for by their id, and told of meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use muster_core::HookOutcome;
use reqwest::Method;
use serde_json::Value;
use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

use super::door::Door;
use super::fault::Fault;
use super::words::Operation;
use crate::clock::{Clock, Stopwatch};
use crate::hooks::underway::Say;

/// LXD answers a question for an operation's end after this, or before. The core calls a step again that is silent for 30 s.
const ASK: Duration = Duration::from_secs(4);

/// What others do to an instance, other than copying it, is waited for so long.
const OTHERS: Duration = Duration::from_secs(60);

/// What is waited for, and who hears that it goes on.
#[derive(Clone, Copy)]
pub(super) struct Waiting<'a> {
    pub(super) door: &'a Door,
    pub(super) clock: &'a Clock,
    pub(super) say: &'a Say,
    /// Then it is a failure of this attempt. Real time.
    pub(super) limit: Duration,
}

impl Waiting<'_> {
    /// Begins an operation and waits for its end.
    pub(super) async fn run(&self, method: Method, at: (&str, &[(&str, &str)]), body: &Value) -> Result<(), Fault> {
        match self.door.send(method, at, body, None).await? {
            Some(operation) => self.end_of(&operation).await,
            None => Ok(()),
        }
    }

    /// Waits for one that somebody has begun. How a forgotten one ended is seen at what it was about.
    pub(super) async fn end_of(&self, operation: &str) -> Result<(), Fault> {
        let path = path_of(operation)?;
        let since = Stopwatch::start();
        while since.elapsed() < self.limit {
            let operation: Operation = match self.door.wait(&path, self.ask_s()).await {
                Err(fault) if fault.is_absence() => return Ok(()),
                other => other?,
            };
            if operation.succeeded() {
                return Ok(());
            }
            if !operation.runs() {
                let (what, err) = (operation.description, operation.err);
                return Err(Fault::Operation { what, err });
            }
            let percent = operation.percent();
            let _ = self.say.send(HookOutcome::Running { percent }).await;
        }
        let limit_s = self.limit.as_secs();
        Err(Fault::NotYet(format!(
            "LXD has not ended it within {limit_s} s, and goes on"
        )))
    }

    /// Whatever is under way for an instance already: by an attempt before, another gateway, or a person.
    pub(super) async fn for_others(&self, name: &str) -> Result<bool, Fault> {
        // By state; of a state that nothing is in there may be a null.
        type ByState = BTreeMap<String, Option<Vec<Operation>>>;
        let all: Option<ByState> = self.door.get("/1.0/operations", &[("recursion", "1")]).await?.it;
        let all = all.unwrap_or_default().into_values().flatten().flatten();
        let Some(running) = all.into_iter().find(|o| o.is_work() && o.is_about(name)) else {
            return Ok(false);
        };
        let limit = if running.is_copy() { self.limit } else { OTHERS };
        // How it ends is its own beginner's; what is there afterwards is looked at.
        match (Waiting { limit, ..*self })
            .end_of(&format!("/1.0/operations/{}", running.id))
            .await
        {
            Ok(()) | Err(Fault::Operation { .. }) => Ok(true),
            // A backup, say. LXD itself keeps two from what cannot be done at once.
            Err(Fault::NotYet(_)) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    fn ask_s(&self) -> u64 {
        (ASK.as_secs() / u64::from(self.clock.speed().max(1))).max(1)
    }
}

/// An operation's path, of the form that is known: what a server answers is no path to anywhere.
pub(super) fn path_of(operation: &str) -> Result<String, Fault> {
    let path = operation.split('?').next().unwrap_or_default();
    let id = path.strip_prefix("/1.0/operations/").unwrap_or_default();
    if id.is_empty() || id.len() > 64 || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Fault::Garbled("an operation without an id".into()));
    }
    Ok(format!("/1.0/operations/{id}/wait"))
}

/// Leave to take one instance off a member.
pub(super) struct Turn {
    member: String,
    _held: OwnedMutexGuard<()>,
}

impl Turn {
    pub(super) fn is_of(&self, member: &str) -> bool {
        self.member == member
    }
}

/// Copies leave a member one after the other: two at a time take as long, and both are late.
#[derive(Debug, Default)]
pub(super) struct Turns {
    by_member: Mutex<BTreeMap<String, Arc<Lock<()>>>>,
}

impl Turns {
    /// Waits for the copies before, and says meanwhile that it goes on.
    pub(super) async fn take(&self, member: &str, say: &Say) -> Turn {
        let lock = {
            let mut by_member = self.by_member.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(by_member.entry(member.to_owned()).or_default())
        };
        loop {
            match tokio::time::timeout(ASK, Arc::clone(&lock).lock_owned()).await {
                Ok(held) => {
                    return Turn {
                        member: member.to_owned(),
                        _held: held,
                    };
                }
                Err(_) => {
                    let _ = say.send(HookOutcome::Running { percent: None }).await;
                }
            }
        }
    }
}

//! A cluster of LXD or Incus: instances are moved one by one, `stop`, `move`, `start`, each of them an operation that is
//! waited for by its id. What LXD says of a member (`Evacuated`, `Online`) is believed of nothing: an instance is moved
//! when it runs on a member of the destination.
//!
//! What is remembered is kept at the instance itself (`user.muster-…`), so that a restart of ours, or another gateway,
//! goes on where it was.

mod cordon;
mod door;
mod fault;
mod mark;
mod moves;
mod operation;
mod preflight;
mod room;
mod survey;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_core::{Call, HookOutcome, Mode, Phase, RungKind};

use super::Reply;
use super::places;
use super::preflight::Preflight;
use super::underway::{PATIENCE, Say, Underway};
use super::webhook::Limits;
use crate::clock::Clock;
use crate::config::{LxdTarget, Placed};
use crate::counters::Counters;
use door::{Door, Seen};
use fault::Fault;
use moves::Mover;
use operation::Turns;
use words::Instance;

/// One cluster.
#[derive(Clone, Debug)]
pub struct Lxd {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    id: String,
    target: LxdTarget,
    works: BTreeMap<String, Placed>,
    limits: Limits,
    clock: Clock,
    counters: Counters,
    turns: Turns,
    /// One step at a time looks after the cordon.
    cordon: tokio::sync::Mutex<()>,
}

impl Lxd {
    /// As configured, with what each workload is called there.
    #[must_use]
    pub fn new(
        id: String,
        (target, works): (LxdTarget, BTreeMap<String, Placed>),
        limits: Limits,
        clock: Clock,
        counters: Counters,
    ) -> Self {
        let inner = Inner {
            id,
            target,
            works,
            limits,
            clock,
            counters,
            turns: Turns::default(),
            cordon: tokio::sync::Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// One attempt: it looks what is there and does what is still missing.
    pub async fn attempt(&self, call: &Call) -> Reply {
        let (inner, call) = (Arc::clone(&self.inner), call.clone());
        // Once nobody hears it, what LXD has begun it brings to its end; the next step looks at it first.
        let work = async move |say| {
            let done = inner.carry(&call, &say).await;
            inner.outcome(&call, done)
        };
        Underway::carry(&self.inner.clock, work).into_reply(PATIENCE).await
    }

    /// What it says of itself before it is needed.
    pub async fn preflight(&self) -> Preflight {
        preflight::of(&self.inner).await
    }
}

impl Inner {
    fn outcome(&self, call: &Call, done: Result<(), Fault>) -> HookOutcome {
        let Err(fault) = done else {
            return HookOutcome::Done;
        };
        tracing::info!(hook = self.id, step = call.step, %fault, "a step at LXD");
        let (outcome, cause) = fault.outcome();
        if let Some(cause) = cause {
            self.counters.count(cause, &self.id, &fault);
        }
        outcome
    }

    async fn carry(&self, call: &Call, say: &Say) -> Result<(), Fault> {
        let door = door::open(&self.target.doors, &self.target.project, &self.limits).await?;
        let name = self.object(call)?;
        let mover = Mover {
            door: &door,
            inner: self,
            call,
            name,
            say,
        };
        match (call.mode, call.phase, call.rung) {
            (Mode::Drill, ..) => mover.rehearse().await,
            (_, Phase::Verify, _) if call.asks_home() => mover.is_home().await,
            (_, Phase::Prepare, RungKind::Stop) => cordon::put_on(self, &door, call).await,
            (_, Phase::Prepare, _) => {
                cordon::put_on(self, &door, call).await?;
                mover.find_room().await.map(drop)
            }
            (_, Phase::Evacuate, RungKind::Move | RungKind::Stop) => {
                // Prepare may have been cut short; and what moves does not wait for a cordon that cannot be had.
                if let Err(fault) = cordon::put_on(self, &door, call).await {
                    tracing::warn!(hook = self.id, step = call.step, %fault, "no cordon");
                }
                match call.rung {
                    RungKind::Stop => mover.stop().await,
                    _ => mover.relocate().await,
                }
            }
            (_, Phase::Verify, RungKind::Move) => mover.has_moved().await,
            (_, Phase::Verify, RungKind::Stop) => mover.has_stopped().await,
            (_, Phase::Restore, _) => {
                cordon::take_off(self, &door).await?;
                mover.bring_home().await
            }
            (_, _, RungKind::Failover) => Err(Fault::Cannot("LXD knows no stand-by that could take over".into())),
        }
    }

    /// What the workload is called there.
    fn object(&self, call: &Call) -> Result<&str, Fault> {
        let placed = self.works.get(&call.workload);
        placed.map(|placed| placed.object.as_str()).ok_or_else(|| {
            // A reload took it away while its step was under way.
            Fault::Cannot(format!("the config knows no instance of {}", call.workload))
        })
    }

    /// Members that lose their power.
    fn doomed(&self, call: &Call) -> BTreeSet<&str> {
        places::doomed(&self.target.places, call, self.rack(call))
    }

    /// Members of the destination that keep their power.
    fn goal(&self, call: &Call) -> Result<Vec<&str>, Fault> {
        places::goal(&self.target.places, call, self.rack(call)).map_err(Fault::Cannot)
    }

    fn rack(&self, call: &Call) -> Option<&str> {
        self.works.get(&call.workload).map(|placed| placed.rack.as_str())
    }
}

impl Door {
    async fn instance(&self, name: &str) -> Result<Seen<Instance>, Fault> {
        self.get(&format!("/1.0/instances/{name}"), &[]).await
    }
}

#[cfg(test)]
mod tests;

//! Virtual machines of libvirt, through `virsh`: fixed arguments, no shell, one process a question. A machine is moved
//! live; where that takes too long it is paused for the rest of the way (`--timeout-suspend`). It is moved when a
//! hypervisor of the destination runs it and no other does.
//!
//! What is remembered is kept in the machine's own metadata, which moves with it.

mod domain;
mod fault;
mod fence;
mod preflight;
mod virsh;

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_core::{Call, HookOutcome, Mode, Phase, RungKind};

use super::Reply;
use super::places;
use super::preflight::Preflight;
use super::underway::{PATIENCE, Underway};
use crate::clock::Clock;
use crate::config::{LibvirtTarget, Placed};
use crate::counters::Counters;
use domain::Domain;
use fault::Fault;
use virsh::Virsh;

/// Hypervisors of this site and of others.
#[derive(Clone, Debug)]
pub struct Libvirt {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    id: String,
    target: LibvirtTarget,
    works: BTreeMap<String, Placed>,
    virsh: Virsh,
    clock: Clock,
    counters: Counters,
}

impl Libvirt {
    /// As configured, with what each workload is called there.
    #[must_use]
    pub fn new(
        id: String,
        (target, works): (LibvirtTarget, BTreeMap<String, Placed>),
        clock: Clock,
        counters: Counters,
    ) -> Self {
        let virsh = Virsh::at(&target.virsh);
        let inner = Inner {
            id,
            target,
            works,
            virsh,
            clock,
            counters,
        };
        Self { inner: Arc::new(inner) }
    }

    /// One attempt: it looks what is there and does what is still missing. Whatever `virsh` is doing ends with it.
    pub async fn attempt(&self, call: &Call) -> Reply {
        let (inner, call) = (Arc::clone(&self.inner), call.clone());
        let work = async move |_| {
            let done = inner.carry(&call).await;
            inner.outcome(&call, done)
        };
        Underway::carry(&self.inner.clock, work).into_reply(PATIENCE).await
    }

    /// What the hypervisors say of themselves before they are needed.
    pub async fn preflight(&self) -> Preflight {
        preflight::of(&self.inner).await
    }
}

impl Inner {
    fn outcome(&self, call: &Call, done: Result<(), Fault>) -> HookOutcome {
        let Err(fault) = done else {
            return HookOutcome::Done;
        };
        tracing::info!(hook = self.id, step = call.step, %fault, "a step at libvirt");
        let (outcome, cause) = fault.outcome();
        if let Some(cause) = cause {
            self.counters.count(cause, &self.id, &fault);
        }
        outcome
    }

    async fn carry(&self, call: &Call) -> Result<(), Fault> {
        let domain = self.domain(call)?;
        match (call.mode, call.phase, call.rung) {
            (_, _, RungKind::Failover) => Err(Fault::Cannot("libvirt knows no stand-by that could take over".into())),
            (Mode::Drill, ..) | (_, Phase::Prepare, _) => domain.rehearse().await,
            (_, Phase::Verify, _) if call.asks_home() => domain.is_home().await,
            (_, Phase::Evacuate, RungKind::Move) => domain.relocate().await,
            (_, Phase::Evacuate, RungKind::Stop) => domain.stop().await,
            (_, Phase::Verify, RungKind::Move) => domain.has_moved().await,
            (_, Phase::Verify, RungKind::Stop) => domain.has_stopped().await,
            (_, Phase::Restore, _) => domain.bring_home().await,
        }
    }

    /// The machine that a call is about, and where it may be.
    fn domain<'a>(&'a self, call: &'a Call) -> Result<Domain<'a>, Fault> {
        let Some(placed) = self.works.get(&call.workload) else {
            // A reload took it away while its step was under way.
            return Err(Fault::Cannot(format!(
                "the config knows no machine of {}",
                call.workload
            )));
        };
        let goal = match call.destination {
            Some(_) if !call.asks_home() => {
                places::goal(&self.target.places, call, Some(&placed.rack)).map_err(Fault::Cannot)?
            }
            _ => Vec::new(),
        };
        Ok(Domain {
            inner: self,
            call,
            name: &placed.object,
            home: self.target.places.racks.get(&placed.rack).map_or(&[], Vec::as_slice),
            goal,
        })
    }
}

#[cfg(test)]
mod tests;

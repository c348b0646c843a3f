//! Contracts with the outside that carry out steps. One file a kind of hook; `runner` calls them through [`Hook`].

pub mod envelope;
pub mod exec;
pub mod kubernetes;
pub mod libvirt;
pub mod lxd;
pub mod mqtt;
mod places;
pub mod preflight;
pub mod progress;
pub mod signing;
pub mod slurm;
pub mod stock;
pub mod target;
pub mod underway;
pub mod webhook;

mod client;
pub(crate) mod note;
pub(crate) mod resolver;
mod side_by_side;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use client::client_trusting;
pub use client::{ClientError, Clients};

use envelope::Envelope;
use exec::Exec;
use kubernetes::Kubernetes;
use libvirt::Libvirt;
use lxd::Lxd;
use mqtt::Mqtt;
use muster_core::{Call, HookOutcome};
use preflight::Preflight;
use reqwest::Url;
use slurm::Slurm;
use underway::Underway;
use webhook::{Limits, Webhook};

use crate::clock::Clock;
use crate::config::{HookTarget, HookWay};
use crate::counters::Counters;

/// A hook of any kind. It carries out one attempt at a time and decides nothing.
#[derive(Debug)]
pub enum Hook {
    /// HTTP, signed after Standard Webhooks.
    Webhook(Webhook),
    /// A program on this machine.
    Exec(Exec),
    /// A topic at a broker.
    Mqtt(Mqtt),
    /// A cluster of LXD or Incus.
    Lxd(Lxd),
    /// Hypervisors, through `virsh`.
    Libvirt(Libvirt),
    /// A Kubernetes cluster.
    Kubernetes(Box<Kubernetes>),
    /// A Slurm cluster.
    Slurm(Slurm),
}

/// What one attempt came to.
#[derive(Debug)]
pub struct Reply {
    /// For the core.
    pub outcome: HookOutcome,
    /// How an accepted step goes on, if the hook says so by itself.
    pub follow: Option<Follow>,
}

/// How an accepted step goes on.
#[derive(Debug)]
pub enum Follow {
    /// It has to be asked here.
    Ask(Url),
    /// It is heard here. Dropping it ends what is left of the attempt.
    Hear(Underway),
}

/// Why a hook cannot be made of its config.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// Its URL is none.
    #[error(transparent)]
    Target(#[from] target::TargetError),
    /// Its HTTP client, or the authorities it trusts.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Hook {
    /// A hook as configured.
    ///
    /// # Errors
    /// Its URL is none, or its `ca` cannot be used. What has to be reached is found out at each attempt.
    pub fn new(
        target: HookTarget,
        clients: &Clients,
        limits: Limits,
        clock: Clock,
        counters: Counters,
    ) -> Result<Self, HookError> {
        let id = target.id;
        Ok(match target.way {
            HookWay::Webhook(way) => Self::Webhook(Webhook::new(id, way, clients, limits, clock, counters)?),
            HookWay::Exec(way) => Self::Exec(Exec::new(id, way, clock, counters)),
            HookWay::Mqtt(way) => Self::Mqtt(Mqtt::new(id, *way, limits, clock, counters)),
            HookWay::Libvirt(way) => Self::Libvirt(Libvirt::new(id, (*way, target.works), clock, counters)),
            HookWay::Lxd(way) => Self::Lxd(Lxd::new(id, (*way, target.works), limits, clock, counters)),
            HookWay::Kubernetes(way) => {
                let hook = Kubernetes::new((id, *way, target.works), clients, limits, clock, counters)?;
                Self::Kubernetes(Box::new(hook))
            }
            HookWay::Slurm(way) => Self::Slurm(Slurm::new((id, way, target.works), limits, clock, counters)),
        })
    }

    /// One attempt, with a deadline of its own. Never fails otherwise than in its outcome.
    pub async fn attempt(&self, call: &Call, envelope: &Envelope) -> Reply {
        match self {
            Self::Webhook(hook) => hook.attempt(envelope).await,
            Self::Exec(hook) => hook.attempt(call, envelope).await,
            Self::Mqtt(hook) => hook.attempt(envelope).await,
            Self::Lxd(hook) => hook.attempt(call).await,
            Self::Libvirt(hook) => hook.attempt(call).await,
            Self::Kubernetes(hook) => hook.attempt(call).await,
            Self::Slurm(hook) => hook.attempt(call).await,
        }
    }

    /// Asks once how an accepted step goes on, with a deadline of its own. `Retry` means that this question failed; only
    /// a webhook is ever asked.
    pub async fn ask(&self, at: &Url, id: &str) -> HookOutcome {
        match self {
            Self::Webhook(hook) => hook.ask(at, id).await,
            Self::Exec(_) | Self::Mqtt(_) | Self::Lxd(_) | Self::Libvirt(_) | Self::Kubernetes(_) | Self::Slurm(_) => {
                HookOutcome::Retry {
                    cause: "this hook cannot be asked".into(),
                }
            }
        }
    }

    /// What it says of itself before it is needed, with a deadline of its own; nothing is changed by asking.
    pub async fn preflight(&self) -> Preflight {
        match self {
            Self::Webhook(hook) => hook.preflight().await,
            Self::Exec(hook) => hook.preflight(),
            Self::Mqtt(hook) => hook.preflight().await,
            Self::Lxd(hook) => hook.preflight().await,
            Self::Libvirt(hook) => hook.preflight().await,
            Self::Kubernetes(hook) => hook.preflight().await,
            Self::Slurm(hook) => hook.preflight().await,
        }
    }

    /// Whether it may be told a bearer to report progress over HTTP with. What goes through a broker is read by
    /// everybody who may subscribe there, so its answers are signed instead.
    #[must_use]
    pub const fn is_told_a_bearer(&self) -> bool {
        !matches!(self, Self::Mqtt(_))
    }
}

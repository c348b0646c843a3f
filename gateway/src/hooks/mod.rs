//! Contracts with the outside that carry out steps. One file a kind of hook; `runner` calls them through [`Hook`].

pub mod envelope;
pub mod progress;
pub mod signing;
pub mod target;
pub mod webhook;

mod client;
pub(crate) mod note;
pub(crate) mod resolver;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use client::client_trusting;
pub use client::{ClientError, Clients};

use envelope::Envelope;
use muster_core::HookOutcome;
use reqwest::Url;
use webhook::Webhook;

/// A hook of any kind. It carries out one attempt at a time and decides nothing.
#[derive(Debug)]
pub enum Hook {
    /// HTTP, signed after Standard Webhooks.
    Webhook(Webhook),
}

/// What one attempt came to.
#[derive(Debug)]
pub struct Reply {
    /// For the core.
    pub outcome: HookOutcome,
    /// Where to ask how an accepted step goes on, if the hook said so.
    pub follow: Option<Url>,
}

impl Hook {
    /// One attempt, with a deadline of its own. Never fails otherwise than in its outcome.
    pub async fn attempt(&self, envelope: &Envelope) -> Reply {
        match self {
            Self::Webhook(hook) => hook.attempt(envelope).await,
        }
    }

    /// Asks once how an accepted step goes on, with a deadline of its own. `Retry` means that this question failed.
    pub async fn ask(&self, at: &Url, id: &str) -> HookOutcome {
        match self {
            Self::Webhook(hook) => hook.ask(at, id).await,
        }
    }
}

//! A simulated destination: takes Muster's webhooks, does the work in its own time and reports back.
//!
//! It keeps the receiver's half of the hook contract: an effect is made once a `webhook-id`, a token that falls is
//! refused, `verify` tells the truth. `GET /effects` shows what it did; `GET /steps/{key}` is a step's `Location`.
//! All in memory: a new process knows nothing.

mod desk;
mod ledger;
mod message;
mod report;
mod signature;
mod work;

use std::sync::Arc;

use tokio::net::TcpListener;

pub use signature::signing_key;
pub use work::{LONGEST_WORK_S, Rung, work_ms};

/// How a receiver behaves.
#[derive(Clone, Debug, Default)]
pub struct ReceiverOptions {
    /// Draws how long each workload takes.
    pub seed: u64,
    /// Key of the signature (Standard Webhooks); none takes every message.
    pub secret: Option<Vec<u8>>,
    /// Faults to show.
    pub faults: Faults,
}

/// Misbehaviour that a test asks for; all off by default.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Answers 500 to this many first attempts at every key.
    pub fail_first: u32,
    /// Answers 422 to steps of these workloads.
    pub cannot: Vec<String>,
    /// Never answers.
    pub hangs: bool,
    /// Answers 307 to here.
    pub redirect_to: Option<String>,
    /// Forgets every key at once: a retry is accepted anew and its effect made twice.
    pub forgets: bool,
    /// Accepts and never reports an end.
    pub never_reports: bool,
}

/// Why a receiver ended.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverError {
    /// The HTTP client for reports could not be made.
    #[error("receiver cannot set up its HTTP client")]
    Client(#[source] reqwest::Error),
    /// The listener broke.
    #[error("receiver cannot go on listening")]
    Serve(#[source] std::io::Error),
}

/// Serves until the future is dropped.
///
/// # Errors
/// [`ReceiverError`]: no HTTP client, or a broken listener.
pub async fn serve(listener: TcpListener, options: ReceiverOptions) -> Result<(), ReceiverError> {
    let client = report::client().map_err(ReceiverError::Client)?;
    let desk = Arc::new(desk::Desk::new(options, client));
    axum::serve(listener, desk::routes(desk))
        .await
        .map_err(ReceiverError::Serve)
}

#[cfg(test)]
mod tests;

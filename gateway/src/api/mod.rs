//! HTTP: the API, the metrics and the one page. Reads snapshots, never the state.

mod advice;
mod auth;
mod body;
mod channels;
mod guard;
mod health;
mod incidents;
mod metrics;
mod orders;
mod page;
mod problem;
mod progress;
mod serve;
mod status;
#[cfg(test)]
mod tests;
mod wall;

use std::path::PathBuf;
use std::sync::Arc;

use muster_core::View;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub(crate) use advice::next;
pub(crate) use health::pulse;
pub use metrics::Gauges;

use crate::clock::Clock;
use crate::counters::Counters;
use crate::lanes::Lanes;

/// What the API reads, and whom it asks. Clone freely.
#[derive(Clone, Debug)]
pub struct ApiState {
    /// The engine's last snapshot. It has to be renewed at least once a second, else `/healthz` says so.
    pub view: watch::Receiver<Arc<View>>,
    /// Ways into the engine.
    pub lanes: Lanes,
    /// Engine and wall time.
    pub clock: Clock,
    /// What was turned away.
    pub counters: Counters,
    /// SHA-256 of each principal's token; index = `PrincipalIx`.
    pub token_hashes: Arc<Vec<[u8; 32]>>,
    /// Each principal's id; index = `PrincipalIx`.
    pub principals: Arc<Vec<String>>,
    /// The journal's file, named by `/healthz`.
    pub journal_path: PathBuf,
    /// Key of the bearers of progress URLs.
    pub progress_key: [u8; 32],
    /// What other rooms measure beside the view.
    pub gauges: Arc<Gauges>,
    /// `[http] public_url`: a further name under which the API may be called.
    pub public_url: Option<String>,
}

/// Serves until `shutdown` resolves; then requests under way get two seconds. Limits: 256 connections, of which the
/// longest idle one makes room; 5 s for a request's head; 5 s for its answer; 16 KiB of body.
pub async fn serve(listener: TcpListener, state: ApiState, shutdown: impl Future<Output = ()> + Send) {
    let guard = guard::Guard::new(listener.local_addr().ok(), state.public_url.as_deref());
    let counters = state.counters.clone();
    let router = serve::router(Arc::new(serve::Room::new(state, guard)));
    serve::accept_until(listener, router, counters, shutdown).await;
}

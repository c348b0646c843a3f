//! HTTP: the API, the metrics and the one page. Reads snapshots, never the state.

mod advice;
mod auth;
mod body;
mod channels;
mod connections;
mod devices;
mod drills;
mod events;
mod guard;
mod health;
mod here;
mod history;
mod hosts;
mod incidents;
mod live;
mod metrics;
mod openapi;
mod orders;
mod page;
mod people;
mod problem;
mod progress;
mod reach;
mod readiness;
mod serve;
mod service;
mod status;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::story::normal as testing_view;
mod wall;
mod ways;

use std::path::PathBuf;
use std::sync::Arc;

use muster_core::View;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use advice::insecure_line;
pub(crate) use advice::next;
pub(crate) use health::pulse;
pub use here::{Here, USUAL_URL};
pub(crate) use here::{devices_command, drill_command, order_command};
pub(crate) use hosts::Logins;
pub use live::News;
pub use metrics::{Gauges, Tap};
pub use people::People;
pub use service::Asked as Bypass;

use crate::clock::Clock;
use crate::counters::Counters;
use crate::lanes::Lanes;
use crate::readiness::Report;
use crate::sources::polls::Polls;

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
    /// How the polling of devices goes.
    pub polls: Polls,
    /// Who may order.
    pub people: People,
    /// The journal's file, named by `/healthz`.
    pub journal_path: PathBuf,
    /// Key of the bearers of progress URLs.
    pub progress_key: [u8; 32],
    /// What other rooms measure beside the view.
    pub gauges: Arc<Gauges>,
    /// `[http] public_url`: a further name under which the API may be called.
    pub public_url: Option<String>,
    /// What goes over the network without TLS.
    pub insecure: Vec<&'static str>,
    /// Events as they are told.
    pub news: Arc<News>,
    /// Whether every bridge is complete, as it was last found out; none before that.
    pub readiness: watch::Receiver<Option<Arc<Report>>>,
}

/// Serves until `shutdown` resolves; then requests under way get two seconds. Limits: 256 connections, of which the
/// longest idle one makes room; 5 s for a request's head; 5 s for its answer; 16 KiB of body; 64 live streams, which end.
pub async fn serve(listener: TcpListener, state: ApiState, shutdown: impl Future<Output = ()> + Send) {
    let counters = state.counters.clone();
    let room = Arc::new(serve::Room::new(state, listener.local_addr().ok()));
    let router = serve::router(room.clone());
    let ending = async {
        shutdown.await;
        room.stop.send_replace(true);
    };
    // On its own: should it break, pages say so, and orders are still taken. It ends with this.
    let mut drawing = JoinSet::new();
    drawing.spawn(live::draw(room.clone()));
    drawing.spawn(devices::keep(room.clone()));
    connections::accept_until(listener, router, counters, ending).await;
}

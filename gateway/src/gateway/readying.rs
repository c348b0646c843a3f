//! Keeps readiness known: everybody is asked again every few minutes, when a drill has ended and when the config has changed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use muster_core::View;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{Config, Http};
use crate::counters::Counters;
use crate::hooks::webhook::Limits;
use crate::lines;
use crate::readiness::{Report, gather};
use crate::runner;

/// Asked this often; real time.
const EVERY: Duration = Duration::from_secs(300);
/// What a drill has decided is in the journal by then.
const SETTLED: Duration = Duration::from_secs(1);

/// What it takes.
pub(super) struct Readying {
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) view: watch::Receiver<Arc<View>>,
    pub(super) clock: Clock,
    pub(super) counters: Counters,
    pub(super) shown: watch::Sender<Option<Arc<Report>>>,
}

impl Readying {
    /// Until the engine, or the gateway, is gone.
    pub(super) async fn run(mut self) {
        loop {
            let drill = last_drill(&self.view);
            let config = self.config.borrow_and_update().clone();
            match runner::ready(config.hooks.clone(), &self.clock, &self.counters, Limits::default()) {
                Ok(hooks) => {
                    let report = gather::report(&config, &hooks).await;
                    self.shown.send_replace(Some(Arc::new(report)));
                }
                Err(error) => tracing::warn!(error = lines::with_causes(&error), "hooks cannot be asked"),
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                changed = self.config.changed() => if changed.is_err() { return },
                ended = another_drill(&mut self.view, drill) => if ended {
                    tokio::time::sleep(SETTLED).await;
                } else {
                    return;
                },
            }
        }
    }
}

/// Waits for the end of another drill; false when the engine is gone.
async fn another_drill(view: &mut watch::Receiver<Arc<View>>, last: Option<String>) -> bool {
    let other = |view: &Arc<View>| view.last_drill.as_ref().map(|drill| drill.id.clone()) != last;
    view.wait_for(other).await.is_ok()
}

fn last_drill(view: &watch::Receiver<Arc<View>>) -> Option<String> {
    view.borrow().last_drill.as_ref().map(|drill| drill.id.clone())
}

/// What readiness is judged by: without the channels of a large site, and with the address at which the API really is.
pub(super) fn part_of(config: &Config, http: SocketAddr) -> Arc<Config> {
    Arc::new(Config {
        site: config.site.clone(),
        mqtt: config.mqtt.clone(),
        http: Http {
            listen: http,
            ..config.http.clone()
        },
        store: config.store.clone(),
        nodes: std::collections::BTreeMap::new(),
        sensors: Vec::new(),
        polled: Vec::new(),
        traps: config.traps,
        hooks: config.hooks.clone(),
        token_hashes: Vec::new(),
        notify: config.notify.clone(),
        bridges: config.bridges.clone(),
        drills: config.drills.clone(),
        nut: None,
    })
}

//! Keeps readiness known: everybody is asked again every few minutes, when a drill has ended and when the config has changed.
//! While an incident is open hooks are asked more often, and what they say of destinations goes to the decision.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use muster_core::{View, WayView};
use tokio::sync::watch;
use tokio::time::timeout;

use super::destinations::{Destinations, TWICE};
use crate::clock::{Clock, Stopwatch};
use crate::config::{Config, Http};
use crate::counters::Counters;
use crate::hooks::Hook;
use crate::hooks::webhook::Limits;
use crate::lanes::{LADDERS_A_PIECE, Lanes};
use crate::lines;
use crate::readiness::{Report, gather};
use crate::runner;

/// Asked this often; real time.
const EVERY: Duration = Duration::from_secs(300);
/// Hooks, while an incident is open.
const EVERY_IN_AN_INCIDENT: Duration = Duration::from_secs(30);
/// What a drill has decided is in the journal by then.
const SETTLED: Duration = Duration::from_secs(1);
/// For all that was measured; else what is declared counts.
const MEASURED: Duration = Duration::from_secs(5);

/// What it takes.
pub(super) struct Readying {
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) view: watch::Receiver<Arc<View>>,
    pub(super) lanes: Lanes,
    pub(super) clock: Clock,
    pub(super) counters: Counters,
    pub(super) shown: watch::Sender<Option<Arc<Report>>>,
}

/// What the next round asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Everybody,
    Hooks,
    Nobody,
}

/// What was found out, and when everybody was asked for it.
struct Round {
    known: gather::Known,
    since: Stopwatch,
    /// Somebody has to be asked again soon.
    doubt: bool,
}

impl Readying {
    /// Until the engine, or the gateway, is gone.
    pub(super) async fn run(mut self) {
        let (mut destinations, mut last) = (Destinations::default(), None);
        loop {
            let (drill, incident) = (last_drill(&self.view), open_incident(&self.view));
            let config = self.config.borrow_and_update().clone();
            match runner::ready(config.hooks.clone(), &self.clock, &self.counters, Limits::default()) {
                Ok(hooks) => last = Some(self.round(&config, &hooks, last, &mut destinations).await),
                Err(error) => tracing::warn!(error = lines::with_causes(&error), "hooks cannot be asked"),
            }
            match self.wait(last.as_ref(), drill, incident).await {
                Next::Everybody => last = None,
                Next::Hooks => {}
                Next::Nobody => return,
            }
            if self.config.has_changed().unwrap_or(false) {
                destinations.doubt_all();
                last = None;
            }
        }
    }

    /// Asks everybody, or only hooks where the rest is known.
    async fn round(
        &self,
        config: &Config,
        hooks: &[Arc<Hook>],
        last: Option<Round>,
        destinations: &mut Destinations,
    ) -> Round {
        let before = self.view.borrow().clone();
        let (known, since) = match last {
            Some(Round { mut known, since, .. }) => {
                known.ask_again(hooks).await;
                (known, since)
            }
            None => (gather::ask(config, hooks).await, Stopwatch::start()),
        };
        let ways = timeout(MEASURED, self.ways()).await.unwrap_or_default();
        self.shown.send_replace(Some(Arc::new(known.judge(config, &ways))));
        let now = self.view.borrow().clone();
        let to = (&*before, &self.lanes);
        let doubt = destinations.tell(&config.site, &known.asked, to, &now).await;
        Round { known, since, doubt }
    }

    async fn ways(&self) -> Vec<WayView> {
        let (mut ways, mut from) = (Vec::new(), 0);
        while let Some(piece) = self.lanes.ways_from(from).await.filter(|piece| !piece.is_empty()) {
            ways.extend(piece);
            from += LADDERS_A_PIECE;
        }
        ways
    }

    /// What is next, when it is time.
    async fn wait(&mut self, last: Option<&Round>, drill: Option<String>, incident: Option<String>) -> Next {
        let left = last.map_or(EVERY, |round| EVERY.saturating_sub(round.since.elapsed()));
        let soon = match last {
            Some(Round { doubt: true, .. }) => TWICE,
            Some(_) if incident.is_some() => EVERY_IN_AN_INCIDENT,
            _ => EVERY,
        };
        let mut view = self.view.clone();
        tokio::select! {
            () = tokio::time::sleep(left) => Next::Everybody,
            () = tokio::time::sleep(soon) => Next::Hooks,
            changed = self.config.changed() => if changed.is_err() { Next::Nobody } else {
                self.config.mark_changed();
                Next::Everybody
            },
            opened = another_incident(&mut view, incident) => if opened { Next::Hooks } else { Next::Nobody },
            ended = another_drill(&mut self.view, drill) => if ended {
                tokio::time::sleep(SETTLED).await;
                Next::Everybody
            } else {
                Next::Nobody
            },
        }
    }
}

/// Waits until another incident is open, or none any more; false when the engine is gone.
async fn another_incident(view: &mut watch::Receiver<Arc<View>>, last: Option<String>) -> bool {
    view.wait_for(|view| open_in(view) != last.as_deref()).await.is_ok()
}

fn open_incident(view: &watch::Receiver<Arc<View>>) -> Option<String> {
    open_in(&view.borrow()).map(str::to_owned)
}

fn open_in(view: &View) -> Option<&str> {
    let open = view.incident.as_ref().filter(|incident| incident.closed.is_none());
    open.map(|incident| incident.id.as_str())
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

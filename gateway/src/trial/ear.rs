//! Where the receiver under trial reports its progress to: as the gateway's API, for the time of the trial.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use muster_core::{HookOutcome, Mode};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::hooks::envelope::webhook_id;
use crate::hooks::progress::{self, ProgressError};
use crate::hooks::underway::is_end;

/// What was reported for one key.
#[derive(Clone, Debug, Default)]
pub(super) struct Reports {
    /// That were taken.
    pub(super) taken: u32,
    /// How it ended, by the first report that says so.
    pub(super) end: Option<HookOutcome>,
}

type ByKey = BTreeMap<String, Reports>;

/// Listens until it is dropped.
#[derive(Debug)]
pub(super) struct Ear {
    pub(super) address: SocketAddr,
    heard: watch::Receiver<Heard>,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Heard {
    reports: ByKey,
    /// Why others were not taken; the last few.
    refused: Vec<String>,
}

#[derive(Debug)]
struct Desk {
    key: [u8; 32],
    heard: watch::Sender<Heard>,
}

/// Refusals that are kept.
const REFUSED: usize = 8;

impl Ear {
    /// Listens for reports whose bearers are made of `key`.
    pub(super) async fn open(at: SocketAddr, key: [u8; 32]) -> std::io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        let (tell, heard) = watch::channel(Heard::default());
        let desk = Arc::new(Desk { key, heard: tell });
        let routes = Router::new()
            .route("/api/v1/incidents/{incident}/steps/{step}/progress", post(take))
            .layer(axum::extract::DefaultBodyLimit::max(progress::MAX_BYTES + 1))
            .with_state(desk);
        let server = tokio::spawn(async move {
            // It ends with the trial.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, heard, server })
    }

    /// What was reported for a key so far.
    pub(super) fn of(&self, key: &str) -> Reports {
        self.heard.borrow().reports.get(key).cloned().unwrap_or_default()
    }

    /// Waits for the end of a step.
    pub(super) async fn end_of(&self, key: &str) -> HookOutcome {
        let mut heard = self.heard.clone();
        let ended = heard.wait_for(|h| h.reports.get(key).is_some_and(|r| r.end.is_some()));
        let found = ended.await.ok().and_then(|h| h.reports.get(key)?.end.clone());
        match found {
            Some(end) => end,
            None => std::future::pending().await,
        }
    }

    /// Reports that were not taken, and why.
    pub(super) fn refused(&self) -> Vec<String> {
        self.heard.borrow().refused.clone()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(
    State(desk): State<Arc<Desk>>,
    Path((incident, step)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let accept = |mode| {
        let outcome = progress::accept(&desk.key, (mode, &incident, &step), bearer, &body)?;
        Ok::<_, ProgressError>((webhook_id(mode, &incident, &step), outcome))
    };
    match accept(Mode::Live).or_else(|_| accept(Mode::Drill)) {
        Ok((key, outcome)) => {
            desk.heard.send_modify(|heard| heard.note(key, outcome));
            StatusCode::ACCEPTED
        }
        Err(why) => {
            let line = format!("a report for {incident}.{step} is refused: {why}");
            desk.heard.send_modify(|heard| heard.refuse(line));
            match why {
                ProgressError::Bearer => StatusCode::UNAUTHORIZED,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            }
        }
    }
}

impl Heard {
    fn note(&mut self, key: String, outcome: HookOutcome) {
        let reports = self.reports.entry(key).or_default();
        reports.taken = reports.taken.saturating_add(1);
        if is_end(&outcome) {
            reports.end.get_or_insert(outcome);
        }
    }

    fn refuse(&mut self, line: String) {
        if self.refused.len() < REFUSED {
            self.refused.push(line);
        }
    }
}

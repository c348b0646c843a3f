//! The receiver's HTTP side.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use super::ReceiverOptions;
use super::ledger::{Ledger, Take};
use super::message::{Envelope, Message, Phase};
use super::signature;
use super::work::{carry_out, work_ms};

/// A message is a few hundred bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// It has to be here within this. Real time.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// One receiver.
pub(super) struct Desk {
    options: ReceiverOptions,
    client: reqwest::Client,
    ledger: Mutex<Ledger>,
}

impl Desk {
    pub(super) fn new(options: ReceiverOptions, client: reqwest::Client) -> Self {
        Self {
            options,
            client,
            ledger: Mutex::default(),
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Whether it tells of progress and end.
    pub(super) const fn reports(&self) -> bool {
        !self.options.faults.never_reports
    }

    /// The message, or the answer to something that is none.
    fn read(&self, headers: &HeaderMap, body: &[u8]) -> Result<Message, StatusCode> {
        if let Some(key) = &self.options.secret
            && !signature::is_signed(key, headers, body)
        {
            self.ledger().unsigned += 1;
            return Err(StatusCode::UNAUTHORIZED);
        }
        understood(headers, body).ok_or_else(|| {
            self.ledger().malformed += 1;
            StatusCode::BAD_REQUEST
        })
    }

    /// The answer that a fault or a full memory gives instead of the real one.
    fn faulty(&self, message: &Message) -> Option<Response> {
        let faults = &self.options.faults;
        let Some(attempts) = self.ledger().attempt(message) else {
            return Some(StatusCode::INSUFFICIENT_STORAGE.into_response());
        };
        if attempts <= faults.fail_first {
            return Some(StatusCode::INTERNAL_SERVER_ERROR.into_response());
        }
        if let Some(to) = &faults.redirect_to {
            return Some((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to.clone())]).into_response());
        }
        let cannot = faults.cannot.contains(&message.workload);
        cannot.then(|| StatusCode::UNPROCESSABLE_ENTITY.into_response())
    }

    fn answer(self: &Arc<Self>, message: &Message) -> Response {
        if message.phase == Phase::Verify {
            return self.verify(message);
        }
        let key = message.key();
        let taken = self.ledger().take(message, self.options.faults.forgets);
        match taken {
            Take::TokenFell => StatusCode::CONFLICT.into_response(),
            Take::Running => accepted(&key),
            Take::Done => StatusCode::OK.into_response(),
            Take::Begin if message.phase == Phase::Prepare => {
                self.ledger().advance(&key, 100);
                StatusCode::OK.into_response()
            }
            Take::Begin => {
                let speed = u64::from(message.clock_speed.unwrap_or(1).max(1));
                let story_ms = work_ms(self.options.seed, &message.workload, message.rung);
                let takes = Duration::from_micros(story_ms * 1_000 / speed);
                tokio::spawn(carry_out(Arc::clone(self), key.clone(), takes));
                accepted(&key)
            }
        }
    }

    /// A question, not a step: the answer may change, and there is no effect.
    fn verify(&self, message: &Message) -> Response {
        let evacuated = self.ledger().is_evacuated(message);
        let status = if evacuated {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        };
        status.into_response()
    }
}

/// All routes: messages to `/` and `/hooks/{any}`, and what a test wants to see.
pub(super) fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/", post(take))
        .route("/hooks/{name}", post(take))
        .route("/effects", get(effects))
        .route("/steps/{key}", get(step))
        .with_state(desk)
}

async fn take(Shared(desk): Shared<Arc<Desk>>, headers: HeaderMap, body: Body) -> Response {
    if desk.options.faults.hangs {
        return std::future::pending().await;
    }
    let body: Bytes = match tokio::time::timeout(BODY_DEADLINE, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    match desk.read(&headers, &body) {
        Ok(message) => desk.faulty(&message).unwrap_or_else(|| desk.answer(&message)),
        Err(status) => status.into_response(),
    }
}

/// A CloudEvents 1.0 message in structured form whose key is its `webhook-id`.
fn understood(headers: &HeaderMap, body: &[u8]) -> Option<Message> {
    let is_event = headers
        .get(header::CONTENT_TYPE)?
        .to_str()
        .ok()?
        .starts_with("application/cloudevents+json");
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let message = envelope.data;
    let id = headers.get("webhook-id")?.to_str().ok()?;
    (is_event && envelope.specversion == "1.0" && id == message.key()).then_some(message)
}

fn accepted(key: &str) -> Response {
    let mut answer = StatusCode::ACCEPTED.into_response();
    if let Ok(place) = HeaderValue::from_str(&format!("/steps/{key}")) {
        answer.headers_mut().insert(header::LOCATION, place);
    }
    answer
}

/// Everything asked for and done.
async fn effects(Shared(desk): Shared<Arc<Desk>>) -> Response {
    let ledger = desk.ledger();
    Json(json!({
        "schema": 1,
        "unsigned": ledger.unsigned,
        "malformed": ledger.malformed,
        "steps": ledger.steps(),
    }))
    .into_response()
}

/// One step, in the words of a report.
async fn step(Shared(desk): Shared<Arc<Desk>>, Path(key): Path<String>) -> Response {
    let ledger = desk.ledger();
    match ledger.steps().get(&key) {
        Some(e) => Json(json!({ "state": e.state, "percent": e.percent, "note": "simulated work" })).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

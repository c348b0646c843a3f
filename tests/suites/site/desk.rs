//! A receiver that answers as a test says and keeps every call as it came off the wire.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use muster::clock::Stopwatch;
use serde_json::Value;
use sha2::Sha256;

use super::acting_site::SECRET;
use super::talk;

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Since the desk was opened.
    pub(crate) at: Duration,
    /// `webhook-id`.
    pub(crate) key: String,
    /// Whether the signature is right.
    pub(crate) signed: bool,
    /// The whole event.
    pub(crate) event: Value,
}

impl Call {
    /// A word of its data.
    pub(crate) fn word(&self, name: &str) -> &str {
        self.event["data"][name].as_str().unwrap_or_default()
    }

    /// Its fencing token.
    pub(crate) fn token(&self) -> u64 {
        self.event["data"]["token"].as_u64().unwrap()
    }
}

type Answer = dyn Fn(&Call) -> u16 + Send + Sync;

struct Shared {
    calls: Mutex<Vec<Call>>,
    began: Stopwatch,
    answer: Box<Answer>,
}

/// An open desk; it closes with the test's runtime.
#[derive(Clone)]
pub(crate) struct Desk {
    /// Where it listens.
    pub(crate) url: String,
    shared: Arc<Shared>,
}

impl Desk {
    /// Opens on a free port. `answer` gives the status to answer a call with.
    pub(crate) async fn open(answer: impl Fn(&Call) -> u16 + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::open_at(listener, answer)
    }

    /// Opens at a listener.
    pub(crate) fn open_at(
        listener: tokio::net::TcpListener,
        answer: impl Fn(&Call) -> u16 + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            calls: Mutex::default(),
            began: Stopwatch::start(),
            answer: Box::new(answer),
        });
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// Answers 200 to everything.
    pub(crate) async fn willing() -> Self {
        Self::open(|_| 200).await
    }

    /// Since it was opened; the clock of [`Call::at`].
    pub(crate) fn now(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// Every call of a phase so far.
    pub(crate) fn of_phase(&self, phase: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|c| c.word("phase") == phase).collect()
    }

    /// Waits for the first call that fits.
    pub(crate) async fn until(&self, what: &str, fits: impl Fn(&Call) -> bool) -> Call {
        talk::until(what, || self.calls().into_iter().find(|call| fits(call))).await
    }

    /// Waits for the first evacuate call of a workload by a rung.
    pub(crate) async fn until_evacuate(&self, workload: &str, rung: &str) -> Call {
        let fits = |c: &Call| (c.word("workload"), c.word("rung"), c.word("phase")) == (workload, rung, "evacuate");
        self.until(&format!("{workload} is to {rung}"), fits).await
    }
}

async fn take(State(shared): State<Arc<Shared>>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    // Readiness asks whether anybody is there: that is no call.
    if method == Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let key = text("webhook-id");
    let signed = sign(&key, &text("webhook-timestamp"), &body) == text("webhook-signature");
    let call = Call {
        at: shared.began.elapsed(),
        signed,
        event: serde_json::from_slice(&body).unwrap_or(Value::Null),
        key,
    };
    let status = (shared.answer)(&call);
    shared.calls.lock().unwrap().push(call);
    let kind = [(header::CONTENT_TYPE, "text/plain")];
    (StatusCode::from_u16(status).unwrap(), kind, "as told").into_response()
}

/// Standard Webhooks, written from its text.
fn sign(id: &str, stamp: &str, body: &[u8]) -> String {
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    for part in [id.as_bytes(), b".", stamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

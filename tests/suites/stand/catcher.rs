//! A receiver of webhooks that keeps what it gets, checks the signature by itself, and says that it is done.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use muster::clock::Stopwatch;
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{SECRET, SOON};

/// One webhook.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Of the body.
    pub(crate) data: Value,
    /// Whether its signature is that of the room's secret.
    pub(crate) signed: bool,
    /// Runs since it came.
    pub(crate) since: Stopwatch,
}

impl Call {
    /// A word of `data`.
    pub(crate) fn word(&self, key: &str) -> &str {
        self.data[key].as_str().unwrap_or_default()
    }
}

/// A running receiver.
pub(crate) struct Catcher {
    pub(crate) address: SocketAddr,
    calls: watch::Receiver<Vec<Call>>,
}

impl Catcher {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (keep, calls) = watch::channel(Vec::new());
        let router = Router::new().route("/", post(take)).with_state(keep);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, calls }
    }

    /// Everything so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    /// The first call of which this is true.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Call) -> bool) -> Call {
        let mut calls = self.calls.clone();
        let found = timeout(SOON, calls.wait_for(|all| all.iter().any(&is_so))).await;
        let all = match found {
            Ok(all) => all.unwrap().clone(),
            Err(_) => panic!("no such call within {SOON:?}: {what}; {:#?}", self.calls()),
        };
        all.into_iter().find(is_so).unwrap()
    }
}

async fn take(State(keep): State<watch::Sender<Vec<Call>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let envelope: Value = serde_json::from_slice(&body).unwrap_or_default();
    let call = Call {
        data: envelope["data"].clone(),
        signed: is_signed(&headers, &body),
        since: Stopwatch::start(),
    };
    keep.send_modify(|all| all.push(call));
    StatusCode::OK
}

/// Standard Webhooks, written here a second time, so that a fault of the gateway's own code cannot hide itself.
fn is_signed(headers: &HeaderMap, body: &[u8]) -> bool {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(body);
    let given = header("webhook-signature").trim_start_matches("v1,");
    STANDARD
        .decode(given)
        .is_ok_and(|given| mac.verify_slice(&given).is_ok())
}

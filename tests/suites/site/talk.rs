//! Talking to a gateway's API, and waiting for what it says.

use std::net::SocketAddr;
use std::time::Duration;

use muster::clock::Stopwatch;
use reqwest::Client;
use serde_json::{Value, json};

/// Everything a test waits for has happened within this, or the test fails.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// Facts are looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Neither a proxy nor a redirect, on loopback.
pub(crate) fn client() -> Client {
    muster::hooks::Clients::new(Duration::from_secs(2)).unwrap().get(true)
}

/// Looks again and again until there is something.
pub(crate) async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let since = Stopwatch::start();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(since.elapsed() < SOON, "not within {SOON:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A gateway's API.
#[derive(Clone)]
pub(crate) struct Api {
    base: String,
    client: Client,
}

impl Api {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            base: format!("http://{address}"),
            client: client(),
        }
    }

    /// Its URL without a slash at the end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Status and body.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let request = self.client.get(format!("{}{path}", self.base)).timeout(SOON);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A document.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// `/api/v1/status`.
    pub(crate) async fn status(&self) -> Value {
        self.json("/api/v1/status").await
    }

    /// Status and document of an order.
    pub(crate) async fn order(&self, token: &str, order: &Value) -> (u16, Value) {
        self.post("/api/v1/orders", token, order).await
    }

    /// Status and document of anything that is sent.
    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.base);
        let request = self.client.post(url).bearer_auth(token).json(body).timeout(SOON);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// An order of two persons, which has to be taken.
    pub(crate) async fn both_order(&self, verb: &str) {
        for (token, verdict) in [
            (super::acting_site::ANNA, "pending"),
            (super::acting_site::BEN, "taken"),
        ] {
            let (status, body) = self.order(token, &json!({ "verb": verb })).await;
            assert_eq!((status, body["verdict"].as_str()), (200, Some(verdict)), "{body}");
        }
    }

    /// Reports progress; the answer's status.
    pub(crate) async fn progress(&self, url: &str, bearer: &str, report: &Value) -> u16 {
        let request = self.client.post(url).bearer_auth(bearer).json(report).timeout(SOON);
        request.send().await.unwrap().status().as_u16()
    }

    /// Waits until the status satisfies something, and gives it.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let since = Stopwatch::start();
        loop {
            let status = self.status().await;
            if holds(&status) {
                return status;
            }
            assert!(since.elapsed() < SOON, "not within {SOON:?}: {what}: {status:#}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until every workload is safe, and gives the status.
    pub(crate) async fn until_all_safe(&self) -> Value {
        self.until("every workload is safe", |status| {
            let works = status["incident"]["workloads"].as_array();
            works.is_some_and(|works| !works.is_empty() && works.iter().all(|w| !w["safe_at"].is_null()))
        })
        .await
    }
}

/// A workload's state in a status.
pub(crate) fn state_of<'a>(status: &'a Value, workload: &str) -> &'a str {
    let mut all = status["incident"]["workloads"].as_array().into_iter().flatten();
    let found = all.find(|w| w["id"] == workload);
    found.and_then(|w| w["state"].as_str()).unwrap_or("not there")
}

/// A step in a status.
pub(crate) fn step_of(status: &Value, step: &str) -> Value {
    let all = status["incident"]["steps"].as_array().into_iter().flatten();
    all.rev().find(|s| s["id"] == step).cloned().unwrap_or(Value::Null)
}

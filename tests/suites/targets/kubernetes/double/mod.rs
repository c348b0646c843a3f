//! A double of the Kubernetes API, made from its documentation (API reference 1.30: Pod, Node, Deployment, Eviction,
//! PodDisruptionBudget, Status; "API concepts": resourceVersion, merge patch, dryRun, limit and continue) and not from what
//! Muster asks. One store of JSON objects; controllers that keep deployments, budgets and pods as the real ones do, only sooner.
//!
//! Held to the truth by `kube_apiserver`: the same scenarios pass on a real control plane. What it leaves out: watches, other
//! selectors than equality, admission, server-side apply, and every resource that is not named here.

mod answers;
mod controllers;
mod store;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::cluster::Cluster;
use store::Store;
use store::merge;

/// The only bearer it knows.
const TOKEN: &str = "muster-token";
/// The controllers look this often.
const TICK: Duration = Duration::from_millis(10);

/// Something to go wrong, once.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This code instead of an answer.
    Code(u16),
    /// No answer at all.
    Hang,
    /// Somebody else changes the object like this, just before this change of it.
    Overtaken(Value),
    /// Bytes that are no JSON.
    Garbage,
}

/// A running API.
pub(crate) struct Double {
    pub(crate) world: Arc<World>,
    pub(crate) url: String,
    token: tempfile::TempDir,
}

/// What it holds.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) store: Mutex<Store>,
    /// Faults to come, for requests of a method whose path contains a word.
    faults: Mutex<VecDeque<(Method, &'static str, Fault)>>,
    /// Method, path and query of every request.
    asked: Mutex<Vec<(Method, String)>>,
    /// Verbs on resources that are refused to whoever asks for an access review, and to their doer.
    pub(crate) forbidden: Mutex<Vec<(&'static str, &'static str)>>,
    /// Every answer takes so long. Milliseconds.
    pub(crate) slow_ms: AtomicU64,
}

impl Double {
    /// Three nodes, all ready: `m1` and `m2` on rack `r1`, `m3` on `r9`.
    pub(crate) async fn start() -> Self {
        let world = Arc::new(World::default());
        for (name, rack) in [("m1", "r1"), ("m2", "r1"), ("m3", "r9")] {
            world.store.lock().unwrap().add_node(name, rack);
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let turning = Arc::downgrade(&world);
        tokio::spawn(async move {
            while let Some(world) = turning.upgrade() {
                world.store.lock().unwrap().turn();
                tokio::time::sleep(TICK).await;
            }
        });
        let token = tempfile::tempdir().unwrap();
        std::fs::write(token.path().join("token"), format!("{TOKEN}\n")).unwrap();
        Self { world, url, token }
    }

    pub(crate) fn cluster(&self) -> Cluster {
        Cluster {
            url: self.url.clone(),
            ca: None,
            admin: Some(TOKEN.into()),
            token_file: Some(self.token_file()),
            identity: None,
            client: crate::site::talk::client(),
            policy: "v1",
            namespace: "prod".into(),
        }
    }

    pub(crate) fn token_file(&self) -> std::path::PathBuf {
        self.token.path().join("token")
    }

    /// The next request of this kind goes wrong.
    pub(crate) fn fail(&self, method: Method, path: &'static str, fault: Fault) {
        self.world.faults.lock().unwrap().push_back((method, path, fault));
    }

    /// One more node, ready.
    pub(crate) fn add_node(&self, name: &str, rack: &str) {
        self.world.store.lock().unwrap().add_node(name, rack);
    }

    /// Changes a node as its kubelet would.
    pub(crate) fn change_node(&self, name: &str, change: &Value) {
        let at = format!("/api/v1/nodes/{name}");
        self.world.store.lock().unwrap().edit(&at, |node| merge(node, change));
    }

    /// Requests that would change something, with their query.
    pub(crate) fn writes(&self) -> Vec<String> {
        let asked = self.world.asked.lock().unwrap();
        let writes = asked
            .iter()
            .filter(|(method, at)| *method != Method::GET && !at.contains("accessreviews"));
        writes.map(|(method, at)| format!("{method} {at}")).collect()
    }
}

impl World {
    pub(crate) fn asked_so_far(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Questions so far whose path, without its query, ends so; a list that goes on page by page is one.
    pub(crate) fn questions(&self, end: &str) -> usize {
        let ends = |at: &str| at.split('?').next().is_some_and(|path| path.ends_with(end));
        let asked = self.asked.lock().unwrap();
        let begun = asked.iter().filter(|(_, at)| !at.contains("continue="));
        begun.filter(|(_, at)| ends(at)).count()
    }

    fn fault(&self, method: &Method, path: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let at = faults
            .iter()
            .position(|(m, word, _)| m == method && path.contains(word))?;
        faults.remove(at).map(|(_, _, fault)| fault)
    }
}

async fn answer(
    State(world): State<Arc<World>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    world.asked.lock().unwrap().push((method.clone(), uri.to_string()));
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if bearer != Some(&format!("Bearer {TOKEN}")) {
        return said(answers::status(401, "Unauthorized", "Unauthorized"));
    }
    let fault = world.fault(&method, uri.path());
    match fault {
        Some(Fault::Code(code)) => return said(answers::status(code, "Fault", "a fault of the test")),
        Some(Fault::Garbage) => return (StatusCode::OK, "<html>").into_response(),
        Some(Fault::Hang) => std::future::pending::<()>().await,
        Some(Fault::Overtaken(change)) => world
            .store
            .lock()
            .unwrap()
            .edit(uri.path().trim_end_matches("/eviction"), |object| {
                merge(object, &change)
            }),
        None => {}
    }
    tokio::time::sleep(Duration::from_millis(world.slow_ms.load(Ordering::Relaxed))).await;
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    said(answers::of(&world, &method, &uri, kind, &body))
}

fn said((code, body): (u16, Value)) -> Response {
    let code = StatusCode::from_u16(code).unwrap();
    if let Value::String(words) = body {
        return (code, words).into_response();
    }
    // As the priority-and-fairness filter and newer evictions do.
    let patience = (code == StatusCode::TOO_MANY_REQUESTS).then_some([(header::RETRY_AFTER, "1")]);
    (code, patience, axum::Json(body)).into_response()
}

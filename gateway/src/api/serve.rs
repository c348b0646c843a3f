//! Routes, and what holds for every request.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router};
use tokio::sync::watch;
use tokio::time::timeout;

use super::connections::Wire;
use super::guard::Guard;
use super::here::Here;
use super::problem::Problem;
use super::{
    ApiState, auth, channels, devices, drills, events, health, incidents, live, metrics, openapi, orders, page,
    problem, progress, reach, readiness, status, ways,
};
use crate::counters::{Cause, Counters};

/// For everything between a request's head and its answer.
const HANDLER_DEADLINE: Duration = Duration::from_secs(5);

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) state: ApiState,
    pub(crate) failures: auth::Failures,
    pub(crate) conversions: orders::Conversions,
    pub(crate) limits: live::Limits,
    pub(crate) frames: live::Frames,
    pub(crate) desk: live::Desk,
    /// The devices, for the page.
    pub(crate) roll: devices::Roll,
    /// The newest lines from before this start, newest first.
    pub(crate) older: OnceLock<Vec<serde_json::Value>>,
    /// Set when the gateway stops.
    pub(crate) stop: watch::Sender<bool>,
    /// How people call it.
    pub(crate) here: Here,
    guard: Guard,
}

impl Room {
    /// `listens` is unknown only to a listener that is gone.
    pub(crate) fn new(state: ApiState, listens: Option<SocketAddr>) -> Self {
        let public = state.public_url.as_deref();
        let unknown = (Ipv4Addr::UNSPECIFIED, 0).into();
        Self {
            here: Here::new(listens.unwrap_or(unknown), public, &state.journal_path),
            guard: Guard::new(listens, public),
            state,
            failures: auth::Failures::default(),
            conversions: orders::Conversions::default(),
            limits: live::Limits::default(),
            frames: live::Frames::default(),
            desk: live::Desk::default(),
            roll: devices::Roll::default(),
            older: OnceLock::new(),
            stop: watch::Sender::new(false),
        }
    }
}

type Route = (&'static str, &'static str, MethodRouter<Arc<Room>>);

/// Every route, with its method.
pub(crate) fn routes() -> [Route; 16] {
    let step = "/api/v1/incidents/{id}/steps/{step}/progress";
    [
        ("get", "/", get(page::get)),
        ("get", "/live", get(events::page)),
        ("get", "/healthz", get(health::get)),
        ("get", "/metrics", get(metrics::get)),
        ("get", "/openapi.json", get(openapi::get)),
        ("get", "/api/v1/status", get(status::get)),
        ("get", "/api/v1/channels", get(channels::get)),
        ("get", "/api/v1/devices", get(devices::get)),
        ("get", "/api/v1/events", get(events::get)),
        ("get", "/api/v1/incidents", get(incidents::list)),
        ("get", "/api/v1/incidents/{id}", get(incidents::get)),
        ("get", "/api/v1/ways", get(ways::get)),
        ("get", "/api/v1/readiness", get(readiness::get)),
        ("post", "/api/v1/orders", post(orders::post)),
        ("post", "/api/v1/drills", post(drills::post)),
        ("post", step, post(progress::post)),
    ]
}

/// All of them, behind what holds for all.
pub(crate) fn router(room: Arc<Room>) -> Router {
    let routes = routes().into_iter();
    routes
        .fold(Router::new(), |router, (_, path, handler)| router.route(path, handler))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "no such resource"))
        .method_not_allowed_fallback(async || Problem::new(StatusCode::METHOD_NOT_ALLOWED, "not with this method"))
        .layer(from_fn_with_state(room.clone(), around))
        .with_state(room)
}

/// Checks where a request comes from, bounds its time, counts it if it was turned away, and keeps answers out of caches.
async fn around(
    State(room): State<Arc<Room>>,
    Extension(wire): Extension<Arc<Wire>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    let asked = (method, request.version(), uri);
    let checked = room
        .guard
        .check(method, uri, headers)
        .map_err(|problem| Box::new(problem.into_response()));
    let checked = checked.and_then(|()| reach::check(&room, wire.peer, asked, headers));
    let mut response = match checked {
        Err(refused) => *refused,
        Ok(()) => timeout(HANDLER_DEADLINE, next.run(request))
            .await
            .unwrap_or_else(|_| Problem::engine_silent("no answer within 5 s").into_response()),
    };
    response = problem::of_any(response).await;
    count(&room.state.counters, &path, response.status());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Wrong tokens have causes of their own; unknown paths and refused orders are no bad input.
fn count(counters: &Counters, path: &str, status: StatusCode) {
    let elsewhere = [
        StatusCode::UNAUTHORIZED,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::NOT_FOUND,
        StatusCode::CONFLICT,
    ];
    if status.is_client_error() && !elsewhere.contains(&status) {
        let short: String = path.chars().take(100).collect();
        counters.count(Cause::HttpRefused, "http", &format_args!("{status} {short:?}"));
    }
}

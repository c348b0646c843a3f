//! `GET /healthz`: whether the decision loop is alive. Nothing else makes the gateway unhealthy.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::serve::Room;
use super::status::age_ms;

/// A view older than this means that nobody decides. Real milliseconds; the engine renews it every second at least.
pub(crate) const VIEW_AGE_MAX_MS: i64 = 2_000;

pub(crate) async fn get(State(room): State<Arc<Room>>) -> (StatusCode, Json<Value>) {
    let state = &room.state;
    let view = state.view.borrow().clone();
    let age_ms = age_ms(&view, &state.clock);
    // The engine drops its end when it stops; the last view would look fresh for another two seconds.
    let stopped = state.view.has_changed().is_err();
    let (status, why) = if stopped {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the decision loop has stopped".to_owned(),
        )
    } else if age_ms > VIEW_AGE_MAX_MS {
        let why = format!("the decision loop has been silent for {age_ms} ms, limit {VIEW_AGE_MAX_MS} ms");
        (StatusCode::SERVICE_UNAVAILABLE, why)
    } else {
        (StatusCode::OK, format!("the decision loop spoke {age_ms} ms ago"))
    };
    let word = if status == StatusCode::OK { "alive" } else { "silent" };
    let body = json!({
        "schema": 1, "status": word, "why": why, "site": view.site, "view_age_ms": age_ms,
        "journal": state.journal_path.display().to_string(), "version": env!("CARGO_PKG_VERSION"),
    });
    (status, Json(body))
}

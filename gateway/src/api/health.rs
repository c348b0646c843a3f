//! `GET /healthz`: whether the decision loop is alive. Nothing else makes the gateway unhealthy.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use muster_core::{Millis, View};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::serve::Room;
use super::status::age_ms;
use crate::clock::Clock;

/// A view older than this means that nobody decides. Real milliseconds; the engine renews it every second at least.
pub(crate) const VIEW_AGE_MAX_MS: i64 = 2_000;

/// How long ago the decision loop last spoke, in real milliseconds.
///
/// # Errors
/// It has stopped, or has been silent for too long; one line.
pub(crate) fn pulse(view: &watch::Receiver<Arc<View>>, clock: &Clock) -> Result<Millis, String> {
    // The engine drops its end when it stops; the last view would look fresh for another two seconds.
    if view.has_changed().is_err() {
        return Err("the decision loop has stopped".to_owned());
    }
    let age_ms = age_ms(&view.borrow(), clock);
    if age_ms > VIEW_AGE_MAX_MS {
        return Err(format!(
            "the decision loop has been silent for {age_ms} ms, limit {VIEW_AGE_MAX_MS} ms"
        ));
    }
    Ok(age_ms)
}

pub(crate) async fn get(State(room): State<Arc<Room>>) -> (StatusCode, Json<Value>) {
    let state = &room.state;
    let view = state.view.borrow().clone();
    let (status, word, why) = match pulse(&state.view, &state.clock) {
        Ok(age_ms) => (
            StatusCode::OK,
            "alive",
            format!("the decision loop spoke {age_ms} ms ago"),
        ),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, "silent", why),
    };
    let body = json!({
        "schema": 1, "status": word, "why": why, "site": view.site, "view_age_ms": age_ms(&view, &state.clock),
        "journal": state.journal_path.display().to_string(), "version": env!("CARGO_PKG_VERSION"),
    });
    (status, Json(body))
}

//! `POST /api/v1/incidents/{id}/steps/{step}/progress`: how a step that a hook accepted goes on.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use muster_core::{Input, Mode};
use tokio::time::timeout;

use super::problem::Problem;
use super::serve::Room;
use super::{auth, body};
use crate::counters::Cause;
use crate::hooks::envelope::webhook_id;
use crate::hooks::progress::{parse, verify};
use crate::lanes::Control;

/// For handing it over; the hook's own retry follows a 503.
const HAND_OVER: Duration = Duration::from_secs(1);

pub(crate) async fn post(
    State(room): State<Arc<Room>>,
    Path((incident, step)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let mode = authorise(&room, &incident, &step, &headers)?;
    let bytes = body::read(&headers, body).await?;
    let outcome =
        parse(&bytes).map_err(|e| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("the body: {e}")))?;
    let input = Input::Hook {
        incident,
        step,
        mode,
        outcome,
    };
    match timeout(HAND_OVER, room.state.lanes.control.send(Control::Input(input))).await {
        Ok(Ok(())) => Ok(StatusCode::ACCEPTED),
        _ => Err(Problem::engine_silent("the engine is busy; send it again")),
    }
}

/// The mode of the call that the bearer came with: a drill's bearer must not report a live step done.
fn authorise(room: &Room, incident: &str, step: &str, headers: &HeaderMap) -> Result<Mode, Problem> {
    let given = auth::bearer(headers).unwrap_or_default();
    let came_with = |mode: &Mode| verify(&room.state.progress_key, &webhook_id(*mode, incident, step), given);
    if let Some(mode) = [Mode::Live, Mode::Drill].into_iter().find(came_with) {
        return Ok(mode);
    }
    let what = "progress without the bearer that came with the hook's call";
    room.state.counters.count(Cause::ProgressRefused, "http", &what);
    Err(Problem::new(StatusCode::UNAUTHORIZED, what))
}

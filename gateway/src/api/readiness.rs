//! `GET /api/v1/readiness`: whether every bridge is complete, as it was last found out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;

use super::problem::Problem;
use super::serve::Room;
use super::wall;

pub(crate) async fn get(State(room): State<Arc<Room>>) -> Result<Json<Value>, Problem> {
    let Some(report) = room.state.readiness.borrow().clone() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "hooks and tools are being asked for the first time; come back in half a minute",
        ));
    };
    let mut document = serde_json::to_value(&*report)
        .map_err(|_| Problem::engine_silent("the report could not be written down"))?;
    document["at_wall"] = wall::rfc3339(report.at_ms).into();
    Ok(Json(document))
}

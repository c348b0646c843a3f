//! `GET /api/v1/readiness`: whether every bridge is complete, as it was last found out.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;
use tokio::time::timeout;

use super::problem::Problem;
use super::serve::Room;
use super::wall;

/// After a start the first answer is waited for: below the deadline of every handler.
const FIRST: Duration = Duration::from_secs(4);

pub(crate) async fn get(State(room): State<Arc<Room>>) -> Result<Json<Value>, Problem> {
    let mut known = room.state.readiness.clone();
    let report = match timeout(FIRST, known.wait_for(Option::is_some)).await {
        Ok(Ok(report)) => report.clone(),
        _ => None,
    };
    let Some(report) = report else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "hooks and tools are being asked for the first time; come back in half a minute",
        ));
    };
    let mut document =
        serde_json::to_value(&*report).map_err(|_| Problem::engine_silent("the report could not be written down"))?;
    document["at_wall"] = wall::rfc3339(report.at_ms).into();
    add_walls(&mut document);
    Ok(Json(document))
}

/// Beside when each thing was last asked.
fn add_walls(document: &mut Value) {
    for list in ["rows", "muster", "hooks", "drills"] {
        for one in document[list].as_array_mut().into_iter().flatten() {
            if let Some(at) = one["as_of_ms"].as_i64() {
                one["as_of_wall"] = wall::rfc3339(at).into();
            }
        }
    }
}

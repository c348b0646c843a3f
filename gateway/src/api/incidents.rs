//! `GET /api/v1/incidents/{id}`: the open incident, or the last one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::Value;

use super::problem::Problem;
use super::serve::Room;
use super::status::walled;

pub(crate) async fn get(State(room): State<Arc<Room>>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let view = room.state.view.borrow().clone();
    let Some(incident) = view.incident.as_ref().filter(|incident| incident.id == id) else {
        let shown = view.incident.as_ref().map_or("there has been none".to_owned(), |i| {
            format!("the last one is {}", i.id)
        });
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            format!("no such incident here; {shown}"),
        ));
    };
    let mut fields = walled(incident, &room.state.clock)?;
    fields.insert("schema".to_owned(), 1.into());
    Ok(Json(Value::Object(fields)))
}

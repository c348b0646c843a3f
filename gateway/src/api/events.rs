//! `GET /api/v1/events`: every event as it happens, as Server-Sent Events; and `GET /live`, the page's own stream.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::connections::Wire;
use super::live;
use super::problem::Problem;
use super::serve::Room;

/// What a browser sends when it comes back.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    /// For clients that cannot set the header. The header wins: it is newer.
    last_event_id: Option<String>,
    /// `status`: the status too, whenever it changes and once a second.
    with: Option<With>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum With {
    Status,
}

pub(crate) async fn get(
    State(room): State<Arc<Room>>,
    Extension(wire): Extension<Arc<Wire>>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|e| Problem::new(StatusCode::BAD_REQUEST, e.body_text()))?;
    let header = headers.get(LAST_EVENT_ID).map(|v| v.to_str().unwrap_or("?").to_owned());
    let from = match header.or(asked.last_event_id) {
        Some(text) => Some(id(&text)?),
        None => None,
    };
    live::follow_events(&room, &wire, from, asked.with == Some(With::Status))
}

pub(crate) async fn page(
    State(room): State<Arc<Room>>,
    Extension(wire): Extension<Arc<Wire>>,
) -> Result<Response, Problem> {
    live::follow_page(&room, &wire)
}

fn id(text: &str) -> Result<i64, Problem> {
    let number = text.trim().parse::<i64>().ok().filter(|id| *id >= 0);
    number.ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        let detail =
            format!("{shown:?} is no event id: give the `id` of the last event you have, a whole number from 0");
        Problem::new(StatusCode::BAD_REQUEST, detail)
    })
}

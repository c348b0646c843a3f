//! `GET /api/v1/incidents` and `GET /api/v1/incidents/{id}`: the open incident and the last one as they are shown, all
//! others as the journal tells them.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::history;
use super::problem::Problem;
use super::serve::Room;
use super::status::walled;

/// Incidents on a page if nobody says how many.
const USUAL: u32 = 20;
/// And at most.
const MOST: u32 = 100;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    limit: Option<u32>,
    before: Option<i64>,
}

pub(crate) async fn list(
    State(room): State<Arc<Room>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(asked) = asked.map_err(|e| Problem::new(StatusCode::BAD_REQUEST, e.body_text()))?;
    let limit = asked.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::new(StatusCode::BAD_REQUEST, format!("limit is 1 to {MOST}")));
    }
    let before = asked.before.unwrap_or(i64::MAX);
    let (site, clock) = (room.state.view.borrow().site.clone(), room.state.clock.clone());
    let named = site.clone();
    // One more than asked for tells whether there is a next page.
    let read = move |reader: &_| history::list(reader, (&named, &clock), before, limit + 1);
    let mut lines = room
        .desk
        .read(room.state.journal_path.clone(), read)
        .await
        .map_err(unread)?;
    let more = lines.len() > limit as usize;
    lines.truncate(limit as usize);
    let last = lines.last().filter(|_| more);
    let next = last.map(|line| format!("/api/v1/incidents?limit={limit}&before={}", line.seq));
    Ok(Json(
        json!({ "schema": 1, "site": site, "incidents": lines, "next": next }),
    ))
}

pub(crate) async fn get(
    State(room): State<Arc<Room>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let Path(id) = id.map_err(|e| Problem::new(StatusCode::BAD_REQUEST, e.body_text()))?;
    let view = room.state.view.borrow().clone();
    if let Some(incident) = view.incident.as_ref().filter(|incident| incident.id == id) {
        let mut fields = walled(incident, &room.state.clock)?;
        fields.insert("schema".to_owned(), 1.into());
        fields.insert("source".to_owned(), "view".into());
        return Ok(Json(Value::Object(fields)));
    }
    let absent = || {
        let shown = view.incident.as_ref().map_or("there has been none".to_owned(), |i| {
            format!("the last one is {}", i.id)
        });
        Problem::new(StatusCode::NOT_FOUND, format!("no such incident here; {shown}"))
    };
    let number = id
        .strip_prefix(view.site.as_str())
        .and_then(|rest| rest.strip_prefix('-'));
    // Digits alone: "+3" is a number too, but no incident's.
    let number = number.filter(|n| n.bytes().all(|b| b.is_ascii_digit()) && !n.starts_with('0'));
    let n = number.and_then(|n| n.parse::<u32>().ok()).ok_or_else(absent)?;
    let (site, clock) = (view.site.clone(), room.state.clock.clone());
    let read = move |reader: &_| history::find(reader, (&site, &clock), n);
    let found = room
        .desk
        .read(room.state.journal_path.clone(), read)
        .await
        .map_err(unread)?;
    let past = found.ok_or_else(absent)?;
    let document = serde_json::to_value(past).map_err(|e| unread(e.to_string()))?;
    Ok(Json(document))
}

fn unread(why: String) -> Problem {
    Problem::engine_silent(format!("the past is in the journal, and it cannot be read: {why}"))
}

//! `POST /api/v1/incidents/{id}/steps/{step}/progress`: how a step that a hook accepted goes on.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use muster_core::{Input, Mode, View};
use tokio::time::timeout;

use super::problem::Problem;
use super::serve::Room;
use super::{auth, body};
use crate::counters::Cause;
use crate::lanes::Control;

use proof::{parse, verify};

/// For handing it over; the hook's own retry follows a 503.
const HAND_OVER: Duration = Duration::from_secs(1);

pub(crate) async fn post(
    State(room): State<Arc<Room>>,
    Path((incident, step)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    authorise(&room, &incident, &step, &headers)?;
    let bytes = body::read(&headers, body).await?;
    let outcome =
        parse(&bytes).map_err(|e| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("the body: {e}")))?;
    let input = Input::Hook {
        incident,
        step,
        outcome,
    };
    match timeout(HAND_OVER, room.state.lanes.control.send(Control::Input(input))).await {
        Ok(Ok(())) => Ok(StatusCode::ACCEPTED),
        _ => Err(Problem::engine_silent("the engine is busy; send it again")),
    }
}

fn authorise(room: &Room, incident: &str, step: &str, headers: &HeaderMap) -> Result<(), Problem> {
    let given = auth::bearer(headers).unwrap_or_default();
    let view = room.state.view.borrow().clone();
    let valid = webhook_ids(&view, incident, step)
        .iter()
        .any(|id| verify(&room.state.progress_key, id, given));
    if valid {
        return Ok(());
    }
    let what = "progress without the bearer that came with the hook's call";
    room.state.counters.count(Cause::ProgressRefused, "http", &what);
    Err(Problem::new(StatusCode::UNAUTHORIZED, what))
}

/// The calls this progress may belong to. A step the view shows belongs to its own mode: a drill's bearer must not
/// report a live step done. The view is renewed a moment after the call went out, so an unseen step may be either.
fn webhook_ids(view: &View, incident: &str, step: &str) -> Vec<String> {
    let shown = view.incident.as_ref().filter(|shown| shown.id == incident);
    let mode = shown.and_then(|shown| shown.steps.iter().rev().find(|s| s.id == step).map(|s| s.mode));
    let (live, drill) = (format!("{incident}.{step}"), format!("drill.{incident}.{step}"));
    match mode {
        Some(Mode::Live) => vec![live],
        Some(Mode::Drill) => vec![drill],
        None => vec![live, drill],
    }
}

/// What the hooks' room will hold as `hooks::progress`.
mod proof {
    use hmac::{Hmac, KeyInit, Mac};
    use muster_core::HookOutcome;
    use serde::Deserialize;
    use sha2::Sha256;
    use subtle::ConstantTimeEq;

    const NOTE_MAX: usize = 200;

    pub(in crate::api) fn bearer(key: &[u8; 32], webhook_id: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
            return String::new();
        };
        mac.update(webhook_id.as_bytes());
        let bytes = mac.finalize().into_bytes();
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    pub(in crate::api) fn verify(key: &[u8; 32], webhook_id: &str, given: &str) -> bool {
        !given.is_empty() && bool::from(bearer(key, webhook_id).as_bytes().ct_eq(given.as_bytes()))
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum State {
        Running,
        Done,
        Failed,
    }

    #[derive(Deserialize)]
    struct Progress {
        state: State,
        percent: Option<u8>,
        note: Option<String>,
    }

    pub(in crate::api) fn parse(body: &[u8]) -> Result<HookOutcome, serde_json::Error> {
        let progress: Progress = serde_json::from_slice(body)?;
        if progress.percent.is_some_and(|p| p > 100) {
            return Err(serde::de::Error::custom("percent is beyond 100"));
        }
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let note = progress.note.unwrap_or_default();
        let note = note.chars().take(NOTE_MAX).map(plain).collect();
        Ok(match progress.state {
            State::Running => HookOutcome::Running {
                percent: progress.percent,
            },
            State::Done => HookOutcome::Done,
            State::Failed => HookOutcome::Cannot { note },
        })
    }
}

#[cfg(test)]
pub(super) use proof::bearer;

//! `GET /api/v1/channels`: every channel as the decision sees it now.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use muster_core::ChannelView;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::problem::Problem;
use super::serve::Room;
use crate::lanes::{Control, Lanes};

/// For asking and answering together.
const DEADLINE: Duration = Duration::from_secs(1);

pub(crate) async fn get(State(room): State<Arc<Room>>) -> Result<Json<Value>, Problem> {
    let channels = all(&room).await?;
    let site = room.state.view.borrow().site.clone();
    Ok(Json(json!({ "schema": 1, "site": site, "channels": channels })))
}

/// As the engine sees them now.
///
/// # Errors
/// 503 when it does not answer.
pub(super) async fn all(room: &Room) -> Result<Vec<ChannelView>, Problem> {
    match timeout(DEADLINE, ask(&room.state.lanes)).await {
        Ok(Some(channels)) => Ok(channels),
        Ok(None) => Err(Problem::engine_silent("the engine has stopped")),
        Err(_) => Err(Problem::engine_silent(
            "the engine did not answer within 1 s; see /healthz",
        )),
    }
}

async fn ask(lanes: &Lanes) -> Option<Vec<ChannelView>> {
    let (answer, answered) = oneshot::channel();
    lanes.control.send(Control::Channels(answer)).await.ok()?;
    answered.await.ok()
}

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
    let channels = match timeout(DEADLINE, ask(&room.state.lanes)).await {
        Ok(Some(channels)) => channels,
        Ok(None) => return Err(Problem::engine_silent("the engine has stopped")),
        Err(_) => {
            return Err(Problem::engine_silent(
                "the engine did not answer within 1 s; see /healthz",
            ));
        }
    };
    let site = room.state.view.borrow().site.clone();
    Ok(Json(json!({ "schema": 1, "site": site, "channels": channels })))
}

async fn ask(lanes: &Lanes) -> Option<Vec<ChannelView>> {
    let (answer, answered) = oneshot::channel();
    lanes.control.send(Control::Channels(answer)).await.ok()?;
    answered.await.ok()
}

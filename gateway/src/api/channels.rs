//! `GET /api/v1/channels`: every channel as the decision sees it now.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use muster_core::ChannelView;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::problem::Problem;
use super::serve::Room;
use crate::lanes::{CHANNELS_A_PIECE, Control, Lanes};

/// For asking and answering together, a piece.
const DEADLINE: Duration = Duration::from_secs(1);

/// The document.
#[derive(Debug, Serialize)]
pub(crate) struct Channels {
    schema: u32,
    site: String,
    channels: Vec<ChannelView>,
}

pub(crate) async fn get(State(room): State<Arc<Room>>) -> Result<Json<Channels>, Problem> {
    let channels = all(&room).await?;
    let site = room.state.view.borrow().site.clone();
    Ok(Json(Channels {
        schema: 1,
        site,
        channels,
    }))
}

/// As the engine sees them now, piece by piece: a large site in one answer would keep the engine from an alarm.
///
/// # Errors
/// 503 when it does not answer.
pub(super) async fn all(room: &Room) -> Result<Vec<ChannelView>, Problem> {
    let mut channels = Vec::new();
    loop {
        let piece = piece(&room.state.lanes, channels.len()).await?;
        let last = piece.len() < CHANNELS_A_PIECE;
        channels.extend(piece);
        if last {
            return Ok(channels);
        }
    }
}

async fn piece(lanes: &Lanes, from: usize) -> Result<Vec<ChannelView>, Problem> {
    match timeout(DEADLINE, ask(lanes, from)).await {
        Ok(Some(channels)) => Ok(channels),
        Ok(None) => Err(Problem::engine_silent("the engine has stopped")),
        Err(_) => Err(Problem::engine_silent(
            "the engine did not answer within 1 s; see /healthz",
        )),
    }
}

async fn ask(lanes: &Lanes, from: usize) -> Option<Vec<ChannelView>> {
    let (answer, answered) = oneshot::channel();
    lanes.control.send(Control::Channels { from, answer }).await.ok()?;
    answered.await.ok()
}

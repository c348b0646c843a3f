//! `GET /api/v1/ways`: what every way of saving a workload is declared to take, and took.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use muster_core::WayView;
use serde::Serialize;
use tokio::time::timeout;

use super::problem::Problem;
use super::serve::Room;
use crate::lanes::{LADDERS_A_PIECE, Lanes};

/// For asking and answering together, a piece.
const DEADLINE: Duration = Duration::from_secs(1);

/// The document.
#[derive(Debug, Serialize)]
pub(crate) struct Ways {
    schema: u32,
    site: String,
    ways: Vec<WayView>,
}

pub(crate) async fn get(State(room): State<Arc<Room>>) -> Result<Json<Ways>, Problem> {
    let site = room.state.view.borrow().site.clone();
    let (mut ways, mut from) = (Vec::new(), 0);
    // Every workload has a rung, so a piece without any is behind the last.
    loop {
        let piece = piece(&room.state.lanes, from).await?;
        if piece.is_empty() {
            return Ok(Json(Ways { schema: 1, site, ways }));
        }
        ways.extend(piece);
        from += LADDERS_A_PIECE;
    }
}

async fn piece(lanes: &Lanes, from: usize) -> Result<Vec<WayView>, Problem> {
    match timeout(DEADLINE, lanes.ways_from(from)).await {
        Ok(Some(ways)) => Ok(ways),
        Ok(None) => Err(Problem::engine_silent("the engine has stopped")),
        Err(_) => Err(Problem::engine_silent(
            "the engine did not answer within 1 s; see /healthz",
        )),
    }
}

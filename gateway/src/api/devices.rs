//! `GET /api/v1/devices`: every node and device, with when it was last heard, how it is asked, what is wrong with it and
//! what to do about that.

mod bus;
mod device;
mod remedy;
mod roll;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use muster_core::{SourceView, TroubleView};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

pub(super) use bus::Bus;
pub(super) use device::{Device, State as Condition};
pub(crate) use roll::Roll;
pub(super) use roll::{Called, call, keep};

use super::problem::Problem;
use super::serve::Room;
use crate::lanes::{Control, Lanes};
use crate::sources::polls::Shown;

/// For asking and answering together, a piece.
const DEADLINE: Duration = Duration::from_secs(1);

pub(crate) async fn get(State(room): State<Arc<Room>>) -> Result<Json<Value>, Problem> {
    let devices = all(&room).await?;
    let site = room.state.view.borrow().site.clone();
    let documents: Vec<Value> = devices
        .iter()
        .map(|device| device.document(&room.state.clock))
        .collect();
    Ok(Json(json!({ "schema": 1, "site": site, "devices": documents })))
}

/// As the engine and the pollers see them now, in order of their ids.
///
/// # Errors
/// 503 when the engine does not answer.
pub(super) async fn all(room: &Room) -> Result<Vec<Device>, Problem> {
    let mut sources = Vec::new();
    loop {
        let piece = piece(&room.state.lanes, sources.len()).await?;
        if piece.is_empty() {
            break;
        }
        sources.extend(piece);
    }
    let view = room.state.view.borrow().clone();
    let troubles: BTreeMap<&str, &TroubleView> = view.troubles.iter().map(|t| (t.subject.as_str(), t)).collect();
    sources.sort_by(|a, b| a.id.cmp(&b.id));
    let polled = |source: SourceView| (room.state.polls.of(&source.id), source);
    let sources: Vec<(Option<Shown>, SourceView)> = sources.into_iter().map(polled).collect();
    let shown = |(polled, source): &'_ (Option<Shown>, SourceView)| Some((source.id.clone(), polled.clone()?));
    let asked: Vec<(String, Shown)> = sources.iter().filter_map(shown).collect();
    let buses = bus::all(asked.iter().map(|(id, shown)| (id.as_str(), shown)));
    let device = |(polled, source): (Option<Shown>, SourceView)| {
        let trouble = troubles.get(source.id.as_str()).copied().cloned();
        let bus = polled
            .as_ref()
            .and_then(|p| buses.get(&(p.kind, p.port.clone())).cloned());
        Device::new(source, trouble, polled, bus)
    };
    Ok(sources.into_iter().map(device).collect())
}

async fn piece(lanes: &Lanes, from: usize) -> Result<Vec<SourceView>, Problem> {
    match timeout(DEADLINE, ask(lanes, from)).await {
        Ok(Some(sources)) => Ok(sources),
        Ok(None) => Err(Problem::engine_silent("the engine has stopped")),
        Err(_) => Err(Problem::engine_silent(
            "the engine did not answer within 1 s; see /healthz",
        )),
    }
}

async fn ask(lanes: &Lanes, from: usize) -> Option<Vec<SourceView>> {
    let (answer, answered) = oneshot::channel();
    lanes.control.send(Control::Sources { from, answer }).await.ok()?;
    answered.await.ok()
}

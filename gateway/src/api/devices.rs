//! `GET /api/v1/devices`: every node and device, with when it was last heard and what is wrong with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use muster_core::{ChannelView, View};
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::serve::Room;
use super::{channels, status};

pub(crate) async fn get(State(room): State<Arc<Room>>) -> Result<Json<Value>, Problem> {
    let channels = channels::all(&room).await?;
    let view = room.state.view.borrow().clone();
    let mut by_source: BTreeMap<&str, Vec<&ChannelView>> = BTreeMap::new();
    for channel in &channels {
        by_source.entry(&channel.source).or_default().push(channel);
    }
    let devices: Result<Vec<_>, _> = by_source
        .iter()
        .map(|(id, channels)| device(&room, &view, id, channels))
        .collect();
    Ok(Json(json!({ "schema": 1, "site": view.site, "devices": devices? })))
}

fn device(room: &Room, view: &View, id: &str, channels: &[&ChannelView]) -> Result<Value, Problem> {
    let sorted = |word: fn(&ChannelView) -> &str| {
        let mut words: Vec<&str> = channels.iter().map(|c| word(c)).collect();
        words.sort_unstable();
        words.dedup();
        words
    };
    let good = |c: &&&ChannelView| matches!(c.quality.as_str(), "good" | "simulated");
    let trouble = view.troubles.iter().find(|t| t.subject == id);
    let trouble = trouble.map(|t| status::walled(t, &room.state.clock)).transpose()?;
    let fields = json!({
        "id": id, "zones": sorted(|c| &c.zone), "groups": sorted(|c| &c.group),
        "channels_good": channels.iter().filter(good).count(), "channels_total": channels.len(),
        "last_good_ms": channels.iter().filter_map(|c| c.age_ms).min(),
        "trouble": trouble.map(Map::into_iter).map(Value::from_iter),
    });
    Ok(fields)
}

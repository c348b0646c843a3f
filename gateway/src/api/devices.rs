//! `GET /api/v1/devices`: every node and device, with when it was last heard, how it is asked and what is wrong with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use muster_core::{ChannelView, View};
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::serve::Room;
use super::{channels, status};
use crate::sources::polls::Shown;

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
    let (good, faulty): (Vec<&ChannelView>, Vec<&ChannelView>) = channels
        .iter()
        .copied()
        .partition(|c| matches!(c.quality.as_str(), "good" | "simulated"));
    let faults = faulty.iter().map(|c| json!({ "channel": c.id, "quality": c.quality }));
    let trouble = view.troubles.iter().find(|t| t.subject == id);
    let trouble = trouble.map(|t| status::walled(t, &room.state.clock)).transpose()?;
    let mut fields = json!({
        "id": id, "zones": sorted(|c| &c.zone), "groups": sorted(|c| &c.group),
        "channels_good": good.len(), "channels_total": channels.len(),
        "faults": faults.collect::<Vec<_>>(),
        "last_good_ms": channels.iter().filter_map(|c| c.age_ms).min(),
        "trouble": trouble.map(Map::into_iter).map(Value::from_iter),
    });
    if let Value::Object(fields) = &mut fields {
        fields.extend(polling(room.state.polls.of(id)));
    }
    Ok(fields)
}

/// How it is asked; of a device that speaks by itself that it does.
fn polling(shown: Option<Shown>) -> Map<String, Value> {
    let (shown, now) = (shown.as_ref(), shown.as_ref().map(|s| &s.now));
    let last_error = now.and_then(|n| n.last_error.as_ref());
    let last_error = last_error.map(|(line, age_ms)| json!({ "line": line, "age_ms": age_ms }));
    let fields = [
        ("kind", json!(shown.map_or("mqtt", |s| s.kind))),
        ("address", json!(shown.map(|s| &s.address))),
        ("profile", json!(shown.map(|s| &s.profile))),
        ("poll_ms", json!(now.and_then(|n| n.poll_ms))),
        ("missed_polls", json!(now.map(|n| n.missed))),
        ("cycle_ms", json!(now.and_then(|n| n.cycle_ms))),
        ("answered_ms", json!(now.and_then(|n| n.answered_ms))),
        ("last_error", json!(last_error)),
    ];
    fields
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

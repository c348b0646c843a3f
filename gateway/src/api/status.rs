//! `GET /api/v1/status`: the site at this moment, with wall-clock times beside engine times.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use muster_core::{Millis, View};
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::serve::Room;
use super::{advice, wall};
use crate::clock::Clock;

/// Fields that hold an engine time; each gets a `…_wall` beside it.
const TIMES: [&str; 13] = [
    "now",
    "onset",
    "since",
    "earliest",
    "likely",
    "opened",
    "closed",
    "evacuate_begun",
    "plan_end",
    "latest_start",
    "safe_at",
    "at",
    "until",
];
/// As [`TIMES`], of steps.
const STEP_TIMES: [&str; 2] = ["begun", "ended"];

pub(crate) async fn get(State(room): State<Arc<Room>>) -> Result<Json<Value>, Problem> {
    let view = room.state.view.borrow().clone();
    document(&view, &room).map(Json)
}

/// The whole document.
pub(crate) fn document(view: &View, room: &Room) -> Result<Value, Problem> {
    let (clock, insecure) = (&room.state.clock, &room.state.insecure);
    let mut fields = walled(view, clock)?;
    let beside = json!({
        "schema": 1,
        "version": env!("CARGO_PKG_VERSION"),
        "clock_speed": clock.speed(),
        "view_age_ms": age_ms(view, clock),
        "headline": advice::headline(view, clock.speed(), insecure),
        "insecure": insecure,
        "next": advice::next_with(view, clock, &room.here, Some(&room.state.gauges.hosts())),
    });
    if let Value::Object(beside) = beside {
        fields.extend(beside);
    }
    Ok(Value::Object(fields))
}

/// How long ago the decision loop last spoke, in real milliseconds.
pub(crate) fn age_ms(view: &View, clock: &Clock) -> Millis {
    (clock.now() - view.now).max(0) / Millis::from(clock.speed())
}

/// A document of the view, with wall-clock times.
pub(crate) fn walled(part: &impl serde::Serialize, clock: &Clock) -> Result<Map<String, Value>, Problem> {
    match serde_json::to_value(part) {
        Ok(mut value @ Value::Object(_)) => {
            add_walls(&mut value, clock, clock.now());
            let Value::Object(fields) = value else {
                return Ok(Map::new());
            };
            Ok(fields)
        }
        _ => Err(Problem::engine_silent("the view could not be written down")),
    }
}

fn add_walls(value: &mut Value, clock: &Clock, now: Millis) {
    match value {
        Value::Object(fields) => {
            for field in fields.values_mut() {
                add_walls(field, clock, now);
            }
            for name in TIMES.iter().chain(&STEP_TIMES) {
                let Some(at) = fields.get(*name).and_then(Value::as_i64) else {
                    continue;
                };
                fields.insert(format!("{name}_wall"), wall::rfc3339(clock.wall_of(at)).into());
                if matches!(*name, "earliest" | "likely") {
                    // Whole seconds, rounded down: never optimistic.
                    fields.insert(format!("{name}_left_s"), (at - now).div_euclid(1_000).into());
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| add_walls(item, clock, now)),
        _ => {}
    }
}

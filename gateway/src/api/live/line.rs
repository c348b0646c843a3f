//! An event as it goes out, from memory or from the journal.

use serde_json::{Value, json};

use crate::api::wall;
use crate::clock::Clock;
use crate::journal::StoredEvent;
use crate::told::Told;

/// As it was told.
pub(crate) fn of_told(told: &Told) -> Value {
    let event = &told.event;
    json!({
        "schema": 1, "id": told.id, "at": told.at, "wall": wall::rfc3339(told.wall_ms), "kind": event.kind.as_str(),
        "level": event.level.as_str(), "subject": event.subject, "line": event.line,
    })
}

/// As it was stored. The journal knows only the real wall clock; a story's time is made from the engine's.
pub(crate) fn of_stored(stored: &StoredEvent, clock: &Clock) -> Value {
    let wall_ms = if clock.speed() == 1 {
        stored.wall_ms
    } else {
        clock.wall_of(stored.at_ms)
    };
    json!({
        "schema": 1, "id": stored.id, "at": stored.at_ms, "wall": wall::rfc3339(wall_ms), "kind": stored.kind,
        "level": stored.level, "subject": stored.subject, "line": stored.line,
    })
}

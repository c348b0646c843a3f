//! `POST /api/v1/orders`: a person's order. Whether it may be given is decided by the core.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::tz::TimeZone;
use muster_core::{Answer, Millis, Verb, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::problem::Problem;
use super::serve::Room;
use super::{auth, body, wall};
use crate::clock::Clock;
use crate::counters::Cause;
use crate::lanes::{Control, Lanes};

/// For handing an order over; nothing has happened when it passes.
const HAND_OVER: Duration = Duration::from_millis(1_500);
/// For the core's answer; with [`HAND_OVER`] below the deadline of every handler, so that the cause is told.
const ANSWER: Duration = Duration::from_secs(3);

/// The request's body. `cut` alone has a time: RFC 3339, or a time of day in the gateway's time zone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    verb: Word,
    at: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Evacuate,
    Hold,
    Abort,
    Cut,
    Arm,
    Disarm,
    Reset,
}

/// The last announced time and what it became, so that the second person's "16:52" is the first one's to the
/// millisecond although two clocks have been read twice.
#[derive(Debug, Default)]
pub(crate) struct Conversions {
    last: Mutex<Option<(i64, Millis)>>,
}

impl Conversions {
    /// A second is more than reading clocks can differ by; a wall clock that was set makes a new conversion.
    fn engine_of(&self, wall_ms: i64, clock: &Clock) -> Millis {
        let engine = clock.engine_of(wall_ms);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match *last {
            Some((wall, same)) if wall == wall_ms && (same - engine).abs() < 1_000 => same,
            _ => {
                *last = Some((wall_ms, engine));
                engine
            }
        }
    }
}

pub(crate) async fn post(
    State(room): State<Arc<Room>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let by = identify(&room, &headers)?;
    let asked: Asked = body::json(&headers, body).await?;
    let (verb, at_wall) = verb_of(&room, &asked)?;
    let who = &*by;
    tracing::info!(
        by = who,
        verb = verb.as_str(),
        at = at_wall.as_deref(),
        "an order was given"
    );
    let answer = give(&room.state.lanes, by.clone(), verb).await?;
    if answer.verdict == Verdict::Refused {
        return Err(Problem::new(StatusCode::CONFLICT, answer.why));
    }
    let at_left_s = match verb {
        // Whole seconds, rounded down: never optimistic.
        Verb::Cut { at } => Some((at - room.state.clock.now()).div_euclid(1_000)),
        _ => None,
    };
    Ok(Json(json!({
        "schema": 1, "verdict": answer.verdict, "why": answer.why, "verb": verb.as_str(), "by": who, "at_wall": at_wall,
        "at_left_s": at_left_s,
    })))
}

fn identify(room: &Room, headers: &HeaderMap) -> Result<Arc<str>, Problem> {
    let given = auth::bearer(headers);
    if let Some(by) = given.and_then(|token| room.state.people.of_token(token)) {
        return Ok(by);
    }
    let why = if given.is_some() {
        auth::unknown_token(&room.state.view.borrow().site)
    } else {
        "an order needs Authorization: Bearer <token of a principal>".to_owned()
    };
    room.state.counters.count(Cause::OrderRefused, "http", &why);
    Err(room.failures.refuse(&why))
}

fn verb_of(room: &Room, asked: &Asked) -> Result<(Verb, Option<String>), Problem> {
    let verb = match asked.verb {
        Word::Cut => return cut(room, asked.at.as_deref()),
        Word::Evacuate => Verb::Evacuate,
        Word::Hold => Verb::Hold,
        Word::Abort => Verb::Abort,
        Word::Arm => Verb::Arm,
        Word::Disarm => Verb::Disarm,
        Word::Reset => Verb::Reset,
    };
    if asked.at.is_some() {
        let why = format!("`at` belongs to cut, not to {}", verb.as_str());
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why));
    }
    Ok((verb, None))
}

fn cut(room: &Room, at: Option<&str>) -> Result<(Verb, Option<String>), Problem> {
    let invalid = |why: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why);
    let at = at.ok_or_else(|| invalid("cut needs `at`: when will the power be cut?".to_owned()))?;
    let clock = &room.state.clock;
    let wall_ms = wall::parse(at, clock.wall_ms(), &TimeZone::system()).map_err(|e| invalid(e.to_string()))?;
    let at = room.conversions.engine_of(wall_ms, clock);
    Ok((Verb::Cut { at }, wall::rfc3339(wall_ms)))
}

async fn give(lanes: &Lanes, by: Arc<str>, verb: Verb) -> Result<Answer, Problem> {
    let (answer, answered) = oneshot::channel();
    let order = Control::Order { by, verb, answer };
    if !matches!(timeout(HAND_OVER, lanes.control.send(order)).await, Ok(Ok(()))) {
        return Err(Problem::engine_silent(
            "NOT GIVEN: the engine took no order within 1.5 s; see /healthz, and act by hand",
        ));
    }
    match timeout(ANSWER, answered).await {
        Ok(Ok(answer)) => Ok(answer),
        _ => Err(Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            "handed over but not confirmed; look at the status before you repeat it",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_announced_time_becomes_the_same_engine_time() {
        let (clock, conversions) = (Clock::starting_at(5_000_000), Conversions::default());
        let wall_ms = clock.wall_ms() + 3_600_000;
        let first = conversions.engine_of(wall_ms, &clock);
        for _ in 0..10_000 {
            assert_eq!(conversions.engine_of(wall_ms, &clock), first);
        }
        assert!((conversions.engine_of(wall_ms + 60_000, &clock) - first - 60_000).abs() < 1_000);
    }
}

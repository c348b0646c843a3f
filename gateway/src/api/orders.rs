//! `POST /api/v1/orders`: a person's order. Whether it may be given is decided by the core.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::tz::TimeZone;
use muster_core::{Answer, Millis, Part, Verb, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::problem::Problem;
use super::serve::Room;
use super::{auth, body, hosts, service, wall};
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
    /// Of `bypass` and `work`: of what.
    target: Option<String>,
    /// Of `bypass` and `work`: for how long; 0 ends it. Seconds.
    for_s: Option<u32>,
    /// Of `bypass` and `work`.
    reason: Option<String>,
}

/// What is to be handed to the engine.
enum Order {
    Verb(Verb, Option<String>),
    Service(&'static str, service::Asked),
}

impl Order {
    const fn word(&self) -> &'static str {
        match self {
            Self::Verb(verb, _) => verb.as_str(),
            Self::Service(word, _) => word,
        }
    }
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
    Return,
    Bypass,
    Work,
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
    let order = order_of(&room, asked)?;
    let (who, word) = (&*by, order.word());
    let (verb, at_wall) = match &order {
        Order::Verb(verb, at_wall) => (Some(*verb), at_wall.clone()),
        Order::Service(..) => (None, None),
    };
    tracing::info!(by = who, verb = word, at = at_wall.as_deref(), "an order was given");
    let by = by.clone();
    let answer = match order {
        Order::Verb(verb, _) => give(&room.state.lanes, |answer| Control::Order { by, verb, answer }).await?,
        Order::Service(_, asked) => give(&room.state.lanes, |answer| Control::Bypass { by, asked, answer }).await?,
    };
    if answer.verdict == Verdict::Refused {
        return Err(Problem::new(StatusCode::CONFLICT, answer.why));
    }
    let at_left_s = match verb {
        // Whole seconds, rounded down: never optimistic.
        Some(Verb::Cut { at }) => Some((at - room.state.clock.now()).div_euclid(1_000)),
        _ => None,
    };
    let hosts = matches!(verb, Some(Verb::Evacuate | Verb::Cut { .. }))
        .then(|| hosts::line(&room.state.view.borrow(), Some(&room.state.gauges.hosts()), true))
        .flatten();
    Ok(Json(json!({
        "schema": 1, "verdict": answer.verdict, "why": answer.why, "verb": word, "by": who, "at_wall": at_wall,
        "at_left_s": at_left_s, "hosts": hosts,
    })))
}

pub(crate) fn identify(room: &Room, headers: &HeaderMap) -> Result<Arc<str>, Problem> {
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

fn order_of(room: &Room, asked: Asked) -> Result<Order, Problem> {
    let plain = match asked.verb {
        Word::Bypass => return of_service("bypass", &[Part::Source, Part::Channel], asked),
        Word::Work => return of_service("work", &[Part::Zone], asked),
        Word::Cut => None,
        Word::Evacuate => Some(Verb::Evacuate),
        Word::Hold => Some(Verb::Hold),
        Word::Abort => Some(Verb::Abort),
        Word::Arm => Some(Verb::Arm),
        Word::Disarm => Some(Verb::Disarm),
        Word::Reset => Some(Verb::Reset),
        Word::Return => Some(Verb::Return),
    };
    let word = plain.map_or("cut", Verb::as_str);
    if asked.target.is_some() || asked.for_s.is_some() || asked.reason.is_some() {
        return Err(invalid(format!(
            "`target`, `for_s` and `reason` belong to bypass and work, not to {word}"
        )));
    }
    let Some(verb) = plain else {
        let (verb, at_wall) = cut(room, asked.at.as_deref())?;
        return Ok(Order::Verb(verb, Some(at_wall)));
    };
    if asked.at.is_some() {
        return Err(invalid(format!("`at` belongs to cut, not to {word}")));
    }
    Ok(Order::Verb(verb, None))
}

fn of_service(word: &'static str, parts: &'static [Part], asked: Asked) -> Result<Order, Problem> {
    if asked.at.is_some() {
        return Err(invalid(format!("`at` belongs to cut, not to {word}")));
    }
    let service = service::asked(parts, (asked.target, asked.for_s, asked.reason))?;
    Ok(Order::Service(word, service))
}

fn invalid(why: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why)
}

fn cut(room: &Room, at: Option<&str>) -> Result<(Verb, String), Problem> {
    let at = at.ok_or_else(|| invalid("cut needs `at`: when will the power be cut?".to_owned()))?;
    let clock = &room.state.clock;
    let wall_ms = wall::parse(at, clock.wall_ms(), &TimeZone::system()).map_err(|e| invalid(e.to_string()))?;
    let at = room.conversions.engine_of(wall_ms, clock);
    let at_wall = wall::rfc3339(wall_ms).unwrap_or_default();
    Ok((Verb::Cut { at }, at_wall))
}

pub(crate) async fn give(
    lanes: &Lanes,
    order: impl FnOnce(oneshot::Sender<Answer>) -> Control,
) -> Result<Answer, Problem> {
    let (answer, answered) = oneshot::channel();
    let order = order(answer);
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

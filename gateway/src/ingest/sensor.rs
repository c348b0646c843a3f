//! Other people's sensors: values picked out of a message that says whatever its maker liked.

use muster_core::Input;
use muster_wire::senml::MAX_PACK_BYTES;
use muster_wire::{Absence, MICRO, Micro};
use serde_json::Value;

use crate::config::{Meaning, Pick, Word};
use crate::counters::Cause;

/// Words by which home automation says that there is no value, whatever their case.
const NO_VALUE: [&str; 5] = ["unavailable", "unknown", "nan", "none", ""];

/// Every value of a message that has one. A value that is not there is none of this message's business: many devices send
/// only what has changed. `Err` refuses the message as a whole; a bad value costs that value only and is told to `bad`.
pub(super) fn read(
    picks: &[Pick],
    payload: &[u8],
    mut bad: impl FnMut(Cause, String),
) -> Result<Vec<Input>, (Cause, String)> {
    if payload.len() > MAX_PACK_BYTES {
        return Err((Cause::Oversized, format!("{} bytes", payload.len())));
    }
    let document = document(payload).ok_or((Cause::Malformed, "neither JSON nor text".to_owned()))?;
    let needs_object = picks.iter().any(|pick| !pick.pointer.is_empty());
    if needs_object && !document.is_object() && !document.is_array() {
        return Err((Cause::Malformed, "not a JSON object".to_owned()));
    }
    let mut inputs = Vec::new();
    for pick in picks {
        let Some(found) = document.pointer(&pick.pointer) else {
            continue;
        };
        match value(found, &pick.meaning) {
            Ok(value) => inputs.push(Input::Reading {
                channel: pick.channel,
                value,
                simulated: false,
                age_ms: 0,
            }),
            Err((cause, what)) => bad(cause, format!("{:?}: {what}", pick.pointer)),
        }
    }
    Ok(inputs)
}

/// Whether a message on an availability topic says that the sensor is gone. Anything else says nothing: it may raise
/// trouble, never clear it.
pub(super) fn is_offline(payload: &[u8]) -> bool {
    let says = |value: &Value| match value {
        Value::String(text) => text.eq_ignore_ascii_case("offline") || text.eq_ignore_ascii_case("false"),
        Value::Bool(online) => !online,
        _ => false,
    };
    payload.len() <= MAX_PACK_BYTES && document(payload).is_some_and(|d| says(&d) || d.get("state").is_some_and(says))
}

/// JSON, or the bare word that some publish instead (`ON`, `nan`).
fn document(payload: &[u8]) -> Option<Value> {
    serde_json::from_slice(payload).ok().or_else(|| {
        let text = std::str::from_utf8(payload).ok()?.trim();
        let is_word = text.len() <= 32
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        is_word.then(|| Value::String(text.to_owned()))
    })
}

fn value(found: &Value, meaning: &Meaning) -> Result<Result<Micro, Absence>, (Cause, String)> {
    if let Meaning::Contact { on, off } = meaning {
        if is(found, on) {
            return Ok(Ok(Micro(MICRO)));
        } else if is(found, off) {
            return Ok(Ok(Micro(0)));
        }
    }
    let absent = match found {
        Value::Null => true,
        Value::String(text) => NO_VALUE.iter().any(|word| text.eq_ignore_ascii_case(word)),
        _ => false,
    };
    match (found, meaning) {
        _ if absent => Ok(Err(Absence::Lost)),
        (Value::Number(number), Meaning::Number { scale, offset }) => {
            let number = number
                .as_f64()
                .and_then(Micro::from_f64)
                .and_then(|n| scaled(n, *scale, *offset));
            number
                .map(Ok)
                .ok_or_else(|| (Cause::NotANumber, "too large a number".to_owned()))
        }
        (_, Meaning::Number { .. }) => Err((Cause::WrongType, format!("a number is expected, not {}", shown(found)))),
        (_, Meaning::Contact { .. }) => Err((Cause::WrongType, format!("{} is neither on nor off", shown(found)))),
    }
}

fn is(found: &Value, word: &Word) -> bool {
    match (found, word) {
        (Value::Bool(found), Word::Flag(word)) => found == word,
        (Value::Number(found), Word::Number(word)) => found.as_i64() == Some(*word),
        (Value::String(found), Word::Text(word)) => found == word,
        _ => false,
    }
}

/// Nearest micro-unit, half away from zero.
fn scaled(value: Micro, scale: Micro, offset: Micro) -> Option<Micro> {
    let product = i128::from(value.0) * i128::from(scale.0);
    let half = i128::from(MICRO / 2) * product.signum();
    let sum = (product + half) / i128::from(MICRO) + i128::from(offset.0);
    i64::try_from(sum).ok().map(Micro)
}

fn shown(found: &Value) -> String {
    let text: String = found.to_string().chars().take(40).collect();
    text.escape_debug().to_string()
}

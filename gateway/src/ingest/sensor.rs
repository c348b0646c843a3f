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

#[cfg(test)]
mod tests {

    use muster_core::ChannelIx;

    use super::*;

    const PLAIN: Meaning = Meaning::Number {
        scale: Micro(MICRO),
        offset: Micro(0),
    };

    fn text(word: &str) -> Word {
        Word::Text(word.into())
    }

    fn pick(pointer: &str, meaning: Meaning) -> Pick {
        Pick {
            channel: ChannelIx(7),
            pointer: pointer.into(),
            meaning,
        }
    }

    /// The one value of a message, or why there is none; `Ok(None)` if the message does not speak of it.
    fn one(pointer: &str, meaning: Meaning, payload: &str) -> Result<Option<Result<Micro, Absence>>, Cause> {
        let mut fault = None;
        let read = read(&[pick(pointer, meaning)], payload.as_bytes(), |cause, _| {
            fault = Some(cause)
        });
        let inputs = read.map_err(|(cause, _)| cause)?;
        if let Some(cause) = fault {
            return Err(cause);
        }
        Ok(inputs.into_iter().next().map(|input| match input {
            Input::Reading {
                channel: ChannelIx(7),
                value,
                ..
            } => value,
            other => unreachable!("{other:?}"),
        }))
    }

    fn value(pointer: &str, payload: &str) -> Micro {
        one(pointer, PLAIN, payload).unwrap().unwrap().unwrap()
    }

    // Messages as the devices send them; their forms are those of their makers' documentation.
    const ZIGBEE2MQTT: &str = r#"{"battery":97,"humidity":41.25,"last_seen":"2026-11-26T21:03:11+01:00","linkquality":120,"pressure":1011.2,"temperature":23.41,"voltage":2995}"#;
    const SHELLY_STATUS: &str = r#"{"id":100,"tC":24.6,"tF":76.3}"#;
    const SHELLY_SMOKE: &str = r#"{"id":0,"alarm":true,"mute":false}"#;
    const SHELLY_NOTIFY: &str = r#"{"src":"shellyplusuni-4855199c9a14","dst":"shellyplusuni-4855199c9a14/events","method":"NotifyStatus","params":{"ts":1795733001.42,"temperature:100":{"id":100,"tC":61.5,"tF":142.7}}}"#;
    const SHELLY_OTHER: &str = r#"{"src":"shellyplusuni-4855199c9a14","dst":"shellyplusuni-4855199c9a14/events","method":"NotifyStatus","params":{"ts":1795733002.42,"wifi":{"rssi":-61}}}"#;
    const TASMOTA: &str =
        r#"{"Time":"2026-11-26T21:03:11","DS18B20":{"Id":"3C01B556A3B4","Temperature":24.4},"TempUnit":"C"}"#;
    const TASMOTA_F: &str =
        r#"{"Time":"2026-11-26T21:03:11","DS18B20":{"Id":"3C01B556A3B4","Temperature":140.0},"TempUnit":"F"}"#;
    const TASMOTA_NONE: &str =
        r#"{"Time":"2026-11-26T21:03:11","DS18B20":{"Id":"3C01B556A3B4","Temperature":null},"TempUnit":"C"}"#;

    #[test]
    fn real_messages_are_read() {
        assert_eq!(value("/temperature", ZIGBEE2MQTT), Micro(23_410_000));
        assert_eq!(value("/tC", SHELLY_STATUS), Micro(24_600_000));
        assert_eq!(value("/params/temperature:100/tC", SHELLY_NOTIFY), Micro(61_500_000));
        assert_eq!(value("/DS18B20/Temperature", TASMOTA), Micro(24_400_000));
        assert_eq!(value("", "312"), Micro(312_000_000));
        assert_eq!(value("", "-0.5\n"), Micro(-500_000));
        let alarm = Meaning::Contact {
            on: Word::Flag(true),
            off: Word::Flag(false),
        };
        assert_eq!(one("/alarm", alarm, SHELLY_SMOKE), Ok(Some(Ok(Micro(MICRO)))));
    }

    #[test]
    fn another_unit_is_scaled_and_shifted() {
        let fahrenheit = Meaning::Number {
            scale: Micro(555_556),
            offset: Micro(-17_777_778),
        };
        let read = one("/DS18B20/Temperature", fahrenheit, TASMOTA_F)
            .unwrap()
            .unwrap()
            .unwrap();
        assert!((read.0 - 60_000_000).abs() < 200, "{read}");
        let milli = Meaning::Number {
            scale: Micro(1_000),
            offset: Micro(0),
        };
        assert_eq!(one("/voltage", milli, ZIGBEE2MQTT), Ok(Some(Ok(Micro(2_995_000)))));
    }

    #[test]
    fn a_message_that_does_not_speak_of_a_value_says_nothing_of_it() {
        assert_eq!(one("/params/temperature:100/tC", PLAIN, SHELLY_OTHER), Ok(None));
        assert_eq!(one("/temperature", PLAIN, "{}"), Ok(None));
        assert_eq!(one("/a/b", PLAIN, r#"{"a":[1,2]}"#), Ok(None));
    }

    #[test]
    fn a_word_for_no_value_is_an_absence_and_never_zero() {
        assert_eq!(
            one("/DS18B20/Temperature", PLAIN, TASMOTA_NONE),
            Ok(Some(Err(Absence::Lost)))
        );
        for word in [
            "nan",
            "NaN",
            "unavailable",
            "unknown",
            "\"unavailable\"",
            "null",
            "\"\"",
            "",
        ] {
            assert_eq!(one("", PLAIN, word), Ok(Some(Err(Absence::Lost))), "{word}");
        }
    }

    #[test]
    fn a_contact_is_on_or_off_by_its_own_words_only() {
        let words = || Meaning::Contact {
            on: text("ON"),
            off: text("OFF"),
        };
        let numbers = || Meaning::Contact {
            on: Word::Number(1),
            off: Word::Number(0),
        };
        let one_is = |meaning, payload: &str| one("", meaning, payload);
        assert_eq!(one_is(words(), "ON"), Ok(Some(Ok(Micro(MICRO)))));
        assert_eq!(one_is(words(), "\"OFF\""), Ok(Some(Ok(Micro(0)))));
        assert_eq!(one_is(numbers(), "1"), Ok(Some(Ok(Micro(MICRO)))));
        assert_eq!(one_is(words(), "unavailable"), Ok(Some(Err(Absence::Lost))));
        for (meaning, payload) in [
            (words(), "on"),
            (words(), "ALARM"),
            (words(), "true"),
            (words(), "1"),
            (numbers(), "true"),
            (numbers(), "2"),
            (numbers(), "1.5"),
            (numbers(), "ON"),
        ] {
            assert_eq!(one_is(meaning, payload), Err(Cause::WrongType), "{payload}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused_whole_and_what_is_no_value_alone() {
        for (pointer, payload, cause) in [
            ("/t", "{\"t\":", Cause::Malformed),
            ("/t", "23.5", Cause::Malformed),
            ("/t", "ON", Cause::Malformed),
            ("", "two words", Cause::Malformed),
            ("", "\u{1}", Cause::Malformed),
            ("/t", r#"{"t":"23.5"}"#, Cause::WrongType),
            ("/t", r#"{"t":true}"#, Cause::WrongType),
            ("/t", r#"{"t":[23.5]}"#, Cause::WrongType),
            ("/t", r#"{"t":1e300}"#, Cause::NotANumber),
        ] {
            assert_eq!(one(pointer, PLAIN, payload), Err(cause), "{payload}");
        }
        let deep = "[".repeat(4_000);
        assert_eq!(one("/0", PLAIN, &deep), Err(Cause::Malformed));
        let large = format!("{{\"t\":1,\"x\":\"{}\"}}", "x".repeat(MAX_PACK_BYTES));
        assert_eq!(one("/t", PLAIN, &large), Err(Cause::Oversized));
        assert!(read(&[pick("", PLAIN)], &[0xFF, 0xFE], |_, _| {}).is_err());
    }

    #[test]
    fn one_bad_value_costs_that_value_only() {
        let picks = [
            pick("/temperature", PLAIN),
            pick("/last_seen", PLAIN),
            pick("/humidity", PLAIN),
        ];
        let mut faults = 0;
        let inputs = read(&picks, ZIGBEE2MQTT.as_bytes(), |_, _| faults += 1).unwrap();
        assert_eq!((inputs.len(), faults), (2, 1));
    }

    #[test]
    fn offline_is_said_in_four_ways() {
        for says in ["offline", "Offline", r#"{"state":"offline"}"#, "false"] {
            assert!(is_offline(says.as_bytes()), "{says}");
        }
        for says in [
            "online",
            "Online",
            r#"{"state":"online"}"#,
            "true",
            "",
            "{}",
            "23.5",
            "{\"state\":",
            "\u{7f}",
        ] {
            assert!(!is_offline(says.as_bytes()), "{says}");
        }
    }
}

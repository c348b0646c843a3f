//! Devices as a person reads them.

use serde_json::Value;

use crate::lines::{many, printable};

const HEAD: [&str; 8] = ["DEVICE", "KIND", "ZONE", "GROUP", "GOOD", "AGE", "CYCLE", "STATE"];
/// Stands for what there is not.
const NONE: &str = "-";

/// Whether nothing is wrong with it. What is not said is not taken for well.
pub(super) fn is_well(device: &Value) -> bool {
    let has_no_faults = device["faults"].as_array().is_some_and(Vec::is_empty);
    device["trouble"].is_null() && has_no_faults && !device["last_good_ms"].is_null()
}

/// A head, a line a device, under one in trouble why, and a verdict.
pub(super) fn of(devices: &[Value]) -> Vec<String> {
    let rows: Vec<[String; 8]> = devices.iter().map(row).collect();
    let head = HEAD.map(str::to_owned);
    let mut widths = [0; 8];
    for row in rows.iter().chain([&head]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut lines = vec![line(&head, widths)];
    for (device, row) in devices.iter().zip(&rows) {
        lines.push(line(row, widths));
        lines.extend(why(device).iter().map(|why| format!("    {}", printable(why))));
    }
    let unwell = devices.iter().filter(|device| !is_well(device)).count();
    lines.push(match unwell {
        0 => format!("{}, all well", many(devices.len(), "device")),
        n => format!("{n} of {} NOT WELL", many(devices.len(), "device")),
    });
    lines
}

fn line(row: &[String; 8], widths: [usize; 8]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn row(device: &Value) -> [String; 8] {
    let number = |name: &str| device[name].as_u64().unwrap_or_default();
    [
        text(&device["id"]),
        text(&device["kind"]),
        list(&device["zones"]),
        list(&device["groups"]),
        format!("{}/{}", number("channels_good"), number("channels_total")),
        duration(&device["last_good_ms"]),
        duration(&device["cycle_ms"]),
        state(device).to_owned(),
    ]
}

fn state(device: &Value) -> &'static str {
    let waits = device["last_good_ms"].is_null();
    match () {
        () if !device["trouble"].is_null() => "TROUBLE",
        () if is_well(device) => "ok",
        () if waits => "NOT HEARD YET",
        () => "FAULTS",
    }
}

/// What is wrong with it, and what was said last; nothing of one that is well.
fn why(device: &Value) -> Vec<String> {
    if is_well(device) {
        return Vec::new();
    }
    let mut lines = Vec::new();
    if let Some(line) = device["trouble"]["line"].as_str() {
        lines.push(format!(
            "why: {line} (since {})",
            text(&device["trouble"]["since_wall"])
        ));
    }
    let faults = device["faults"].as_array().into_iter().flatten();
    let faults: Vec<String> = faults
        .map(|fault| format!("{} {}", text(&fault["channel"]), text(&fault["quality"])))
        .collect();
    if !faults.is_empty() {
        lines.push(format!("not good: {}", faults.join(", ")));
    }
    if let Some(line) = device["last_error"]["line"].as_str() {
        let ago = duration(&device["last_error"]["age_ms"]);
        lines.push(format!("last error, {ago} ago: {line}"));
    }
    if let Some(address) = device["address"].as_str() {
        let (profile, poll) = (text(&device["profile"]), duration(&device["poll_ms"]));
        lines.push(format!("asked at {address} as {profile} every {poll}"));
    }
    lines
}

fn text(value: &Value) -> String {
    printable(value.as_str().unwrap_or(NONE))
}

fn list(value: &Value) -> String {
    let words: Vec<String> = value.as_array().into_iter().flatten().map(text).collect();
    if words.is_empty() {
        NONE.to_owned()
    } else {
        words.join(",")
    }
}

/// `40 ms`, `3.2 s`, `12 min`, `5 h`, `3 d`.
fn duration(ms: &Value) -> String {
    let Some(ms) = ms.as_u64() else {
        return NONE.to_owned();
    };
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{}.{} s", ms / 1_000, ms / 100 % 10),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        7_200_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} d", ms / 86_400_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn well() -> Value {
        json!({
            "id": "ups-1", "kind": "nut", "zones": ["battery-room"], "groups": ["bus-a"],
            "channels_good": 2, "channels_total": 2, "faults": [], "last_good_ms": 140,
            "address": "10.0.0.9:3493", "profile": "nut/ups", "poll_ms": 1_000, "cycle_ms": 12, "answered_ms": 140,
            "last_error": { "line": "an old one", "age_ms": 90_000_000 }, "trouble": null,
        })
    }

    fn lost() -> Value {
        let mut device = well();
        device["channels_good"] = json!(1);
        device["faults"] = json!([{ "channel": "ups-1.charge", "quality": "stale" }]);
        device["trouble"] = json!({ "line": "no answer\u{1b}[2J", "since_wall": "2022-10-15T15:19:00+09:00" });
        device["last_error"] = json!({ "line": "connection refused", "age_ms": 3_200 });
        device
    }

    #[test]
    fn a_device_that_is_well_is_one_line() {
        let lines = of(&[well()]);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[1], "ups-1   nut   battery-room  bus-a  2/2   140 ms  12 ms  ok");
        assert_eq!(lines[2], "1 device, all well");
    }

    #[test]
    fn a_device_in_trouble_says_why_and_what_was_said_last() {
        let text = of(&[well(), lost()]).join("\n");
        for part in [
            "1/2",
            "TROUBLE",
            "why: no answer\u{fffd}[2J (since 2022-10-15T15:19:00+09:00)",
            "not good: ups-1.charge stale",
            "last error, 3.2 s ago: connection refused",
            "asked at 10.0.0.9:3493 as nut/ups every 1.0 s",
            "1 of 2 devices NOT WELL",
        ] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
        assert!(!text.contains("an old one"), "{text}");
    }

    #[test]
    fn what_is_not_known_is_not_well() {
        for (name, value, state) in [
            ("last_good_ms", Value::Null, "NOT HEARD YET"),
            ("faults", json!([{ "channel": "a", "quality": "stuck" }]), "FAULTS"),
            ("faults", Value::Null, "FAULTS"),
            ("trouble", json!({ "line": "lost" }), "TROUBLE"),
        ] {
            let mut device = well();
            device[name] = value;
            assert!(!is_well(&device), "{device}");
            assert!(of(&[device]).join("\n").contains(state));
        }
        assert!(is_well(&well()));
    }
}

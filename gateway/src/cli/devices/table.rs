//! Devices as a person reads them, in 80 columns: those that are not well first, each with why and what to do, then the
//! others by zone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::lines::{many, printable};

const HEAD: [&str; 7] = ["DEVICE", "KIND", "GOOD", "AGE", "CYCLE", "BUS", "STATE"];
/// Where the bus stands in it.
const BUS: usize = 5;
/// A name of a bus is cut to no less; narrower, its column is left out.
const LEAST_BUS: usize = 6;
/// Stands for what there is not.
const NONE: &str = "-";
/// Broader than this no line is made; a terminal is no narrower.
const WIDTH: usize = 80;
/// Where more devices are well than this, their zones stand for them.
const LISTED: usize = 40;

/// Whether nothing is wrong with it. What is not said is not taken for well.
pub(super) fn is_well(device: &Value) -> bool {
    device["state"] == "ok"
}

/// Which of them are shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    /// Of this zone only.
    pub(super) zone: Option<String>,
    /// Every one by name, however many there are.
    pub(super) all: bool,
}

/// The devices that are not well, each with why; the others by zone; and a verdict.
///
/// # Errors
/// A zone in which there is none, and those in which there are some.
pub(super) fn of(devices: &[Value], choice: &Choice) -> Result<Vec<String>, String> {
    let chosen: Vec<&Value> = devices.iter().filter(|d| in_zone(d, choice.zone.as_deref())).collect();
    match &choice.zone {
        Some(zone) if chosen.is_empty() => Err(nobody_there(zone, devices)),
        _ => Ok(listed(&chosen, choice)),
    }
}

fn nobody_there(zone: &str, devices: &[Value]) -> String {
    let zones = devices
        .iter()
        .flat_map(|device| device["zones"].as_array().into_iter().flatten());
    let zones: BTreeSet<String> = zones.map(text).collect();
    let zones: Vec<String> = zones.into_iter().collect();
    format!(
        "no device is in the zone {}; there are some in: {}",
        printable(zone),
        zones.join(", ")
    )
}

fn listed(devices: &[&Value], choice: &Choice) -> Vec<String> {
    let widths = widths(devices);
    let (well, mut unwell): (Vec<&Value>, Vec<&Value>) = devices.iter().partition(|device| is_well(device));
    unwell.sort_by_key(|device| (gravity(device), list(&device["zones"])));
    let mut lines = vec![line(&HEAD.map(str::to_owned), widths)];
    for device in &unwell {
        lines.push(line(&row(device), widths));
        lines.extend(why(device).iter().flat_map(|why| wrapped(&printable(why))));
    }
    let listed = choice.all || choice.zone.is_some() || well.len() <= LISTED;
    for (zone, of_zone) in by_zone(&well) {
        lines.push(format!("{zone}: {} well", of_zone.len()));
        if listed {
            lines.extend(of_zone.iter().map(|device| line(&row(device), widths)));
        }
    }
    if !listed {
        lines.push("--all lists those that are well too, --zone ZONE those of one zone".to_owned());
    }
    lines.push(match unwell.len() {
        0 => format!("{}, all well", many(devices.len(), "device")),
        n => format!("{n} of {} NOT WELL", many(devices.len(), "device")),
    });
    lines
}

/// Whether it measures there; anywhere will do where no zone is named.
pub(super) fn in_zone(device: &Value, zone: Option<&str>) -> bool {
    let zones = device["zones"].as_array().into_iter().flatten();
    zone.is_none_or(|zone| zones.clone().any(|z| z == zone))
}

fn by_zone<'a>(well: &[&'a Value]) -> BTreeMap<String, Vec<&'a Value>> {
    let mut zones: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for device in well {
        zones.entry(list(&device["zones"])).or_default().push(device);
    }
    zones
}

/// As wide as what stands in them; the bus as wide as there is room for, and 0 where nobody shares one.
fn widths(devices: &[&Value]) -> [usize; HEAD.len()] {
    let mut widths = HEAD.map(str::len);
    for row in devices.iter().map(|device| row(device)) {
        for (width, cell) in widths.iter_mut().zip(&row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let others: usize = widths.iter().sum::<usize>() - widths[BUS] + 2 * (HEAD.len() - 1);
    let room = WIDTH.saturating_sub(others);
    let is_shared = devices.iter().any(|device| device["bus"].is_string());
    widths[BUS] = if is_shared && room >= LEAST_BUS {
        widths[BUS].min(room)
    } else {
        0
    };
    widths
}

/// Its end, which tells lines of one kind apart.
fn cut(text: &str, width: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= width {
        return text.to_owned();
    }
    let end: String = chars[chars.len() + 1 - width..].iter().collect();
    format!("…{end}")
}

fn line(row: &[String; HEAD.len()], widths: [usize; HEAD.len()]) -> String {
    let shown = row.iter().zip(widths).filter(|(_, width)| *width > 0);
    let cells = shown.map(|(cell, width)| format!("{:<width$}", cut(cell, width)));
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn row(device: &Value) -> [String; HEAD.len()] {
    let number = |name: &str| device[name].as_u64().unwrap_or_default();
    [
        text(&device["id"]),
        text(&device["kind"]),
        format!("{}/{}", number("channels_good"), number("channels_total")),
        duration(&device["last_good_ms"]),
        duration(&device["cycle_ms"]),
        text(&device["bus"]),
        state(device),
    ]
}

/// Gravest first.
fn gravity(device: &Value) -> usize {
    let words = ["trouble", "faults", "not_heard"];
    let at = words.iter().position(|word| device["state"] == **word);
    at.unwrap_or_default()
}

fn state(device: &Value) -> String {
    let state = match device["state"].as_str() {
        Some("ok") => "ok".to_owned(),
        Some("not_heard") => "NOT HEARD YET".to_owned(),
        Some(word) => printable(word).to_uppercase(),
        None => "UNKNOWN".to_owned(),
    };
    if device["alarm"] == true {
        return format!("{state}, ALARM");
    }
    state
}

/// What is wrong with it, what to do, and what was said last.
fn why(device: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(line) = device["trouble"]["line"].as_str() {
        let since = text(&device["trouble"]["since_wall"]);
        lines.push(format!("why: {line} (since {since})"));
    }
    let faults = device["faults"].as_array().into_iter().flatten();
    let faults: Vec<String> = faults
        .map(|fault| format!("{} {}", text(&fault["channel"]), text(&fault["quality"])))
        .collect();
    let total = device["channels_total"].as_u64().unwrap_or_default();
    match faults.len() {
        0 => {}
        n if n > 1 && n as u64 == total => lines.push(format!("not good: all {n} of its channels")),
        _ => lines.push(format!("not good: {}", faults.join(", "))),
    }
    lines.extend(device["note"].as_str().map(|note| format!("note: {note}")));
    if let Some(line) = device["last_error"]["line"].as_str() {
        let ago = duration(&device["last_error"]["age_ms"]);
        lines.push(format!("last error, {ago} ago: {line}"));
    }
    if let Some(address) = device["address"].as_str() {
        let (profile, poll) = (text(&device["profile"]), duration(&device["poll_ms"]));
        lines.push(format!("asked at {address} as {profile} every {poll}"));
    }
    if let Some(bus) = device["bus"].as_str() {
        lines.push(format!("on {bus} with {}", beside(&device["shares_bus_with"])));
    }
    lines.push(format!(
        "in {}, group {}",
        list(&device["zones"]),
        list(&device["groups"])
    ));
    lines.extend(device["next"].as_str().map(|next| format!("NEXT: {next}")));
    lines
}

/// Who is on a bus with it: a few by name.
fn beside(others: &Value) -> String {
    let all: Vec<String> = others.as_array().into_iter().flatten().map(text).collect();
    match all.len() {
        0 => "nobody else".to_owned(),
        n if n > 4 => format!("{} and {} more", all[..3].join(", "), n - 3),
        _ => all.join(", "),
    }
}

/// In lines of 80 columns, with room in front; a word that is longer stays whole, it may have to be typed.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::from("   ")];
    for word in text.split(' ') {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last + 1 + word.chars().count() > WIDTH && last > 3 {
            lines.push(String::from("     "));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
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

fn duration(ms: &Value) -> String {
    ms.as_u64().map_or_else(|| NONE.to_owned(), crate::lines::shortly)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn well() -> Value {
        json!({
            "id": "ups-1", "kind": "nut", "zones": ["battery-room"], "groups": ["bus-a"], "state": "ok", "next": null,
            "channels_good": 2, "channels_total": 2, "faults": [], "last_good_ms": 140, "alarm": false, "watch": false,
            "address": "10.0.0.9:3493", "profile": "nut/ups", "poll_ms": 1_000, "cycle_ms": 12, "answered_ms": 140,
            "last_error": { "line": "an old one", "age_ms": 90_000_000 }, "trouble": null,
        })
    }

    fn lost() -> Value {
        let mut device = well();
        device["id"] = json!("ups-2");
        device["state"] = json!("trouble");
        device["next"] = json!("Is it on? `muster probe 10.0.0.9:3493 --kind nut` shows what answers there.");
        device["channels_good"] = json!(1);
        device["faults"] = json!([{ "channel": "ups-1.charge", "quality": "stale" }]);
        device["trouble"] = json!({ "line": "no answer\u{1b}[2J", "since_wall": "2022-10-15T15:19:00+09:00" });
        device["last_error"] = json!({ "line": "connection refused", "age_ms": 3_200 });
        device
    }

    fn shown(devices: &[Value]) -> Vec<String> {
        of(devices, &Choice::default()).unwrap()
    }

    #[test]
    fn a_device_that_is_well_is_one_line() {
        let lines = shown(&[well()]);
        assert_eq!(
            lines,
            [
                "DEVICE  KIND  GOOD  AGE     CYCLE  STATE",
                "battery-room: 1 well",
                "ups-1   nut   2/2   140 ms  12 ms  ok",
                "1 device, all well"
            ]
        );
    }

    #[test]
    fn a_device_in_trouble_comes_first_and_says_why_and_what_to_do() {
        let lines = shown(&[well(), lost()]);
        assert!(
            lines[1].starts_with("ups-2") && lines[1].ends_with("TROUBLE"),
            "{lines:?}"
        );
        let text = lines.join("\n");
        for part in [
            "1/2",
            "why: no answer\u{fffd}[2J (since 2022-10-15T15:19:00+09:00)",
            "not good: ups-1.charge stale",
            "last error, 3.2 s ago: connection refused",
            "asked at 10.0.0.9:3493 as nut/ups every 1.0 s",
            "in battery-room, group bus-a",
            "NEXT: Is it on? `muster probe 10.0.0.9:3493 --kind nut`",
            "1 of 2 devices NOT WELL",
        ] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
        assert!(!text.contains("an old one"), "{text}");
    }

    #[test]
    fn a_bus_has_a_column_where_somebody_shares_one_and_there_is_room() {
        let mut on_line = well();
        (on_line["bus"], on_line["shares_bus_with"]) = (json!("/dev/serial/by-id/usb-FTDI_A1"), json!(["bms-2"]));
        let lines = shown(&[on_line.clone(), well()]);
        assert_eq!(
            lines[0],
            "DEVICE  KIND  GOOD  AGE     CYCLE  BUS                            STATE"
        );
        assert!(
            lines[2].contains("/dev/serial/by-id/usb-FTDI_A1  ok") && lines[3].contains("  -  "),
            "{lines:?}"
        );
        on_line["id"] = json!("battery-monitor-of-row-3-and-4");
        let lines = shown(&[on_line.clone()]);
        assert_eq!(
            lines[2],
            "battery-monitor-of-row-3-and-4  nut   2/2   140 ms  12 ms  …d/usb-FTDI_A1  ok"
        );
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:?}");
        let mut ill = lost();
        (ill["bus"], ill["shares_bus_with"]) = (json!("/dev/ttyS1"), json!(["a", "b", "c", "d", "e"]));
        ill["note"] = json!("it says that it is isolated");
        let text = shown(&[ill]).join("\n");
        assert!(text.contains("on /dev/ttyS1 with a, b, c and 2 more"), "{text}");
        assert!(text.contains("note: it says that it is isolated"), "{text}");
        assert!(!shown(&[well()])[0].contains("BUS"));
    }

    #[test]
    fn nothing_is_broader_than_a_terminal() {
        let mut device = lost();
        device["id"] = json!("x".repeat(32));
        device["state"] = json!("not_heard");
        device["bus"] = json!("/dev/ttyUSB0");
        device["faults"] = (0..60)
            .map(|n| json!({ "channel": format!("ups-1.signal-{n}"), "quality": "stale" }))
            .collect();
        for line in shown(&[device, well()]) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }

    #[test]
    fn a_thousand_devices_are_a_line_a_zone_and_those_that_are_not_well() {
        let mut all: Vec<Value> = vec![well(); 999];
        for device in all.iter_mut().step_by(2) {
            device["zones"] = json!(["hall-1"]);
        }
        all.push(lost());
        let lines = shown(&all);
        assert!(lines.len() < 20, "{} lines", lines.len());
        let text = lines.join("\n");
        assert!(
            text.contains("hall-1: 500 well") && text.contains("battery-room: 499 well"),
            "{text}"
        );
        assert!(text.ends_with("1 of 1000 devices NOT WELL"), "{text}");
        let zone = Some("hall-1".to_owned());
        assert_eq!(of(&all, &Choice { zone, all: false }).unwrap().len(), 503);
        assert!(of(&all, &Choice { zone: None, all: true }).unwrap().len() > 1_000);
        let zone = Some("hall-9".to_owned());
        let why = of(&all, &Choice { zone, all: false }).unwrap_err();
        assert!(why.contains("battery-room, hall-1"), "{why}");
    }

    #[test]
    fn what_is_not_known_is_not_well() {
        for (value, state) in [
            (json!("not_heard"), "NOT HEARD YET"),
            (json!("faults"), "FAULTS"),
            (json!("trouble"), "TROUBLE"),
            (Value::Null, "UNKNOWN"),
            (json!("of a later version"), "OF A LATER VERSION"),
        ] {
            let mut device = well();
            device["state"] = value;
            assert!(!is_well(&device), "{device}");
            assert!(shown(&[device]).join("\n").contains(state));
        }
        assert!(is_well(&well()));
    }
}

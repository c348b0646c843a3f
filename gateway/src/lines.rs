//! One honest line an event, and an error with all its causes.

use jiff::Timestamp;
use muster_core::Event;

/// `2026-11-23T15:19:02+09:00 evacuate  vote      battery-room  node-1 votes: …`
#[must_use]
pub fn event(wall_ms: i64, event: &Event) -> String {
    let (level, kind) = (event.level.as_str(), event.kind.as_str());
    format!(
        "{} {level:<8}  {kind:<8}  {:<14}  {}",
        wall(wall_ms),
        event.subject,
        printable(&event.line)
    )
}

/// The same as one JSON object.
#[must_use]
pub fn event_json(wall_ms: i64, event: &Event) -> String {
    serde_json::json!({ "schema": 1, "at": wall(wall_ms), "event": event }).to_string()
}

/// RFC 3339 in the machine's time zone, whole seconds; the number itself if it is no time at all.
#[must_use]
pub fn wall(wall_ms: i64) -> String {
    let stamp = Timestamp::from_millisecond(wall_ms);
    stamp.map_or_else(
        |_| wall_ms.to_string(),
        |t| {
            t.to_zoned(jiff::tz::TimeZone::system())
                .strftime("%Y-%m-%dT%H:%M:%S%:z")
                .to_string()
        },
    )
}

/// An error and its causes on one line.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

/// What hooks and peers say may hold control characters; a terminal must not obey them.
pub(crate) fn printable(line: &str) -> String {
    line.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// `40 ms`, `3.2 s`, `12 min`, `5 h`, `3 d`.
pub(crate) fn shortly(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{}.{} s", ms / 1_000, ms / 100 % 10),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        7_200_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} d", ms / 86_400_000),
    }
}

/// `a, b and 2 more`: the first `most` of them, and how many there are beside.
pub(crate) fn some_of<T: AsRef<str>>(all: &[T], most: usize) -> String {
    let (first, rest) = all.split_at(all.len().min(most));
    let named = first.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    match rest.len() {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// `1 channel`, `2 channels`.
#[must_use]
pub fn many(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

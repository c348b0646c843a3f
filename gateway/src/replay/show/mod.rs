//! A replay for people and for programs. The same input gives the same text to the byte, so that two versions can be
//! compared by `diff`.

mod explain;
mod incident;
mod lead;
mod recording;
mod table;

pub use explain::{Told, explain_json, explain_text};
pub use incident::{incident_json, incident_text};
pub use recording::{recording_json, recording_text};
pub use table::{table_json, table_text};

use jiff::Timestamp;
use jiff::tz::Offset;
use muster_core::Millis;
use serde_json::{Value, json};

use super::Decision;

/// Which decisions are shown, and how their times read.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Every one, rather than those that people want to read.
    pub every: bool,
    /// Engine time of T+0:00.
    pub zero: Millis,
    /// From this time on, relative to `zero`.
    pub from: Millis,
    /// Up to this time, relative to `zero`.
    pub to: Millis,
    /// Seconds east of Greenwich of the times of day.
    pub offset_s: i32,
}

impl Shown {
    fn decisions<'a>(&self, all: &'a [Decision]) -> impl Iterator<Item = &'a Decision> + use<'a> {
        let shown = *self;
        let here = move |d: &&Decision| (shown.from..=shown.to).contains(&(d.at.saturating_sub(shown.zero)));
        all.iter().filter(here).filter(move |d| shown.every || d.is_told())
    }

    fn relative(&self, at: Millis) -> String {
        clock(at.saturating_sub(self.zero))
    }

    fn line(&self, decision: &Decision) -> String {
        let (kind, subject, line) = decision.told();
        let (t, wall) = (self.relative(decision.at), wall(decision.wall_ms, self.offset_s));
        format!("{t:>12}  {wall}  {kind:<8}  {subject:<32}  {}", printable(&line))
    }

    fn json(&self, decision: &Decision) -> Value {
        let (kind, subject, line) = decision.told();
        json!({
            "t": self.relative(decision.at), "t_ms": decision.at.saturating_sub(self.zero), "engine_ms": decision.at,
            "at": wall(decision.wall_ms, self.offset_s), "kind": kind, "subject": subject, "line": line,
        })
    }
}

/// `T+1:02.345`, `T-0:30.000`: minutes, seconds, milliseconds.
#[must_use]
pub fn clock(ms: Millis) -> String {
    let sign = if ms < 0 { '-' } else { '+' };
    let ms = ms.unsigned_abs();
    format!("T{sign}{}:{:02}.{:03}", ms / 60_000, ms / 1_000 % 60, ms % 1_000)
}

/// RFC 3339 with milliseconds; the number itself if it is no time at all.
fn wall(wall_ms: i64, offset_s: i32) -> String {
    let stamp = Timestamp::from_millisecond(wall_ms)
        .ok()
        .zip(Offset::from_seconds(offset_s).ok());
    stamp.map_or_else(
        || wall_ms.to_string(),
        |(stamp, offset)| {
            let zoned = stamp.to_zoned(offset.to_time_zone());
            zoned.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
        },
    )
}

/// Seconds with milliseconds.
fn seconds(ms: Millis) -> String {
    let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    format!("{sign}{}.{:03} s", ms / 1_000, ms % 1_000)
}

/// What hooks and peers said may hold control characters; a terminal must not obey them.
fn printable(line: &str) -> String {
    line.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

//! A moment, explained: for somebody at 3 a.m. on 80 columns, the answer first; and for programs.

mod json;
mod racks;
mod zone;

pub use json::explain_json;

use std::fmt::Write as _;

use muster_core::Millis;

use super::{clock, wall};
use crate::replay::explain::{Explanation, Tape};

/// Columns.
const WIDTH: usize = 80;

/// How a moment is shown.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Where it is from.
    pub tape: &'a Tape<'a>,
    /// Its room, of an incident file.
    pub room: Option<&'a str>,
    /// Engine time of T+0:00.
    pub zero: Millis,
    /// Seconds east of Greenwich of the times of day.
    pub offset_s: i32,
    /// The moment is the level's last rise.
    pub is_rise: bool,
    /// Somebody has asked for it.
    pub asked: bool,
    /// Why the recording ends where it ends.
    pub note: Option<&'a str>,
}

impl Told<'_> {
    /// Date and time of day at an engine time.
    #[must_use]
    pub fn wall(tape: &Tape<'_>, at: Millis, offset_s: i32) -> String {
        wall(tape.wall_ms(at), offset_s)
    }

    fn full(&self, at: Millis) -> String {
        Self::wall(self.tape, at, self.offset_s)
    }

    /// `15:19:01.200`: the day is in the head.
    fn time(&self, at: Millis) -> String {
        let full = self.full(at);
        let time = full.split_once('T').map(|(_, time)| time.chars().take(12).collect());
        time.unwrap_or(full)
    }

    fn relative(&self, at: Millis) -> String {
        clock(at.saturating_sub(self.zero))
    }
}

/// As text.
#[must_use]
pub fn explain_text(found: &Explanation, told: &Told<'_>) -> String {
    let view = &found.view;
    let room = told.room.map_or(String::new(), |room| format!("room {room}, "));
    let mut text = format!("{room}{} at {}: {}\n", view.site, told.full(found.at), view.level);
    let why = if told.asked {
        ""
    } else if told.is_rise {
        ", when its level last rose (--at TIME for another moment)"
    } else {
        ", the end: its level never rose (--at TIME for another moment)"
    };
    let _ = writeln!(text, "{}{why}", told.relative(found.at));
    if let Some(tear) = told.note {
        text += &wrapped(&format!("This stretch cannot be read to its end: {tear}"), "");
    }
    if !view.zones.iter().any(|z| view.why.contains(&z.why)) {
        text += &wrapped(&view.why, "");
    }
    for (zone, answer) in view.zones.iter().zip(&found.answers) {
        text += &zone::text(found, zone, answer, told);
    }
    text += &racks::text(&view.racks, told);
    text.push('\n');
    text
}

/// Words within the columns; later lines begin with `indent` and two blanks more.
fn wrapped(words: &str, indent: &str) -> String {
    let mut text = String::new();
    let mut line = indent.to_owned();
    let mut empty = true;
    for word in super::printable(words).split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text += line.trim_end();
            text.push('\n');
            line = format!("{indent}  ");
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line += word;
        empty = false;
    }
    text + line.trim_end() + "\n"
}

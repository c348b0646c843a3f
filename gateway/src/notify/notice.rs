//! One message: what happened, how it stands, what to do next. The same words in a mail, in a chat and for a program.

use std::fmt::Write as _;

use jiff::Timestamp;
use muster_core::{Level, Millis};
use serde_json::{Value, json};

use super::queue::Digest;
use super::scene::Scene;
use super::sort::Line;
use crate::hooks::note::one_line;
use crate::lines;

/// Characters of a subject line: more is cut off by what people read mail on.
const SUBJECT_CHARS: usize = 150;
/// Told later than this it says so. Milliseconds.
const LATE_MS: Millis = 30_000;
/// Names of what else is in trouble.
const NAMES: usize = 20;

/// A message, ready to be sent in any form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same for every attempt at it: outsiders tell repeats by it.
    pub id: String,
    /// What it is about, a word: `vote`, `level`, `incident`, `end`, `trouble`, `test`.
    pub topic: &'static str,
    /// One line.
    pub subject: String,
    /// Everything, for people.
    pub text: String,
    /// The incident it belongs to.
    pub incident: Option<String>,
    /// Everything, for programs.
    pub data: Value,
    /// RFC 3339, UTC.
    pub time: String,
    /// Site id.
    pub site: String,
    /// Whether it wakes people.
    pub urgent: bool,
}

impl Notice {
    /// Of votes, levels and ends, oldest first; at least one.
    pub(super) fn of_lines(lines: &[Line], scene: &Scene) -> Option<Self> {
        let (first, last) = (lines.first()?, lines.last()?);
        // The first of the highest sort: what came first is nearest to the cause.
        let head = lines.iter().rev().max_by_key(|line| line.sort.weight())?;
        // The view may be a moment older than the line.
        let level = if scene.seen >= last.at { scene.level } else { last.level };
        let opening = lines
            .iter()
            .rev()
            .find(|line| line.text.starts_with(&line.subject) && is_incident(line));
        let draft = Draft {
            id: id_of(&scene.site, first, last.id),
            topic: head.sort.as_str(),
            headline: format!("{}: {}: {}", word(level), head.subject, head.text),
            lines,
            after: String::new(),
            incident: opening
                .map(|line| line.subject.clone())
                .or_else(|| scene.incident.clone()),
            late_ms: (scene.now - first.at) / scene.speed.max(1),
        };
        Some(draft.finish(scene))
    }

    /// Of trouble.
    pub(super) fn of_digest(digest: &Digest, scene: &Scene) -> Option<Self> {
        let first = digest.first.first()?;
        let total = digest.first.len() + digest.more.len();
        let headline = match total {
            1 => format!("trouble: {}", first.text),
            _ => format!("{total} lines of trouble, first: {}", first.text),
        };
        let draft = Draft {
            id: id_of(&scene.site, first, digest.through),
            topic: first.sort.as_str(),
            headline,
            lines: &digest.first,
            after: rest(digest),
            incident: scene.incident.clone(),
            late_ms: (scene.now - first.at) / scene.speed.max(1),
        };
        Some(draft.finish(scene))
    }

    /// That nothing has happened, and that the way works. It says nothing about how the site is: nobody has looked.
    #[must_use]
    pub fn of_test(site: &str, page: &str, wall_ms: i64) -> Self {
        let headline = "TEST: nothing has happened; this is how you would be told";
        let text = format!(
            "{headline}.\n  {}  muster notify test\nPage: {page}\nNext: say that you have seen it to whoever asked for it.\n",
            when(wall_ms)
        );
        Self {
            id: format!("{site}.test.{wall_ms}"),
            topic: "test",
            subject: one_line(&format!("[Muster {site}] {headline}"), SUBJECT_CHARS),
            text,
            incident: None,
            data: json!({ "site": site, "headline": headline, "page": page, "events": [] }),
            time: utc(wall_ms),
            site: site.to_owned(),
            urgent: false,
        }
    }

    /// One CloudEvent 1.0 in structured JSON.
    #[must_use]
    pub fn cloud_event(&self) -> Value {
        json!({
            "specversion": "1.0",
            "id": self.id,
            "source": format!("/muster/{}", self.site),
            "type": format!("muster.notice.{}", self.topic),
            "time": self.time,
            "subject": self.topic,
            "datacontenttype": "application/json",
            "data": self.data,
        })
    }

    /// What chats take: `{"text": "…"}`. `&`, `<` and `>` are written as entities, as Slack wants and Markdown reads, so that no
    /// word in it becomes a link or a call to everybody.
    #[must_use]
    pub fn chat(&self) -> Value {
        let text = format!("*{}*\n{}", self.subject, self.text);
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        json!({ "text": text })
    }
}

fn is_incident(line: &Line) -> bool {
    matches!(line.sort.as_str(), "incident" | "end")
}

/// Site, first and last line, and the second of the first: a journal that was lost begins to count anew.
fn id_of(site: &str, first: &Line, last: i64) -> String {
    format!("{site}.{}-{last}.{}", first.id, first.wall_ms.div_euclid(1_000))
}

fn word(level: Level) -> String {
    level.as_str().to_uppercase()
}

/// What a digest does not tell line by line.
fn rest(digest: &Digest) -> String {
    let mut text = String::new();
    if !digest.more.is_empty() {
        let mut names: Vec<&str> = digest.more.iter().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let shown = names.len().min(NAMES);
        let dots = if names.len() > shown { ", …" } else { "" };
        let _ = writeln!(
            text,
            "  and {} more lines of trouble, of: {}{dots}",
            digest.more.len(),
            names[..shown].join(", ")
        );
    }
    if digest.lost > 0 {
        let _ = writeln!(text, "  and {} older ones, which found no room here", digest.lost);
    }
    text
}

/// A message before its words are put together.
struct Draft<'a> {
    id: String,
    topic: &'static str,
    headline: String,
    lines: &'a [Line],
    after: String,
    incident: Option<String>,
    late_ms: Millis,
}

impl Draft<'_> {
    fn finish(self, scene: &Scene) -> Notice {
        let late = (self.late_ms >= LATE_MS).then(|| format!("LATE by {}", span(self.late_ms)));
        let marks = scene.marks.iter().copied().chain(late.as_deref());
        let marks: String = marks.map(|mark| format!("{mark} ")).collect();
        let subject = format!("[Muster {}] {marks}{}", scene.site, self.headline);
        Notice {
            text: self.text(scene, late.as_deref()),
            data: self.data(scene),
            subject: one_line(&subject, SUBJECT_CHARS),
            time: utc(self.lines.first().map_or(scene.wall_ms, |line| line.wall_ms)),
            site: scene.site.clone(),
            urgent: self.topic != "trouble",
            id: self.id,
            topic: self.topic,
            incident: self.incident,
        }
    }

    fn text(&self, scene: &Scene, late: Option<&str>) -> String {
        let mut text = String::new();
        for meaning in scene.meanings() {
            let _ = writeln!(text, "{meaning}");
        }
        if let Some(late) = late {
            let _ = writeln!(
                text,
                "{late}: it could not be told here before. The times are when it happened."
            );
        }
        for line in self.lines {
            let _ = writeln!(
                text,
                "  {}  {:<8} {}: {}",
                when(line.wall_ms),
                line.sort.as_str(),
                line.subject,
                line.text
            );
        }
        text.push_str(&self.after);
        let _ = writeln!(
            text,
            "Now ({}): {}, {}",
            when(scene.wall_ms),
            word(scene.level),
            or_quiet(&scene.why)
        );
        if let Some(incident) = &self.incident {
            let _ = writeln!(text, "Incident: {incident}");
        }
        let _ = writeln!(text, "Page: {}", scene.page);
        for next in &scene.next {
            let _ = writeln!(text, "Next: {next}");
        }
        text
    }

    fn data(&self, scene: &Scene) -> Value {
        let events = self.lines.iter().map(|line| {
            json!({
                "id": line.id, "time": utc(line.wall_ms), "topic": line.sort.as_str(), "level": line.level.as_str(),
                "subject": line.subject, "line": line.text,
            })
        });
        json!({
            "site": scene.site, "armed": scene.armed, "simulated": scene.simulated, "marks": scene.marks,
            "level": scene.level.as_str(), "why": scene.why, "incident": self.incident, "headline": self.headline,
            "late_s": self.late_ms.max(0) / 1_000, "events": events.collect::<Vec<_>>(), "next": scene.next,
            "page": scene.page,
        })
    }
}

fn or_quiet(why: &str) -> &str {
    if why.is_empty() { "nothing is wrong" } else { why }
}

/// Local time, and UTC beside it.
fn when(wall_ms: i64) -> String {
    let utc =
        Timestamp::from_millisecond(wall_ms).map_or_else(|_| String::new(), |t| t.strftime("%H:%M:%SZ").to_string());
    format!("{} ({utc})", lines::wall(wall_ms))
}

/// RFC 3339, UTC; beyond the calendar, its last moment.
fn utc(wall_ms: i64) -> String {
    Timestamp::from_millisecond(wall_ms)
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

/// `40 s`, `14 min`, `3 h 5 min`.
fn span(ms: Millis) -> String {
    match ms / 1_000 {
        s if s < 120 => format!("{s} s"),
        s if s < 7_200 => format!("{} min", s / 60),
        s => format!("{} h {} min", s / 3_600, s % 3_600 / 60),
    }
}

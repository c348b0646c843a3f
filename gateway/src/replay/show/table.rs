//! Several incident files: one line each.

use std::fmt::Write as _;

use muster_core::Millis;
use serde_json::{Value, json};

use super::incident::{incident_json, judged_line};
use super::lead::{Lead, minutes};
use super::{Shown, clock, seconds};
use crate::replay::Played;
use crate::replay::play::Course;

/// As text: a table, then every expectation that is broken.
#[must_use]
pub fn table_text(all: &[(Played, Shown)]) -> String {
    let rooms = rooms(all);
    let mut rows = vec![heads(&rooms)];
    rows.extend(all.iter().map(|(played, _)| row(played, &rooms)));
    let mut text = aligned(&rows);
    for (played, shown) in all {
        for judged in played.judged.iter().filter(|j| !j.kept) {
            let _ = writeln!(text, "\n{}: {}", name(played), judged_line(judged, shown));
        }
    }
    let kept = all.iter().filter(|(played, _)| played.kept()).count();
    let _ = writeln!(
        text,
        "\n{kept} of {} files kept; `muster replay FILE` shows the decisions of one, and why",
        all.len()
    );
    text
}

/// As JSON, schema 1: the table, and every file as it is alone.
#[must_use]
pub fn table_json(all: &[(Played, Shown)]) -> Value {
    let rows = all.iter().map(|(played, _)| {
        let rooms = played.courses.iter().map(|course| {
            json!({
                "room": course.site, "level": course.highest().as_str(),
                "second_vote_to_evacuate_hook_ms": course.facts.reaction_ms(),
                "lead": Lead::of(&played.incident, course).json(),
            })
        });
        json!({
            "file": played.incident.file.display().to_string(), "verdict": played.verdict(),
            "rooms": rooms.collect::<Vec<_>>(),
        })
    });
    let files = all.iter().map(|(played, shown)| incident_json(played, shown));
    json!({
        "schema": 1,
        "verdict": if all.iter().all(|(played, _)| played.kept()) { "kept" } else { "broken" },
        "table": rows.collect::<Vec<_>>(),
        "files": files.collect::<Vec<_>>(),
    })
}

/// The rooms of all files, in the order in which they come.
fn rooms(all: &[(Played, Shown)]) -> Vec<&str> {
    let mut rooms: Vec<&str> = Vec::new();
    for course in all.iter().flat_map(|(played, _)| &played.courses) {
        if !rooms.contains(&course.site.as_str()) {
            rooms.push(&course.site);
        }
    }
    rooms
}

fn heads(rooms: &[&str]) -> Vec<String> {
    let fixed = ["file", "expectations", "second vote to hook"].map(str::to_owned);
    let leads = rooms.iter().map(|room| format!("first evacuate hook, {room}"));
    fixed.into_iter().chain(leads).collect()
}

fn row(played: &Played, rooms: &[&str]) -> Vec<String> {
    let (kept, all) = (played.judged.iter().filter(|j| j.kept).count(), played.judged.len());
    let verdict = match played.kept() {
        true => format!("kept, all {all}"),
        false => format!("BROKEN, {} of {all}", all - kept),
    };
    let slowest = played.courses.iter().filter_map(|c| c.facts.reaction_ms()).max();
    let mut row = vec![name(played), verdict, slowest.map_or("-".into(), seconds)];
    row.extend(rooms.iter().map(|room| {
        let course = played.courses.iter().find(|c| c.site == **room);
        course.map_or("-".into(), |course| hook(played, course))
    }));
    row
}

/// The lead over the first loss, over the cut where no loss is told of, or that there was nothing to call a hook for.
fn hook(played: &Played, course: &Course) -> String {
    let Some(at) = course.facts.first_evacuate_hook else {
        return format!("none, at most {}", course.highest());
    };
    match Lead::of(&played.incident, course).clocks.first() {
        Some(clock) => format!("{} the {}", before(clock.at - at), clock.name),
        None => format!("at {}", clock(at - played.incident.zero)),
    }
}

fn before(ms: Millis) -> String {
    let min = minutes(Some(ms.abs())).unwrap_or_default();
    format!("{min:.1} min {}", if ms < 0 { "after" } else { "before" })
}

fn name(played: &Played) -> String {
    let file = &played.incident.file;
    file.file_name()
        .unwrap_or(file.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// Columns as wide as their widest cell, two spaces apart.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let wide = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

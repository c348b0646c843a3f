//! An incident file, played in its rooms.

use std::fmt::Write as _;

use muster_core::Millis;
use serde_json::{Value, json};

use super::lead::{Lead, minutes};
use super::recording::facts_json;
use super::{Shown, clock, seconds, wall};
use crate::incident::{Fact, FactKind, Incident, Mark};
use crate::replay::judge::Judged;
use crate::replay::play::Course;

/// Columns of running text.
const WIDTH: usize = 110;

/// As text.
#[must_use]
pub fn incident_text(incident: &Incident, courses: &[Course], judged: &[Judged], shown: &Shown) -> String {
    let mut text = format!("{}\n{}\n", incident.title, wrapped(&incident.proves));
    for course in courses {
        let _ = writeln!(text, "\nroom {}, {} workloads", course.site, course.workloads);
        for decision in shown.decisions(&course.decisions) {
            let _ = writeln!(text, "{}", shown.line(decision));
        }
    }
    let _ = writeln!(text, "\nwhat is on record, and what is assumed");
    for fact in &incident.facts {
        let _ = writeln!(text, "{}", fact_line(incident, fact, shown));
    }
    for course in courses {
        let _ = write!(text, "\n{}", course_text(incident, course, shown));
    }
    let _ = writeln!(text);
    for j in judged {
        let _ = writeln!(text, "{}", judged_line(j, shown));
    }
    let kept = judged.iter().filter(|j| j.kept).count();
    let _ = writeln!(text, "{kept} of {} expectations kept", judged.len());
    text
}

fn wrapped(words: &str) -> String {
    let (mut text, mut column) = (String::new(), 0);
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text
}

fn fact_line(incident: &Incident, fact: &Fact, shown: &Shown) -> String {
    let kind = fact.kind.to_string();
    let mark = match &fact.mark {
        Mark::Recorded(source) => format!("[recorded: {source}]"),
        Mark::Assumed(why) => format!("[assumed: {why}]"),
    };
    let at = wall(incident.begin_wall_ms + fact.at, shown.offset_s);
    format!(
        "{:>12}  {at}  {kind:<18}  {} {mark}",
        shown.relative(fact.at),
        fact.text
    )
}

fn course_text(incident: &Incident, course: &Course, shown: &Shown) -> String {
    let facts = &course.facts;
    let at = |time: Option<_>| time.map_or("never".into(), |at| shown.relative(at));
    let mut text = format!("room {}\n", course.site);
    let _ = writeln!(text, "  first vote           {}", at(facts.first_vote));
    let _ = writeln!(text, "  second vote          {}", at(facts.second_vote));
    let _ = writeln!(text, "  first prepare hook   {}", at(facts.first_prepare_hook));
    let reaction = facts.reaction_ms().map_or("-".into(), seconds);
    let _ = writeln!(
        text,
        "  first evacuate hook  {}, {reaction} after the second vote",
        at(facts.first_evacuate_hook)
    );
    let last = facts.safe.iter().map(|s| s.at).max();
    let _ = writeln!(
        text,
        "  workloads safe       {} of {}, the last at {}",
        facts.safe.len(),
        course.workloads,
        at(last)
    );
    text + &lead_text(&Lead::of(incident, course), shown)
}

fn lead_text(lead: &Lead, shown: &Shown) -> String {
    let mut text = String::new();
    for p in &lead.people {
        let _ = writeln!(
            text,
            "  people knew          {} ({}): the first vote {} that, the first evacuate hook {} it",
            shown.relative(p.knew),
            p.version,
            before(p.vote_before),
            before(p.hook_before)
        );
    }
    for c in &lead.clocks {
        let _ = writeln!(
            text,
            "  {:<20} {}: the first evacuate hook {} it; by then {} moved, {} stopped",
            c.name,
            shown.relative(c.at),
            before(c.hook_before),
            c.moved,
            c.stopped
        );
    }
    text
}

/// `3.6 min before`, `2.1 min after`.
fn before(ms: Option<Millis>) -> String {
    match minutes(ms) {
        None => "never, against".into(),
        Some(min) if min < 0.0 => format!("{:.1} min after", -min),
        Some(min) => format!("{min:.1} min before"),
    }
}

fn judged_line(judged: &Judged, shown: &Shown) -> String {
    let word = if judged.kept { "kept  " } else { "BROKEN" };
    let was = match judged.was {
        None => "it did not happen".into(),
        Some(n) if judged.text.contains("moved") => format!("{n} were"),
        Some(ms) if judged.text.contains("within") => format!("it took {}", seconds(ms)),
        Some(at) => format!("it was at {}", shown.relative(at)),
    };
    format!("{word}  line {}, {}: {} ({was})", judged.line, judged.site, judged.text)
}

/// As JSON, schema 1.
#[must_use]
pub fn incident_json(incident: &Incident, courses: &[Course], judged: &[Judged], shown: &Shown) -> Value {
    let rooms = courses.iter().map(|course| {
        let lead = Lead::of(incident, course);
        json!({
            "room": lead.site, "workloads": course.workloads, "digest": format!("{:016x}", course.digest),
            "figures": facts_json(&course.facts, shown), "lead": lead.json(),
            "decisions": shown.decisions(&course.decisions).map(|d| shown.json(d)).collect::<Vec<_>>(),
        })
    });
    let versions = incident.versions.iter().map(|v| {
        let knew = incident.knew(&v.name).map(|f| clock(f.at - shown.zero));
        json!({ "name": v.name, "text": v.text, "people_knew": knew })
    });
    let judged_json = judged
        .iter()
        .map(|j| json!({ "line": j.line, "room": j.site, "expect": j.text, "kept": j.kept, "was_ms": j.was }));
    json!({
        "schema": 1,
        "verdict": if judged.iter().all(|j| j.kept) { "kept" } else { "broken" },
        "title": incident.title,
        "proves": incident.proves,
        "versions": versions.collect::<Vec<_>>(),
        "facts": incident.facts.iter().map(|fact| fact_json(fact, shown)).collect::<Vec<_>>(),
        "rooms": rooms.collect::<Vec<_>>(),
        "expectations": judged_json.collect::<Vec<_>>(),
    })
}

fn fact_json(fact: &Fact, shown: &Shown) -> Value {
    let (kind, version) = match &fact.kind {
        FactKind::People(version) => ("people", version.clone()),
        FactKind::Note => ("note", None),
        FactKind::Loss => ("loss", None),
        FactKind::Cut => ("cut", None),
    };
    let (mark, source) = match &fact.mark {
        Mark::Recorded(source) => ("recorded", source),
        Mark::Assumed(why) => ("assumed", why),
    };
    json!({
        "t": shown.relative(fact.at), "t_ms": fact.at - shown.zero, "kind": kind, "version": version,
        "text": fact.text, "mark": mark, "source": source,
    })
}

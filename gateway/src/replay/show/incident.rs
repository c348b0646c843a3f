//! An incident file, played in its rooms.

use std::fmt::Write as _;

use muster_core::Millis;
use serde_json::{Value, json};

use super::lead::{Lead, minutes};
use super::recording::facts_json;
use super::{Shown, clock, seconds, wall};
use crate::incident::{Fact, FactKind, Incident, Mark};
use crate::replay::Played;
use crate::replay::judge::{Judged, Was};
use crate::replay::play::Course;

/// Columns of running text.
const WIDTH: usize = 110;

/// As text.
#[must_use]
pub fn incident_text(played: &Played, shown: &Shown) -> String {
    let Played {
        incident,
        courses,
        judged,
    } = played;
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
    let reaction = facts.reaction_ms();
    let reaction = reaction.map_or(String::new(), |ms| format!(", {} after the second vote", seconds(ms)));
    let hook = at(facts.first_evacuate_hook);
    let _ = writeln!(text, "  first evacuate hook  {hook}{reaction}");
    let last = facts.safe.iter().map(|s| s.at).max();
    let last = last.map_or(String::new(), |last| format!(", the last at {}", shown.relative(last)));
    let safe = facts.safe.len();
    let _ = writeln!(text, "  workloads safe       {safe} of {}{last}", course.workloads);
    let _ = writeln!(text, "  highest level        {}", course.highest());
    text + &lead_text(&Lead::of(incident, course), shown)
}

fn lead_text(lead: &Lead, shown: &Shown) -> String {
    let mut text = String::new();
    for p in &lead.people {
        let _ = writeln!(
            text,
            "  people knew          {} ({}): {}, {}",
            shown.relative(p.knew),
            p.version,
            before("vote", p.vote_before),
            before("evacuate hook", p.hook_before)
        );
    }
    for c in &lead.clocks {
        let _ = writeln!(
            text,
            "  {:<20} {}: {}; by then {} moved, {} stopped",
            c.name,
            shown.relative(c.at),
            before("evacuate hook", c.hook_before),
            c.moved,
            c.stopped
        );
    }
    text
}

/// `the first vote 3.6 min before it`, `the first evacuate hook 2.1 min after it`, `no evacuate hook`.
fn before(what: &str, ms: Option<Millis>) -> String {
    match minutes(ms) {
        None => format!("no {what}"),
        Some(min) if min < 0.0 => format!("the first {what} {:.1} min after it", -min),
        Some(min) => format!("the first {what} {min:.1} min before it"),
    }
}

pub(super) fn judged_line(judged: &Judged, shown: &Shown) -> String {
    let word = if judged.kept { "kept  " } else { "BROKEN" };
    let was = match judged.was {
        Was::Never => "it did not happen".into(),
        Was::At(at) => format!("it was at {}", shown.relative(at)),
        Was::Took(ms) => format!("it took {}", seconds(ms)),
        Was::Count(1) => "1 was".into(),
        Was::Count(n) => format!("{n} were"),
        Was::Level(level) => format!("it was {level}"),
    };
    format!("{word}  line {}, {}: {} ({was})", judged.line, judged.site, judged.text)
}

/// As JSON, schema 1.
#[must_use]
pub fn incident_json(played: &Played, shown: &Shown) -> Value {
    let Played {
        incident,
        courses,
        judged,
    } = played;
    let rooms = courses.iter().map(|course| {
        let lead = Lead::of(incident, course);
        json!({
            "room": lead.site, "workloads": course.workloads, "digest": format!("{:016x}", course.digest),
            "level": course.highest().as_str(), "figures": facts_json(&course.facts, shown), "lead": lead.json(),
            "decisions": shown.decisions(&course.decisions).map(|d| shown.json(d)).collect::<Vec<_>>(),
        })
    });
    let versions = incident.versions.iter().map(|v| {
        let knew = incident.knew(&v.name).map(|f| clock(f.at - shown.zero));
        json!({ "name": v.name, "text": v.text, "people_knew": knew })
    });
    json!({
        "schema": 1,
        "verdict": played.verdict(),
        "title": incident.title,
        "proves": incident.proves,
        "versions": versions.collect::<Vec<_>>(),
        "facts": incident.facts.iter().map(|fact| fact_json(fact, shown)).collect::<Vec<_>>(),
        "rooms": rooms.collect::<Vec<_>>(),
        "expectations": judged.iter().map(judged_json).collect::<Vec<_>>(),
    })
}

/// An expectation: `was_ms` when it happened, or how long it took; `was` a count or a level.
fn judged_json(judged: &Judged) -> Value {
    let (was_ms, was) = match judged.was {
        Was::Never => (None, Value::Null),
        Was::At(ms) | Was::Took(ms) => (Some(ms), Value::Null),
        Was::Count(n) => (None, n.into()),
        Was::Level(level) => (None, level.as_str().into()),
    };
    json!({
        "line": judged.line, "room": judged.site, "expect": judged.text, "kept": judged.kept, "was_ms": was_ms,
        "was": was,
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

//! A recording, replayed.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Shown, seconds, wall};
use crate::replay::Facts;
use crate::replay::recording::{Divergence, Joins, Recording, Seen};

/// As text.
#[must_use]
pub fn recording_text(recording: &Recording, shown: &Shown) -> String {
    let mut text = String::new();
    for seen in &recording.segments {
        let _ = writeln!(text, "{}", segment_line(seen, shown));
    }
    let _ = writeln!(text);
    for decision in shown.decisions(&recording.decisions) {
        let _ = writeln!(text, "{}", shown.line(decision));
    }
    for facts in Facts::of(&recording.decisions) {
        let _ = writeln!(text, "\n{}", facts_line(&facts, shown));
    }
    let _ = writeln!(text, "\n{}", verdict(recording, shown));
    text
}

fn segment_line(seen: &Seen, shown: &Shown) -> String {
    let name = seen.path.file_name().unwrap_or_default().to_string_lossy();
    let joins = match &seen.joins {
        Joins::First => "begins".into(),
        Joins::Started => "the process started".into(),
        Joins::GoesOn => "goes on".into(),
        Joins::Gap(why) => format!("after a gap: {why}"),
        Joins::Unusable(why) => format!("not usable by this version: {why}"),
    };
    let tear = seen
        .tear
        .as_ref()
        .map_or(String::new(), |why| format!("; ends early at {why}"));
    let (head, from) = (&seen.head, wall(seen.head.wall_ms, shown.offset_s));
    format!(
        "segment {name}  {from}  {}, muster {} core {}: {joins}{tear}",
        head.site, head.muster, head.core
    )
}

fn facts_line(facts: &Facts, shown: &Shown) -> String {
    let at = |time: Option<_>| time.map_or("never".into(), |at| shown.relative(at));
    let moved = facts.safe.iter().filter(|s| s.runs()).count();
    format!(
        "incident {}: first vote {}, second vote {}, first evacuate hook {} ({} after the second vote), {} workloads \
         moved, {} stopped",
        facts.incident.map_or("?".into(), |n| n.to_string()),
        at(facts.first_vote),
        at(facts.second_vote),
        at(facts.first_evacuate_hook),
        facts.reaction_ms().map_or("-".into(), seconds),
        moved,
        facts.safe.len() - moved,
    )
}

fn verdict(recording: &Recording, shown: &Shown) -> String {
    let Recording { inputs, digests, .. } = recording;
    if recording.divergences.is_empty() {
        return format!("same: {inputs} inputs, every decision as recorded, {digests} digests alike");
    }
    let mut text = String::new();
    for Divergence {
        at,
        wall_ms,
        recorded,
        now,
    } in &recording.divergences
    {
        let (t, wall) = (shown.relative(*at), wall(*wall_ms, shown.offset_s));
        let _ = writeln!(text, "this version would decide otherwise at {t} ({wall})");
        let _ = writeln!(text, "  recorded: {recorded}\n  now:      {now}");
    }
    text + "otherwise"
}

/// As JSON, schema 1.
#[must_use]
pub fn recording_json(recording: &Recording, shown: &Shown) -> Value {
    let segments = recording.segments.iter().map(|seen| {
        let (joins, why) = match &seen.joins {
            Joins::First => ("begins", None),
            Joins::Started => ("started", None),
            Joins::GoesOn => ("goes_on", None),
            Joins::Gap(why) => ("gap", Some(why)),
            Joins::Unusable(why) => ("unusable", Some(why)),
        };
        json!({
            "file": seen.path.display().to_string(), "site": seen.head.site, "muster": seen.head.muster,
            "core": seen.head.core, "from_ms": seen.head.from, "from": wall(seen.head.wall_ms, shown.offset_s),
            "lost": seen.head.lost, "joins": joins, "why": why, "tear": seen.tear,
        })
    });
    let divergences = recording.divergences.iter().map(|d| {
        json!({
            "t": shown.relative(d.at), "engine_ms": d.at, "at": wall(d.wall_ms, shown.offset_s),
            "recorded": d.recorded, "now": d.now,
        })
    });
    let facts = Facts::of(&recording.decisions);
    json!({
        "schema": 1,
        "verdict": if recording.divergences.is_empty() { "same" } else { "otherwise" },
        "inputs": recording.inputs,
        "digests": recording.digests,
        "segments": segments.collect::<Vec<_>>(),
        "divergences": divergences.collect::<Vec<_>>(),
        "incidents": facts.iter().map(|f| facts_json(f, shown)).collect::<Vec<_>>(),
        "decisions": shown.decisions(&recording.decisions).map(|d| shown.json(d)).collect::<Vec<_>>(),
    })
}

/// The figures of one incident, relative to T+0:00.
pub(super) fn facts_json(facts: &Facts, shown: &Shown) -> Value {
    let at = |time: Option<_>| time.map(|at: i64| at.saturating_sub(shown.zero));
    let safe = facts
        .safe
        .iter()
        .map(|s| json!({ "workload": s.workload, "rung": s.rung.as_str(), "t_ms": at(Some(s.at)) }));
    json!({
        "incident": facts.incident,
        "first_vote_ms": at(facts.first_vote),
        "second_vote_ms": at(facts.second_vote),
        "first_prepare_hook_ms": at(facts.first_prepare_hook),
        "evacuate_begun_ms": at(facts.evacuate_begun),
        "first_evacuate_hook_ms": at(facts.first_evacuate_hook),
        "second_vote_to_evacuate_hook_ms": facts.reaction_ms(),
        "safe": safe.collect::<Vec<_>>(),
        "closed_ms": at(facts.closed),
    })
}

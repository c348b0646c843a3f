//! Readiness: workloads and tools against what may be lost, and what every bridge stands on.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{act::with_commands, time_of};
use crate::api::serve::Room;
use crate::api::wall;
use crate::readiness::{Cell, Check, Colour, Finding, Report, Row};

/// Rows on the page, the worst first.
const ROWS: usize = 40;
/// What is broken, line by line.
const FINDINGS: usize = 12;

pub(super) fn section(room: &Room) -> Markup {
    let report = room.state.readiness.borrow().clone();
    html! {
        section #readiness data-part="" {
            @match report {
                None => { h2 { "Readiness" } p.none { "Hooks and tools are being asked." } }
                Some(report) => (shown(&report)),
            }
        }
    }
}

fn shown(report: &Report) -> Markup {
    let mut rows: Vec<&Row> = report.rows.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(worst(row)));
    html! {
        h2 { "Readiness " small { "would every bridge hold? found out " (time_of(wall::rfc3339(report.at_ms))) } " " (mark(report.colour, report.colour.as_str())) }
        @if !report.rows.is_empty() {
            table.matrix {
                thead { tr { th { "when lost" } @for lost in &report.columns { th { (lost.also_down.as_deref().map_or_else(|| lost.site.clone(), |down| format!("and {down} down"))) } } } }
                tbody { @for row in rows.iter().take(ROWS) { tr { td.id { (row.id) @if row.kind != "workload" { " " small { (row.kind) } } } @for cell in &row.cells { td { (bridge(cell)) } } } } }
            }
            (rest(rows.len(), ROWS))
        }
        p.none { "As of: " @if !report.hooks.is_empty() { "hooks " (oldest(report.hooks.iter())) ", " } "tools " (tools(report)) ", journal and disk " (oldest(report.drills.iter().chain(&report.muster))) "." }
        p.checks { @for check in report.muster.iter().chain(&report.hooks).chain(&report.drills) { (said(check)) " " } }
        (findings(report))
    }
}

/// When the one of them was asked that was asked longest ago.
fn oldest<'a>(checks: impl Iterator<Item = &'a Check>) -> Markup {
    at(checks.map(|check| check.as_of_ms).min())
}

fn tools(report: &Report) -> Markup {
    let tools = report.rows.iter().filter(|row| row.kind != "workload");
    at(tools.map(|row| row.as_of_ms).min())
}

fn at(ms: Option<i64>) -> Markup {
    html! { @match ms { Some(ms) => (time_of(wall::rfc3339(ms))), None => "never" } }
}

fn worst(row: &Row) -> Colour {
    row.cells.iter().map(|cell| cell.colour).max().unwrap_or_default()
}

fn bridge(cell: &Cell) -> Markup {
    let word = match (&cell.way, cell.colour) {
        (Some(way), _) => way.as_str(),
        (None, Colour::Green) => "stands",
        (None, Colour::Amber) => "not known",
        (None, Colour::Red) => "broken",
    };
    mark(cell.colour, word)
}

/// A colour is never alone: its sign says the same.
fn mark(colour: Colour, word: &str) -> Markup {
    let sign = match colour {
        Colour::Green => "✓",
        Colour::Amber => "?",
        Colour::Red => "✗",
    };
    html! { span class=(format!("ready {}", colour.as_str())) { (sign) " " (word) } }
}

fn said(check: &Check) -> Markup {
    mark(check.finding.colour, &check.id)
}

/// The worst first; the same reason in several places once.
fn findings(report: &Report) -> Markup {
    let mut all: Vec<(String, usize, &Finding)> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, finding) in report.findings() {
        match known.get(finding.why.as_str()) {
            Some(at) => all[*at].1 += 1,
            None => {
                known.insert(&finding.why, all.len());
                all.push((place, 0, finding));
            }
        }
    }
    all.sort_by_key(|(_, _, finding)| std::cmp::Reverse(finding.colour));
    html! {
        @for (place, more, finding) in all.iter().take(FINDINGS) {
            p class=(format!("item {}", finding.colour.as_str())) {
                (mark(finding.colour, place)) @if *more > 0 { " and in " (more) " more places" } " " (finding.why)
                @if let Some(mend) = &finding.mend { br; span.reason { "Mend: " (with_commands(mend)) } }
            }
        }
        (rest(all.len(), FINDINGS))
    }
}

/// That it goes on, and where.
fn rest(all: usize, shown: usize) -> Markup {
    html! { @if all > shown { p.none { "and " (all - shown) " more: " code { "/api/v1/readiness" } } } }
}

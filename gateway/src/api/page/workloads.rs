//! What is safe, what is on its way, and what is not.

use maud::{Markup, html};
use muster_core::{IncidentView, Mode, Phase, StepView, WorkloadView};

use super::{Moment, rest, shape, tag};

/// Steps on the page, those first that need eyes.
const SHOWN: usize = 200;

pub(super) fn section(moment: &Moment<'_>) -> Markup {
    let incident = moment.view.incident.as_ref();
    html! {
        section #safe {
            div #workloads data-part="" {
                @match incident {
                    Some(incident) => (table(moment, incident)),
                    None => { h2 { "Workloads" } p.none { "No incident: nothing has to move." } }
                }
            }
            // Outside of what is replaced, so that it stays as somebody has opened it.
            details {
                summary { "Every step" }
                div #steps data-part="" { @if let Some(incident) = incident { (steps(moment, incident)) } }
            }
        }
    }
}

pub(super) fn table(moment: &Moment<'_>, incident: &IncidentView) -> Markup {
    let mut all: Vec<&WorkloadView> = incident.workloads.iter().collect();
    all.sort_by_key(|w| w.tier);
    let drill = incident.mode == Mode::Drill;
    html! {
        h2 {
            "Workloads " small { (incident.id) ", opened " (moment.time(incident.opened))
                @if let Some(closed) = incident.closed { ", closed " (moment.time(closed)) } } " "
            @if drill { (tag("drill")) }
        }
        (tally(&all, drill))
        table {
            thead { tr { th { "Tier" } th { "Workload" } th { "State" } th { "How far" } th.why { "Why" } } }
            tbody { @for work in all { (row(moment, incident, work)) } }
        }
    }
}

/// So many safe, on their way, waiting, and without a way left: in words, and as one bar.
fn tally(all: &[&WorkloadView], drill: bool) -> Markup {
    let count = |fits: fn(&WorkloadView) -> bool| all.iter().filter(|w| fits(w)).count();
    let parts = [
        (
            "done",
            if drill { "rehearsed" } else { "safe" },
            count(|w| w.safe_at.is_some() && w.state != "returning"),
        ),
        (
            "moving",
            "on their way",
            count(|w| matches!(w.state.as_str(), "moving" | "verifying" | "returning")),
        ),
        ("waiting", "waiting", count(|w| w.state == "waiting")),
        ("stranded", "STRANDED", count(|w| w.state == "stranded")),
        ("skipped", "skipped", count(|w| w.state == "skipped")),
    ];
    let share = |n: usize| percent(n * 10_000 / all.len().max(1));
    let before = |i: usize| parts[..i].iter().map(|(_, _, n)| n).sum();
    html! {
        p.big { (parts[0].2) " of " (all.len()) " " (parts[0].1)
            @for (class, name, n) in &parts[1..] { @if *n > 0 { ", " span class=(class) { (n) " " (name) } } } }
        svg.tally aria-hidden="true" {
            @for (i, (class, _, n)) in parts.iter().enumerate() {
                rect class=(class) x=(share(before(i))) width=(share(*n)) height="100%" {}
            }
        }
    }
}

fn percent(hundredths: usize) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

fn row(moment: &Moment<'_>, incident: &IncidentView, work: &WorkloadView) -> Markup {
    let step = incident
        .steps
        .iter()
        .rev()
        .find(|s| s.workload == work.id && s.phase != Phase::Prepare);
    html! {
        tr {
            td { (work.tier) }
            td.id { (work.id) }
            td { (tag(&work.state)) @if let Some(at) = work.safe_at { " " (moment.time(at)) } @if step.is_some_and(|s| s.stuck) { " " (tag("stuck")) } }
            td.far { (how_far(work, step)) }
            td.why { (work.rung) @if let Some(to) = &work.destination { " to " (to) } @if let Some(at) = work.latest_start { ", begins by " (moment.time(at)) } @if !work.why.is_empty() { ": " (work.why) } @if let Some(step) = step { @if !step.note.is_empty() { br; span.note { (step.note) } } } }
        }
    }
}

fn how_far(work: &WorkloadView, step: Option<&StepView>) -> Markup {
    let percent = step.and_then(|s| s.percent);
    html! {
        @match work.state.as_str() {
            "moved" | "stopped" | "home" => (shape::bar(Some(100), "done")),
            "moving" | "returning" => { (shape::bar(percent, "moving")) @if let Some(percent) = percent { (percent) " %" } }
            "verifying" => { (shape::bar(Some(100), "moving")) "checked" }
            _ => (shape::bar(Some(0), "waiting")),
        }
        @if let Some(step) = step { @if step.attempts > 1 { " " (step.attempts) " calls" } }
    }
}

/// What needs eyes comes first: stuck, then under way, then ended with the newest on top.
fn steps(moment: &Moment<'_>, incident: &IncidentView) -> Markup {
    let mut all: Vec<&StepView> = incident.steps.iter().rev().collect();
    all.sort_by_key(|s| (!s.stuck, s.ended.is_some()));
    html! {
        @for step in all.iter().take(SHOWN) {
            p.step {
                span.id { (step.id) } " " (tag(&step.state)) @if step.stuck { " " (tag("stuck")) } @if step.mode == Mode::Drill { " " (tag("drill")) }
                @if let Some(percent) = step.percent { " " (percent) " %" }
                " begun " (moment.time(step.begun)) @if let Some(at) = step.ended { ", ended " (moment.time(at)) }
                @if step.attempts > 1 { ", " (step.attempts) " calls" }
                @if !step.note.is_empty() { br; span.note { (step.note) } }
            }
        }
        (rest(all.len(), SHOWN))
    }
}

//! Records in people's words: one line each.

use std::borrow::Cow;

use muster_core::{Mode, Part, Record, Verb, Way};

use crate::lines::many;

/// What a record says, without its time. Its words come from outside in part: escape them before a terminal sees them.
#[must_use]
pub fn line(record: &Record) -> String {
    match record {
        Record::IncidentOpened { n, why } => format!("incident {n} opened: {why}"),
        Record::VoteHeld {
            zone,
            group,
            channel,
            why,
            died: _,
        } => format!("{group} votes in {zone} by {channel}: {why}"),
        Record::AlarmJoined { channel } => format!("{channel} alarms as well"),
        Record::DeathNoted { why, .. } => format!("{why}; whether that is a vote is not known yet"),
        Record::WindowOpened { zone, until, why } => {
            format!("{zone} evacuates at engine time {until} ms unless somebody aborts: {why}")
        }
        Record::WindowClosed { zone, why, .. } => format!("the abort window of {zone} is closed: {why}"),
        Record::Bypassed {
            what,
            id,
            by,
            reason,
            until,
        } => format!(
            "{} of {what} {id} by {by} until engine time {until} ms: {reason}",
            service(*what)
        ),
        Record::BypassEnded { what, id, why } => format!("{} of {what} {id} has ended: {why}", service(*what)),
        Record::BypassRefused { what, id, by, why } => {
            format!("{} of {what} {id} refused to {by}: {why}", service(*what))
        }
        Record::VoteReturned { zone, group } => format!("{group} in {zone} is clear again; its vote stays latched"),
        Record::PowerHeld { why } => format!("held: {why}"),
        Record::EvacuateBegun {
            why,
            racks: Some(racks),
            ..
        } if !racks.is_empty() => format!("evacuation of racks {} begun: {why}", racks.join(", ")),
        Record::EvacuateBegun { zone, why, .. } => {
            format!("evacuation of {} begun: {why}", zone.as_deref().unwrap_or("the site"))
        }
        Record::AbortLifted { why } => format!("abort lifted: {why}"),
        Record::ActedUnstored { through } => {
            format!("steps went out before the disk answered; durable then: up to {through}")
        }
        Record::IncidentClosed { n, by } => format!("incident {n} closed by {}", by.join(" and ")),
        Record::OrderPending { verb, by } => format!("{} ordered by {by}, waits for a second person", word(*verb)),
        Record::OrderTaken { verb, by, until } => {
            let until = until.map_or_else(String::new, |at| format!(", until engine time {at} ms"));
            format!("{} ordered by {}{until}", word(*verb), by.join(" and "))
        }
        Record::OrderRefused { verb, by, why } => format!("{} refused to {by}: {why}", word(*verb)),
        Record::Pruned { through, leftover, .. } => {
            let resets = leftover.resets;
            format!("entries up to {through} removed, older than is kept; {resets} incidents were closed by then")
        }
        Record::HostsOff { id, why } => format!("hosts of {id} told to go: {why}"),
        Record::DrillBegun { n, by, workloads } => {
            format!("drill {n} of {} begun by {by}", many(workloads.len(), "workload"))
        }
        Record::DrillStep { n, record } => format!("drill {n}: {}", line(record)),
        Record::DrillEnded { n, outcome, why, .. } => format!("drill {n} {outcome}: {why}"),
        of_plan => line_of_plan(of_plan),
    }
}

/// The same of steps, of what they teach, and of where they go.
fn line_of_plan(record: &Record) -> String {
    match record {
        Record::StepIntent { step, mode, token, .. } => {
            let mode = if *mode == Mode::Drill { " as a drill" } else { "" };
            format!("{step} decided{mode}, token {token}")
        }
        Record::StepAccepted { step } => format!("{step} accepted by its hook"),
        Record::ReturnEnded { why } => format!("return {why}"),
        Record::DestinationLost { destination, why } => format!("nothing goes to {destination} any more: {why}"),
        Record::DestinationWell { destination } => format!("{destination} may be gone to again"),
        Record::Learned {
            way,
            mode,
            took_ms,
            given_up,
        } => learned(way, *mode, *took_ms, *given_up),
        Record::StepStranded { step, note } => format!("{step} cannot, and there is no rung below: {note}"),
        Record::StepEnded { step, end, note } if note.is_empty() => format!("{step} {end}"),
        Record::StepEnded { step, end, note } => format!("{step} {end}: {note}"),
        _ => String::new(),
    }
}

fn learned(way: &Way, mode: Mode, took_ms: u32, given_up: bool) -> String {
    let to = way
        .destination
        .as_ref()
        .map_or_else(String::new, |to| format!(" to {to}"));
    let took = if given_up { "was given up after" } else { "took" };
    let drill = if mode == Mode::Drill { " as a drill" } else { "" };
    format!(
        "{} {}{to} by {}{drill} {took} {}.{} s",
        way.workload,
        way.rung,
        way.hook,
        took_ms / 1_000,
        took_ms % 1_000 / 100
    )
}

fn service(what: Part) -> &'static str {
    if what == Part::Zone { "planned work" } else { "bypass" }
}

fn word(verb: Verb) -> Cow<'static, str> {
    match verb {
        Verb::Cut { at } => format!("cut at engine time {at} ms").into(),
        other => other.as_str().into(),
    }
}

//! What has to happen sometimes, or the sweep has not looked at it: kinds of window, orders, restarts in bad moments.

use std::collections::BTreeSet;

use muster_core::{Record, StepEnd, Verb};

use crate::rules::Rules;

/// Each by its name.
pub(crate) const SOMETIMES: [&str; 29] = [
    "vote",
    "vote-returns",
    "vote-by-death",
    "two-votes",
    "window-dying-neighbour",
    "window-one-of-two",
    "window-unanswered",
    "window-aborted",
    "window-closed",
    "window-overtaken",
    "abort-lifted",
    "hold",
    "bypass",
    "bypass-refused",
    "bypass-over",
    "bypass-withholds",
    "work",
    "reset",
    "reset-refused",
    "cut-by-one",
    "cut-by-two",
    "evacuate-order",
    "restart-with-vote",
    "restart-in-window",
    "restart-in-evacuation",
    "restart-loses",
    "rung-falls",
    "step-stranded",
    "called-unstored",
];

/// Those that have happened.
pub(crate) type Reached = BTreeSet<&'static str>;

/// What a record shows; the rules have not taken it yet.
pub(crate) fn by_record(record: &Record, rules: &Rules) -> Option<&'static str> {
    Some(match record {
        Record::VoteHeld { died: true, .. } => "vote-by-death",
        Record::VoteHeld { .. } => "vote",
        Record::VoteReturned { .. } => "vote-returns",
        Record::WindowOpened { why, .. } if why.contains("the repair limit") => "window-one-of-two",
        Record::WindowOpened { .. } => "window-dying-neighbour",
        Record::WindowClosed { .. } => "window-closed",
        Record::EvacuateBegun { why, .. } if why.starts_with("nobody aborted") => "window-unanswered",
        Record::EvacuateBegun { zone: Some(_), .. } if rules.window_is_open() => "window-overtaken",
        Record::EvacuateBegun { zone: Some(_), .. } => "two-votes",
        Record::AbortLifted { .. } => "abort-lifted",
        Record::Bypassed {
            what: muster_core::Part::Zone,
            ..
        } => "work",
        Record::Bypassed { .. } => "bypass",
        Record::BypassRefused { .. } => "bypass-refused",
        Record::BypassEnded { .. } => "bypass-over",
        Record::OrderTaken { verb, by, .. } => match verb {
            Verb::Cut { .. } if by.len() == 1 => "cut-by-one",
            Verb::Cut { .. } => "cut-by-two",
            Verb::Evacuate => "evacuate-order",
            Verb::Abort if rules.window_is_open() => "window-aborted",
            Verb::Reset => "reset",
            Verb::Hold => "hold",
            _ => return None,
        },
        Record::OrderRefused { verb: Verb::Reset, .. } => "reset-refused",
        Record::StepEnded {
            end: StepEnd::Cannot | StepEnd::Superseded,
            ..
        } => "rung-falls",
        Record::StepStranded { .. } => "step-stranded",
        _ => return None,
    })
}

//! One incident, decision by decision.

use muster_core::{Millis, Mode, Phase, Record};
use serde::Serialize;

use super::{Line, wall_of};
use crate::clock::Clock;
use crate::journal::StoredEntry;

/// A moment: engine time, and the wall clock's.
#[derive(Clone, Debug, Serialize)]
struct Moment {
    at: Millis,
    wall: Option<String>,
}

/// An incident as far as its decisions tell.
#[derive(Debug, Serialize)]
pub(crate) struct Past {
    schema: u8,
    source: &'static str,
    #[serde(flatten)]
    pub(super) line: Line,
    mode: Option<Mode>,
    evacuate_begun: Option<Millis>,
    evacuate_begun_wall: Option<String>,
    votes: Vec<Vote>,
    orders: Vec<Order>,
    steps: Vec<Step>,
    pub(super) truncated: bool,
}

#[derive(Debug, Serialize)]
struct Vote {
    zone: String,
    group: String,
    channel: String,
    onset: Millis,
    onset_wall: Option<String>,
    returned: Option<Moment>,
    why: String,
}

#[derive(Debug, Serialize)]
struct Order {
    verb: &'static str,
    verdict: &'static str,
    by: Vec<String>,
    #[serde(flatten)]
    moment: Moment,
    why: Option<String>,
}

#[derive(Debug, Serialize)]
struct Step {
    id: String,
    workload: String,
    phase: Phase,
    mode: Mode,
    state: &'static str,
    begun: Millis,
    begun_wall: Option<String>,
    ended: Option<Millis>,
    ended_wall: Option<String>,
    note: String,
}

impl Past {
    pub(super) fn new(line: Line) -> Self {
        Self {
            schema: 1,
            source: "journal",
            line,
            mode: None,
            evacuate_begun: None,
            evacuate_begun_wall: None,
            votes: Vec::new(),
            orders: Vec::new(),
            steps: Vec::new(),
            truncated: false,
        }
    }

    /// An entry that cannot be read is left out: the journal's own check names it.
    pub(super) fn take(&mut self, entry: &StoredEntry, clock: &Clock) {
        let moment = Moment {
            at: entry.at_ms,
            wall: wall_of(entry, clock),
        };
        match entry.record() {
            Ok(Record::IncidentClosed { .. }) => self.line.close(entry, clock),
            Ok(Record::EvacuateBegun { .. }) if self.evacuate_begun.is_none() => {
                (self.evacuate_begun, self.evacuate_begun_wall) = (Some(moment.at), moment.wall);
            }
            Ok(record @ (Record::VoteHeld { .. } | Record::VoteReturned { .. })) => self.vote(record, moment),
            Ok(record @ (Record::OrderPending { .. } | Record::OrderTaken { .. } | Record::OrderRefused { .. })) => {
                self.order(record, moment);
            }
            Ok(record) => self.step(record, moment),
            Err(_) => {}
        }
    }

    fn vote(&mut self, record: Record, moment: Moment) {
        match record {
            Record::VoteHeld {
                zone,
                group,
                channel,
                why,
                died: _,
            } => self.votes.push(Vote {
                zone,
                group,
                channel,
                onset: moment.at,
                onset_wall: moment.wall,
                returned: None,
                why,
            }),
            Record::VoteReturned { zone, group } => {
                let mut votes = self.votes.iter_mut().rev();
                if let Some(vote) = votes.find(|v| v.zone == zone && v.group == group) {
                    vote.returned = Some(moment);
                }
            }
            _ => {}
        }
    }

    fn order(&mut self, record: Record, moment: Moment) {
        let (verb, verdict, by, why) = match record {
            Record::OrderPending { verb, by } => (verb, "pending", vec![by], None),
            Record::OrderTaken { verb, by, .. } => (verb, "taken", by, None),
            Record::OrderRefused { verb, by, why } => (verb, "refused", vec![by], Some(why)),
            _ => return,
        };
        self.orders.push(Order {
            verb: verb.as_str(),
            verdict,
            by,
            moment,
            why,
        });
    }

    fn step(&mut self, record: Record, moment: Moment) {
        match record {
            Record::StepIntent {
                step,
                workload,
                phase,
                mode,
                ..
            } => {
                self.mode.get_or_insert(mode);
                self.steps.push(Step {
                    id: step,
                    workload,
                    phase,
                    mode,
                    state: "intent",
                    begun: moment.at,
                    begun_wall: moment.wall,
                    ended: None,
                    ended_wall: None,
                    note: String::new(),
                });
            }
            Record::StepAccepted { step } => self.set(&step, |found| found.state = "running"),
            Record::StepStranded { step, note } => self.set(&step, |found| {
                (found.state, found.note) = ("cannot", note);
            }),
            Record::StepEnded { step, end, note } => self.set(&step, |found| {
                (found.state, found.note) = (end.as_str(), note);
                (found.ended, found.ended_wall) = (Some(moment.at), moment.wall);
            }),
            _ => {}
        }
    }

    /// The last intent of that step is the one that is meant.
    fn set(&mut self, id: &str, change: impl FnOnce(&mut Step)) {
        if let Some(found) = self.steps.iter_mut().rev().find(|step| step.id == id) {
            change(found);
        }
    }
}

//! Incidents of the past, out of the journal's decisions.

use muster_core::{Millis, Mode, Phase, Record};
use serde::Serialize;

use super::wall;
use crate::clock::Clock;
use crate::journal::{JournalError, Reader, StoredEntry};

/// Decisions read of one incident: more than the largest site makes; what is beyond is said to be missing.
const ENTRIES_MAX: usize = 25_000;

/// A moment: engine time, and the wall clock's.
#[derive(Clone, Debug, Serialize)]
struct Moment {
    at: Millis,
    wall: Option<String>,
}

/// A line of the list.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    id: String,
    opened: Millis,
    opened_wall: Option<String>,
    closed: Option<Millis>,
    closed_wall: Option<String>,
    closed_by: Vec<String>,
    why: String,
    /// Sequence of its first decision: where the next page goes on.
    #[serde(skip)]
    pub(super) seq: i64,
}

/// An incident as far as its decisions tell.
#[derive(Debug, Serialize)]
pub(super) struct Past {
    schema: u8,
    source: &'static str,
    #[serde(flatten)]
    line: Line,
    mode: Option<Mode>,
    evacuate_begun: Option<Millis>,
    evacuate_begun_wall: Option<String>,
    votes: Vec<Vote>,
    orders: Vec<Order>,
    steps: Vec<Step>,
    truncated: bool,
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

/// Up to `most` incidents before sequence `before`, newest first.
pub(super) fn list(
    reader: &Reader,
    (site, clock): (&str, &Clock),
    before: i64,
    most: u32,
) -> Result<Vec<Line>, JournalError> {
    let opened = reader.entries_of_kind("incident_opened", before, most)?;
    let mut lines = Vec::new();
    // Each ends with the last reset before the next one opens.
    let mut until = before;
    for entry in opened {
        let closed = reader.entries_of_kind("incident_closed", until, 1)?;
        until = entry.seq;
        if let Some(mut line) = Line::open(&entry, site, clock) {
            closed
                .iter()
                .filter(|c| c.seq > entry.seq)
                .for_each(|c| line.close(c, clock));
            lines.push(line);
        }
    }
    Ok(lines)
}

/// The incident of number `n`; none if the journal has none.
pub(super) fn find(reader: &Reader, (site, clock): (&str, &Clock), n: u32) -> Result<Option<Past>, JournalError> {
    let Some(first) = opening(reader, n)? else {
        return Ok(None);
    };
    let Some(line) = Line::open(&first, site, clock) else {
        return Ok(None);
    };
    let (mut past, mut seq, mut read) = (Past::new(line), first.seq, 0);
    while past.line.closed.is_none() {
        let slice = reader.entries(seq.saturating_add(1))?;
        let Some(last) = slice.last() else { break };
        (seq, read) = (last.seq, read + slice.len());
        past.truncated = read > ENTRIES_MAX;
        if past.truncated {
            break;
        }
        for entry in &slice {
            past.take(entry, clock);
            if past.line.closed.is_some() {
                break;
            }
        }
    }
    Ok(Some(past))
}

/// Openings are few; a damaged one is passed over.
fn opening(reader: &Reader, n: u32) -> Result<Option<StoredEntry>, JournalError> {
    let mut before = i64::MAX;
    loop {
        let page = reader.entries_of_kind("incident_opened", before, 100)?;
        let Some(last) = page.last() else { return Ok(None) };
        before = last.seq;
        let is_it = |e: &StoredEntry| matches!(e.record(), Ok(Record::IncidentOpened { n: found, .. }) if found == n);
        if let Some(found) = page.into_iter().find(is_it) {
            return Ok(Some(found));
        }
    }
}

/// The journal knows only the real wall clock; a story's time is made from the engine's.
fn wall_of(entry: &StoredEntry, clock: &Clock) -> Option<String> {
    let ms = if clock.speed() == 1 {
        entry.wall_ms
    } else {
        clock.wall_of(entry.at_ms)
    };
    wall::rfc3339(ms)
}

impl Line {
    fn open(entry: &StoredEntry, site: &str, clock: &Clock) -> Option<Self> {
        let Ok(Record::IncidentOpened { n, why }) = entry.record() else {
            return None;
        };
        Some(Self {
            id: format!("{site}-{n}"),
            opened: entry.at_ms,
            opened_wall: wall_of(entry, clock),
            closed: None,
            closed_wall: None,
            closed_by: Vec::new(),
            why,
            seq: entry.seq,
        })
    }

    fn close(&mut self, entry: &StoredEntry, clock: &Clock) {
        if let Ok(Record::IncidentClosed { by, .. }) = entry.record() {
            (self.closed, self.closed_wall) = (Some(entry.at_ms), wall_of(entry, clock));
            self.closed_by = by;
        }
    }
}

impl Past {
    fn new(line: Line) -> Self {
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
    fn take(&mut self, entry: &StoredEntry, clock: &Clock) {
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

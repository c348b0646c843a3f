//! What must outlive the process: the decision's own changes, as data.
//!
//! Records name things by id, never by index, so that an edited config cannot turn one vote into another.

use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};

use crate::{Away, Lessons, Millis, Mode, Phase, Way};

/// A record with its place in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// Rises by one; never reused in a journal.
    pub seq: u64,
    /// Engine time.
    pub at: Millis,
    /// What changed.
    pub record: Record,
}

/// One durable change of the decision's state. Live and after a restart it is applied by the same function.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// The first vote, an order to evacuate or an announced cut opened an incident.
    IncidentOpened {
        /// n of `{site}-{n}`.
        n: u32,
        /// One line.
        why: String,
    },
    /// A group votes in a zone (again, if it had returned).
    VoteHeld {
        /// Zone id.
        zone: String,
        /// Group id.
        group: String,
        /// Channel that alarmed first.
        channel: String,
        /// One line.
        why: String,
        /// It did not alarm, but died beside an alarm. Alone with one vote it only opens the abort window.
        #[serde(default)]
        died: bool,
    },
    /// Another channel of a group that votes already alarms: its vote is held for this one as well.
    AlarmJoined {
        /// Channel id.
        channel: String,
    },
    /// A channel died beside an alarm; whether that is a vote is not known yet.
    DeathNoted {
        /// Channel id.
        channel: String,
        /// Engine time of the alarm beside it.
        alarmed_at: Millis,
        /// One line.
        why: String,
    },
    /// Its channels have been good and below clear for 30 min; the vote stays latched.
    VoteReturned {
        /// Zone id.
        zone: String,
        /// Group id.
        group: String,
    },
    /// Irreversible steps run at its end, unless somebody aborts.
    WindowOpened {
        /// Zone id.
        zone: String,
        /// Engine time of its end.
        until: Millis,
        /// One line.
        why: String,
    },
    /// What had opened it was no vote after all.
    WindowClosed {
        /// Zone id.
        zone: String,
        /// Group ids whose channel had died and has been heard again: what speaks was not burnt, after a restart neither.
        #[serde(default)]
        heard: Vec<String>,
        /// One line.
        why: String,
    },
    /// Part of the detection is out of service, or people work in a zone.
    Bypassed {
        /// Of what the id is.
        what: Part,
        /// Zone, source or channel id.
        id: String,
        /// Principal id: the owner.
        by: String,
        /// One line.
        reason: String,
        /// Engine time at which it ends by itself.
        until: Millis,
    },
    /// It has ended.
    BypassEnded {
        /// Of what the id is.
        what: Part,
        /// Zone, source or channel id.
        id: String,
        /// One line.
        why: String,
    },
    /// A bypass was refused.
    BypassRefused {
        /// Of what the id is.
        what: Part,
        /// Zone, source or channel id.
        id: String,
        /// Principal id.
        by: String,
        /// One line.
        why: String,
    },
    /// Irreversible steps may run from here on.
    EvacuateBegun {
        /// Zone id; none for the whole site, by order or announced cut, and for racks.
        zone: Option<String>,
        /// One line.
        why: String,
        /// Racks whose batteries end before the plan does, none of them at a site without feeds: all of it. None: it is not
        /// for power's sake.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        racks: Option<Vec<String>>,
    },
    /// The mains have been back for two minutes: what has not begun for power's sake waits, until a battery ends again.
    PowerHeld {
        /// One line.
        why: String,
    },
    /// The first of two persons has spoken.
    OrderPending {
        /// Verb.
        verb: crate::Verb,
        /// Principal id.
        by: String,
    },
    /// An order takes effect.
    OrderTaken {
        /// Verb.
        verb: crate::Verb,
        /// Principal ids.
        by: Vec<String>,
        /// Until when a hold lasts; engine time.
        until: Option<Millis>,
    },
    /// An order was refused.
    OrderRefused {
        /// Verb.
        verb: crate::Verb,
        /// Principal id.
        by: String,
        /// One line.
        why: String,
    },
    /// A new vote lifted an abort.
    AbortLifted {
        /// One line.
        why: String,
    },
    /// The decision to carry out a step; its hook is called only after this.
    StepIntent {
        /// `{workload}.{rung}.{phase}[.{destination}]`.
        step: String,
        /// Workload id.
        workload: String,
        /// Position in the ladder.
        rung: u8,
        /// Phase.
        phase: Phase,
        /// Drill or live.
        mode: Mode,
        /// Fencing token.
        token: u64,
        /// Hook id; none in a journal of core 5.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hook: Option<String>,
    },
    /// The hook has taken the step on (202).
    StepAccepted {
        /// Step id.
        step: String,
    },
    /// The last rung's hook cannot: the workload is stranded, and the step is tried again as long as the incident lasts.
    StepStranded {
        /// Step id.
        step: String,
        /// One line.
        note: String,
    },
    /// The step has ended.
    StepEnded {
        /// Step id.
        step: String,
        /// How.
        end: StepEnd,
        /// One line.
        note: String,
    },
    /// What was brought home, or stopped on its way: nothing more returns without another order.
    ReturnEnded {
        /// One line.
        why: String,
    },
    /// A destination has a vote of its own, or is down: nothing goes there.
    DestinationLost {
        /// As rungs name it.
        destination: String,
        /// One line.
        why: String,
    },
    /// Nothing is known against it any more.
    DestinationWell {
        /// As rungs name it.
        destination: String,
    },
    /// A way of saving a workload took so long: the next plan reckons with it.
    Learned {
        /// Of what.
        way: Way,
        /// Drill or live.
        mode: Mode,
        /// From its intent until its probe said so. Milliseconds.
        took_ms: u32,
        /// It was given up then: it takes longer.
        #[serde(default)]
        given_up: bool,
    },
    /// Steps went out before the journal answered; it may be incomplete here.
    ActedUnstored {
        /// Last sequence known to be durable.
        through: u64,
    },
    /// An authorised reset ended the incident.
    IncidentClosed {
        /// n of `{site}-{n}`.
        n: u32,
        /// Principal ids.
        by: Vec<String>,
    },
    /// Hosts are told to go: nothing is left on them that could still be saved, or their power ends.
    HostsOff {
        /// Under which they ask.
        id: String,
        /// One line.
        why: String,
    },
    /// A drill began. It does not outlive the process: one without an end was interrupted by a restart.
    DrillBegun {
        /// n of `{site}-d{n}`.
        n: u32,
        /// Principal id, or the calendar.
        by: String,
        /// Workload ids.
        workloads: Vec<String>,
    },
    /// What was decided in a drill; of the plan of a fire it changes nothing.
    DrillStep {
        /// n of `{site}-d{n}`.
        n: u32,
        /// As in an incident.
        record: Box<Record>,
    },
    /// A drill ended.
    DrillEnded {
        /// n of `{site}-d{n}`.
        n: u32,
        /// How.
        outcome: DrillOutcome,
        /// One line.
        why: String,
        /// Every workload that was drilled.
        results: Vec<DrillResult>,
    },
    /// The oldest entries were removed by retention. After a restart it stands in their place too, under their last
    /// sequence.
    Pruned {
        /// Last sequence removed.
        through: u64,
        /// Its hash, hexadecimal.
        hash: String,
        /// What the removed entries leave behind.
        leftover: Leftover,
    },
}

/// What entries before a place where no incident is open leave behind: all that a restart needs of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Leftover {
    /// Authorised resets so far; the next incident is this plus one.
    pub resets: u32,
    /// What was ordered last, if anything was: armed or not.
    pub armed: Option<bool>,
    /// How long ways of saving workloads took.
    #[serde(default, skip_serializing_if = "Lessons::is_empty")]
    pub learned: Lessons,
    /// Drills so far; the next is this plus one.
    #[serde(default)]
    pub drills: u32,
    /// By workload id: the ladder with which it passed its last drill, in words. Older ones have a step here, which is no ladder.
    #[serde(default)]
    pub proven: BTreeMap<String, String>,
    /// What has left and is not home again.
    #[serde(default, skip_serializing_if = "Away::is_empty")]
    pub away: Away,
}

impl Leftover {
    /// Takes the next entry.
    pub fn take(&mut self, record: &Record) {
        self.away.take(record);
        match record {
            Record::IncidentClosed { n, .. } => self.resets = self.resets.max(*n),
            Record::OrderTaken {
                verb: crate::Verb::Arm, ..
            } => self.armed = Some(true),
            Record::OrderTaken {
                verb: crate::Verb::Disarm,
                ..
            } => self.armed = Some(false),
            Record::Learned { way, mode, took_ms, .. } => self.learned.take(way, *mode, *took_ms),
            Record::DrillBegun { n, .. } => self.drills = self.drills.max(*n),
            Record::DrillEnded { outcome, results, .. } if *outcome != DrillOutcome::Interrupted => {
                results.iter().for_each(|result| result.prove(&mut self.proven));
            }
            _ => {}
        }
    }
}

/// How a drill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillOutcome {
    /// Every workload would have been safe in time, by a rung above which none was tried in vain.
    Passed,
    /// At least one would not.
    Failed,
    /// It was ended before that was known: by a vote, another level, an order, a config or a restart.
    Interrupted,
}

crate::words!(DrillOutcome { Passed => "passed", Failed => "failed", Interrupted => "interrupted" });

/// How one workload fared in a drill.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct DrillResult {
    /// Workload id.
    pub workload: String,
    /// It would have been safe, and no rung was tried in vain.
    pub passed: bool,
    /// The step whose probe said so.
    pub by: Option<String>,
    /// The ladder it has now, in words: every rung with its destination and its hook. Empty in a journal of core 5.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ladder: String,
    /// After the drill began. Milliseconds.
    pub took_ms: Option<Millis>,
    /// One line; empty where there is nothing to say.
    pub why: String,
}

/// Workload ids of other configs whose proof is kept: more is forgotten, which costs a drill.
const MOST_PROVEN: usize = 20_000;

impl DrillResult {
    /// A workload that passed is proven with the ladder it has; one that did not is proven no longer.
    pub(crate) fn prove(&self, proven: &mut BTreeMap<String, String>) {
        match &self.by {
            Some(_) if self.passed && proven.len() < MOST_PROVEN => {
                proven.insert(self.workload.clone(), self.ladder.clone());
            }
            _ => drop(proven.remove(&self.workload)),
        }
    }
}

/// What a bypass is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Planned work in a zone: nothing of it is out of service, and its limits fall.
    Zone,
    /// A node or device.
    Source,
    /// A channel.
    Channel,
}

crate::words!(Part { Zone => "zone", Source => "source", Channel => "channel" });

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    /// Carried out.
    Done,
    /// The hook cannot.
    Cannot,
    /// The hook refused the token.
    Refused,
    /// A lower rung took its place in time.
    Superseded,
    /// An order took it back: abort, arm, disarm or reset.
    Withdrawn,
    /// Its hook does not accept drills and the site is disarmed.
    Skipped,
}

crate::words!(StepEnd {
    Done => "done", Cannot => "cannot", Refused => "refused", Superseded => "superseded",
    Withdrawn => "withdrawn", Skipped => "skipped",
});

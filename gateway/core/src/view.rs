//! What people and programs are shown: plain data, the JSON of the API.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use crate::{DrillOutcome, DrillResult, Level, Millis, Mode, Phase, RungKind, WayView};

/// A site at one moment. Times are engine milliseconds; the API adds wall-clock times beside them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Site id.
    pub site: String,
    /// Engine time of the view.
    pub now: Millis,
    /// Whether hooks are called for real.
    pub armed: bool,
    /// Whether this is a simulation.
    pub simulated: bool,
    /// Highest of the zones'.
    pub level: Level,
    /// One line.
    pub why: String,
    /// Every zone.
    pub zones: Vec<ZoneView>,
    /// Every latched vote.
    pub votes: Vec<VoteView>,
    /// Every present trouble, apart from the levels.
    pub troubles: Vec<TroubleView>,
    /// Both clocks; none without a hazard.
    pub runway: RunwayView,
    /// Every rack, and until when it has power; empty without feeds.
    pub racks: Vec<RackView>,
    /// The open incident, or the last one.
    pub incident: Option<IncidentView>,
    /// Machines that ask Muster whether to go.
    pub hosts: Vec<HostsView>,
    /// The drill under way, as an incident of its own: `{site}-d{n}`.
    pub drill: Option<IncidentView>,
    /// The last drill that ended.
    pub last_drill: Option<DrillView>,
    /// Workloads that no drill has proven as their ladder is now: two persons arm while there are any.
    pub unproven: Vec<String>,
    /// Orders that wait for a second person, then those in effect: an announced cut, a hold, an abort.
    pub orders: Vec<OrderView>,
    /// Where workloads go to.
    pub destinations: Vec<DestinationView>,
    /// Ways of saving a workload that do not take what is declared; at most 64.
    pub drifts: Vec<WayView>,
    /// Channels by quality: good, not good.
    pub channels_good: u32,
    /// See `channels_good`.
    pub channels_total: u32,
}

/// A zone at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneView {
    /// Zone id.
    pub id: String,
    /// Its level.
    pub level: Level,
    /// One line.
    pub why: String,
    /// Groups that could vote now, of those configured.
    pub groups_healthy: u16,
    /// See `groups_healthy`. With none no channel can alarm in this zone: its level says nothing.
    pub groups_total: u16,
}

/// A latched vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoteView {
    /// Zone id.
    pub zone: String,
    /// Group id.
    pub group: String,
    /// Held (else returned).
    pub held: bool,
    /// Engine time of its latest onset.
    pub onset: Millis,
    /// One line.
    pub why: String,
}

/// A present trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TroubleView {
    /// Channel, source or part of Muster.
    pub subject: String,
    /// Engine time since when.
    pub since: Millis,
    /// One line.
    pub line: String,
}

/// Both clocks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunwayView {
    /// Uncontrolled loss.
    pub loss: Option<IntervalView>,
    /// Ordered cut.
    pub cut: Option<IntervalView>,
}

/// A rack at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RackView {
    /// Rack id, as `runs_on` of workloads has it.
    pub id: String,
    /// What feeds it at first hand, and how many of these it needs.
    pub by: Vec<String>,
    /// See `by`.
    pub needs: u16,
    /// When it loses its power; none while nothing threatens it.
    pub loss: Option<IntervalView>,
    /// Without power now.
    pub gone: bool,
    /// What stands on it is evacuated, or would be.
    pub doomed: bool,
    /// Workloads that stand on it.
    pub workloads: Vec<String>,
}

/// A place that workloads go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationView {
    /// As rungs name it.
    pub id: String,
    /// Room for all that comes, in the owner's units; none: nobody has said.
    pub room: Option<u32>,
    /// Of it taken by what is on its way or there.
    pub taken: u32,
    /// It has a vote of its own, or is down: nothing goes there, and why.
    pub lost: Option<String>,
}

/// When something may happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalView {
    /// Engine time.
    pub earliest: Millis,
    /// Engine time.
    pub likely: Millis,
    /// One line.
    pub why: String,
}

/// An order that waits or stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// `evacuate`, `cut`, …
    pub verb: String,
    /// Waits for a second person; else it is in effect.
    pub waits: bool,
    /// Who gave it, of one that waits.
    pub by: Option<String>,
    /// Of a cut: engine time at which the power will be cut.
    pub at: Option<Millis>,
    /// Engine time at which it ends by itself, if it does.
    pub until: Option<Millis>,
    /// One line.
    pub line: String,
}

/// An incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentView {
    /// `{site}-{n}`.
    pub id: String,
    /// Engine time.
    pub opened: Millis,
    /// Engine time; none while it is open.
    pub closed: Option<Millis>,
    /// Drill or live.
    pub mode: Mode,
    /// One line.
    pub why: String,
    /// Engine time at which irreversible steps were released.
    pub evacuate_begun: Option<Millis>,
    /// Engine time at which the last workload is expected to be safe, by declared times; none when nothing is left to do.
    pub plan_end: Option<Millis>,
    /// Every workload.
    pub workloads: Vec<WorkloadView>,
    /// Every step with an intent, in order of intent.
    pub steps: Vec<StepView>,
}

/// Machines that ask Muster whether to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostsView {
    /// Under which they ask.
    pub id: String,
    /// The rack they stand in; none: anywhere in the site.
    pub rack: Option<String>,
    /// Engine time since when they are told to go; none: they stay.
    pub since: Option<Millis>,
    /// One line; empty while they stay.
    pub why: String,
    /// How long they take to go: so long before the end of the power they are told at the latest. Milliseconds.
    #[serde(default)]
    pub last_ms: Millis,
}

/// A drill that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillView {
    /// `{site}-d{n}`.
    pub id: String,
    /// Engine time.
    pub ended: Millis,
    /// How.
    pub outcome: DrillOutcome,
    /// One line.
    pub why: String,
    /// Every workload that was drilled.
    pub results: Vec<DrillResult>,
}

/// A workload in an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadView {
    /// Workload id.
    pub id: String,
    /// Tier.
    pub tier: u8,
    /// `waiting`, `moving`, `verifying`, `moved`, `stopped`, `stranded`.
    pub state: String,
    /// Rung chosen now.
    pub rung: RungKind,
    /// Where it goes to by it.
    pub destination: Option<String>,
    /// Of one that waits: engine time at which it has to begin at the latest for everything behind it to be in time; none
    /// while no runway is known.
    pub latest_start: Option<Millis>,
    /// One line.
    pub why: String,
    /// Engine time at which it was verified safe.
    pub safe_at: Option<Millis>,
}

/// A step in an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// `{workload}.{rung}.{phase}[.{destination}]`.
    pub id: String,
    /// Workload id.
    pub workload: String,
    /// Hook id: who is called.
    #[serde(default)]
    pub hook: String,
    /// Phase.
    pub phase: Phase,
    /// Drill or live.
    pub mode: Mode,
    /// `intent`, `called`, `running`, or how it ended.
    pub state: String,
    /// Calls so far.
    pub attempts: u32,
    /// Last progress, percent.
    pub percent: Option<u8>,
    /// Engine time of the intent.
    pub begun: Millis,
    /// Engine time.
    pub ended: Option<Millis>,
    /// Past its declared time.
    pub stuck: bool,
    /// Last word of the hook.
    pub note: String,
}

/// A channel at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelView {
    /// Channel id.
    pub id: String,
    /// Zone id.
    pub zone: String,
    /// Group id.
    pub group: String,
    /// Source id.
    pub source: String,
    /// Word of the quantity.
    pub quantity: String,
    /// Last good value in units, as text, exact.
    pub value: Option<String>,
    /// Unit.
    pub unit: String,
    /// Word of the quality.
    pub quality: String,
    /// Since the last good sample. Milliseconds.
    pub age_ms: Option<Millis>,
    /// In alarm.
    pub alarm: bool,
    /// Beyond its watch limit.
    pub watch: bool,
}

/// A node or device at one moment: its channels summed up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// Source id.
    pub id: String,
    /// Zones that it measures in, each once.
    pub zones: Vec<String>,
    /// Groups of its channels, each once.
    pub groups: Vec<String>,
    /// Channels without a fault, of all.
    pub channels_good: u32,
    /// See `channels_good`.
    pub channels_total: u32,
    /// The others, and why.
    pub faults: Vec<FaultView>,
    /// Since the last good sample of any channel. Milliseconds; none if there has been none.
    pub last_good_ms: Option<Millis>,
    /// One channel at least is in alarm.
    pub alarm: bool,
    /// One channel at least is beyond its watch limit.
    pub watch: bool,
}

/// A channel that is not believed or not heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultView {
    /// Channel id.
    pub channel: String,
    /// Word of the quality.
    pub quality: String,
    /// One line.
    pub line: String,
}

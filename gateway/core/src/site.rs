//! A site's config as content: what the decision needs of it, by dense index, so that a recording replays on its own.

use alloc::{string::String, vec::Vec};
use core::num::NonZeroU64;

use muster_wire::{Micro, Quantity};

use crate::{Millis, Power, words};

macro_rules! index {
    ($($name:ident($int:ty), $doc:literal;)*) => {$(
        #[doc = $doc]
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        pub struct $name(pub $int);
        impl $name {
            /// Position in the site's list.
            #[must_use]
            pub const fn at(self) -> usize { self.0 as usize }
        }
    )*};
}

index! {
    ZoneIx(u16), "Position in [`Site::zones`].";
    GroupIx(u16), "Position in [`Site::groups`].";
    SourceIx(u16), "Position in [`Site::sources`].";
    ChannelIx(u32), "Position in [`Site::channels`].";
    HookIx(u16), "Position in [`Site::hooks`].";
    WorkloadIx(u16), "Position in [`Site::workloads`].";
    PrincipalIx(u16), "Position in [`Site::principals`].";
}

/// Everything the decision knows of a site before the first reading. Ids are unique in their list; indices are in
/// range: the config loader has checked both.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Site {
    /// `[a-z0-9-]{1,32}`.
    pub id: String,
    /// What `[site] armed` says; an `arm` or `disarm` order in the journal overrules it.
    pub armed: bool,
    /// A simulated site believes simulated readings; a real one counts them as trouble.
    pub simulated: bool,
    /// The owner accepts that one group alone evacuates (design §5).
    pub single_group: bool,
    /// Fire and power compartments.
    pub zones: Vec<Zone>,
    /// Common-cause groups.
    pub groups: Vec<Group>,
    /// Nodes and devices.
    pub sources: Vec<Source>,
    /// Signals.
    pub channels: Vec<Channel>,
    /// Outside contracts that carry out steps.
    pub hooks: Vec<Hook>,
    /// What is to be saved.
    pub workloads: Vec<Workload>,
    /// Who may order what.
    pub principals: Vec<Principal>,
    /// Hazard priors; they choose rungs and order, they never trigger.
    pub priors: Priors,
    /// Where workloads go to, and what room there is.
    #[serde(default)]
    pub destinations: Vec<Destination>,
    /// How power reaches the racks; by default nothing is known of it.
    #[serde(default)]
    pub power: Power,
}

/// A fire and power compartment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Zone {
    /// Unique in the site.
    pub id: String,
    /// Zones whose votes count together with this one's; symmetric.
    pub adjacent: Vec<ZoneIx>,
}

/// Channels that one fault or one thief can take together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Group {
    /// Unique in the site.
    pub id: String,
}

/// A node or a polled device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Source {
    /// Unique in the site; of a node, the id in its topic.
    pub id: String,
    /// Broker, bus and switch that it is heard over. What they have in common takes all of theirs at once.
    #[serde(default)]
    pub over: Vec<String>,
}

/// One signal of a source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Channel {
    /// Unique in the site.
    pub id: String,
    /// Where it measures.
    pub zone: ZoneIx,
    /// With what it shares its fate.
    pub group: GroupIx,
    /// Who speaks for it.
    pub source: SourceIx,
    /// What it measures.
    pub quantity: Quantity,
    /// Credible values, both included; outside is a fault of the sensor.
    pub range: (Micro, Micro),
    /// Raises the zone to `watch`.
    pub watch: Option<Limit>,
    /// Makes its group vote.
    pub alarm: Option<Limit>,
    /// `k` of the last `n` samples beyond a limit decide; 1 ≤ k ≤ n ≤ 16.
    pub k: u8,
    /// See `k`.
    pub n: u8,
    /// Without a good sample for this long the channel is stale, which is trouble. Milliseconds, > 0.
    pub supervision_ms: Millis,
    /// Everything else that its samples are held against.
    #[serde(default)]
    pub checks: Checks,
}

/// What a channel's samples are held against beside its range and its limits. By default: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Checks {
    /// A change faster than this is doubted until the next sample bears it out. Micro-units a second.
    pub jump: Option<NonZeroU64>,
    /// The same value for so long, if it is not a whole number of units, is that of a stuck sensor. Milliseconds.
    pub stuck_ms: Option<NonZeroU64>,
    /// Rising as fast as this, a sample beyond the watch limit counts as one beyond the alarm limit. Micro-units a minute.
    pub rise: Option<NonZeroU64>,
    /// Rising as fast as this, a sample counts as one beyond the watch limit. Micro-units an hour.
    pub trend: Option<NonZeroU64>,
    /// A limit is left only after so long below clear. Milliseconds.
    pub off_ms: u32,
    /// Measures the same outside the room: what both show came from outside.
    pub reference: Option<ChannelIx>,
    /// While that contact is on, and for an hour at most, alarms of this channel cast no vote (self-test, calibration).
    pub inhibited_by: Option<ChannelIx>,
}

/// A threshold with hysteresis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Limit {
    /// Beyond or at this, a sample counts for the limit.
    pub set: Micro,
    /// Strictly inside this, a sample counts as clear. Between the two nothing changes.
    pub clear: Micro,
    /// Whether beyond means above (else below).
    pub above: bool,
}

/// What an outside contract can bear.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Hook {
    /// Unique in the site.
    pub id: String,
    /// Steps it carries out at a time, ≥ 1.
    pub max_parallel: u16,
    /// Whether it may be called as a drill.
    pub accepts_drill: bool,
}

/// Something to be saved.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Workload {
    /// Unique in the site.
    pub id: String,
    /// 1 first.
    pub tier: u8,
    /// The rack it stands on.
    pub runs_on: String,
    /// Workloads that have to be safe before this one starts; acyclic.
    pub after: Vec<WorkloadIx>,
    /// Best way first; at least one.
    pub rungs: Vec<Rung>,
    /// Room that it takes where it goes, in units of the owner's choice.
    #[serde(default = "one_unit")]
    pub room: u32,
}

const fn one_unit() -> u32 {
    1
}

/// A place that workloads go to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Destination {
    /// Unique in the site; what rungs name with `to`.
    pub id: String,
    /// Room for everything that may come from this site, in units of [`Workload::room`]; none: nobody has counted it.
    pub room: Option<u32>,
}

/// One way to save a workload.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Rung {
    /// What it does.
    pub kind: RungKind,
    /// Who does it.
    pub hook: HookIx,
    /// Where to; none for a stop.
    pub to: Option<String>,
    /// Declared time it takes.
    pub needs_ms: Millis,
}

/// What a rung does, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RungKind {
    /// Goes on running elsewhere.
    Move,
    /// A stand-by takes over.
    Failover,
    /// Ends cleanly, data flushed.
    Stop,
}

words!(RungKind { Move => "move", Failover => "failover", Stop => "stop" });

/// Somebody who may give orders.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Principal {
    /// Unique in the site.
    pub id: String,
    /// Orders he or she may give.
    pub roles: Vec<Role>,
}

/// Which orders a principal may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// evacuate, hold, abort, cut.
    Operator,
    /// arm, disarm, reset, bypass, work.
    Safety,
}

words!(Role { Operator => "operator", Safety => "safety" });

/// How soon power was lost after the first sign, in fires on record. Milliseconds after the first vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Priors {
    /// Earliest uncontrolled loss. Pangyo 2022: 8 min.
    pub loss_earliest_ms: Millis,
    /// Likely uncontrolled loss. Geometric mean of Pangyo's 8 min and Singapore 2024's 155 min: 35 min.
    pub loss_likely_ms: Millis,
    /// Earliest ordered cut. Pangyo 93 min, rounded down.
    pub cut_earliest_ms: Millis,
    /// Likely ordered cut. Median of Pangyo 93, Daejeon 166, Strasbourg 173 min.
    pub cut_likely_ms: Millis,
}

impl Default for Priors {
    fn default() -> Self {
        const MINUTE: Millis = 60_000;
        Self {
            loss_earliest_ms: 8 * MINUTE,
            loss_likely_ms: 35 * MINUTE,
            cut_earliest_ms: 90 * MINUTE,
            cut_likely_ms: 166 * MINUTE,
        }
    }
}

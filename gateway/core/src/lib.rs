//! Muster's whole decision. No clock, no I/O, no randomness, no float: the same inputs give the same
//! effects and the same digest in debug, in release and on a microcontroller.
//!
//! Three parts, each `Clone` and hashable by itself: [`detect`] turns readings into alarms and trouble,
//! [`policy`] turns alarms and orders into votes, levels and runways, [`plan`] turns a level and a runway
//! into steps. [`step`] is the only way in, [`Effect`] the only way out.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod apply;
mod away;
mod bypass;
mod clip;
pub mod detect;
mod digest;
mod drill;
mod effect;
mod explain;
mod explain_view;
mod flaw;
mod forecast;
mod hosts;
mod input;
mod learned;
mod moved;
mod obey;
mod outage;
pub mod plan;
pub mod policy;
mod power;
mod record;
mod reload;
mod retained;
mod settle;
mod show;
mod show_racks;
mod site;
mod sources;
mod state;
mod step;
mod view;
mod windows;

pub use away::Away;
pub use effect::{Answer, Call, Effect, Event, EventKind, Verdict};
pub use explain_view::{
    CannotVote, ChannelExplained, ExplainView, GroupExplained, RateExplained, VoteExplained, ZoneExplained,
};
pub use hosts::Hosts;
pub use input::{Elsewhere, HookOutcome, Input, Target, Verb};
pub use learned::{History, Lessons, Ranks, Way, WayView};
pub use power::{Feed, FeedIx, FeedKind, OnBattery, Power};
pub use record::{DrillOutcome, DrillResult, Entry, Leftover, Part, Record, StepEnd};
pub use site::{
    Channel, ChannelIx, Checks, Destination, Group, GroupIx, Hook, HookIx, Limit, Principal, PrincipalIx, Priors, Role,
    Rung, RungKind, Site, Source, SourceIx, Workload, WorkloadIx, Zone, ZoneIx,
};
pub use state::State;
pub use step::{next_deadline, step};
pub use view::{
    ChannelView, DestinationView, DrillView, FaultView, HostsView, IncidentView, IntervalView, OrderView, RackView,
    RunwayView, SourceView, StepView, TroubleView, View, VoteView, WorkloadView, ZoneView,
};

/// Engine time: monotonic milliseconds since the journal began, carried on across restarts (design §4).
/// Never a wall clock.
pub type Millis = i64;

/// How grave it is, of a zone and of a site (design §5). The order is the order of gravity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing known against it.
    #[default]
    Normal,
    /// A watch limit, or protection lost.
    Watch,
    /// One vote, or on battery: reversible steps.
    Prepare,
    /// Irreversible steps run.
    Evacuate,
}

/// Whether a hook is called for real (design §6). A disarmed site only drills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Rehearsal: reaches only hooks that accept drills, and changes nothing.
    #[default]
    Drill,
    /// For real.
    Live,
}

/// Which part of a rung a step carries out (design §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Reversible: cordon, reserve room, freeze deployments.
    Prepare,
    /// Irreversible: move, fail over, stop.
    Evacuate,
    /// Asks whether the workload has really moved.
    Verify,
    /// Brings it back; never automatic.
    Restore,
}

/// Rises whenever the same inputs may give other effects or another digest, that is with every change of a digest in
/// `tests/decision/digest.rs`. A recording carries it, so that whoever replays it knows whether digests can be compared.
pub const VERSION: u32 = 8;

macro_rules! words {
    ($type:ident { $($variant:ident => $word:literal),* $(,)? }) => {
        impl $type {
            /// The word in ids, documents and on every screen.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word),* } }
        }
        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result { f.write_str(self.as_str()) }
        }
    };
}
pub(crate) use words;

words!(Level { Normal => "normal", Watch => "watch", Prepare => "prepare", Evacuate => "evacuate" });
words!(Mode { Drill => "drill", Live => "live" });
words!(Phase { Prepare => "prepare", Evacuate => "evacuate", Verify => "verify", Restore => "restore" });

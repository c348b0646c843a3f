//! Everything that can happen to the decision.

use alloc::{string::String, sync::Arc, vec::Vec};
use muster_wire::{Absence, Micro};

use crate::{ChannelIx, Entry, Leftover, Millis, Mode, PrincipalIx, Site, SourceIx, WorkloadIx, ZoneIx};

/// One thing that happened. The engine stamps it with engine time and hands it to [`crate::step`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Input {
    /// The site: the first input of all. A later one takes its place, and what was decided and is known stays, by id; ask
    /// [`crate::State::refuses`] before.
    Config(Arc<Site>),
    /// The journal's entries after a restart, oldest first; right after the first `Config`.
    Restore(Vec<Entry>),
    /// One sample of one channel. Sequence, identity and topic were checked by the ingest.
    Reading {
        /// Whose.
        channel: ChannelIx,
        /// Its value in micro-units, or why there is none.
        value: Result<Micro, Absence>,
        /// From a simulation or an injected drill.
        simulated: bool,
        /// How old it was when it was received, by the sender's own clock. Milliseconds.
        age_ms: u32,
    },
    /// A source is not heard any more (last will, poll that failed). Trouble at once; only fresh readings clear it.
    Lost {
        /// Whose channels are lost.
        source: SourceIx,
        /// One line.
        why: String,
    },
    /// A person's order, authenticated; whether it may be given is decided here.
    Order {
        /// Who.
        by: PrincipalIx,
        /// What.
        verb: Verb,
        /// Comes back in [`crate::Answer`].
        nonce: u64,
    },
    /// A person takes part of the detection out of service, announces planned work in a zone, or ends either.
    Bypass {
        /// Who: its owner.
        by: PrincipalIx,
        /// What.
        target: Target,
        /// Engine time at which it ends by itself; none: it ends now.
        until: Option<Millis>,
        /// One line; not empty.
        reason: String,
        /// Comes back in [`crate::Answer`].
        nonce: u64,
    },
    /// The plan of a fire is to be carried out with no vote and no effect.
    Drill {
        /// Who; none: the calendar, which is the config's word.
        by: Option<PrincipalIx>,
        /// Which workloads; empty: all.
        works: Vec<WorkloadIx>,
        /// Only say whether it may begin.
        dry: bool,
        /// Comes back in [`crate::Answer`].
        nonce: u64,
    },
    /// The journal holds every entry up to and including this sequence on disk.
    Stored {
        /// Last durable sequence.
        through: u64,
    },
    /// What a hook answered, or how its step goes on.
    Hook {
        /// `{incident}` of the call.
        incident: String,
        /// Step id of the call.
        step: String,
        /// Of the call: a drill's late answer must not end the live step of the same name.
        mode: Mode,
        /// What came of it.
        outcome: HookOutcome,
    },
    /// A part of Muster itself is in trouble, or is well again.
    Own {
        /// `journal`, `clock`, …
        part: String,
        /// One line; none once it is well again.
        trouble: Option<String>,
    },
    /// What is known of a place that workloads are to go to: from its own gateway, or from whoever was asked what room it has.
    Destination {
        /// As rungs name it.
        id: String,
        /// What is known.
        says: Elsewhere,
    },
    /// The oldest entries of the journal are to be removed. Nothing is while an incident is open.
    Prune {
        /// Last sequence to go.
        through: u64,
        /// Its hash, hexadecimal.
        hash: String,
        /// What the removed entries leave behind.
        leftover: Leftover,
    },
    /// Time has passed and nothing else happened.
    Tick,
}

/// What is known of a destination.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum Elsewhere {
    /// It has a vote of its own, or is down. Nothing goes there until it is well.
    Lost {
        /// One line.
        why: String,
    },
    /// Nothing is known against it any more.
    Well,
    /// It has been asked what room it has.
    Room {
        /// Units that are free there now, beside what has arrived; none: it cannot say.
        units: Option<u32>,
    },
}

/// What is taken out of service. A zone never is: there people work, and limits fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Target {
    /// Planned work.
    Zone(ZoneIx),
    /// All channels of a source.
    Source(SourceIx),
    /// One channel.
    Channel(ChannelIx),
}

/// What a person can order (design §5, §10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Verb {
    /// Evacuate the site. Two persons.
    Evacuate,
    /// Steps not yet begun wait, for at most 180 s. One person.
    Hold,
    /// No further step begins until a new vote: two persons. While an abort window is open and nothing runs yet, it closes
    /// that window: one person.
    Abort,
    /// Power will be cut at this engine time. Two persons, or one and a held vote.
    Cut {
        /// Engine time, converted once from the wall clock at input.
        at: Millis,
    },
    /// From now on hooks are called for real. Two persons, or one if a drill has proven every workload.
    Arm,
    /// From now on hooks are drills only. Two persons.
    Disarm,
    /// End the incident and drop its votes; refused while one is held. Two persons.
    Reset,
    /// Bring home what the last incident evacuated; refused while one is open or power may be lost. Two persons.
    Return,
}

impl Verb {
    /// The word on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evacuate => "evacuate",
            Self::Hold => "hold",
            Self::Abort => "abort",
            Self::Cut { .. } => "cut",
            Self::Arm => "arm",
            Self::Disarm => "disarm",
            Self::Reset => "reset",
            Self::Return => "return",
        }
    }
}

/// What came of one attempt at a step, after the table of design §6.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum HookOutcome {
    /// 202: under way; progress follows.
    Accepted,
    /// Progress while under way.
    Running {
        /// 0 to 100, if it says.
        percent: Option<u8>,
    },
    /// Any other 2xx, or progress `done`.
    Done,
    /// 422, or progress `failed`: take the next rung.
    Cannot {
        /// Its own words, cut to 200 characters.
        note: String,
    },
    /// 409: the token was refused, this step stops here.
    TokenRefused,
    /// Anything else: try again while the rung fits.
    Retry {
        /// One line.
        cause: String,
    },
}

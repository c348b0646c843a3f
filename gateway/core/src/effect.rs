//! What the decision wants done. Everything else only carries it out.

use alloc::{string::String, vec::Vec};

use crate::{Entry, HookIx, Level, Millis, Mode, Phase, RungKind};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Effect {
    /// Write this; all entries of one call of [`crate::step`] are one transaction. Answer with `Input::Stored`.
    Persist(Entry),
    /// Call a hook once; answer with `Input::Hook`.
    FireHook(Call),
    /// Stop carrying out a step: a lower rung has taken its place.
    CancelHook {
        /// Incident id.
        incident: String,
        /// Step id.
        step: String,
    },
    /// Tell people.
    Event(Event),
    /// Answer an order.
    Answer(Answer),
    /// A broken invariant of our own: raise the alarm, keep the last safe plan. Fatal in tests and simulation.
    Fault(String),
}

/// One attempt at one step.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Call {
    /// `{site}-{n}`.
    pub incident: String,
    /// `{workload}.{rung}.{phase}[.{destination}]`; with `incident` the idempotency key.
    pub step: String,
    /// Whom to call.
    pub hook: HookIx,
    /// Workload id.
    pub workload: String,
    /// What the rung does.
    pub rung: RungKind,
    /// Part of it.
    pub phase: Phase,
    /// Where to; of a restore, where from; of the probe after it, this very site.
    pub destination: Option<String>,
    /// Drill or live.
    pub mode: Mode,
    /// Fencing token: rises with every intent, the same for every retry.
    pub token: u64,
    /// 1 for the first.
    pub attempt: u32,
    /// Racks that lose their power if every vote becomes two and every battery ends: nothing may land on them. None: all. Empty
    /// on the way back.
    pub doomed: Option<Vec<String>>,
    /// Engine time by which the step has to have ended.
    pub deadline: Millis,
    /// Why, newest reason first.
    pub why: Vec<String>,
}

impl Call {
    /// Whether a probe asks if the workload runs at home again, after its way back: its destination is the site whose incident
    /// it is. No rung goes there, so no other probe has that.
    #[must_use]
    pub fn asks_home(&self) -> bool {
        let site = self.incident.rsplit_once('-').map(|(site, _)| site);
        self.phase == Phase::Verify && site.is_some() && self.destination.as_deref() == site
    }
}

/// One honest line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Event {
    /// Sort.
    pub kind: EventKind,
    /// Level of the site when it was said.
    pub level: Level,
    /// Zone, channel, source, workload or step id.
    pub subject: String,
    /// What and why, naming channels, values, limits and ages.
    pub line: String,
}

/// Sorts of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A fault of the detecting system; never an alarm.
    Trouble,
    /// A fault has gone.
    TroubleCleared,
    /// A channel passed a limit, or came back.
    Channel,
    /// A vote.
    Vote,
    /// A level changed.
    Level,
    /// An incident opened or closed.
    Incident,
    /// An order was given, taken or refused.
    Order,
    /// A step moved on.
    Step,
    /// A workload is safe, or cannot be saved.
    Workload,
    /// Another config is in force.
    Config,
    /// Something was done to the journal itself.
    Journal,
    /// A drill began or ended.
    Drill,
}

crate::words!(EventKind {
    Trouble => "trouble", TroubleCleared => "cleared", Channel => "channel", Vote => "vote", Level => "level",
    Incident => "incident", Order => "order", Step => "step", Workload => "workload",
    Config => "config", Journal => "journal", Drill => "drill",
});

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Answer {
    /// Of the order.
    pub nonce: u64,
    /// Taken, waiting for the second person, or refused.
    pub verdict: Verdict,
    /// One line.
    pub why: String,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// In effect.
    Taken,
    /// Waits up to five minutes for a second person.
    Pending,
    /// Not in effect, and why.
    Refused,
}

crate::words!(Verdict { Taken => "taken", Pending => "pending", Refused => "refused" });

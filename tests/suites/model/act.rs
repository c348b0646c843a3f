//! What can happen next.

use std::fmt;

use muster_core::{Site, Verb};

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Time passes until something is due.
    Due,
    /// Time passes until a millisecond before that.
    JustBefore,
    Alarm(usize),
    Clear(usize),
    Nonsense(usize),
    Silence(usize),
    Order(usize, Verb),
    /// Somebody takes a source out of service.
    Bypass(usize),
    /// The disk does not answer, or has caught up.
    Stall(usize),
    Recover(usize),
    /// The process dies, and starts again with so many of the entries that the disk had not confirmed.
    Crash(usize, usize),
    /// A call arrives.
    Call(usize, How),
    /// Slow work ends.
    Finish(usize, bool),
    /// The place to go to has a vote of its own.
    FarVotes,
    Pause(usize),
    Resume(usize),
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Well,
    /// 202, and it ends later.
    Slowly,
    /// It is carried out, and the answer is lost.
    Unheard,
    /// 500, and nothing is done.
    Fails,
    /// 422.
    Cannot,
    /// It arrives once more later.
    Twice,
}

impl How {
    pub(crate) const FAULTS: &[Self] = &[Self::Slowly, Self::Unheard, Self::Fails, Self::Cannot, Self::Twice];
}

impl Act {
    /// In words.
    pub(crate) fn told(&self, site: &Site, call: &str) -> String {
        let channel = |c: &usize| &site.channels[*c].id;
        match self {
            Self::Due => "time passes until something is due".into(),
            Self::JustBefore => "time passes until a millisecond before something is due".into(),
            Self::Alarm(c) => format!("{} alarms", channel(c)),
            Self::Clear(c) => format!("{} is clear", channel(c)),
            Self::Nonsense(c) => format!("{} talks nonsense", channel(c)),
            Self::Silence(s) => format!("{} falls silent", site.sources[*s].id),
            Self::Order(who, verb) => format!("{} orders: {}", site.principals[*who].id, verb.as_str()),
            Self::Bypass(s) => format!("ann takes {} out of service", site.sources[*s].id),
            Self::Stall(g) => format!("the disk of gateway {} does not answer", g + 1),
            Self::Recover(g) => format!("the disk of gateway {} has caught up", g + 1),
            Self::Crash(g, kept) => format!(
                "gateway {} dies and starts again; of what its disk had not confirmed {kept} entries are there",
                g + 1
            ),
            Self::Call(_, how) => format!("the call {call} {how}"),
            Self::Finish(_, true) => format!("the slow work {call} is finished"),
            Self::Finish(_, false) => format!("the slow work {call} fails"),
            Self::FarVotes => "a group at the place to go to votes".into(),
            Self::Pause(g) => format!("gateway {} is stopped where it stands", g + 1),
            Self::Resume(g) => format!("gateway {} goes on", g + 1),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Well => "arrives and is answered",
            Self::Slowly => "arrives and is accepted (202)",
            Self::Unheard => "arrives and is carried out, and the answer is lost",
            Self::Fails => "fails (500), and nothing is done",
            Self::Cannot => "is answered with 422",
            Self::Twice => "arrives and is answered; a copy of it comes later",
        })
    }
}

//! What an event is to people outside.

use muster_core::{Event, EventKind, Level, Millis};

use crate::config::Topic;
use crate::hooks::note::one_line;
use crate::journal::StoredEvent;
use crate::told::Told;

/// Characters of a line that are told.
const LINE_CHARS: usize = 300;
/// Characters of a subject.
const SUBJECT_CHARS: usize = 64;

/// Why somebody outside is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// An incident opened, or goes on after a restart. Every place is told, whatever it asked for.
    Opening,
    /// What a place may ask for.
    Of(Topic),
}

impl Sort {
    /// None for what is told to nobody outside: single channels, steps, orders.
    pub(super) fn of(event: &Event) -> Option<Self> {
        match event.kind {
            EventKind::Vote => Some(Self::Of(Topic::Vote)),
            EventKind::Level => Some(Self::Of(Topic::Level)),
            EventKind::Trouble | EventKind::TroubleCleared => Some(Self::Of(Topic::Trouble)),
            EventKind::Incident if closes(event) => Some(Self::Of(Topic::End)),
            EventKind::Incident => Some(Self::Opening),
            EventKind::Channel | EventKind::Order | EventKind::Step | EventKind::Workload => None,
            EventKind::Config | EventKind::Journal | EventKind::Drill => None,
        }
    }

    /// Its word in messages.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "incident",
            Self::Of(Topic::Vote) => "vote",
            Self::Of(Topic::Level) => "level",
            Self::Of(Topic::Trouble) => "trouble",
            Self::Of(Topic::End) => "end",
        }
    }

    /// What a message is named after, if it holds several: the highest.
    pub(super) const fn weight(self) -> u8 {
        match self {
            Self::Of(Topic::Trouble) => 0,
            Self::Of(Topic::Level) => 1,
            Self::Opening => 2,
            Self::Of(Topic::Vote) => 3,
            Self::Of(Topic::End) => 4,
        }
    }
}

/// The core says "{incident} closed by reset".
fn closes(event: &Event) -> bool {
    let rest = event.line.strip_prefix(event.subject.as_str());
    rest.is_some_and(|rest| rest.starts_with(" closed"))
}

/// One event as it is told outside: on one line, whoever wrote its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Id in the journal's ring of lines.
    pub(super) id: i64,
    /// Engine time.
    pub(super) at: Millis,
    /// Wall clock in Unix milliseconds; a story's, in a simulation.
    pub(super) wall_ms: i64,
    pub(super) sort: Sort,
    /// Of the site when it was said.
    pub(super) level: Level,
    pub(super) subject: String,
    pub(super) text: String,
}

impl Line {
    /// None for what is told to nobody outside.
    pub(super) fn of(told: &Told) -> Option<Self> {
        Some(Self {
            id: told.id,
            at: told.at,
            wall_ms: told.wall_ms,
            sort: Sort::of(&told.event)?,
            level: told.event.level,
            subject: one_line(&told.event.subject, SUBJECT_CHARS),
            text: one_line(&told.event.line, LINE_CHARS),
        })
    }

    /// The same of a line of the journal. Trouble is not told anew after a restart: what is still there is found again.
    pub(super) fn of_stored(stored: StoredEvent) -> Option<Self> {
        let kinds = [EventKind::Vote, EventKind::Level, EventKind::Incident];
        let levels = [Level::Normal, Level::Watch, Level::Prepare, Level::Evacuate];
        let event = Event {
            kind: kinds.into_iter().find(|kind| kind.as_str() == stored.kind)?,
            level: levels.into_iter().find(|level| level.as_str() == stored.level)?,
            subject: stored.subject,
            line: stored.line,
        };
        Self::of(&Told {
            id: stored.id,
            at: stored.at_ms,
            wall_ms: stored.wall_ms,
            event,
        })
    }

    /// Whether it is trouble, which never holds anything else back.
    pub(super) fn is_trouble(&self) -> bool {
        self.sort == Sort::Of(Topic::Trouble)
    }
}

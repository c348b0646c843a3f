//! Incidents as text that anyone can read and write: what the equipment showed, what people did and when, and what Muster
//! has to make of it. `muster replay` plays a file in virtual time, `muster sim` through real protocols.

mod expect;
mod lines;
mod parse;
mod script;
mod service;
mod stage;
#[cfg(test)]
mod tests;
mod words;

pub use expect::{Expect, Happening, Promise};
pub use parse::{MAX_BYTES, load, parse};
pub use script::script;
pub use service::ServiceLine;
pub use stage::{Heard, Stage, Track};
pub(crate) use words::time_of_day;

use std::path::PathBuf;

use muster_core::Millis;
use muster_wire::{Absence, Micro};

/// The format, for `--help` and for whoever writes one.
pub const FORMAT: &str = "\
Incident files (version 1): one statement a line; `#` begins a comment line; an indented line goes on with the one before.

  muster incident 1              first line of every file
  title TEXT                     what happened, where and when
  proves TEXT                    a paragraph: what this file shows, and what it does not
  date 2022-10-15 +09:00         day and offset of all times of day; one below `begin` is of the next day
  begin TIME                     from here it plays; `zero TIME` is T+0:00, `end TIME` the end
  site NAME FILE.toml            a room to play it in, relative to this file; two rooms are compared
  version NAME TEXT              a version of when people knew, where accounts differ
  every SOURCE 10s               how often a source is heard (else a node every second, a device as often as it is polled);
                                 `all` of them
  hook ID takes 45s | MARK       how long a hook takes for what cannot be taken back; or `hook ID cannot`

  TIME CHANNEL 31.2 | MARK       shows this value from then on, in its quantity's unit; contacts 0 or 1
  TIME CHANNEL ramp 85 | MARK    has risen or fallen in a straight line since its point before, and reaches this now
  TIME CHANNEL absent WHY | MARK says that it has no value: warmup bus crc range rate stuck open short config lost
  TIME SOURCE silent | MARK      nothing is heard of it any more; `lost WHY`: and its connection says so, in these words;
                                 `heard`: it is heard again
  TIME every 40s until TIME …    the rest of the line, again and again
  TIME people VERSION TEXT | MARK  when they knew, in one version or in `all`
  TIME note TEXT | MARK          anything else on record
  TIME loss TEXT | MARK          the first load was lost; `cut`: the supply was cut by order
  TIME order VERB [TIME] by ID…  persons give an order; TIME for `cut`
  TIME order work ZONE for 240min by ID because TEXT     people work there, and limits fall; or `work ZONE over by ID`
  TIME order bypass SOURCE for 60min by ID because TEXT  it is out of service, or one CHANNEL is; or `bypass … over by ID`

  expect [SITE] EVENT by TIME    EVENT: first vote, second vote, prepare hook, evacuate hook, all safe
  expect [SITE] no EVENT         or `no EVENT before TIME`
  expect [SITE] 12 moved by TIME
  expect [SITE] hook within 2s   of the second vote
  expect [SITE] level at most watch    or `level prepare by TIME`, `level normal at TIME`: of the site
  expect [SITE] trouble ID by TIME     a source or channel is named as in trouble; `no trouble` of anything

TIME is 15:19, 15:19:00 or 15:19:00.250. MARK is `recorded: SOURCE` or `assumed: WHY`; every fact has one. CHANNEL is an id
of a site's config; one that only one of the sites has is heard only there. A channel of which the file says nothing shows
what is usual in quiet: contacts 0, 24 °C, charge 1, load 0.5, 1800 s, 230 V, else 0.";

/// An incident file. Times are milliseconds since `begin`, which is engine time 0.
#[derive(Clone, Debug, Default)]
pub struct Incident {
    /// The file as it was named.
    pub file: PathBuf,
    /// What happened.
    pub title: String,
    /// What it shows.
    pub proves: String,
    /// Unix milliseconds of `begin`.
    pub begin_wall_ms: i64,
    /// Seconds east of Greenwich of all its times of day.
    pub offset_s: i32,
    /// T+0:00.
    pub zero: Millis,
    /// It plays to here.
    pub end: Millis,
    /// Rooms.
    pub sites: Vec<SiteRef>,
    /// Accounts of when people knew.
    pub versions: Vec<Version>,
    /// How often sources are heard.
    pub every: Vec<Every>,
    /// How hooks answer.
    pub hooks: Vec<HookLine>,
    /// What channels show.
    pub points: Vec<Point>,
    /// Sources that end, and come back.
    pub ends: Vec<SourceEnd>,
    /// What people did, and what was lost.
    pub facts: Vec<Fact>,
    /// Orders.
    pub orders: Vec<OrderLine>,
    /// Bypasses and planned work.
    pub service: Vec<ServiceLine>,
    /// What has to come of it.
    pub expects: Vec<Expect>,
}

/// A room.
#[derive(Clone, Debug)]
pub struct SiteRef {
    /// Line of the file, from 1.
    pub line: usize,
    /// What it is called.
    pub name: String,
    /// Its config.
    pub path: PathBuf,
}

/// An account of when people knew.
#[derive(Clone, Debug)]
pub struct Version {
    /// What it is called.
    pub name: String,
    /// Whose it is.
    pub text: String,
}

/// How often a source is heard.
#[derive(Clone, Debug)]
pub struct Every {
    /// Line.
    pub line: usize,
    /// Source id.
    pub source: String,
    /// Period.
    pub ms: Millis,
}

/// How a hook answers.
#[derive(Clone, Debug)]
pub struct HookLine {
    /// Line.
    pub line: usize,
    /// Hook id.
    pub id: String,
    /// Time for what cannot be taken back; none if it says that it cannot.
    pub takes_ms: Option<Millis>,
}

/// What a channel shows from a time on.
#[derive(Clone, Debug)]
pub struct Point {
    /// Line.
    pub line: usize,
    /// When.
    pub at: Millis,
    /// Channel id.
    pub channel: String,
    /// What.
    pub shows: Shows,
}

/// What a channel shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// This, from here on.
    Value(Micro),
    /// This, reached in a straight line from the point before.
    Ramp(Micro),
    /// That it has no value.
    Absent(Absence),
}

/// A source that ends, or is heard again.
#[derive(Clone, Debug)]
pub struct SourceEnd {
    /// Line.
    pub line: usize,
    /// When.
    pub at: Millis,
    /// Source id.
    pub source: String,
    /// What becomes of it.
    pub heard: Heard,
}

/// Something on record, or assumed.
#[derive(Clone, Debug)]
pub struct Fact {
    /// When.
    pub at: Millis,
    /// Sort.
    pub kind: FactKind,
    /// What.
    pub text: String,
    /// Where that is from.
    pub mark: Mark,
}

/// Sorts of fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactKind {
    /// People knew, in a version; none for all.
    People(Option<String>),
    /// Anything.
    Note,
    /// The first load was lost.
    Loss,
    /// The supply was cut by order.
    Cut,
}

impl std::fmt::Display for FactKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::People(Some(version)) => write!(f, "people ({version})"),
            Self::People(None) => f.pad("people"),
            Self::Note => f.pad("note"),
            Self::Loss => f.pad("first loss"),
            Self::Cut => f.pad("ordered cut"),
        }
    }
}

/// Where something is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// On record, and where.
    Recorded(String),
    /// Not on record, and why it is taken to be so.
    Assumed(String),
}

/// An order by persons.
#[derive(Clone, Debug)]
pub struct OrderLine {
    /// Line.
    pub line: usize,
    /// When.
    pub at: Millis,
    /// What; the time of a cut is engine time.
    pub verb: muster_core::Verb,
    /// Principal ids, in this order, a second apart.
    pub by: Vec<String>,
}

impl Incident {
    /// When people first knew, in a version.
    #[must_use]
    pub fn knew(&self, version: &str) -> Option<&Fact> {
        let theirs = |kind: &FactKind| match kind {
            FactKind::People(of) => of.as_deref().is_none_or(|of| of == version),
            _ => false,
        };
        self.facts.iter().filter(|f| theirs(&f.kind)).min_by_key(|f| f.at)
    }

    /// When the first load was lost.
    #[must_use]
    pub fn loss(&self) -> Option<&Fact> {
        self.facts.iter().find(|f| f.kind == FactKind::Loss)
    }

    /// When the supply was cut.
    #[must_use]
    pub fn cut(&self) -> Option<&Fact> {
        self.facts.iter().find(|f| f.kind == FactKind::Cut)
    }
}

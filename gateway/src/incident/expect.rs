//! What has to come of an incident.

use muster_core::{Level, Millis};

use super::lines::split;
use super::words;

/// An expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// Line.
    pub line: usize,
    /// Its own words.
    pub text: String,
    /// Of one room; none for every one.
    pub site: Option<String>,
    /// What.
    pub promise: Promise,
}

/// What is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promise {
    /// It happens by then.
    By(Happening, Millis),
    /// It does not happen before then.
    NotBefore(Happening, Millis),
    /// It does not happen at all.
    Never(Happening),
    /// The site's level is never higher.
    AtMost(Level),
    /// The site has had this level, or a higher one, by then.
    LevelBy(Level, Millis),
    /// The site has this level then.
    LevelAt(Level, Millis),
    /// This source or channel is named as in trouble by then.
    TroubleBy(String, Millis),
    /// Nothing is named as in trouble.
    NoTrouble,
    /// So many workloads run elsewhere by then.
    Moved(usize, Millis),
    /// The first evacuate hook follows the second vote within this.
    HookWithin(Millis),
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The first vote.
    FirstVote,
    /// The first vote of another group.
    SecondVote,
    /// First call of a hook for what is reversible.
    PrepareHook,
    /// First call of a hook for what is not.
    EvacuateHook,
    /// The last workload is verified safe.
    AllSafe,
}

const HAPPENINGS: [(&str, Happening); 6] = [
    ("vote", Happening::FirstVote),
    ("first vote", Happening::FirstVote),
    ("second vote", Happening::SecondVote),
    ("prepare hook", Happening::PrepareHook),
    ("evacuate hook", Happening::EvacuateHook),
    ("all safe", Happening::AllSafe),
];

/// The promise in some words; `time` turns a time of day into engine time.
pub(super) fn promise(text: &str, time: impl Fn(&str) -> Option<Millis>) -> Option<Promise> {
    if let Some(within) = text.strip_prefix("hook within ") {
        return words::duration(within.trim()).map(Promise::HookWithin);
    }
    if let Some(rest) = text.strip_prefix("no ") {
        return none(rest.trim(), time);
    }
    if let Some(rest) = text.strip_prefix("level ") {
        return level(rest.trim(), time);
    }
    let (what, when) = text.split_once(" by ")?;
    let at = time(when.trim())?;
    if let ("trouble", subject) = split(what) {
        return (!subject.is_empty()).then(|| Promise::TroubleBy(subject.trim().into(), at));
    }
    if let (count, "moved") = split(what) {
        return Some(Promise::Moved(count.parse().ok()?, at));
    }
    Some(Promise::By(happening(what)?, at))
}

/// What is not to happen: `vote`, `vote before 15:19`, `trouble`.
fn none(rest: &str, time: impl Fn(&str) -> Option<Millis>) -> Option<Promise> {
    if rest == "trouble" {
        return Some(Promise::NoTrouble);
    }
    match rest.split_once(" before ") {
        Some((what, when)) => Some(Promise::NotBefore(happening(what)?, time(when.trim())?)),
        None => happening(rest).map(Promise::Never),
    }
}

/// `at most watch`, `prepare by 15:19`, `normal at 15:30`.
fn level(rest: &str, time: impl Fn(&str) -> Option<Millis>) -> Option<Promise> {
    let of = |word: &str| {
        let all = [Level::Normal, Level::Watch, Level::Prepare, Level::Evacuate];
        all.into_iter().find(|level| level.as_str() == word.trim())
    };
    if let Some(word) = rest.strip_prefix("at most ") {
        return of(word).map(Promise::AtMost);
    }
    if let Some((word, when)) = rest.split_once(" by ") {
        return Some(Promise::LevelBy(of(word)?, time(when.trim())?));
    }
    let (word, when) = rest.split_once(" at ")?;
    Some(Promise::LevelAt(of(word)?, time(when.trim())?))
}

fn happening(what: &str) -> Option<Happening> {
    HAPPENINGS
        .into_iter()
        .find(|(words, _)| *words == what.trim())
        .map(|(_, h)| h)
}

//! What has to come of an incident.

use muster_core::Millis;

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

const HAPPENINGS: [(&str, Happening); 5] = [
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
    if let Some((what, when)) = text.strip_prefix("no ").and_then(|rest| rest.split_once(" before ")) {
        return Some(Promise::NotBefore(happening(what)?, time(when.trim())?));
    }
    let (what, when) = text.split_once(" by ")?;
    let at = time(when.trim())?;
    if let (count, "moved") = split(what) {
        return Some(Promise::Moved(count.parse().ok()?, at));
    }
    Some(Promise::By(happening(what)?, at))
}

fn happening(what: &str) -> Option<Happening> {
    HAPPENINGS
        .into_iter()
        .find(|(words, _)| *words == what.trim())
        .map(|(_, h)| h)
}

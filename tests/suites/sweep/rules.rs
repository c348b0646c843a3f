//! What may never be, whatever happens: the invariants of one gateway, held against its records, its calls and what it
//! shows. It keeps its own account of votes, windows and intents, from records alone.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::{Call, Entry, Level, Millis, Mode, Phase, Record, Verb, View};

/// A call may go out without a durable intent after this long (design §4).
const UNSTORED_MS: Millis = 500;

/// One vote as the records tell it.
#[derive(Clone, Copy, Debug)]
struct Vote {
    held: bool,
    died: bool,
}

/// What the records have said since the incident opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    votes: BTreeMap<(String, String), Vote>,
    windows: BTreeSet<String>,
    /// None: the whole site.
    begun: BTreeSet<Option<String>>,
    ordered: bool,
    resets: u32,
    token: u64,
    /// Of the open incident, by mode: where the intent stands.
    intents: BTreeMap<(String, Mode), u64>,
    /// Last sequence that the disk has taken.
    stored: u64,
    /// When the oldest was written that it has not.
    unstored_since: Option<Millis>,
}

impl Rules {
    /// What a journal comes to.
    pub(crate) fn folded(journal: &[Entry]) -> Self {
        let mut rules = Self::default();
        for entry in journal {
            // What it breaks was told when it was written.
            let _ = rules.take(entry, false);
        }
        rules.stored(journal.last().map_or(0, |entry| entry.seq));
        rules
    }

    /// The disk has taken everything up to here, which is all that was given to it.
    pub(crate) const fn stored(&mut self, through: u64) {
        (self.stored, self.unstored_since) = (through, None);
    }

    pub(crate) const fn is_stored(&self, seq: u64) -> bool {
        seq <= self.stored
    }

    /// What a restart happens in.
    pub(crate) fn at_restart(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            (!self.votes.is_empty(), "restart-with-vote"),
            (!self.windows.is_empty(), "restart-in-window"),
            (!self.begun.is_empty(), "restart-in-evacuation"),
        ];
        all.into_iter().filter(|(is, _)| *is).map(|(_, name)| name)
    }

    /// Takes a record; what it breaks.
    pub(crate) fn take(&mut self, entry: &Entry, single_group: bool) -> Option<String> {
        self.unstored_since.get_or_insert(entry.at);
        match &entry.record {
            Record::VoteHeld {
                zone, group, died, why, ..
            } => return self.vote((zone, group), *died, why),
            Record::VoteReturned { zone, group } => {
                let vote = self.votes.get_mut(&(zone.clone(), group.clone()));
                let Some(vote) = vote else {
                    return Some(format!("a vote returns that was none: {group}"));
                };
                vote.held = false;
            }
            Record::WindowOpened { zone, .. } => {
                self.windows.insert(zone.clone());
            }
            Record::WindowClosed { zone, .. } => {
                self.windows.remove(zone);
            }
            Record::EvacuateBegun { zone, why, .. } => return self.begin(zone.as_ref(), why, single_group),
            Record::OrderTaken { verb, by, .. } => return self.ordered(*verb, by),
            Record::StepIntent { step, token, mode, .. } => {
                self.intents.insert((step.clone(), *mode), entry.seq);
                let rises = *token > self.token;
                self.token = *token;
                return (!rises).then(|| format!("the token of {step} does not rise: {token}"));
            }
            Record::IncidentClosed { n, by } => return self.close(*n, by),
            _ => {}
        }
        None
    }

    fn vote(&mut self, (zone, group): (&String, &String), died: bool, why: &str) -> Option<String> {
        let alarms = |(key, vote): (&(String, String), &Vote)| key.0 == *zone && key.1 != *group && !vote.died;
        let alone = died && !self.votes.iter().any(alarms);
        let vote = Vote { held: true, died };
        self.votes.insert((zone.clone(), group.clone()), vote);
        alone.then(|| format!("{group} votes by its death beside no alarm: {why}"))
    }

    fn begin(&mut self, zone: Option<&String>, why: &str, single_group: bool) -> Option<String> {
        self.begun.insert(zone.cloned());
        let Some(zone) = zone else {
            return (!self.ordered).then(|| format!("the whole site evacuates without an order: {why}"));
        };
        let alarms = self
            .votes
            .iter()
            .filter(|((z, _), vote)| z == zone && !vote.died)
            .count();
        let needed = if single_group { 1 } else { 2 };
        let unanswered = self.windows.remove(zone) && alarms > 0 && why.starts_with("nobody aborted");
        (alarms < needed && !unanswered).then(|| format!("{zone} evacuates on {alarms} votes: {why}"))
    }

    fn ordered(&mut self, verb: Verb, by: &[String]) -> Option<String> {
        let held = self.votes.values().any(|vote| vote.held);
        let persons: BTreeSet<&String> = by.iter().collect();
        let needed = match verb {
            Verb::Evacuate | Verb::Reset | Verb::Disarm => 2,
            Verb::Cut { .. } if !held => 2,
            Verb::Abort if !self.begun.is_empty() => 2,
            _ => 1,
        };
        match verb {
            Verb::Evacuate | Verb::Cut { .. } => self.ordered = true,
            Verb::Abort => self.windows.clear(),
            _ => {}
        }
        (persons.len() < needed).then(|| format!("{} was taken from {by:?}", verb.as_str()))
    }

    fn close(&mut self, n: u32, by: &[String]) -> Option<String> {
        let held = self
            .votes
            .iter()
            .find(|(_, vote)| vote.held)
            .map(|(key, _)| key.clone());
        let next = n == self.resets + 1 && by.len() == 2;
        *self = Self {
            resets: n,
            token: self.token,
            stored: self.stored,
            unstored_since: self.unstored_since,
            ..Self::default()
        };
        if let Some((_, group)) = held {
            return Some(format!("a reset while {group} holds its vote"));
        }
        (!next).then(|| format!("incident {n} was closed by {by:?}"))
    }

    /// What a call breaks.
    pub(crate) fn call(&self, now: Millis, call: &Call, armed: bool) -> Option<String> {
        let step = &call.step;
        if call.phase == Phase::Restore {
            return Some(format!("{step} brings back what nobody has ordered back"));
        }
        if call.phase == Phase::Evacuate && self.begun.is_empty() {
            return Some(format!("{step} was called without a decision to evacuate"));
        }
        if (call.mode == Mode::Live) != armed {
            return Some(format!("{step} was called as {}", call.mode));
        }
        match self.intents.get(&(step.clone(), call.mode)) {
            None => Some(format!("{step} was called without an intent")),
            Some(seq) => {
                let waits_ms = now - self.unstored_since.unwrap_or(now);
                let early = !self.is_stored(*seq) && waits_ms < UNSTORED_MS;
                early.then(|| {
                    format!("{step} was called, its intent is not on disk, and that has had {waits_ms} ms only")
                })
            }
        }
    }

    /// What is shown and is not so. `deaf`: a channel of which nothing good has come for longer than it may.
    pub(crate) fn shown(&self, view: &View, deaf: Option<&str>) -> Option<String> {
        let shown: BTreeSet<(&str, &str)> = view.votes.iter().map(|v| (v.zone.as_str(), v.group.as_str())).collect();
        let told: BTreeSet<(&str, &str)> = self.votes.keys().map(|(z, g)| (z.as_str(), g.as_str())).collect();
        if shown != told {
            return Some(format!("the votes are {told:?}, and shown are {shown:?}"));
        }
        if (view.level == Level::Evacuate) == self.begun.is_empty() {
            return Some(format!("it shows {}, and has decided {:?}", view.level, self.begun));
        }
        if !self.votes.is_empty() && view.level < Level::Prepare {
            return Some(format!("it shows {} with {told:?} voting", view.level));
        }
        let deaf = deaf.filter(|_| view.troubles.is_empty())?;
        Some(format!("{deaf} is not heard, and nothing says so"))
    }

    pub(crate) fn window_is_open(&self) -> bool {
        !self.windows.is_empty()
    }

    pub(crate) fn evacuates(&self) -> bool {
        !self.begun.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(group: &str, died: bool) -> Record {
        Record::VoteHeld {
            zone: "z".into(),
            group: group.into(),
            channel: format!("{group}.smoke"),
            why: "smoke".into(),
            died,
        }
    }

    fn evacuates(why: &str) -> Record {
        let zone = Some("z".into());
        Record::EvacuateBegun {
            zone,
            why: why.into(),
            racks: None,
        }
    }

    fn broken(records: &[Record]) -> Vec<String> {
        let mut rules = Rules::default();
        let entries = (1..).zip(records).map(|(seq, record)| Entry {
            seq,
            at: 0,
            record: record.clone(),
        });
        entries.filter_map(|entry| rules.take(&entry, false)).collect()
    }

    #[test]
    fn one_vote_and_a_death_without_a_window_are_too_little() {
        let opens = Record::WindowOpened {
            zone: "z".into(),
            until: 180_000,
            why: "b died".into(),
        };
        let two = [vote("a", false), vote("b", false), evacuates("a and b vote")];
        assert_eq!(broken(&two), [""; 0]);
        assert_eq!(broken(&[vote("a", false), evacuates("a votes")]).len(), 1);
        assert_eq!(
            broken(&[vote("a", false), vote("b", true), evacuates("a and b")]).len(),
            1
        );
        let unanswered = evacuates("nobody aborted within 180 s: b died");
        assert_eq!(broken(&[vote("a", false), opens, unanswered.clone()]), [""; 0]);
        assert_eq!(broken(&[vote("a", false), unanswered]).len(), 1);
        assert_eq!(broken(&[vote("b", true)]).len(), 1);
    }

    #[test]
    fn what_one_person_may_not_do_is_broken_by_one() {
        let taken = |verb: Verb, by: &[&str]| Record::OrderTaken {
            verb,
            by: by.iter().map(|b| (*b).into()).collect(),
            until: None,
        };
        let cut = Verb::Cut { at: 5 };
        assert_eq!(broken(&[taken(cut, &["ann", "bob"])]), [""; 0]);
        assert_eq!(broken(&[taken(cut, &["ann", "ann"])]).len(), 1);
        assert_eq!(broken(&[vote("a", false), taken(cut, &["ann"])]), [""; 0]);
        assert_eq!(broken(&[taken(Verb::Evacuate, &["ann"])]).len(), 1);
        let closed = Record::IncidentClosed {
            n: 1,
            by: vec!["ann".into(), "bob".into()],
        };
        assert_eq!(broken(std::slice::from_ref(&closed)), [""; 0]);
        assert_eq!(broken(&[vote("a", false), closed]).len(), 1);
    }
}

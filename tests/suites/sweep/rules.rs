//! What may never be, whatever happens: the invariants of one gateway, held against its records, its calls and what it
//! shows. It keeps its own account of votes, windows and intents, from records alone.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::{Call, Entry, Level, Millis, Mode, Phase, Record, Site, TroubleView, Verb, View};

/// A call may go out without a durable intent after this long (design §4).
const UNSTORED_MS: Millis = 500;

/// One vote as the records tell it.
#[derive(Clone, Copy, Debug)]
struct Vote {
    held: bool,
    died: bool,
    onset: Millis,
}

/// Two votes count together if both are held, or if they began within this (design §5).
const TOGETHER_MS: Millis = 30 * 60_000;
/// The longest abort window.
const WINDOW_MS: Millis = 180_000;
/// Power is taken for lost so long after a suppression was released (NFPA 2001).
const DISCHARGE_MS: Millis = 600_000;
/// Cordon and calls, on top of what the rungs of a plan need.
const SPARE_MS: Millis = 10_000;

/// What the records have said since the incident opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    votes: BTreeMap<(String, String), Vote>,
    /// Until when each zone's lasts.
    windows: BTreeMap<String, Millis>,
    /// What a person has taken out of service.
    bypassed: BTreeSet<String>,
    /// First sign of a hazard, and clocks that run by themselves: an announced cut, a released suppression.
    sign: Option<Millis>,
    clocks: Vec<Millis>,
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
    pub(crate) fn folded(journal: &[Entry], site: &Site) -> Self {
        let mut rules = Self::default();
        for entry in journal {
            // What it breaks was told when it was written.
            let _ = rules.take(entry, site);
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
    pub(crate) fn take(&mut self, entry: &Entry, site: &Site) -> Option<String> {
        self.unstored_since.get_or_insert(entry.at);
        self.note_clocks(entry);
        match &entry.record {
            Record::VoteHeld {
                zone, group, died, why, ..
            } => return self.vote((zone, group), (*died, entry.at), why),
            Record::VoteReturned { zone, group } => {
                let vote = self.votes.get_mut(&(zone.clone(), group.clone()));
                let Some(vote) = vote else {
                    return Some(format!("a vote returns that was none: {group}"));
                };
                vote.held = false;
            }
            Record::WindowOpened { zone, until, .. } => {
                self.windows.insert(zone.clone(), *until);
                let early = *until < self.earliest_end(site, entry.at).min(entry.at + WINDOW_MS);
                let lasts_ms = until - entry.at;
                return (early || lasts_ms > WINDOW_MS).then(|| format!("a window of {zone} lasts {lasts_ms} ms"));
            }
            Record::WindowClosed { zone, .. } => {
                self.windows.remove(zone);
            }
            Record::Bypassed { id, .. } => {
                self.bypassed.insert(id.clone());
            }
            Record::BypassEnded { id, .. } => {
                self.bypassed.remove(id);
            }
            Record::EvacuateBegun { zone, why, .. } => return self.begin((zone.as_ref(), entry.at), why, site),
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

    /// Clocks that an abort window may not outlast.
    fn note_clocks(&mut self, entry: &Entry) {
        match &entry.record {
            Record::VoteHeld { channel, .. } | Record::AlarmJoined { channel } => {
                self.sign.get_or_insert(entry.at);
                let released = channel.ends_with("suppression_discharge");
                self.clocks.extend(released.then_some(entry.at + DISCHARGE_MS));
            }
            Record::OrderTaken {
                verb: Verb::Evacuate, ..
            } => {
                self.sign.get_or_insert(entry.at);
            }
            Record::OrderTaken {
                verb: Verb::Cut { at }, ..
            } => self.clocks.push(*at),
            _ => {}
        }
    }

    /// When at the earliest a window may end for want of time: all of every ladder may still be needed. A clock that has run
    /// out shortens none.
    fn earliest_end(&self, site: &Site, now: Millis) -> Millis {
        let rungs = site.workloads.iter().flat_map(|w| &w.rungs);
        let needs_ms = rungs.map(|rung| rung.needs_ms).sum::<Millis>() + SPARE_MS;
        let priors = [site.priors.loss_earliest_ms, site.priors.cut_earliest_ms];
        let sign = self.sign.into_iter().flat_map(|at| priors.map(|prior| at + prior));
        let ahead = sign.chain(self.clocks.iter().copied()).filter(|at| *at > now);
        ahead.min().map_or(Millis::MAX, |at| (at - needs_ms).max(now))
    }

    fn vote(&mut self, (zone, group): (&String, &String), (died, onset): (bool, Millis), why: &str) -> Option<String> {
        let alarms = |(key, vote): (&(String, String), &Vote)| key.0 == *zone && key.1 != *group && !vote.died;
        let alone = died && !self.votes.iter().any(alarms);
        let vote = Vote {
            held: true,
            died,
            onset,
        };
        self.votes.insert((zone.clone(), group.clone()), vote);
        alone.then(|| format!("{group} votes by its death beside no alarm: {why}"))
    }

    fn begin(&mut self, (zone, at): (Option<&String>, Millis), why: &str, site: &Site) -> Option<String> {
        self.begun.insert(zone.cloned());
        let Some(zone) = zone else {
            return (!self.ordered).then(|| format!("the whole site evacuates without an order: {why}"));
        };
        let ends = self
            .windows
            .remove(zone)
            .map(|until| until.min(self.earliest_end(site, at)));
        let of_zone = self.votes.iter().filter(|((z, _), vote)| z == zone && !vote.died);
        let alarms: Vec<&Vote> = of_zone.map(|(_, vote)| vote).collect();
        let together = |a: &Vote, b: &Vote| (a.held && b.held) || (a.onset - b.onset).abs() <= TOGETHER_MS;
        let mut pairs = alarms
            .iter()
            .enumerate()
            .flat_map(|(n, a)| alarms[..n].iter().map(move |b| (*a, *b)));
        let enough = pairs.any(|(a, b)| together(a, b)) || (site.single_group && !alarms.is_empty());
        let unanswered = ends.is_some_and(|ends| at >= ends) && !alarms.is_empty() && why.starts_with("nobody aborted");
        let counts = alarms.len();
        (!enough && !unanswered).then(|| format!("{zone} evacuates on {counts} votes: {why}"))
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
            bypassed: std::mem::take(&mut self.bypassed),
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

    /// What is shown and is not so. `deaf`: channels of which nothing good has come for longer than it may, with their
    /// sources.
    pub(crate) fn shown<'a>(&self, view: &View, mut deaf: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
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
        let (deaf, _) = deaf.find(|(channel, source)| !view.troubles.iter().any(|t| speaks_of(t, channel, source)))?;
        Some(format!("{deaf} is not heard, and nothing says so"))
    }

    /// Groups that vote in a zone by an alarm.
    pub(crate) fn votes_of(&self, zone: &str) -> Vec<String> {
        let of_it = self.votes.iter().filter(|((z, _), vote)| z == zone && !vote.died);
        of_it.map(|((_, group), _)| group.clone()).collect()
    }

    pub(crate) fn is_bypassed(&self, channel: &str, source: &str) -> bool {
        self.bypassed.contains(channel) || self.bypassed.contains(source)
    }

    pub(crate) fn window_is_open(&self) -> bool {
        !self.windows.is_empty()
    }

    pub(crate) fn evacuates(&self) -> bool {
        !self.begun.is_empty()
    }
}

/// Whether a trouble is of this channel: its own, its source's, or one that several of the source have alike.
fn speaks_of(trouble: &TroubleView, channel: &str, source: &str) -> bool {
    let alike = trouble.line.ends_with(&format!(" more of {source}"));
    trouble.subject == channel || trouble.subject == source || alike
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
        let timed: Vec<(Millis, Record)> = records.iter().map(|record| (0, record.clone())).collect();
        broken_at(&timed)
    }

    fn broken_at(records: &[(Millis, Record)]) -> Vec<String> {
        let site = crate::fit::all().unwrap().swap_remove(0).site;
        let mut rules = Rules::default();
        let entries = (1..).zip(records).map(|(seq, (at, record))| Entry {
            seq,
            at: *at,
            record: record.clone(),
        });
        entries.filter_map(|entry| rules.take(&entry, &site)).collect()
    }

    fn opens(until: Millis) -> Record {
        Record::WindowOpened {
            zone: "z".into(),
            until,
            why: "b died".into(),
        }
    }

    #[test]
    fn one_vote_and_a_death_without_a_window_are_too_little() {
        let two = [vote("a", false), vote("b", false), evacuates("a and b vote")];
        assert_eq!(broken(&two), [""; 0]);
        assert_eq!(broken(&[vote("a", false), evacuates("a votes")]).len(), 1);
        assert_eq!(
            broken(&[vote("a", false), vote("b", true), evacuates("a and b")]).len(),
            1
        );
        let unanswered = evacuates("nobody aborted within 180 s: b died");
        let after = |ms| [(0, vote("a", false)), (0, opens(180_000)), (ms, unanswered.clone())];
        assert_eq!(broken_at(&after(180_000)), [""; 0]);
        assert_eq!(broken_at(&after(179_999)).len(), 1);
        assert_eq!(broken(&[vote("a", false), unanswered.clone()]).len(), 1);
        assert_eq!(broken(&[vote("b", true)]).len(), 1);
    }

    #[test]
    fn a_window_is_as_long_as_there_is_time_and_no_longer() {
        assert_eq!(broken(&[vote("a", false), opens(179_999)]).len(), 1);
        assert_eq!(broken(&[vote("a", false), opens(180_001)]).len(), 1);
        // 480 s after the first sign all may be lost, and the reference room's ladder needs 140 of them.
        let late = |until| [(0, vote("a", false)), (300_000, opens(until))];
        assert_eq!(broken_at(&late(340_000)), [""; 0]);
        assert_eq!(broken_at(&late(300_000)).len(), 1);
    }

    #[test]
    fn votes_that_began_more_than_half_an_hour_apart_count_together_only_while_both_are_held() {
        let returned = Record::VoteReturned {
            zone: "z".into(),
            group: "a".into(),
        };
        let later = |ms| {
            [
                (0, vote("a", false)),
                (1, returned.clone()),
                (ms, vote("b", false)),
                (ms, evacuates("both")),
            ]
        };
        assert_eq!(broken_at(&later(30 * 60_000)), [""; 0]);
        assert_eq!(broken_at(&later(30 * 60_000 + 1)).len(), 1);
    }

    #[test]
    fn a_trouble_speaks_only_for_what_it_names() {
        let trouble = |subject: &str, line: &str| TroubleView {
            subject: subject.into(),
            since: 0,
            line: line.into(),
        };
        let of = |t: TroubleView| speaks_of(&t, "n1.smoke", "n1");
        assert!(of(trouble("n1.smoke", "n1.smoke: stuck")) && of(trouble("n1", "n1: silent")));
        assert!(of(trouble("n1.voc", "n1.voc: no value (warmup), and 3 more of n1")));
        assert!(!of(trouble("n2", "n2: silent")) && !of(trouble("n1.voc", "n1.voc: stuck")));
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

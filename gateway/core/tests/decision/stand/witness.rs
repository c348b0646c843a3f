//! Watches every step from outside, through records, effects and the view alone, and fails when an invariant is broken.
//! It keeps its own small model of votes and orders, so that a mistake of the core is not made twice.

mod steps;

use std::collections::{BTreeMap, BTreeSet};

use muster_core::{
    Effect, Entry, FeedKind, HookOutcome, Input, Millis, Mode, Part, Phase, Record, Role, Site, State, StepEnd, Verb,
    next_deadline,
};
use muster_wire::{MICRO, Quantity};

use super::drilled::{Drilled, faults_are_shown};

const WINDOW_MS: Millis = 30 * 60_000;

type StepKey = (u32, String, Mode);

#[derive(Clone, Debug)]
struct Intent {
    seq: u64,
    at: Millis,
    token: u64,
    end: Option<StepEnd>,
    workload: String,
    rung: u8,
    phase: Phase,
    /// Of the way back: the order it was begun by.
    by_order: u32,
}

/// One that is away.
#[derive(Clone, Copy, Debug)]
struct Left {
    /// n of the incident in which it left.
    incident: u32,
    /// Its probe has said so, not its hook alone.
    verified: bool,
}

#[derive(Clone, Debug)]
struct Vote {
    held: bool,
    onset: Millis,
    died: bool,
}

pub(crate) struct Witness {
    site: Site,
    /// On-battery channels by id: since when the last good reading says so without a break, and when that was.
    on_battery: BTreeMap<String, (Millis, Millis)>,
    /// Readings in a row that say that it is not.
    quiet: BTreeMap<String, u8>,
    votes: BTreeMap<(String, String), Vote>,
    incident: Option<u32>,
    evacuating: bool,
    aborted: bool,
    /// Zones that wait for an abort, and until when at the latest.
    windows: BTreeMap<String, Millis>,
    bypasses: BTreeMap<(Part, String), Millis>,
    /// An incident is open.
    open: bool,
    /// Two have ordered that what was moved is brought home.
    returning: bool,
    /// Attempts under way, by incident and step: the hook each is at.
    running: BTreeMap<(String, String), String>,
    /// How many orders to return there have been.
    returns: u32,
    /// Workloads that are away for real, as their hooks or probes said, and were not told to come home or heard at home since; and
    /// the incident in which they left.
    away: BTreeMap<String, Left>,
    /// Others may be, since before what is kept of the journal.
    away_before: bool,
    /// Those of them that were told to come home last, and have not been heard of.
    going: BTreeMap<String, Left>,
    /// Those of them whose probe has said in this incident that they run at home: nothing may pass them over.
    found_home: BTreeSet<String>,
    /// Destinations with a vote of their own.
    lost: BTreeSet<String>,
    armed: bool,
    arm_ordered: bool,
    /// Who ordered in the past, and who was whose neighbour, may not be in the config any more.
    remembering: bool,
    intents: BTreeMap<StepKey, Intent>,
    /// An order just taken that would justify an evacuation of the site.
    ordered: bool,
    reset_by: usize,
    /// By mode: who keeps a fence keeps another for drills.
    token: BTreeMap<Mode, u64>,
    drilled: Drilled,
    seq: u64,
    stored: u64,
    marked: bool,
    journal_sick: bool,
    steps_seen: u64,
}

impl Witness {
    pub(crate) fn new(site: Site) -> Self {
        Self {
            armed: site.armed,
            arm_ordered: false,
            remembering: false,
            site,
            on_battery: BTreeMap::new(),
            quiet: BTreeMap::new(),
            votes: BTreeMap::new(),
            incident: None,
            evacuating: false,
            aborted: false,
            windows: BTreeMap::new(),
            bypasses: BTreeMap::new(),
            lost: BTreeSet::new(),
            open: false,
            returning: false,
            running: BTreeMap::new(),
            returns: 0,
            away: BTreeMap::new(),
            away_before: false,
            going: BTreeMap::new(),
            found_home: BTreeSet::new(),
            intents: BTreeMap::new(),
            ordered: false,
            reset_by: 0,
            token: BTreeMap::new(),
            drilled: Drilled::default(),
            seq: 0,
            stored: 0,
            marked: false,
            journal_sick: false,
            steps_seen: 0,
        }
    }

    /// What a restarted gateway reads from its journal.
    pub(crate) fn remembers(&mut self, entries: &[Entry]) {
        self.remembering = true;
        entries.iter().for_each(|e| self.record(e));
        self.remembering = false;
        self.stored = self.seq;
        self.marked = false;
    }

    pub(crate) fn steps_seen(&self) -> u64 {
        self.steps_seen
    }

    pub(crate) fn saw(&mut self, now: Millis, input: &Input, out: &[Effect], state: &State) {
        if let Input::Config(site) = input {
            let ladder = |s: &Site, id: &str| s.workloads.iter().find(|w| w.id == id).map(|w| w.rungs.clone());
            // With another ladder it begins anew.
            self.away.retain(|id, _| ladder(&self.site, id) == ladder(site, id));
            self.found_home.retain(|id| ladder(&self.site, id) == ladder(site, id));
            self.site = (**site).clone();
            if !self.arm_ordered {
                self.armed = site.armed;
            }
        }
        if let Input::Stored { through } = input {
            self.stored = self.stored.max(*through);
            if self.stored >= self.seq {
                (self.marked, self.journal_sick) = (false, false);
            }
        }
        if let Input::Own { part, trouble } = input
            && part == "journal"
        {
            self.journal_sick = trouble.is_some();
        }
        self.hear(now, input);
        if let Input::Hook {
            incident,
            step,
            outcome,
            ..
        } = input
            && !matches!(outcome, HookOutcome::Accepted | HookOutcome::Running { .. })
        {
            self.running.remove(&(incident.clone(), step.clone()));
        }
        let (mut fired, mut closed) = (BTreeSet::new(), false);
        for effect in out {
            match effect {
                Effect::Persist(entry) => {
                    assert!(entry.seq == self.seq + 1, "sequence {} after {}", entry.seq, self.seq);
                    self.evidence(input, entry, state);
                    self.record(entry);
                    closed |= matches!(entry.record, Record::IncidentClosed { .. });
                }
                Effect::FireHook(call) => {
                    self.call(now, call);
                    self.lanes(call);
                    assert!(
                        fired.insert(call.step.clone()),
                        "{} called twice in one step",
                        call.step
                    );
                }
                Effect::Fault(what) => panic!("fault: {what}"),
                Effect::CancelHook { incident, step } => drop(self.running.remove(&(incident.clone(), step.clone()))),
                Effect::Event(_) | Effect::Answer(_) => {}
            }
        }
        self.steps_seen += 1;
        if !out.is_empty() || self.steps_seen.is_multiple_of(64) {
            self.compare(now, state, closed);
            faults_are_shown(now, state);
        }
        assert!(
            next_deadline(state).is_none_or(|at| at > now),
            "due in the past: the engine would spin"
        );
    }

    fn hear(&mut self, now: Millis, input: &Input) {
        let Input::Reading {
            channel,
            value: Ok(value),
            age_ms,
            ..
        } = input
        else {
            return;
        };
        let Some(c) = self.site.channels.get(channel.at()) else {
            return;
        };
        let of_utility = self.site.power.feeds.iter().filter(|f| f.kind == FeedKind::Utility);
        let speaks = matches!(
            c.quantity,
            Quantity::OnBattery | Quantity::GeneratorRunning | Quantity::OnGenerator
        );
        let speaks = speaks || of_utility.filter_map(|f| f.off).any(|off| off == *channel);
        if !speaks || Millis::from(*age_ms) >= c.supervision_ms {
            return;
        }
        if value.0 >= MICRO {
            let known = self.on_battery.entry(c.id.clone()).or_insert((now, now));
            known.1 = known.1.max(now - Millis::from(*age_ms));
            self.quiet.remove(&c.id);
        } else {
            let quiet = self.quiet.entry(c.id.clone()).or_default();
            *quiet = quiet.saturating_add(1);
            // So many in a row say that it is over.
            if *quiet >= c.n {
                self.on_battery.remove(&c.id);
            }
        }
    }

    fn outage_begins(&mut self, at: Millis, why: &str) {
        let judged = self.remembering || self.outage(at);
        assert!(judged, "racks evacuate without an outage: {why}");
        self.evacuating = true;
    }

    /// Invariants 1 and 4 of an outage: two groups have said that the mains are gone, and been heard so, for the whole grace; one where the
    /// owner says so.
    fn outage(&self, now: Millis) -> bool {
        let grace_ms = self.site.power.generator_grace_ms;
        let lasts = |id: &str| {
            let known = self.on_battery.get(id);
            known.is_some_and(|(since, heard)| now - since >= grace_ms && heard - since >= grace_ms)
        };
        let saying = self.site.channels.iter().filter(|c| lasts(&c.id));
        let discharges = saying.clone().any(|c| c.quantity == Quantity::OnBattery);
        let groups: BTreeSet<_> = saying.map(|c| c.group).collect();
        discharges && groups.len() >= if self.site.single_group { 1 } else { 2 }
    }

    /// Invariant 2: only a good reading beyond the alarm limit, of a channel of that group in that zone, casts a vote; or
    /// the death of a channel beside another group's held vote.
    fn evidence(&self, input: &Input, entry: &Entry, state: &State) {
        let Record::VoteHeld {
            zone,
            group,
            channel: voter,
            why,
            died,
        } = &entry.record
        else {
            return;
        };
        self.in_service(voter, entry.at);
        if *died {
            let beside = self
                .votes
                .iter()
                .any(|((z, g), v)| z == zone && g != group && v.held && !v.died);
            assert!(beside, "a death beside no alarm voted: {why}");
            let shown = state
                .channels(entry.at)
                .into_iter()
                .find(|c| c.id == *voter)
                .expect("it");
            assert!(
                shown.quality != "good",
                "{voter} voted as dead and is {}",
                shown.quality
            );
            return;
        }
        if why.contains("now that it may vote again") {
            let shown = state
                .channels(entry.at)
                .into_iter()
                .find(|c| c.id == *voter)
                .expect("it");
            assert!(shown.alarm, "{voter} is not in alarm: {why}");
            return;
        }
        let Input::Reading {
            channel,
            value: Ok(value),
            simulated,
            ..
        } = input
        else {
            panic!("a vote of {group} in {zone} from {input:?}");
        };
        let c = &self.site.channels[channel.at()];
        let mut limit = c.alarm.expect("a channel that can alarm");
        if why.contains("planned work") {
            assert!(!self.bypasses.is_empty(), "nobody works anywhere: {why}");
            limit.set = c.watch.map_or(limit.clear, |w| w.set);
        }
        if why.contains("rising by") {
            limit.set = c.watch.map_or(c.range.0, |w| w.set);
        }
        let beyond = if limit.above {
            *value >= limit.set
        } else {
            *value <= limit.set
        };
        assert!(
            beyond && *value >= c.range.0 && *value <= c.range.1,
            "{voter} votes at {value}: {why}"
        );
        assert!(!simulated || self.site.simulated, "a simulated reading voted");
        assert_eq!(&self.site.zones[c.zone.at()].id, zone);
        assert_eq!(&self.site.groups[c.group.at()].id, group);
    }

    /// Invariant 12: what is bypassed casts no vote.
    fn in_service(&self, voter: &str, now: Millis) {
        let Some(c) = self.site.channels.iter().find(|c| c.id == voter) else {
            return;
        };
        let source = self.site.sources[c.source.at()].id.clone();
        for key in [(Part::Channel, voter.to_owned()), (Part::Source, source)] {
            let until = self.bypasses.get(&key);
            assert!(
                until.is_none_or(|until| *until <= now),
                "{voter} voted, and {key:?} is bypassed"
            );
        }
    }

    /// An abort window that nobody closed, and a held alarm behind it.
    fn window_over(&self, zone: &str) -> bool {
        let alarm = self.votes.iter().any(|((z, _), v)| z == zone && !v.died);
        alarm && self.windows.contains_key(zone)
    }

    fn record(&mut self, entry: &Entry) {
        self.seq = entry.seq;
        let ordered = std::mem::take(&mut self.ordered);
        self.drilled.record(entry.seq, &entry.record);
        match &entry.record {
            Record::IncidentOpened { n, .. } => {
                assert!(self.incident.is_none_or(|old| *n > old), "incident {n} is not new");
                self.incident = Some(*n);
                assert!(!self.returning, "an incident opens, and things are on their way home");
                self.open = true;
                self.going.clear();
            }
            Record::VoteHeld { zone, group, died, .. } => {
                let vote = Vote {
                    held: true,
                    onset: entry.at,
                    died: *died,
                };
                self.votes.insert((zone.clone(), group.clone()), vote);
            }
            Record::VoteReturned { zone, group } => {
                self.votes.get_mut(&(zone.clone(), group.clone())).expect("a vote").held = false;
            }
            Record::EvacuateBegun {
                racks: Some(_), why, ..
            } => self.outage_begins(entry.at, why),
            Record::EvacuateBegun {
                zone: Some(zone), why, ..
            } => {
                // What is remembered was judged when it happened, by the zones and neighbours of then.
                let judged = self.remembering || self.two_votes(zone) || self.window_over(zone);
                assert!(judged, "zone {zone} evacuates without evidence: {why}");
                self.evacuating = true;
                self.windows.remove(zone);
            }
            Record::WindowOpened { zone, until, .. } => self.window_opens(zone, entry.at, *until),
            Record::WindowClosed { zone, .. } => drop(self.windows.remove(zone)),
            Record::Bypassed { until, .. } => self.bypass(entry, *until),
            Record::BypassEnded { what, id, .. } => drop(self.bypasses.remove(&(*what, id.clone()))),
            Record::EvacuateBegun { zone: None, why, .. } => {
                assert!(ordered, "the site evacuates without an order: {why}");
                self.evacuating = true;
            }
            Record::OrderTaken { verb, by, .. } => self.order(*verb, by),
            Record::StepIntent { .. } => self.intent(entry),
            Record::StepEnded { step, end, .. } => self.end(step, *end),
            Record::ActedUnstored { .. } => self.marked = true,
            Record::IncidentClosed { .. } => self.closes(),
            Record::Pruned { through, leftover, .. } if *through == entry.seq => {
                self.away_before = !leftover.away.is_empty();
                self.incident = (!leftover.away.is_empty()).then_some(leftover.resets);
                if let Some(armed) = leftover.armed {
                    (self.armed, self.arm_ordered) = (armed, true);
                }
            }
            Record::ReturnEnded { .. } => self.returning = false,
            Record::DestinationLost { destination, .. } => drop(self.lost.insert(destination.clone())),
            Record::DestinationWell { destination } => drop(self.lost.remove(destination)),
            Record::AbortLifted { .. } => self.aborted = false,
            _ => {}
        }
    }

    fn closes(&mut self) {
        assert!(self.votes.values().all(|v| !v.held), "reset while a vote is held");
        assert_eq!(self.reset_by, 2, "a reset takes two");
        self.open = false;
        self.votes.clear();
        self.found_home.clear();
        (self.evacuating, self.aborted) = (false, false);
        self.windows.clear();
        self.reset_by = 0;
    }

    fn window_opens(&mut self, zone: &str, at: Millis, until: Millis) {
        let ms = until - at;
        assert!((0..=180_000).contains(&ms), "a window of {ms}");
        self.windows.insert(zone.to_owned(), until);
    }

    fn bypass(&mut self, entry: &Entry, until: Millis) {
        let Record::Bypassed {
            what, id, by, reason, ..
        } = &entry.record
        else {
            return;
        };
        let owned = !by.is_empty() && !reason.is_empty();
        assert!(owned, "a bypass without owner or reason (12)");
        assert!(until - entry.at <= 8 * 3_600_000, "a bypass without an end (12)");
        self.bypasses.insert((*what, id.clone()), until);
    }

    /// Invariants 1 and 4.
    fn two_votes(&self, zone: &str) -> bool {
        let near = |a: &str, b: &str| {
            // A zone that the config does not name any more has no neighbours.
            let at = |id: &str| self.site.zones.iter().position(|z| z.id == id);
            let says = |x: Option<usize>, y: Option<usize>| {
                x.is_some_and(|x| self.site.zones[x].adjacent.iter().any(|z| Some(z.at()) == y))
            };
            a == b || says(at(a), at(b)) || says(at(b), at(a))
        };
        self.votes
            .iter()
            .filter(|((z, _), v)| z == zone && !v.died)
            .any(|((_, g), v)| {
                self.site.single_group
                    || self.votes.iter().any(|((z2, g2), v2)| {
                        let together = (v.held && v2.held) || (v.onset - v2.onset).abs() <= WINDOW_MS;
                        g != g2 && !v2.died && near(zone, z2) && together
                    })
            })
    }

    fn order(&mut self, verb: Verb, by: &[String]) {
        let people: BTreeSet<&String> = by.iter().collect();
        let role = match verb {
            Verb::Arm | Verb::Disarm | Verb::Reset | Verb::Return => Role::Safety,
            _ => Role::Operator,
        };
        for id in by.iter().filter(|_| !self.remembering) {
            let person = self.site.principals.iter().find(|p| p.id == *id).expect("a principal");
            assert!(person.roles.contains(&role), "{id} may not {}", verb.as_str());
        }
        let held = self.votes.values().any(|v| v.held);
        let needed = match verb {
            Verb::Hold => 1,
            Verb::Arm if self.remembering || self.drilled.covers(&self.site) => 1,
            Verb::Cut { .. } if held => 1,
            Verb::Abort if self.returning => 1,
            Verb::Abort if !self.evacuating || self.aborted => {
                assert!(
                    self.remembering || !self.windows.is_empty(),
                    "aborted by one, and no window is open"
                );
                1
            }
            _ => 2,
        };
        assert!(people.len() >= needed, "{} by {by:?} alone", verb.as_str());
        match verb {
            Verb::Evacuate | Verb::Cut { .. } => (self.ordered, self.aborted) = (true, false),
            Verb::Arm => (self.armed, self.arm_ordered) = (true, true),
            Verb::Disarm => (self.armed, self.arm_ordered) = (false, true),
            Verb::Reset => self.reset_by = people.len(),
            Verb::Abort => {
                self.aborted = self.evacuating;
                self.windows.clear();
            }
            Verb::Hold => {}
            Verb::Return => {
                assert!(!held && !self.open, "a return, and an incident is open");
                self.returning = true;
                self.returns += 1;
            }
        }
    }

    /// Invariant 3, and that nothing grows without end.
    fn compare(&self, now: Millis, state: &State, closed: bool) {
        let view = state.view(now);
        let shown: Vec<_> = view.votes.iter().map(|v| (v.zone.clone(), v.group.clone())).collect();
        for key in self.votes.keys() {
            assert!(closed || shown.contains(key), "the vote {key:?} is gone (3)");
        }
        assert_eq!(shown.len(), self.votes.len(), "a vote without a record");
        self.none_is_passed_over(&view);
        let rungs: usize = self.site.workloads.iter().map(|w| w.rungs.len()).sum();
        assert!(view.incident.is_none_or(|i| i.steps.len() <= rungs * 5));
        assert!(view.troubles.len() <= self.site.channels.len() + self.site.sources.len() + 64);
    }
}

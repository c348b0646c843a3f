//! Watches one gateway from outside. It knows what the detectors really showed and who really spoke, and believes neither
//! the core's level nor its reasons.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::{Effect, Entry, Input, Millis, Mode, Phase, Record, Site, State, StepEnd, Verb, next_deadline};
use serde::Serialize;

use super::doubt;
use super::promise;
use super::site::LOSS_MS;
use super::truth::{Signal, Truth};

/// Votes count together if both are held or began within this (design §5).
const TOGETHER_MS: Millis = 30 * 60_000;
/// No abort window is longer.
pub(super) const WINDOW_MS: Millis = 180_000;
/// Without an answer for this long, the disk counts as sick (design §4).
pub(super) const SICK_MS: Millis = 500;
/// A vote returns after its detectors were clear for this long (design §5).
pub(super) const RETURN_MS: Millis = 30 * 60_000;
/// The cordon and the way of a call, on top of what rungs need.
const SPARE_MS: Millis = 10_000;

/// Why irreversible steps may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Grounds {
    Votes,
    Window,
    Order,
    Cut,
}

#[derive(Clone, Debug, Serialize)]
struct Cast {
    held: bool,
    onset: Millis,
    died: bool,
    /// The detector has really shown it.
    real: bool,
    channel: usize,
}

#[derive(Clone, Debug, Serialize)]
struct Intent {
    seq: u64,
    at: Millis,
    token: u64,
    over: bool,
}

/// What it has seen.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Judge {
    /// By room and true group.
    votes: BTreeMap<(u16, u16), Cast>,
    /// Until when each zone's lasts.
    pub(crate) windows: BTreeMap<String, Millis>,
    /// When the window of a zone was last aborted.
    stood_down: BTreeMap<String, Millis>,
    pub(crate) grounds: Option<Grounds>,
    ordered: Option<Grounds>,
    pub(crate) aborted: bool,
    pub(crate) hold_until: Option<Millis>,
    intents: BTreeMap<(String, bool), Intent>,
    token: u64,
    #[serde(skip)]
    last_seq: u64,
    /// When the oldest was written that the disk has not confirmed.
    unstored_since: Option<Millis>,
    /// Something was called though the disk had not confirmed it.
    pub(crate) undurable: bool,
    /// Steps that were answered with 422.
    cannot: BTreeSet<(String, bool)>,
    /// A process before this one has died then.
    restarted: Option<Millis>,
    /// From here on the runway counts.
    pub(crate) sign: Option<Millis>,
    pub(crate) cut: Option<Millis>,
    /// When steps were last free to begin.
    pub(crate) free_since: Millis,
    pub(crate) open: bool,
    pub(crate) resets: u8,
    /// Two people have ordered that what left comes home.
    returning: bool,
    /// By workload: restore steps that have not ended.
    coming: BTreeMap<String, BTreeSet<String>>,
    /// Workloads that are away, as their probes said, and were not told to come since.
    pub(crate) away: BTreeSet<String>,
    /// Evacuations begun in this incident; something was home again before.
    pub(crate) sent_away: u8,
    pub(crate) came_home: bool,
    /// A new vote has ended an abort.
    pub(crate) lifted: bool,
    /// What was remembered was judged when it happened.
    #[serde(skip)]
    remembering: bool,
    pub(crate) broken: BTreeSet<&'static str>,
}

/// The ladder goes on below it; the last rung is asked again as long as there is time, for there is nothing else.
fn falls(step: &str) -> bool {
    step.contains(".move.evacuate")
}

/// Of the way back: no rung goes to the site itself, so a probe there asks at home.
fn is_homeward(step: &str, phase: Phase) -> bool {
    phase == Phase::Restore || step.ends_with(".verify.s")
}

impl Judge {
    pub(crate) fn require(&mut self, kept: bool, promise: &'static str) {
        if !kept && !self.remembering {
            self.broken.insert(promise);
        }
    }

    /// One step of the core.
    pub(crate) fn saw(
        &mut self,
        (site, truth): (&Site, &Truth),
        (input, stored): (&Input, u64),
        out: &[Effect],
        core: &State,
    ) {
        if let Input::Stored { through } = input
            && *through >= self.last_seq
        {
            self.unstored_since = None;
        }
        for effect in out {
            match effect {
                Effect::Persist(entry) => self.record((site, truth), entry),
                Effect::FireHook(call) => self.call(truth.now, stored, call),
                Effect::Fault(_) => self.require(false, promise::SOUND),
                Effect::CancelHook { .. } | Effect::Event(_) | Effect::Answer(_) => {}
            }
        }
        let spins = next_deadline(core).is_some_and(|at| at <= truth.now);
        self.require(!spins, promise::SOUND);
    }

    /// A new process has read this from its disk.
    pub(crate) fn begins_anew(&mut self, about: (&Site, &Truth), kept: &[Entry]) {
        let broken = std::mem::take(&mut self.broken);
        *self = Self {
            broken,
            remembering: true,
            restarted: Some(about.1.now),
            ..Self::default()
        };
        kept.iter().for_each(|entry| self.record(about, entry));
        self.remembering = false;
        (self.free_since, self.unstored_since) = (about.1.now, None);
    }

    fn record(&mut self, (site, truth): (&Site, &Truth), entry: &Entry) {
        self.last_seq = entry.seq;
        self.unstored_since.get_or_insert(truth.now);
        let ordered = self.ordered.take();
        match &entry.record {
            Record::IncidentOpened { .. } => (self.open, self.returning) = (true, false),
            Record::ReturnEnded { .. } => self.returning = false,
            Record::VoteHeld { channel, died, .. } => self.vote((site, truth), entry.at, channel, *died),
            Record::VoteReturned { zone, group } => {
                let zone = site.zones.iter().position(|z| z.id == *zone);
                let group = site.groups.iter().position(|g| g.id == *group);
                if let (Some(zone), Some(group)) = (zone, group) {
                    self.returns((site, truth), entry.at, (zone as u16, group as u16));
                }
            }
            Record::WindowOpened { zone, until, .. } => self.opens((site, truth), (entry.at, *until), zone),
            Record::WindowClosed { zone, .. } => drop(self.windows.remove(zone)),
            Record::EvacuateBegun { zone, .. } => self.begins((site, truth), entry.at, (zone.as_deref(), ordered)),
            Record::OrderTaken { verb, by, until } => self.obeys(truth, entry.at, (*verb, *until), by),
            Record::AbortLifted { .. } if self.remembering => self.aborted = false,
            Record::StepIntent {
                step,
                phase,
                mode,
                token,
                ..
            } => self.intends(entry, (step, *phase, *mode), *token),
            Record::StepEnded { step, end, .. } => {
                if self.remembering && *end == StepEnd::Cannot && falls(step) {
                    let drills = [false, true].map(|drill| (step.clone(), drill));
                    let mut known = drills.into_iter();
                    self.cannot.extend(known.find(|key| self.intents.contains_key(key)));
                }
                self.ends(step, *end);
                let ended = self.intents.iter_mut().filter(|((s, _), _)| s == step);
                ended.for_each(|(_, intent)| intent.over = true);
            }
            Record::IncidentClosed { .. } => self.closes(),
            _ => {}
        }
    }

    fn ends(&mut self, step: &str, end: StepEnd) {
        let workload = step.split('.').next().unwrap_or_default();
        if let Some(coming) = self.coming.get_mut(workload) {
            coming.remove(step);
        }
        let probe = end == StepEnd::Done && step.contains(".verify");
        let live = self.intents.contains_key(&(step.to_owned(), false));
        if probe && is_homeward(step, Phase::Verify) {
            // Asked in an incident, it is home though nobody has ordered it.
            self.came_home |= !self.open;
            self.away.remove(workload);
        } else if probe && live {
            self.away.insert(workload.to_owned());
        }
    }

    fn vote(&mut self, (site, truth): (&Site, &Truth), at: Millis, channel: &str, died: bool) {
        let Some(ix) = site.channels.iter().position(|c| c.id == channel) else {
            return self.require(false, promise::ALARMED);
        };
        let key = (site.channels[ix].zone.0, site.channels[ix].group.0);
        let beside = self
            .votes
            .iter()
            .any(|(k, v)| k.0 == key.0 && k.1 != key.1 && v.held && !v.died);
        let shown = truth.signals[ix];
        let behind = if died {
            shown == Signal::Silent && beside
        } else {
            truth.burned[ix]
        };
        self.require(behind, promise::ALARMED);
        let cast = Cast {
            held: true,
            onset: at,
            died,
            real: truth.burned[ix],
            channel: ix,
        };
        self.votes.insert(key, cast);
        self.sign = self.sign.or(Some(at));
        if !died {
            self.lifted |= self.aborted;
            self.lift(at);
        }
    }

    /// Steps may begin from here on.
    fn lift(&mut self, at: Millis) {
        if self.aborted || self.hold_until.is_some() {
            self.free_since = at;
        }
        (self.aborted, self.hold_until) = (false, None);
    }

    /// What has alarmed was clear for as long as a vote needs to return.
    fn returns(&mut self, (site, truth): (&Site, &Truth), at: Millis, key: (u16, u16)) {
        let Some(vote) = self.votes.get_mut(&key) else {
            return self.require(false, promise::RETURNED);
        };
        vote.held = false;
        let (onset, channel, died) = (vote.onset, vote.channel, vote.died);
        let long_ago = |since: Option<Millis>| since.is_none_or(|since| since + RETURN_MS <= at);
        let clear = |c: usize| truth.signals[c] == Signal::Clear && long_ago(truth.since[c]);
        let alarmed = |c: &usize| {
            let of_it = (site.channels[*c].zone.0, site.channels[*c].group.0) == key;
            of_it && (*c == channel || truth.alarmed_at[*c].is_some_and(|at| at > onset))
        };
        let really = if died {
            onset + RETURN_MS <= at
        } else {
            (0..site.channels.len()).filter(alarmed).all(clear)
        };
        self.require(really, promise::RETURNED);
    }

    /// A window has a vote and a doubt behind it, gives a person the time there is, and does not open again on what somebody
    /// has looked at.
    fn opens(&mut self, (site, truth): (&Site, &Truth), (at, until): (Millis, Millis), zone: &str) {
        self.windows.insert(zone.to_owned(), until);
        let lasts = self.earliest_end(site, at).min(at + WINDOW_MS) <= until && until <= at + WINDOW_MS;
        self.require(lasts && self.is_in_doubt((site, truth), zone), promise::GROUNDS);
        if let Some(aborted_at) = self.stood_down.get(zone).copied() {
            let voted = self.votes.values().any(|v| v.onset > aborted_at);
            let newer = voted || doubt::is_newer((site, truth), zone, (aborted_at, self.restarted));
            self.require(newer, promise::ABORT);
        }
    }

    /// When at the earliest a window may end for want of time: whatever is still to be done may need all of its ladder.
    /// A clock that has run out shortens none.
    fn earliest_end(&self, site: &Site, now: Millis) -> Millis {
        let rungs = site.workloads.iter().flat_map(|w| &w.rungs);
        let needs_ms = rungs.map(|rung| rung.needs_ms).sum::<Millis>() + SPARE_MS;
        let clocks = [self.sign.map(|at| at + LOSS_MS), self.cut];
        let ahead = clocks.into_iter().flatten().filter(|at| *at > now);
        ahead.min().map_or(Millis::MAX, |at| (at - needs_ms).max(now))
    }

    fn is_in_doubt(&self, (site, truth): (&Site, &Truth), zone: &str) -> bool {
        let ix = site.zones.iter().position(|z| z.id == zone).unwrap_or(usize::MAX);
        let mut alarms = self.votes.iter().filter(|(k, v)| usize::from(k.0) == ix && !v.died);
        alarms.any(|(key, _)| doubt::is_beside((site, truth), *key))
    }

    fn begins(&mut self, (site, truth): (&Site, &Truth), at: Millis, (zone, ordered): (Option<&str>, Option<Grounds>)) {
        let Some(id) = zone else {
            self.require(ordered.is_some(), promise::GROUNDS);
            return self.grounded(at, ordered);
        };
        let zone = site.zones.iter().position(|z| z.id == id).unwrap_or(usize::MAX);
        let alarmed = self.votes.iter().any(|(k, v)| usize::from(k.0) == zone && !v.died);
        let ends = self
            .windows
            .remove(id)
            .map(|until| until.min(self.earliest_end(site, truth.now)));
        let doubted = self.remembering || self.is_in_doubt((site, truth), id);
        let over = ends.is_some_and(|ends| truth.now >= ends) && alarmed && doubted;
        let two = self.two_count(site, zone);
        let real = self.votes.values().any(|v| v.real && !v.died);
        self.require(real, promise::SILENCE);
        self.require(two || over, promise::TWO_GROUPS);
        self.require(two || over, promise::GROUNDS);
        if over && !two {
            self.lift(at);
        }
        self.grounded(at, Some(if two { Grounds::Votes } else { Grounds::Window }));
    }

    fn grounded(&mut self, at: Millis, why: Option<Grounds>) {
        if self.grounds.is_none() {
            (self.grounds, self.free_since) = (why, at);
        }
    }

    /// Two alarms of different groups, one of them here, the other here or beside.
    fn two_count(&self, site: &Site, zone: usize) -> bool {
        let near = |other: u16| {
            usize::from(other) == zone
                || site
                    .zones
                    .get(zone)
                    .is_some_and(|z| z.adjacent.iter().any(|a| a.0 == other))
        };
        let here = self.votes.iter().filter(|(k, v)| usize::from(k.0) == zone && !v.died);
        here.into_iter().any(|(a, x)| {
            self.votes.iter().any(|(b, y)| {
                let together = (x.held && y.held) || (x.onset - y.onset).abs() <= TOGETHER_MS;
                a.1 != b.1 && !y.died && near(b.0) && together
            })
        })
    }

    fn obeys(&mut self, truth: &Truth, at: Millis, (verb, until): (Verb, Option<Millis>), by: &[String]) {
        let held = self.votes.values().any(|v| v.held);
        let evacuating = self.grounds.is_some() && !self.aborted;
        let needed = match verb {
            Verb::Hold => 1,
            Verb::Cut { .. } if held => 1,
            Verb::Abort if !evacuating && !self.windows.is_empty() => 1,
            _ => 2,
        };
        let spoke: BTreeSet<&String> = by.iter().filter(|who| truth.has_said(who, verb)).collect();
        let enough = spoke.len() >= needed && spoke.len() == by.len();
        self.require(enough, promise::PEOPLE);
        if !enough && !self.remembering {
            return;
        }
        match verb {
            Verb::Evacuate => {
                self.lift(at);
                self.sign = self.sign.or(Some(at));
                self.ordered = Some(Grounds::Order);
            }
            Verb::Cut { at: cut } => {
                self.lift(at);
                self.cut = Some(cut);
                self.ordered = Some(Grounds::Cut);
            }
            Verb::Abort => {
                self.aborted = self.grounds.is_some();
                let zones = std::mem::take(&mut self.windows).into_keys();
                self.stood_down.extend(zones.map(|zone| (zone, at)));
            }
            Verb::Hold => (self.hold_until, self.free_since) = (until, until.unwrap_or(at)),
            Verb::Arm | Verb::Disarm => self.free_since = at,
            Verb::Return => self.returning = true,
            Verb::Reset => {}
        }
    }

    fn intends(&mut self, entry: &Entry, (step, phase, mode): (&str, Phase, Mode), token: u64) {
        self.require(token > self.token, promise::RISING);
        self.token = self.token.max(token);
        let workload = step.split('.').next().unwrap_or_default().to_owned();
        if phase == Phase::Restore {
            let coming = self.coming.entry(workload.clone()).or_default();
            coming.insert(step.to_owned());
            let singly = coming.len() == 1;
            self.require(singly, promise::SINGLY);
            self.away.remove(&workload);
        }
        if mode == Mode::Live && phase == Phase::Evacuate {
            let home = !self.away.contains(&workload);
            self.require(home, promise::AWAY);
            self.sent_away = self.sent_away.saturating_add(1);
        }
        if is_homeward(step, phase) {
            self.require(self.may_be_homeward(phase), promise::HOME);
        } else if phase != Phase::Prepare {
            self.require(self.grounds.is_some(), promise::GROUNDS);
            self.require(!self.aborted, promise::ABORT);
        }
        let intent = Intent {
            seq: entry.seq,
            at: entry.at,
            token,
            over: false,
        };
        self.intents.insert((step.to_owned(), mode == Mode::Drill), intent);
    }

    fn call(&mut self, now: Millis, stored: u64, call: &muster_core::Call) {
        let Some(intent) = self.intents.get(&(call.step.clone(), call.mode == Mode::Drill)) else {
            return self.require(false, promise::INTENT);
        };
        let durable = intent.seq <= stored;
        let sick = self.unstored_since.is_some_and(|since| now - since >= SICK_MS);
        let (first, over) = (call.attempt == 1, intent.over);
        self.undurable |= !durable;
        self.require(!over && (durable || sick), promise::INTENT);
        let refused = self.cannot.contains(&(call.step.clone(), call.mode == Mode::Drill));
        self.require(!refused, promise::LEFT);
        if is_homeward(&call.step, call.phase) {
            self.require(self.may_be_homeward(call.phase), promise::HOME);
        } else if call.phase != Phase::Prepare {
            self.require(self.grounds.is_some(), promise::GROUNDS);
            self.require(!(self.aborted && first), promise::ABORT);
        }
    }

    /// By an order of two, and with no incident open; in one that evacuates what is away may be asked for, and no more.
    fn may_be_homeward(&self, phase: Phase) -> bool {
        let asks = phase == Phase::Verify && self.grounds.is_some();
        if self.open { asks } else { self.returning }
    }

    /// A rung's hook has said that it cannot.
    pub(crate) fn cannot(&mut self, step: &str, mode: Mode) {
        let key = (step.to_owned(), mode == Mode::Drill);
        let asked = self.intents.get(&key).is_some_and(|intent| !intent.over);
        if asked && falls(step) {
            self.cannot.insert(key);
        }
    }

    fn closes(&mut self) {
        let held = self.votes.values().any(|v| v.held);
        self.require(!held, promise::RESET);
        let (token, last_seq, resets) = (self.token, self.last_seq, self.resets.saturating_add(1));
        let (broken, remembering) = (std::mem::take(&mut self.broken), self.remembering);
        let (away, came_home) = (std::mem::take(&mut self.away), self.came_home);
        *self = Self {
            away,
            came_home,
            token,
            last_seq,
            resets,
            unstored_since: self.unstored_since,
            restarted: self.restarted,
            broken,
            remembering,
            ..Self::default()
        };
    }

    /// The token that an intent was given.
    pub(crate) fn token_of(&self, step: &str, mode: Mode) -> u64 {
        let known = self.intents.get(&(step.to_owned(), mode == Mode::Drill));
        known.map_or(0, |intent| intent.token)
    }

    /// Every vote it has seen is still there.
    pub(crate) fn compare(&mut self, (site, now): (&Site, Millis), core: &State) {
        if self.votes.is_empty() {
            return;
        }
        let shown = core.view(now).votes;
        let gone = self.votes.keys().any(|(zone, group)| {
            let (zone, group) = (&site.zones[usize::from(*zone)].id, &site.groups[usize::from(*group)]);
            // A policy with other groups names a vote by its detector.
            let is = |g: &str| {
                g == group.id
                    || site
                        .channels
                        .iter()
                        .any(|c| c.id == g && site.groups[c.group.at()].id == group.id)
            };
            !shown.iter().any(|v| v.zone == *zone && is(&v.group))
        });
        self.require(!gone, promise::LATCHED);
    }

    /// Whether steps may begin now, and nothing a person did keeps them.
    pub(crate) fn is_free(&self, now: Millis) -> bool {
        self.grounds.is_some() && !self.aborted && self.hold_until.is_none_or(|until| until <= now)
    }

    /// When the runway is over.
    pub(crate) fn deadline(&self, loss_ms: Millis) -> Option<Millis> {
        [self.sign.map(|at| at + loss_ms), self.cut].into_iter().flatten().min()
    }
}

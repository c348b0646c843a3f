//! One room in virtual time: samples go to the real decision, hooks and the disk answer, people reset what is over.

use muster_core::{ChannelIx, Effect, Entry, EventKind, Input, Level, Millis, Phase, Record, State, Verb};
use muster_sim::building::{Course, Heard};
use muster_wire::{Absence, Micro};

use crate::fit::Fit;
use crate::peers::Peers;
use crate::reached::{self, Reached};
use crate::rules::Rules;

/// A person who is called looks, and aborts what is no fire, within this. Of the 180 s that a window has.
pub(crate) const LOOKS_WITHIN_MS: Millis = 60_000;
/// From the decision to the first call (design §11).
const CALLED_WITHIN_MS: Millis = 2_000;
/// Longer than that. Seconds.
const SETTLES_S: f64 = 3.0;
/// More deadlines than this between two samples are a loop.
const TURNS: u32 = 10_000;

/// What has been decided so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Any vote was cast.
    pub(crate) voted: bool,
    /// Of the running incident. Seconds of the course.
    pub(crate) first_vote_s: Option<f64>,
    /// The first evacuation.
    pub(crate) evacuate_s: Option<f64>,
    pub(crate) why: String,
    /// When each began that nobody had ordered.
    pub(crate) evacuations: Vec<f64>,
    /// The first was not on two votes: nobody had aborted it.
    pub(crate) unanswered: bool,
    /// Invariants that were broken; the core's own included.
    pub(crate) broken: Vec<String>,
    pub(crate) reached: Reached,
    /// Groups in the order of their votes, those that a death cast left out.
    pub(crate) votes: Vec<(f64, String)>,
    /// Everything said in order, with its time; kept for whoever compares or prints.
    pub(crate) lines: Vec<(f64, EventKind, String)>,
}

/// A room at work.
#[derive(Clone)]
pub(crate) struct Play<'f> {
    pub(crate) fit: &'f Fit,
    pub(crate) state: State,
    /// Engine time at the course's second 0.
    zero: Millis,
    pub(crate) now: Millis,
    pub(crate) told: Told,
    pub(crate) rules: Rules,
    pub(crate) peers: Peers,
    pub(crate) journal: Vec<Entry>,
    /// When something good of a channel came last.
    pub(crate) heard: Vec<Millis>,
    /// Whether what came last was good, what it was, and since when it has been just that.
    last: Vec<(bool, Option<Micro>, Millis)>,
    /// Somebody looks when a window opens, and it does not burn.
    pub(crate) attended: bool,
    looked_for: Option<Millis>,
    /// When it was decided to evacuate, until something is called.
    uncalled: Option<Millis>,
    keep_lines: bool,
    samples: u64,
    effects: Vec<Effect>,
}

impl<'f> Play<'f> {
    pub(crate) fn new(fit: &'f Fit, keep_lines: bool) -> Self {
        let mut play = Self {
            fit,
            state: State::new(),
            zero: 0,
            now: 0,
            told: Told::default(),
            rules: Rules::default(),
            peers: Peers::default(),
            journal: Vec::new(),
            heard: vec![0; fit.site.channels.len()],
            last: vec![(true, None, 0); fit.site.channels.len()],
            attended: false,
            looked_for: None,
            uncalled: None,
            keep_lines,
            samples: 0,
            effects: Vec::new(),
        };
        play.step(0, &Input::Config(fit.site.clone()));
        play.step(0, &Input::Restore(Vec::new()));
        play
    }

    /// The same from here on, with everything that is said from here on kept.
    pub(crate) fn telling(&self) -> Self {
        let mut play = self.clone();
        (play.told, play.keep_lines) = (Told::default(), true);
        play
    }

    /// From here on second `t_s` of a course is the next second of the engine: the time before is left out.
    pub(crate) fn join(&mut self, t_s: f64) {
        self.zero = self.now + 1_000 - millis(t_s);
        // Nothing was heard in the time that is left out, and nothing was missed either.
        self.heard.fill(self.now);
    }

    /// Every sensor once, and whatever was due before.
    pub(crate) fn sample(&mut self, course: &Course, t_s: f64) {
        self.until(t_s);
        for ix in 0..self.fit.probes.len() {
            let value = match course.heard(self.fit.probes[ix], t_s) {
                Heard::Silent => continue,
                Heard::Absent => Err(Absence::Open),
                Heard::WarmingUp => Err(Absence::Warmup),
                Heard::Value(value) => Micro::from_f64(value).ok_or(Absence::Range),
            };
            self.hear(ix, value);
        }
        self.look();
        self.samples += 1;
        if self.samples.is_multiple_of(16) {
            self.check();
        }
    }

    /// One sample of one channel.
    pub(crate) fn hear(&mut self, ix: usize, value: Result<Micro, Absence>) {
        let (low, high) = self.fit.site.channels[ix].range;
        let good = value.is_ok_and(|value| (low..=high).contains(&value));
        if good {
            self.heard[ix] = self.now;
        }
        let (_, before, since) = self.last[ix];
        let since = if before == value.ok() { since } else { self.now };
        self.last[ix] = (good, value.ok(), since);
        let input = Input::Reading {
            channel: ChannelIx(ix as u32),
            value,
            simulated: self.fit.site.simulated,
            age_ms: 0,
        };
        self.step(self.now, &input);
    }

    /// Whatever is due until then, in order.
    pub(crate) fn until(&mut self, t_s: f64) {
        let now = self.zero + millis(t_s);
        for turn in 0..=TURNS {
            let tick = muster_core::next_deadline(&self.state).filter(|due| *due <= now);
            let peer = self.peers.next().filter(|due| *due <= now);
            let Some(due) = tick.into_iter().chain(peer).min().map(|due| due.max(self.now)) else {
                break;
            };
            let input = self.peers.take_due(due).unwrap_or(Input::Tick);
            if let Input::Stored { through } = &input {
                self.rules.stored(*through);
            }
            self.step(due, &input);
            if turn == TURNS {
                self.told.broken.push("deadlines that do not pass".to_owned());
            }
        }
        self.now = now;
    }

    /// Long enough after a decision for its first call to be due, whatever else is not looked at any more.
    pub(crate) fn settle(&mut self) {
        self.until(self.course_s() + SETTLES_S);
        self.look();
    }

    /// Both persons order a reset of what is open; refused while a vote is held.
    pub(crate) fn reset_if_open(&mut self) {
        if self.state.view(self.now).incident.is_some_and(|i| i.closed.is_none()) {
            self.order(Verb::Reset, 2);
        }
    }

    /// Nothing is latched, in trouble or waited for: time may be left out without changing what comes after.
    pub(crate) fn is_at_rest(&self) -> bool {
        let view = self.state.view(self.now);
        let closed = view.incident.is_none_or(|i| i.closed.is_some());
        view.level == Level::Normal
            && view.votes.is_empty()
            && view.troubles.is_empty()
            && closed
            && view.orders.is_empty()
            && self.peers.next().is_none()
    }

    fn look(&mut self) {
        if self.looked_for.is_some_and(|at| self.now >= at + LOOKS_WITHIN_MS) {
            self.looked_for = None;
            if self.attended && self.rules.window_is_open() && !self.rules.evacuates() {
                self.order(Verb::Abort, 1);
            }
        }
        if self.uncalled.is_some_and(|at| self.now > at + CALLED_WITHIN_MS) {
            self.uncalled = None;
            self.told.broken.push("no hook was called within 2 s".to_owned());
        }
    }

    /// What is shown against what was recorded.
    pub(crate) fn check(&mut self) {
        let channels = self.fit.site.channels.iter().zip(&self.heard);
        let deaf = |(channel, at): &(&muster_core::Channel, &Millis)| self.now - **at > channel.supervision_ms + 3_000;
        let deaf = channels.filter(deaf);
        let deaf = deaf.map(|(c, _)| (c.id.as_str(), self.fit.site.sources[c.source.at()].id.as_str()));
        let broken = self.rules.shown(&self.state.view(self.now), deaf);
        self.told.broken.extend(broken);
    }

    pub(crate) fn step(&mut self, now: Millis, input: &Input) {
        let mut effects = std::mem::take(&mut self.effects);
        self.now = now;
        muster_core::step(&mut self.state, now, input, &mut effects);
        let mut answers = Vec::new();
        let mut given = None;
        for effect in effects.drain(..) {
            self.heed(effect, &mut given, &mut answers);
        }
        self.effects = effects;
        if let Some(stored) = given.and_then(|through| self.peers.store(now, through)) {
            self.rules.stored(given.unwrap_or_default());
            answers.insert(0, stored);
        }
        for answer in answers {
            self.step(now, &answer);
        }
    }

    fn heed(&mut self, effect: Effect, given: &mut Option<u64>, answers: &mut Vec<Input>) {
        match effect {
            Effect::Persist(entry) => {
                *given = Some(entry.seq);
                self.recorded(&entry);
                self.journal.push(entry);
            }
            Effect::FireHook(call) => {
                let broken = self.rules.call(self.now, &call, self.fit.site.armed);
                self.told.broken.extend(broken);
                if self.journal.last().is_some_and(|e| !self.rules.is_stored(e.seq)) {
                    self.told.reached.insert("called-unstored");
                }
                if call.phase == Phase::Evacuate {
                    self.uncalled = None;
                }
                answers.push(self.peers.answer(self.now, call));
            }
            Effect::Fault(what) => self.told.broken.push(what),
            Effect::Event(event) => {
                if event.line.starts_with("it casts no vote: bypassed") {
                    self.told.reached.insert("bypass-withholds");
                }
                if self.keep_lines {
                    let line = format!("{} {}: {}", event.kind, event.subject, event.line);
                    self.told.lines.push((self.course_s(), event.kind, line));
                }
            }
            Effect::Answer(_) | Effect::CancelHook { .. } => {}
        }
    }

    pub(crate) fn course_s(&self) -> f64 {
        (self.now - self.zero) as f64 / 1_000.0
    }

    fn group(&self, ix: usize) -> &str {
        &self.fit.site.groups[self.fit.site.channels[ix].group.at()].id
    }

    /// It is really silent, out of service, at fault, or has said the same for as long as nothing that is well does.
    fn is_out(&self, ix: usize) -> bool {
        let channel = &self.fit.site.channels[ix];
        let (good, _, since) = self.last[ix];
        let stuck_ms = channel.checks.stuck_ms.map_or(u64::MAX, std::num::NonZeroU64::get);
        let silent = self.now - self.heard[ix] >= channel.supervision_ms;
        let stuck = (self.now - since).cast_unsigned() >= stuck_ms;
        let source = &self.fit.site.sources[channel.source.at()].id;
        !good || silent || stuck || self.rules.is_bypassed(&channel.id, source)
    }

    fn recorded(&mut self, entry: &Entry) {
        let at_s = self.course_s();
        self.told.reached.extend(reached::by_record(&entry.record, &self.rules));
        let is_first = !self.rules.evacuates();
        let broken = self.rules.take(entry, &self.fit.site);
        self.told.broken.extend(broken);
        match &entry.record {
            Record::VoteHeld {
                group, channel, died, ..
            } => {
                self.told.voted = true;
                self.told.first_vote_s.get_or_insert(at_s);
                if !died {
                    self.told.votes.push((at_s, group.clone()));
                }
                let mut of_it = self
                    .fit
                    .site
                    .channels
                    .iter()
                    .zip(&self.heard)
                    .filter(|(c, _)| c.id == *channel);
                if !died && of_it.all(|(c, heard)| self.now - heard > c.supervision_ms) {
                    self.told.broken.push(format!("{group} votes, and was not heard"));
                }
            }
            Record::WindowOpened { zone, .. } => {
                self.looked_for = Some(self.now);
                let voted = self.rules.votes_of(zone);
                if !(0..self.last.len()).any(|ix| self.is_out(ix) && voted.iter().any(|g| *g != self.group(ix))) {
                    let what = format!("a window opens in {zone} where everything speaks beside {voted:?}");
                    self.told.broken.push(what);
                }
            }
            Record::EvacuateBegun { zone, why, .. } => {
                if self.told.evacuate_s.is_none() {
                    (self.told.evacuate_s, self.told.why) = (Some(at_s), why.clone());
                    self.told.unanswered = why.starts_with("nobody aborted");
                }
                self.told.evacuations.extend(zone.is_some().then_some(at_s));
                // Where it evacuates already there may be nothing left to call.
                self.uncalled = Some(self.now).filter(|_| is_first && self.peers.hooks.is_none());
            }
            Record::IncidentClosed { .. } => {
                (self.told.first_vote_s, self.told.evacuate_s, self.uncalled) = (None, None, None);
            }
            _ => {}
        }
    }
}

pub(crate) fn millis(t_s: f64) -> Millis {
    (t_s * 1_000.0).round() as Millis
}

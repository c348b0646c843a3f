//! An incident in one of its rooms, in virtual time: hours in a second, the same on every machine.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use muster_core::{
    Call, Effect, EventKind, HookOutcome, Input, Level, Millis, Mode, Phase, PrincipalIx, Site, SourceIx, State, Verb,
};

use super::explain::{Heed, Stepped, Twist};
use super::{Decision, Facts};
use crate::incident::{Heard, Incident, Stage};

/// The journal answers after this long; a quiet disk's commit.
const STORED_AFTER_MS: Millis = 5;
/// A hook answers its call after this long.
const ANSWERED_AFTER_MS: Millis = 100;

/// What came of it in one room.
#[derive(Debug)]
pub struct Course {
    /// The room.
    pub site: String,
    /// Everything that was decided.
    pub decisions: Vec<Decision>,
    /// What it comes down to; of the first incident.
    pub facts: Facts,
    /// When the site's level became what.
    pub levels: Vec<(Millis, Level)>,
    /// Workloads of the room.
    pub workloads: usize,
    /// Digest of the state at the end.
    pub digest: u64,
}

/// Plays a room from `begin` to `end`.
#[must_use]
pub fn play(incident: &Incident, stage: &Stage) -> Course {
    let mut go_on = |_: &Stepped<'_>| ControlFlow::Continue(());
    let player = run(incident, stage, &Twist::default(), incident.end, &mut go_on);
    let facts = Facts::of(&player.decisions).into_iter().next().unwrap_or_default();
    Course {
        site: stage.name.clone(),
        facts,
        levels: player.levels,
        decisions: player.decisions,
        workloads: stage.config.site.workloads.len(),
        digest: player.state.digest(),
    }
}

/// Plays a room up to a time with something changed, and hands every step over.
pub(super) fn play_twisted(
    incident: &Incident,
    stage: &Stage,
    twist: &Twist,
    until: Millis,
    heed: &mut Heed<'_>,
) -> State {
    run(incident, stage, twist, until, heed).state
}

fn run<'a>(incident: &Incident, stage: &'a Stage, twist: &Twist, until: Millis, heed: &'a mut Heed<'a>) -> Player<'a> {
    let mut player = Player::new(incident, stage, twist, heed);
    player.run(until.min(incident.end));
    player
}

impl Course {
    /// The site's level then.
    #[must_use]
    pub fn level_at(&self, at: Millis) -> Level {
        let known = self.levels.partition_point(|(when, _)| *when <= at);
        known.checked_sub(1).map_or(Level::Normal, |last| self.levels[last].1)
    }

    /// The highest level the site had.
    #[must_use]
    pub fn highest(&self) -> Level {
        self.levels
            .iter()
            .map(|(_, level)| *level)
            .max()
            .unwrap_or(Level::Normal)
    }

    /// When something of this id, or anything, was first named as in trouble.
    #[must_use]
    pub fn trouble(&self, subject: Option<&str>) -> Option<Millis> {
        let is_named = |decision: &&Decision| match &decision.effect {
            Effect::Event(event) => {
                event.kind == EventKind::Trouble && subject.is_none_or(|subject| event.subject == subject)
            }
            _ => false,
        };
        self.decisions.iter().find(is_named).map(|d| d.at)
    }
}

enum Next {
    Heard(SourceIx),
    Gone(SourceIx, String),
    Order(PrincipalIx, Verb),
    Stored(u64),
    Hook {
        incident: String,
        step: String,
        mode: Mode,
        outcome: HookOutcome,
    },
    /// A bypass, planned work, or what nobody recorded.
    Given(Input),
}

struct Player<'a> {
    stage: &'a Stage,
    heed: &'a mut Heed<'a>,
    stopped: bool,
    begin_wall_ms: i64,
    state: State,
    /// What comes, by time and in the order it was put down.
    queue: BTreeMap<(Millis, u64), Next>,
    put: u64,
    decisions: Vec<Decision>,
    levels: Vec<(Millis, Level)>,
}

impl<'a> Player<'a> {
    fn new(incident: &Incident, stage: &'a Stage, twist: &Twist, heed: &'a mut Heed<'a>) -> Self {
        let site: Arc<Site> = twist.site(&stage.config.site);
        let mut player = Self {
            stage,
            heed,
            stopped: false,
            begin_wall_ms: incident.begin_wall_ms,
            state: State::new(),
            queue: BTreeMap::new(),
            put: 0,
            decisions: Vec::new(),
            levels: Vec::new(),
        };
        player.step(0, &Input::Config(site));
        player.step(0, &Input::Restore(Vec::new()));
        for source in (0..stage.every.len()).filter_map(|ix| u16::try_from(ix).ok()) {
            player.put(0, Next::Heard(SourceIx(source)));
        }
        for (source, ends) in &stage.ends {
            for (at, heard) in ends {
                if let Heard::Lost(why) = heard {
                    player.put(*at, Next::Gone(*source, why.clone()));
                }
            }
        }
        for (at, by, verb) in &stage.orders {
            player.put(*at, Next::Order(*by, *verb));
        }
        for (at, input) in &stage.service {
            player.put(*at, Next::Given(input.clone()));
        }
        for (at, input) in twist.given(&stage.config.site) {
            player.put(at, Next::Given(input));
        }
        player
    }

    fn put(&mut self, at: Millis, next: Next) {
        self.put += 1;
        self.queue.insert((at, self.put), next);
    }

    fn run(&mut self, end: Millis) {
        let mut now = 0;
        loop {
            let due = muster_core::next_deadline(&self.state).map(|due| due.max(now));
            let coming = self.queue.first_key_value().map(|((at, _), _)| *at);
            let Some(at) = due
                .into_iter()
                .chain(coming)
                .min()
                .filter(|at| *at <= end && !self.stopped)
            else {
                return;
            };
            now = at;
            if coming == Some(at)
                && let Some((_, next)) = self.queue.pop_first()
            {
                self.take(now, next);
            } else {
                self.step(now, &Input::Tick);
            }
        }
    }

    fn take(&mut self, now: Millis, next: Next) {
        match next {
            Next::Heard(source) => self.hear(now, source),
            Next::Gone(source, why) => self.step(now, &Input::Lost { source, why }),
            Next::Order(by, verb) => self.step(now, &Input::Order { by, verb, nonce: 0 }),
            Next::Stored(through) => self.step(now, &Input::Stored { through }),
            Next::Given(input) => self.step(now, &input),
            Next::Hook {
                incident,
                step,
                mode,
                outcome,
            } => self.step(
                now,
                &Input::Hook {
                    incident,
                    step,
                    mode,
                    outcome,
                },
            ),
        }
    }

    /// Everything one source shows now.
    fn hear(&mut self, now: Millis, source: SourceIx) {
        let stage = self.stage;
        self.put(now + stage.every[source.at()].max(1), Next::Heard(source));
        if !stage.is_heard(source, now) {
            return;
        }
        for channel in stage.channels_of(source) {
            let input = Input::Reading {
                channel,
                value: stage.tracks[channel.at()].at(now),
                simulated: stage.config.site.simulated,
                age_ms: 0,
            };
            self.step(now, &input);
        }
    }

    fn step(&mut self, now: Millis, input: &Input) {
        let mut effects = Vec::new();
        muster_core::step(&mut self.state, now, input, &mut effects);
        let level = self.state.level();
        if self.levels.last().is_none_or(|(_, before)| *before != level) {
            self.levels.push((now, level));
        }
        let mut last = None;
        for effect in &effects {
            match effect {
                Effect::Persist(entry) => last = Some(entry.seq),
                Effect::FireHook(call) => self.answer(now, call),
                Effect::CancelHook { step, .. } => {
                    let off = step.clone();
                    self.queue
                        .retain(|_, next| !matches!(next, Next::Hook { step, .. } if *step == off));
                }
                Effect::Event(_) | Effect::Answer(_) | Effect::Fault(_) => {}
            }
        }
        if let Some(through) = last {
            self.put(now + STORED_AFTER_MS, Next::Stored(through));
        }
        let wall_ms = self.begin_wall_ms + now;
        let stepped = Stepped {
            at: now,
            input,
            state: &self.state,
            effects: &effects,
        };
        self.stopped |= (self.heed)(&stepped).is_break();
        self.decisions.extend(effects.into_iter().map(|effect| Decision {
            at: now,
            wall_ms,
            effect,
        }));
    }

    /// As the file says: a hook takes what is reversible and every probe at once, and its time for the rest.
    fn answer(&mut self, now: Millis, call: &Call) {
        let takes_ms = self.stage.hooks.get(call.hook.at()).copied().flatten();
        let hook = |outcome| Next::Hook {
            incident: call.incident.clone(),
            step: call.step.clone(),
            mode: call.mode,
            outcome,
        };
        match (call.phase, takes_ms) {
            (Phase::Evacuate, None) => {
                let note = "it cannot, says the incident file".into();
                self.put(now + ANSWERED_AFTER_MS, hook(HookOutcome::Cannot { note }));
            }
            (Phase::Evacuate, Some(takes_ms)) => {
                self.put(now + ANSWERED_AFTER_MS, hook(HookOutcome::Accepted));
                self.put(now + takes_ms.max(ANSWERED_AFTER_MS), hook(HookOutcome::Done));
            }
            _ => self.put(now + ANSWERED_AFTER_MS, hook(HookOutcome::Done)),
        }
    }
}

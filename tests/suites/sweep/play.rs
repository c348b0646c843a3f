//! One room in virtual time: samples go to the real decision, hooks answer at once, people reset what is over.

use muster_core::{Effect, HookOutcome, Input, Level, Millis, Phase, PrincipalIx, Record, State, Verb};
use muster_sim::building::{Course, Heard};
use muster_wire::{Absence, Micro};

use crate::fit::Fit;

/// What has been decided so far, of the running incident.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Seconds of the course.
    pub(crate) first_vote_s: Option<f64>,
    pub(crate) evacuate_s: Option<f64>,
    pub(crate) first_hook_s: Option<f64>,
    pub(crate) why: String,
    /// Invariants that were broken; the core's own included.
    pub(crate) broken: Vec<String>,
    /// Votes, levels and incidents in order, with their time; kept for whoever compares or prints.
    pub(crate) lines: Vec<(f64, String)>,
}

/// A room at work.
pub(crate) struct Play<'f> {
    fit: &'f Fit,
    state: State,
    /// Engine time at the course's second 0.
    zero: Millis,
    now: Millis,
    pub(crate) told: Told,
    keep_lines: bool,
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
            keep_lines,
            effects: Vec::new(),
        };
        play.step(0.0, 0, &Input::Config(fit.site.clone()));
        play.step(0.0, 0, &Input::Restore(Vec::new()));
        play
    }

    /// From here on second `t_s` of a course is the next second of the engine: the time before is left out.
    pub(crate) fn join(&mut self, t_s: f64) {
        self.zero = self.now + 1_000 - millis(t_s);
    }

    /// Every sensor once, and whatever was due before.
    pub(crate) fn sample(&mut self, course: &Course, t_s: f64) {
        let now = self.zero + millis(t_s);
        while let Some(due) = muster_core::next_deadline(&self.state).filter(|due| *due < now) {
            self.step(t_s, due, &Input::Tick);
        }
        for (ix, probe) in (0u32..).zip(&self.fit.probes) {
            let value = match course.heard(*probe, t_s) {
                Heard::Silent => continue,
                Heard::Absent => Err(Absence::Open),
                Heard::Value(value) => Micro::from_f64(value).ok_or(Absence::Range),
            };
            let channel = muster_core::ChannelIx(ix);
            let input = Input::Reading {
                channel,
                value,
                simulated: true,
                age_ms: 0,
            };
            self.step(t_s, now, &input);
        }
    }

    /// Both persons order a reset of what is open; refused while a vote is held.
    pub(crate) fn reset_if_open(&mut self, t_s: f64) {
        let now = self.zero + millis(t_s);
        if self.state.view(now).incident.is_none_or(|i| i.closed.is_some()) {
            return;
        }
        for by in [0, 1] {
            self.step(
                t_s,
                now,
                &Input::Order {
                    by: PrincipalIx(by),
                    verb: Verb::Reset,
                    nonce: 0,
                },
            );
        }
    }

    /// Nothing is latched, in trouble or waited for: time may be left out without changing what comes after.
    pub(crate) fn is_at_rest(&self, t_s: f64) -> bool {
        let view = self.state.view(self.zero + millis(t_s));
        let closed = view.incident.is_none_or(|i| i.closed.is_some());
        view.level == Level::Normal
            && view.votes.is_empty()
            && view.troubles.is_empty()
            && closed
            && view.orders.is_empty()
    }

    fn step(&mut self, t_s: f64, now: Millis, input: &Input) {
        let mut effects = std::mem::take(&mut self.effects);
        self.now = now;
        muster_core::step(&mut self.state, now, input, &mut effects);
        let mut answers = Vec::new();
        let mut stored = None;
        for effect in effects.drain(..) {
            self.heed(t_s, effect, &mut stored, &mut answers);
        }
        self.effects = effects;
        if let Some(through) = stored {
            answers.insert(0, Input::Stored { through });
        }
        for answer in answers {
            self.step(t_s, now, &answer);
        }
    }

    fn heed(&mut self, t_s: f64, effect: Effect, stored: &mut Option<u64>, answers: &mut Vec<Input>) {
        match effect {
            Effect::Persist(entry) => {
                *stored = Some(entry.seq);
                self.recorded(t_s, entry.record);
            }
            Effect::FireHook(call) => {
                if call.phase == Phase::Evacuate {
                    if self.told.evacuate_s.is_none() {
                        self.told
                            .broken
                            .push(format!("{} was called without a decision to evacuate", call.step));
                    }
                    self.told.first_hook_s.get_or_insert(t_s);
                }
                answers.push(Input::Hook {
                    incident: call.incident,
                    step: call.step,
                    mode: call.mode,
                    outcome: HookOutcome::Done,
                });
            }
            Effect::Fault(what) => self.told.broken.push(what),
            Effect::Event(event) if self.keep_lines => {
                self.told
                    .lines
                    .push((t_s, format!("{} {}: {}", event.kind, event.subject, event.line)));
            }
            Effect::Event(_) | Effect::Answer(_) | Effect::CancelHook { .. } => {}
        }
    }

    fn recorded(&mut self, t_s: f64, record: Record) {
        match record {
            Record::VoteHeld { .. } => {
                self.told.first_vote_s.get_or_insert(t_s);
            }
            Record::EvacuateBegun { why, .. } if self.told.evacuate_s.is_none() => {
                (self.told.evacuate_s, self.told.why) = (Some(t_s), why);
            }
            _ => {}
        }
    }
}

fn millis(t_s: f64) -> Millis {
    (t_s * 1_000.0).round() as Millis
}

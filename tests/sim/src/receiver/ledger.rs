//! What was asked for and what was done: the receiver's memory.

use std::collections::BTreeMap;

use serde::Serialize;

use super::message::{Message, Mode, Phase, ReportTo};
use super::work::Rung;

/// Steps it remembers; beyond it nothing new is accepted, so a forgotten key can never be done twice.
const MAX_STEPS: usize = 100_000;

/// One step.
#[derive(Clone, Serialize)]
pub(super) struct Entry {
    pub(super) incident: String,
    pub(super) workload: String,
    pub(super) rung: Rung,
    pub(super) phase: Phase,
    pub(super) mode: Mode,
    pub(super) destination: Option<String>,
    /// Messages with this key.
    pub(super) attempts: u32,
    /// How often the effect was made: must be 1 once done.
    pub(super) effects: u32,
    pub(super) state: State,
    pub(super) percent: u8,
    #[serde(skip)]
    pub(super) report_to: ReportTo,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// Asked for only: answered with an error or a refusal, or a question.
    Asked,
    /// Being done.
    Running,
    /// Done.
    Done,
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    /// It is new: begin.
    Begin,
    /// It is being done.
    Running,
    /// It was done before.
    Done,
    /// A younger intent has been here.
    TokenFell,
}

/// The memory.
#[derive(Default)]
pub(super) struct Ledger {
    steps: BTreeMap<String, Entry>,
    highest_token: BTreeMap<String, u64>,
    /// Messages without a good signature.
    pub(super) unsigned: u64,
    /// Messages that could not be understood.
    pub(super) malformed: u64,
}

impl Ledger {
    /// Counts an attempt and gives how many there were with this one; `None` if the memory is full.
    pub(super) fn attempt(&mut self, message: &Message) -> Option<u32> {
        let key = message.key();
        if self.steps.len() >= MAX_STEPS && !self.steps.contains_key(&key) {
            return None;
        }
        let entry = self.steps.entry(key).or_insert_with(|| Entry::new(message));
        entry.attempts = entry.attempts.saturating_add(1);
        entry.report_to = message.report_to.clone();
        Some(entry.attempts)
    }

    /// Decides on a message whose attempt was counted. A key that is known is judged by its key alone.
    pub(super) fn take(&mut self, message: &Message, forgets: bool) -> Take {
        let Some(entry) = self.steps.get_mut(&message.key()) else {
            return Take::TokenFell;
        };
        match entry.state {
            State::Running if !forgets => return Take::Running,
            State::Done if !forgets => return Take::Done,
            _ => {}
        }
        let highest = self.highest_token.entry(message.fence()).or_insert(message.token);
        if message.token < *highest {
            return Take::TokenFell;
        }
        *highest = message.token;
        entry.state = State::Running;
        Take::Begin
    }

    /// Notes progress and gives where to report it.
    pub(super) fn advance(&mut self, key: &str, percent: u8) -> ReportTo {
        let Some(entry) = self.steps.get_mut(key) else {
            return ReportTo::default();
        };
        entry.percent = percent;
        if percent == 100 {
            entry.state = State::Done;
            entry.effects = entry.effects.saturating_add(1);
        }
        entry.report_to.clone()
    }

    /// Where a step's reports go at present.
    pub(super) fn report_to(&self, key: &str) -> ReportTo {
        self.steps.get(key).map(|e| e.report_to.clone()).unwrap_or_default()
    }

    /// Whether the evacuation that a `verify` asks about is done.
    pub(super) fn is_evacuated(&self, asked: &Message) -> bool {
        self.steps.values().any(|e| {
            e.phase == Phase::Evacuate
                && e.state == State::Done
                && (&e.incident, &e.workload) == (&asked.incident, &asked.workload)
                && (e.rung, e.mode) == (asked.rung, asked.mode)
                && (asked.destination.is_none() || e.destination == asked.destination)
        })
    }

    /// All steps by key.
    pub(super) fn steps(&self) -> &BTreeMap<String, Entry> {
        &self.steps
    }
}

impl Entry {
    fn new(message: &Message) -> Self {
        Self {
            incident: message.incident.clone(),
            workload: message.workload.clone(),
            rung: message.rung,
            phase: message.phase,
            mode: message.mode,
            destination: message.destination.clone(),
            attempts: 0,
            effects: 0,
            state: State::Asked,
            percent: 0,
            report_to: ReportTo::default(),
        }
    }
}

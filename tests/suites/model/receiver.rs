//! Whoever carries steps out, by the rules of the hook contract: an effect is made once a key, nothing of a lower token is
//! begun or finished, and nothing begins at a place that has a vote of its own.

use std::collections::BTreeMap;

use muster_core::{Mode, Phase, RungKind};
use serde::Serialize;

use super::promise;

/// A call on its way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Sent {
    /// Which gateway waits for the answer.
    pub(crate) by: usize,
    pub(crate) incident: String,
    pub(crate) step: String,
    #[serde(skip)]
    pub(crate) rung: Rung,
    pub(crate) drill: bool,
    /// What the call says that its key and its token are, and what they were when the core decided on it.
    pub(crate) key: String,
    pub(crate) token: u64,
    pub(crate) true_token: u64,
}

/// What a call asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rung {
    pub(crate) workload: String,
    pub(crate) phase: Part,
    pub(crate) stops: bool,
    /// It asks whether it runs at home again.
    pub(crate) home: bool,
}

/// Phases, in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Prepare,
    Evacuate,
    Verify,
    Restore,
}

impl Sent {
    pub(crate) fn new(by: usize, call: &muster_core::Call, true_token: u64) -> Self {
        let phase = match call.phase {
            Phase::Prepare => Part::Prepare,
            Phase::Verify => Part::Verify,
            Phase::Evacuate => Part::Evacuate,
            Phase::Restore => Part::Restore,
        };
        Self {
            by,
            incident: call.incident.clone(),
            step: call.step.clone(),
            rung: Rung {
                workload: call.workload.clone(),
                phase,
                stops: call.rung == RungKind::Stop,
                home: call.asks_home(),
            },
            drill: call.mode == Mode::Drill,
            key: format!("{}.{}.{}", call.mode, call.incident, call.step),
            token: call.token,
            true_token,
        }
    }

    pub(crate) fn mode(&self) -> Mode {
        if self.drill { Mode::Drill } else { Mode::Live }
    }

    /// What it does in the world, whatever the call is named; a probe asks for what its rung does.
    fn effect(&self) -> (String, bool, bool, bool) {
        let prepares = self.rung.phase == Part::Prepare;
        (self.rung.workload.clone(), self.rung.stops, prepares, self.drill)
    }

    /// Tokens rise within a workload; drills have a fence of their own.
    fn fence(&self) -> (String, bool) {
        (self.rung.workload.clone(), self.drill)
    }
}

/// What it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Done,
    Accepted,
    /// 422, or `failed`.
    Cannot,
    /// 409.
    Refused,
}

/// Its memory, and beside it what was really done.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Receiver {
    /// Keys it knows; true: done.
    known: BTreeMap<String, bool>,
    /// Being done.
    pub(crate) running: Vec<Sent>,
    highest: BTreeMap<(String, bool), u64>,
    /// By workload, whether it stops, whether it only prepares, and whether it is a drill.
    effects: BTreeMap<(String, bool, bool, bool), u8>,
    /// Workloads that are away, and whether they are stopped; for real or as a drill.
    away: BTreeMap<(String, bool), bool>,
    /// The youngest intent that was acted on, in the order in which the core decided.
    acted: BTreeMap<(String, bool), u64>,
    /// The place to go to has a vote of its own.
    pub(crate) far_votes: bool,
    pub(crate) refused: bool,
    pub(crate) overtaken: bool,
    #[serde(skip)]
    looks_at_tokens: bool,
}

impl Receiver {
    pub(crate) fn new(looks_at_tokens: bool) -> Self {
        Self {
            looks_at_tokens,
            ..Self::default()
        }
    }

    /// Takes a call; `slowly`: it accepts the work and ends it later. The second value names a promise that was broken.
    pub(crate) fn take(&mut self, sent: &Sent, slowly: bool) -> (Said, Option<&'static str>) {
        if sent.rung.phase == Part::Verify {
            return (self.verify(sent), None);
        }
        match self.known.get(&sent.key) {
            Some(true) => return (Said::Done, None),
            Some(false) => return (Said::Accepted, None),
            None => {}
        }
        if self.is_left(sent) {
            return (Said::Cannot, None);
        }
        if self.is_overtaken(sent) {
            self.refused = true;
            return (Said::Refused, None);
        }
        let fence = self.highest.entry(sent.fence()).or_default();
        *fence = (*fence).max(sent.token);
        if slowly {
            self.acted(sent);
            self.known.insert(sent.key.clone(), false);
            self.running.push(sent.clone());
            return (Said::Accepted, None);
        }
        (Said::Done, self.make(sent))
    }

    /// Slow work comes to its end: it looks again whether somebody has overtaken it.
    pub(crate) fn finish(&mut self, at: usize, well: bool) -> (Sent, Said, Option<&'static str>) {
        let sent = self.running.remove(at);
        if !well || self.is_left(&sent) || self.is_overtaken(&sent) {
            self.overtaken |= well && !self.is_left(&sent);
            self.known.remove(&sent.key);
            return (sent, Said::Cannot, None);
        }
        let broken = self.make(&sent);
        (sent, Said::Done, broken)
    }

    /// After a reset the same may be done again.
    pub(crate) fn begins_anew(&mut self) {
        self.effects.clear();
    }

    fn verify(&self, sent: &Sent) -> Said {
        let away = self.away.get(&sent.fence());
        let done = if sent.rung.home {
            away.is_none()
        } else {
            away == Some(&sent.rung.stops) || self.effects.contains_key(&sent.effect())
        };
        if done { Said::Done } else { Said::Cannot }
    }

    fn is_left(&self, sent: &Sent) -> bool {
        self.far_votes && !sent.rung.stops && sent.rung.phase != Part::Restore
    }

    fn is_overtaken(&self, sent: &Sent) -> bool {
        let highest = self.highest.get(&sent.fence());
        self.looks_at_tokens && highest.is_some_and(|highest| sent.token < *highest)
    }

    fn acted(&mut self, sent: &Sent) -> u64 {
        let youngest = self.acted.entry(sent.fence()).or_default();
        *youngest = (*youngest).max(sent.true_token);
        *youngest
    }

    /// Makes the effect.
    fn make(&mut self, sent: &Sent) -> Option<&'static str> {
        self.known.insert(sent.key.clone(), true);
        match sent.rung.phase {
            Part::Evacuate => drop(self.away.insert(sent.fence(), sent.rung.stops)),
            Part::Restore => {
                // What has been undone may be done again; to undo what is undone is nothing.
                self.away.remove(&sent.fence());
                let undone = (sent.rung.workload.clone(), sent.drill);
                self.effects
                    .retain(|(work, _, _, drill), _| (work, *drill) != (&undone.0, undone.1));
                return (self.acted(sent) > sent.true_token).then_some(promise::FENCED);
            }
            Part::Prepare | Part::Verify => {}
        }
        let times = self.effects.entry(sent.effect()).or_default();
        *times = times.saturating_add(1);
        let twice = *times > 1;
        let late = self.acted(sent) > sent.true_token;
        if twice {
            Some(promise::ONCE)
        } else {
            late.then_some(promise::FENCED)
        }
    }
}

//! What a course of decisions comes down to: when the votes fell, when the first hook was called, what was saved by when.

use std::collections::BTreeSet;

use muster_core::{Effect, Millis, Phase, Record, RungKind, StepEnd};

use super::Decision;

/// The figures of one incident. Times are engine times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its id's number.
    pub incident: Option<u32>,
    /// When it opened.
    pub opened: Option<Millis>,
    /// First vote.
    pub first_vote: Option<Millis>,
    /// First vote of another group.
    pub second_vote: Option<Millis>,
    /// Irreversible steps were released.
    pub evacuate_begun: Option<Millis>,
    /// First call of a hook for what is reversible.
    pub first_prepare_hook: Option<Millis>,
    /// First call of a hook for what is not.
    pub first_evacuate_hook: Option<Millis>,
    /// Every workload verified safe, in this order.
    pub safe: Vec<Safe>,
    /// When it was closed.
    pub closed: Option<Millis>,
    groups: BTreeSet<String>,
}

/// A workload verified safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Safe {
    /// Its id.
    pub workload: String,
    /// By which rung.
    pub rung: RungKind,
    /// When.
    pub at: Millis,
}

impl Safe {
    /// Whether it runs on elsewhere, rather than having been stopped cleanly.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.rung != RungKind::Stop
    }
}

impl Facts {
    /// Those of every incident, in order.
    #[must_use]
    pub fn of(decisions: &[Decision]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for decision in decisions {
            if let Effect::Persist(entry) = &decision.effect
                && let Record::IncidentOpened { n, .. } = entry.record
            {
                all.push(Self {
                    incident: Some(n),
                    opened: Some(decision.at),
                    ..Self::default()
                });
            } else if all.is_empty() {
                // A recording may begin in the middle of an incident.
                all.push(Self::default());
            }
            if let Some(facts) = all.last_mut() {
                facts.heed(decision);
            }
        }
        all.retain(|facts| facts.opened.is_some() || facts.first_vote.is_some() || facts.first_evacuate_hook.is_some());
        all
    }

    fn heed(&mut self, decision: &Decision) {
        let at = decision.at;
        match &decision.effect {
            Effect::Persist(entry) => self.heed_record(at, &entry.record),
            Effect::FireHook(call) => {
                let first = match call.phase {
                    Phase::Prepare => &mut self.first_prepare_hook,
                    Phase::Evacuate => &mut self.first_evacuate_hook,
                    Phase::Verify | Phase::Restore => return,
                };
                first.get_or_insert(at);
            }
            _ => {}
        }
    }

    fn heed_record(&mut self, at: Millis, record: &Record) {
        match record {
            // One that a death has cast waits for a person's abort.
            Record::VoteHeld { group, died: false, .. } => {
                self.first_vote.get_or_insert(at);
                self.groups.insert(group.clone());
                if self.groups.len() > 1 {
                    self.second_vote.get_or_insert(at);
                }
            }
            Record::EvacuateBegun { .. } => drop(self.evacuate_begun.get_or_insert(at)),
            Record::StepEnded { step, end, .. } if *end == StepEnd::Done => self.safe.extend(verified(step, at)),
            Record::IncidentClosed { .. } => self.closed = Some(at),
            _ => {}
        }
    }

    /// From the second vote to the first hook that cannot be taken back.
    #[must_use]
    pub fn reaction_ms(&self) -> Option<Millis> {
        Some(self.first_evacuate_hook? - self.second_vote?)
    }
}

/// The workload that the end of this step has proven safe: `{workload}.{rung}.verify[.{destination}]`.
fn verified(step: &str, at: Millis) -> Option<Safe> {
    let mut parts = step.split('.');
    let (workload, rung, phase) = (parts.next()?, parts.next()?, parts.next()?);
    let rungs = [RungKind::Move, RungKind::Failover, RungKind::Stop];
    let rung = rungs.into_iter().find(|kind| kind.as_str() == rung)?;
    (phase == Phase::Verify.as_str()).then(|| Safe {
        workload: workload.into(),
        rung,
        at,
    })
}

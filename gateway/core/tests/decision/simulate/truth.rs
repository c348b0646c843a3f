//! Where workloads really are, whatever anybody believes, and what has to be true of it in the end.

use muster_core::{Call, HookOutcome, IncidentView, Mode, Phase, StepView, WorkloadView};

use super::World;

/// Whether a step asks at home.
fn asks(step: &str) -> bool {
    step.ends_with(".verify.s")
}

impl World {
    /// What is done has come about; and nothing says that it is at home while it is not.
    pub(super) fn really(&mut self, call: &Call, outcome: HookOutcome) -> HookOutcome {
        let now = self.stand.view().incident.is_some_and(|i| i.id == call.incident);
        let over = matches!(outcome, HookOutcome::Done | HookOutcome::TokenRefused);
        match call.phase {
            _ if call.mode == Mode::Drill || !over || !now => {}
            Phase::Evacuate => drop(self.elsewhere.insert(call.workload.clone())),
            Phase::Restore => drop(self.elsewhere.remove(&call.workload)),
            Phase::Verify if call.asks_home() && self.elsewhere.contains(&call.workload) => {
                let cause = "it is elsewhere".into();
                return HookOutcome::Retry { cause };
            }
            _ => {}
        }
        outcome
    }

    /// Somebody brings one or a few home and orders nothing: between incidents, or in one that they had left before.
    pub(super) fn bring_by_hand(&mut self) {
        let Some(incident) = self.stand.view().incident else {
            return;
        };
        let before = |id: &str| {
            let work = incident.workloads.iter().find(|w| w.id == id);
            incident.closed.is_some() || work.is_some_and(|w| w.why.starts_with("away since incident"))
        };
        let mut there: Vec<String> = self.elsewhere.iter().filter(|id| before(id)).cloned().collect();
        for _ in 0..self.dice.below(there.len() as u64 + 1) {
            let id = there.swap_remove(self.dice.below(there.len() as u64) as usize);
            self.elsewhere.remove(&id);
        }
    }

    /// Invariant 20 and the plan's end.
    pub(super) fn all_has_ended(&mut self) {
        let view = self.stand.view();
        assert!(
            view.troubles.is_empty(),
            "healed, and still in trouble: {:?}",
            view.troubles
        );
        assert!(
            view.votes.iter().all(|v| !v.held),
            "healed, and a vote is held: {:?}",
            view.votes
        );
        let Some(incident) = view.incident.filter(|i| i.closed.is_none()) else {
            return;
        };
        // What is away is asked for as long as it lasts.
        for step in incident.steps.iter().filter(|s| !asks(&s.id)) {
            assert!(step.ended.is_some(), "{} has not ended: {step:?}", step.id);
        }
        if incident.evacuate_begun.is_some() {
            for w in &incident.workloads {
                let ended = ["moved", "stopped", "stranded", "skipped"].contains(&w.state.as_str());
                assert!(ended, "{} is {}: {}", w.id, w.state, w.why);
                self.has_left(&incident, w);
                assert!(
                    incident.mode == Mode::Drill || w.state != "skipped",
                    "{} skipped live",
                    w.id
                );
            }
        }
    }

    /// Whatever is shown as safe is not at home in truth, unless nobody would tell.
    fn has_left(&self, incident: &IncidentView, w: &WorkloadView) {
        let refused = |s: &StepView| s.workload == w.id && asks(&s.id) && s.state == "refused";
        let unknown = w.state == "stranded" || incident.steps.iter().any(refused);
        let left = incident.mode == Mode::Drill || unknown || self.elsewhere.contains(&w.id);
        assert!(left, "{} is left at home as {}: {}", w.id, w.state, w.why);
    }
}

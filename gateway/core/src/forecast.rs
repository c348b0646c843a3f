//! When each workload would be gone if everything had to go now: for readiness, never for a decision.

use alloc::vec::Vec;

use crate::{
    Millis, Mode, Site,
    plan::{Plan, Scope, schedule},
};

impl Site {
    /// By the best rung of each workload and declared times, with lanes and dependencies: how long after the level has
    /// changed it is gone. In the order of the workloads; empty for a site that cannot be. Milliseconds.
    #[must_use]
    pub fn forecast_ms(&self) -> Vec<Millis> {
        if self.flaw().is_some() {
            return Vec::new();
        }
        let mut plan = Plan::new(self);
        plan.change_mode(Mode::Live);
        let mut gone = alloc::vec![0; self.workloads.len()];
        for slot in schedule::slots(self, &plan, 0, &Scope::of_all(None)) {
            gone[slot.work.at()] = slot.finish;
        }
        gone
    }
}

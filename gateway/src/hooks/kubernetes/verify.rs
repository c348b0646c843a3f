//! The probe: whether nothing of the workload is left on doomed nodes, and whether it runs elsewhere.

use muster_core::{HookOutcome, RungKind};

use super::kinds::Pod;
use super::object::Object;
use super::step::{Halt, Step, Work, retry};

impl Step {
    pub(super) async fn verify(&self) -> Result<HookOutcome, Halt> {
        let work = self.look().await?;
        if self.is_drill() {
            // It was found, and nothing has moved.
            return Ok(HookOutcome::Done);
        }
        // What has to be stopped has to be seen stopped; what runs elsewhere does so whatever a dead node says.
        let left = match self.call.rung {
            RungKind::Stop => self.left(&work),
            _ => self.left_alive(&work),
        };
        if let Some(pod) = left.first() {
            let n = left.len();
            let node = &pod.spec.node_name;
            return Err(retry(format!("{n} left on doomed nodes: {} on {node}", pod.name())));
        }
        // Brought home, it has to run again, however it was saved: then no node is doomed, and every one is elsewhere.
        if self.call.rung == RungKind::Stop && !self.call.asks_home() {
            return Ok(HookOutcome::Done);
        }
        match &self.object {
            Object::Node(_) => self.all_have_a_node().await,
            _ => self.runs_elsewhere(&work),
        }
    }

    /// As many as are wanted are ready; of pods by labels, all that there are, and one at least.
    fn runs_elsewhere(&self, work: &Work) -> Result<HookOutcome, Halt> {
        let ready = work.elsewhere(self).filter(|pod| pod.is_ready()).count();
        let live = work
            .pods
            .iter()
            .filter(|pod| pod.is_live() && !pod.is_ending() && !pod.is_of_its_node())
            .count();
        let wanted = match &work.scaled {
            Some(scaled) => usize::try_from(scaled.wanted()).unwrap_or(0),
            None => live.max(1),
        };
        if ready >= wanted {
            return Ok(HookOutcome::Done);
        }
        let homeless = work.pods.iter().find(|pod| pod.is_without_a_node());
        let why = homeless
            .map(|pod| format!("; {} finds no node", pod.name()))
            .unwrap_or_default();
        Err(retry(format!("{ready} of {wanted} ready elsewhere{why}")))
    }

    /// What left a node as a whole is not known one by one any more: nothing may wait for a node.
    async fn all_have_a_node(&self) -> Result<HookOutcome, Halt> {
        let pending = self
            .api
            .pods(None, &[("fieldSelector", "status.phase=Pending")])
            .await?;
        let mut homeless = pending.iter().filter(|pod| pod.is_without_a_node()).map(Pod::name);
        match homeless.next() {
            None => Ok(HookOutcome::Done),
            Some(first) => Err(retry(format!("{} pods find no node: {first}", homeless.count() + 1))),
        }
    }
}

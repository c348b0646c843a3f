//! When the plan has something to do though nothing happens.

use super::{Doing, Scope, Stage, Step, drive::PROBE_WAIT_MS, schedule, send::ASK_AGAIN_MS};
use crate::{Millis, Phase, State, WorkloadIx};

impl State {
    /// The next such time. What is due already waits for a lane or a person, and whoever frees it wakes us.
    pub(super) fn next_due(&self, now: Millis, scope: &Scope) -> Option<Millis> {
        let book = &self.plan.book;
        let steps = book
            .live()
            .flat_map(|i| self.step_due(book.step(i), scope.end(book.step(i).work)));
        let waiting = self.plan.queue.iter();
        let waiting = waiting.filter(|w| book.works[w.at()].stage == Stage::Waiting && !scope.waits.contains(w));
        let starts = waiting.flat_map(|w| self.start_due(*w, scope.end(*w)));
        let put_off = if self.plan.places.nowhere() && self.policy.evacuating() {
            schedule::slots(&self.site, &self.plan, now, scope)
        } else {
            alloc::vec::Vec::new()
        };
        let put_off = put_off.iter().map(|slot| slot.start);
        let room = self.room_due(now, scope);
        let due = steps.chain(starts).chain(put_off).chain(self.cordon_ends()).chain(room);
        due.filter(|at| *at > now).min()
    }

    pub(super) fn step_due(&self, step: &Step, deadline: Option<Millis>) -> impl Iterator<Item = Millis> + use<> {
        let own = match step.doing {
            Doing::Intent { release_at } => Some(release_at),
            Doing::Called { since: last } | Doing::Accepted { heard: last } => Some(last + ASK_AGAIN_MS),
            Doing::Backoff { until } => Some(until),
            Doing::Ended { .. } => None,
        };
        let stuck = step.begun + self.plan.times.stuck_after(step.work, step.rung) + 1;
        let probed = (step.phase == Phase::Verify).then_some(step.begun + PROBE_WAIT_MS);
        let switch = deadline.map(|deadline| deadline - self.plan.times.reserve(step.work));
        own.into_iter().chain([stuck]).chain(probed).chain(switch)
    }

    /// When a waiting workload can wait for its dependencies no longer, by each of its rungs.
    fn start_due(&self, work: WorkloadIx, deadline: Option<Millis>) -> impl Iterator<Item = Millis> + '_ {
        let rungs = schedule::open_rungs(&self.site, &self.plan.book, work);
        rungs.filter_map(move |rung| deadline.map(|deadline| deadline - self.plan.times.needs(work, rung)))
    }
}

//! When the plan has something to do though nothing happens.

use super::{Doing, Scope, Stage, Step, drive::PROBE_WAIT_MS, schedule, send::ASK_AGAIN_MS};
use crate::{Millis, Phase, State, WorkloadIx};

impl State {
    /// The next such time. What is due already waits for a lane or a person, and whoever frees it wakes us.
    pub(super) fn next_due(&self, now: Millis, scope: &Scope) -> Option<Millis> {
        let (book, room) = (&self.plan.book, super::Room::left(&self.site, &self.plan));
        let steps = book.live().flat_map(|i| {
            let step = book.step(i);
            let switch = self.switch(&room, step, scope.end(step.work));
            self.step_due(step).chain(switch)
        });
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

    /// When a step gives way to a rung below at the latest; none where none is below.
    pub(super) fn switch(&self, room: &super::Room, step: &Step, deadline: Option<Millis>) -> Option<Millis> {
        let below = self.plan.below(&self.site, room, step)?;
        Some(deadline? - self.plan.times.needs(step.work, below))
    }

    pub(super) fn step_due(&self, step: &Step) -> impl Iterator<Item = Millis> + use<> {
        let own = match step.doing {
            Doing::Intent { release_at } => Some(release_at),
            Doing::Called { since: last } | Doing::Accepted { heard: last } => Some(last + ASK_AGAIN_MS),
            Doing::Backoff { until } => Some(until),
            Doing::Ended { .. } => None,
        };
        let stuck = step.begun + self.plan.times.stuck_after(step.work, step.rung) + 1;
        let probed = (step.phase == Phase::Verify).then_some(step.begun + PROBE_WAIT_MS);
        own.into_iter().chain([stuck]).chain(probed)
    }

    /// When a waiting workload can wait for its dependencies no longer, by each of its rungs.
    fn start_due(&self, work: WorkloadIx, deadline: Option<Millis>) -> impl Iterator<Item = Millis> + '_ {
        let rungs = schedule::open_rungs(&self.site, &self.plan.book, work);
        rungs.filter_map(move |rung| deadline.map(|deadline| deadline - self.plan.times.needs(work, rung)))
    }
}

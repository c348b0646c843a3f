//! What left before this incident began is believed away, and its probe at home is asked all the same: people may have brought it
//! home without an order to return, and then it burns with the rest.

use alloc::{format, string::String, vec::Vec};

use super::{Doing, Scope, Stage, drive::PROBE_WAIT_MS, hear::BACKOFF_LONGEST_MS, home_id, rung_of};
use crate::{Effect, HookIx, Level, Millis, Mode, Phase, State, WorkloadIx, away::Gone};

impl State {
    /// Of one that left before this incident began, and was not heard at home since: what is known, and the rung that took it away.
    pub(super) fn believed_away(&self, work: WorkloadIx) -> Option<(&Gone, u8)> {
        if self.plan.book.mode != Mode::Live || self.policy.open().is_none() {
            return None;
        }
        let gone = self.plan.away.believed(&self.site.workloads[work.at()].id)?;
        Some((gone, self.rung_back(work, gone.taken()?)?))
    }

    /// Whether nothing has come yet of asking at home: nobody knows whether it has to be saved.
    pub(crate) fn may_be_home(&self, work: WorkloadIx) -> bool {
        let Some((gone, rung)) = self.believed_away(work) else {
            return false;
        };
        if gone.is_answered() || self.plan.scope.waits.contains(&work) {
            return false;
        }
        let id = home_id(&self.site, &self.site.workloads[work.at()], rung);
        let step = self.plan.book.find(&id).map(|i| self.plan.book.step(i));
        let answered = |step: &super::Step| step.attempts > 1 || matches!(step.doing, Doing::Backoff { .. });
        step.is_none_or(|step| step.ended().is_some() || step.stuck || !answered(step))
    }

    /// Asks at home; `others`: evacuations may start now too, and then few questions go ahead of them.
    pub(super) fn ask_believed(&mut self, now: Millis, scope: &Scope, others: bool, out: &mut Vec<Effect>) {
        if self.plan.away.of(Mode::Live).is_empty() {
            return;
        }
        for i in 0..self.plan.queue.len() {
            let work = self.plan.queue[i];
            let Some(rung) = self.to_be_asked(work, scope) else {
                continue;
            };
            if self.may_begin(work, rung) && (!others || self.asks_ahead(work, rung, scope)) {
                let step = home_id(&self.site, &self.site.workloads[work.at()], rung);
                self.intend_step(now, (step, work, rung), (Phase::Verify, true), out);
            }
        }
    }

    fn to_be_asked(&self, work: WorkloadIx, scope: &Scope) -> Option<u8> {
        let (gone, rung) = self.believed_away(work)?;
        let asks = !gone.is_answered() && !scope.waits.contains(&work) && !self.plan.book.has_live(work, Phase::Verify);
        asks.then_some(rung)
    }

    /// A first question is short, and may be the beginning of an evacuation: it goes ahead of those of its own tier and below, in
    /// half of the lanes at most, unless the hook is slow to answer such questions.
    fn asks_ahead(&self, work: WorkloadIx, rung: u8, scope: &Scope) -> bool {
        let (site, book, hook) = (&self.site, &self.plan.book, rung_of(&self.site, work, rung).1);
        let asked = || book.live().map(|i| book.step(i));
        let mut asked_it = asked().filter(|s| s.home && rung_of(site, s.work, s.rung).1 == hook);
        let lanes = asked()
            .filter(|s| s.home && book.lane_of(site, s) == Some(hook))
            .count();
        let better = |(w, state): (WorkloadIx, &super::Work)| {
            let waits = state.stage == Stage::Waiting && !scope.waits.contains(&w);
            waits
                && site.workloads[w.at()].tier < site.workloads[work.at()].tier
                && rung_of(site, w, state.rung).1 == hook
        };
        lanes < usize::from(site.hooks[hook.at()].max_parallel / 2).max(1)
            && !asked_it.any(|s| s.stuck)
            && !(0u16..).map(WorkloadIx).zip(&book.works).any(better)
    }

    /// A question gives its lane to what has to leave: a first one when it has had its time, any other at once. The attempt is called
    /// off before another begins.
    pub(super) fn yield_lane(&mut self, now: Millis, hook: HookIx, out: &mut Vec<Effect>) {
        let book = &self.plan.book;
        if book.lane_free(&self.site, hook) {
            return;
        }
        let yields = |i: &usize| {
            let step = book.step(*i);
            let had_its_time = step.attempts > 1 || step.attempts == 1 && now >= step.begun + PROBE_WAIT_MS;
            step.home && had_its_time && book.lane_of(&self.site, step) == Some(hook)
        };
        let found = book.live().find(yields);
        if let Some(i) = found {
            let why = "evacuations need the lane: called off, and asked again when there is room";
            self.put_aside(now, i, (BACKOFF_LONGEST_MS, why), out);
        }
    }

    /// Why a probe may not be asked at home in an incident, if it may not.
    pub(super) fn must_not_ask(&self, id: &str, work: WorkloadIx) -> Option<String> {
        if self.believed_away(work).is_none() {
            return Some(format!("{id} was about to be asked of what is not away"));
        }
        self.must_not_ask_again(id)
    }

    /// The same of one that has been begun.
    pub(super) fn must_not_ask_again(&self, id: &str) -> Option<String> {
        (self.level() != Level::Evacuate).then(|| format!("{id} was about to be asked without a released evacuation"))
    }
}

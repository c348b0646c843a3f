//! Calling hooks: what the journal has, or has not answered for in time, and what is to be tried again.

use alloc::{format, string::String, vec::Vec};

use super::{Doing, Scope, Step, home::AMPLE_MS, rung_of, schedule};
use crate::{Call, Effect, EventKind, FeedIx, Level, Millis, Phase, Record, State};

/// A call without an answer, or an accepted step without a word, is asked again after this: nothing may hang.
pub(crate) const ASK_AGAIN_MS: Millis = 30_000;

const JOURNAL: &str = "journal";

impl State {
    /// Steps that wait to be tried again, and calls that nobody has answered; or what was put aside.
    pub(super) fn ask_again(&mut self, now: Millis, scope: &Scope, aside: bool, out: &mut Vec<Effect>) {
        for i in self.plan.book.live().collect::<Vec<_>>() {
            let step = self.plan.book.step(i);
            let due = step.aside == aside
                && match step.doing {
                    Doing::Backoff { until } => until <= now && self.plan.book.may_call(&self.site, step),
                    Doing::Called { since: last } | Doing::Accepted { heard: last } => last + ASK_AGAIN_MS <= now,
                    Doing::Intent { .. } | Doing::Ended { .. } => false,
                };
            if due {
                self.fire(now, i, scope, out);
            }
        }
    }

    /// Intents that the journal has, or has not answered for in time.
    pub(super) fn release(&mut self, now: Millis, scope: &Scope, out: &mut Vec<Effect>) {
        for i in self.plan.book.live().collect::<Vec<_>>() {
            let step = self.plan.book.step(i);
            let Doing::Intent { release_at } = step.doing else {
                continue;
            };
            if step.seq <= self.stored {
                self.fire(now, i, scope, out);
            } else if release_at <= now || self.policy.own.contains_key(JOURNAL) {
                // Known to be sick: no use in waiting again.
                self.act_unstored(now, out);
                self.fire(now, i, scope, out);
            }
        }
    }

    /// A sick disk never holds an evacuation back; it is said once, and the journal marked.
    fn act_unstored(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if !self.policy.own.contains_key(JOURNAL) {
            let line = "the journal has not answered for 500 ms: steps go out without it, and it is incomplete";
            self.policy.own.insert(JOURNAL.into(), (now, line.into()));
            self.say(EventKind::Trouble, JOURNAL, line.into(), out);
        }
        if !self.plan.unstored {
            self.plan.unstored = true;
            self.record(now, Record::ActedUnstored { through: self.stored }, out);
        }
    }

    fn fire(&mut self, now: Millis, i: usize, scope: &Scope, out: &mut Vec<Effect>) {
        if let Some(what) = self.must_not_fire(self.plan.book.step(i)) {
            out.push(Effect::Fault(what));
            return;
        }
        self.plan.book.change(&self.site, i, |step| {
            (step.attempts, step.aside) = (step.attempts.saturating_add(1), false);
            step.doing = Doing::Called { since: now };
        });
        let step = self.plan.book.step(i);
        let (rung, hook) = rung_of(&self.site, step.work, step.rung);
        let needs = self.plan.times.needs(step.work, step.rung);
        let workload = &self.site.workloads[step.work.at()];
        let call = Call {
            incident: self.incident_id(self.policy.incident.as_ref().map_or(0, |i| i.n)),
            step: step.id.clone(),
            hook,
            workload: workload.id.clone(),
            rung,
            phase: step.phase,
            destination: if step.home {
                Some(self.site.id.clone())
            } else {
                workload.rungs[usize::from(step.rung)].to.clone()
            },
            mode: step.mode,
            token: step.token,
            attempt: step.attempts,
            // Whether it runs at home has nothing to do with what burns there.
            doomed: if step.home {
                Some(Vec::new())
            } else {
                self.names_of(scope.doomed.as_deref())
            },
            deadline: match scope.end(step.work) {
                Some(end) => end,
                None if step.is_homeward() => now + needs.max(AMPLE_MS),
                None => now + needs,
            },
            why: self.reasons(step),
        };
        if step.attempts == 1 {
            let line = format!("called ({}, {rung} takes {} s)", step.mode, needs / 1_000);
            self.say(EventKind::Step, &step.id, line, out);
        }
        out.push(Effect::FireHook(call));
    }

    /// Our own invariants: an intent before its act, the mode of the site, drills only to hooks that accept them, and
    /// nothing irreversible unless released.
    fn must_not_fire(&self, step: &Step) -> Option<String> {
        let id = &step.id;
        if step.ended().is_some() {
            return Some(format!("{id} was about to be called after its end"));
        }
        if step.seq > self.stored && !self.plan.unstored {
            return Some(format!("{id} was about to be called before its intent was durable"));
        }
        if step.mode != self.mode() {
            return Some(format!(
                "{id} was about to be called as {} at a site that is not",
                step.mode
            ));
        }
        if schedule::skipped(&self.site, step.mode, rung_of(&self.site, step.work, step.rung).1) {
            return Some(format!("{id} was about to drill a hook that takes none"));
        }
        if step.home && self.policy.open().is_some() {
            return self.must_not_ask_again(id);
        }
        if step.is_homeward() {
            return self.must_not_return(id);
        }
        if step.phase != Phase::Prepare && self.level() != Level::Evacuate {
            return Some(format!("{id} was about to be called without a released evacuation"));
        }
        if step.phase == Phase::Evacuate && self.plan.places.lost(step.work, step.rung).is_some() {
            return Some(format!("{id} was about to be called, and nothing may go there"));
        }
        None
    }

    fn names_of(&self, racks: Option<&[FeedIx]>) -> Option<Vec<String>> {
        let name = |rack: &FeedIx| self.site.power.feeds[rack.at()].id.clone();
        racks.map(|racks| racks.iter().map(name).collect())
    }

    fn reasons(&self, step: &Step) -> Vec<String> {
        if let Some(by) = self.policy.returning.as_ref().filter(|_| step.is_homeward()) {
            return alloc::vec![format!("return ordered by {by}")];
        }
        let own = &self.plan.book.works[step.work.at()].why;
        let reasons = [own.clone(), self.why()];
        reasons.into_iter().filter(|line: &String| !line.is_empty()).collect()
    }
}

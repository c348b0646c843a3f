//! The way back: by order of two persons, after the reset, in the reverse order of the evacuation, each workload verified where
//! it came from. Whatever speaks against it ends it at once.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use super::{Scope, Stage, Work};
use crate::{
    Effect, EventKind, Level, Millis, Phase, Record, Site, State, StepEnd, Workload, WorkloadIx, policy::runway,
};

/// Nothing presses on the way back; a target that counts from a deadline gets this much at least.
pub(super) const AMPLE_MS: Millis = 10 * 60_000;

/// The step that asks whether a workload runs at home again: a probe with this very site as its destination. No rung goes to
/// its own site, so no other step has this id.
pub(crate) fn home_id(site: &Site, workload: &Workload, rung: u8) -> String {
    let kind = workload.rungs[usize::from(rung)].kind;
    format!("{}.{kind}.{}.{}", workload.id, Phase::Verify, site.id)
}

impl State {
    /// Why nothing can be brought home now, if so.
    pub(crate) fn cannot_return(&self, now: Millis) -> Option<String> {
        if let Some(open) = self.policy.open() {
            let id = self.incident_id(open.n);
            return Some(format!(
                "incident {id} is open, its evacuation is not over: reset it first"
            ));
        }
        if self.level() >= Level::Prepare {
            return Some(format!("the site is at {}: {}", self.level(), self.why()));
        }
        let runway = runway::of(&self.site, &self.policy, &self.detect, now);
        if let Some(end) = runway.loss.or(runway.cut) {
            let left_s = (end.earliest - now).max(0) / 1_000;
            return Some(format!("power may be lost in {left_s} s: {}", end.why));
        }
        (self.plan.book.mode != self.mode()).then(|| {
            let (was, is) = (self.plan.book.mode, self.mode());
            format!("the evacuation was {was}, and now hooks are called {is}: order arm or disarm first")
        })
    }

    /// Whether anything is away that a return would bring home.
    pub(crate) fn anything_away(&self) -> bool {
        let works = (0u16..).map(WorkloadIx).zip(&self.plan.book.works);
        works
            .into_iter()
            .any(|(work, state)| state.stage == Stage::Arriving || state.is_away() && self.may_return(work))
    }

    /// Its way back has not been gone; one that was withdrawn may be begun again.
    fn may_return(&self, work: WorkloadIx) -> bool {
        let rung = self.plan.book.works[work.at()].rung;
        let id = super::step_id(&self.site.workloads[work.at()], rung, Phase::Restore);
        let end = self.plan.book.find(&id).and_then(|i| self.plan.book.step(i).ended());
        end.is_none_or(|(end, _)| end == StepEnd::Withdrawn)
    }

    /// Carries a return on.
    pub(super) fn bring_home(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if self.policy.returning.is_none() {
            return;
        }
        if let Some(why) = self.cannot_return(now) {
            return self.stop_return(now, &why, out);
        }
        let scope = &Scope::nothing_doomed();
        self.ask_again(now, scope, out);
        // A step that ends in the same breath (a skipped drill) may let others start.
        for _ in 0..=self.site.workloads.len() {
            let before = self.seq;
            self.verify_home(now, out);
            self.begin_returns(now, out);
            if self.seq == before {
                break;
            }
        }
        self.release(now, scope, out);
        if self.plan.book.live().next().is_none() && self.next_home().is_empty() {
            return self.finish_return(now, out);
        }
        self.plan.wake = self.homeward_due(now);
    }

    /// What may be brought home next: the last of the queue first, nothing before what depends on it.
    fn next_home(&self) -> Vec<WorkloadIx> {
        let works = &self.plan.book.works;
        let returns = |work: &Work| matches!(work.stage, Stage::Returning | Stage::Arriving);
        let away = |w: &WorkloadIx| works[w.at()].is_away() || returns(&works[w.at()]);
        let all = self.plan.queue.iter().rev().copied();
        let needed: BTreeSet<WorkloadIx> = all
            .clone()
            .filter(away)
            .flat_map(|w| self.site.workloads[w.at()].after.iter().copied())
            .collect();
        all.filter(|w| works[w.at()].is_away() && !needed.contains(w) && self.may_return(*w))
            .collect()
    }

    fn begin_returns(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if self.policy.holding(now) {
            return;
        }
        for work in self.next_home() {
            let rung = self.plan.book.works[work.at()].rung;
            if self.may_begin(work, rung) {
                self.intend(now, work, rung, Phase::Restore, out);
            }
        }
    }

    /// A workload is home only when its probe says so.
    fn verify_home(&mut self, now: Millis, out: &mut Vec<Effect>) {
        for work in (0..self.site.workloads.len() as u16).map(WorkloadIx) {
            let state = &self.plan.book.works[work.at()];
            let (rung, due) = (state.rung, state.stage == Stage::Arriving);
            if due && !self.plan.book.has_live(work, Phase::Verify) && self.may_begin(work, rung) {
                let step = home_id(&self.site, &self.site.workloads[work.at()], rung);
                self.intend_step(now, (step, work, rung), (Phase::Verify, true), out);
            }
        }
    }

    fn homeward_due(&self, now: Millis) -> Option<Millis> {
        let live = self.plan.book.live().map(|i| self.plan.book.step(i));
        let due = live.flat_map(|step| self.step_due(step, None));
        due.filter(|at| *at > now).min()
    }

    /// Ends a return; what is under way is taken back.
    pub(crate) fn stop_return(&mut self, now: Millis, why: &str, out: &mut Vec<Effect>) {
        if self.policy.returning.is_none() {
            return;
        }
        for i in self.plan.book.live().collect::<Vec<_>>() {
            self.end(
                now,
                i,
                StepEnd::Withdrawn,
                format!("the return was stopped: {why}"),
                out,
            );
        }
        self.end_return(now, format!("stopped: {why}"), out);
    }

    fn finish_return(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let (home, away) = self.homeward();
        let why = match away {
            0 => format!("over: {home} at home again"),
            _ => format!("over: {home} at home again, {away} could not come: bring them home by hand"),
        };
        self.end_return(now, why, out);
    }

    fn end_return(&mut self, now: Millis, why: String, out: &mut Vec<Effect>) {
        self.say(EventKind::Order, "return", format!("return {why}"), out);
        self.record(now, Record::ReturnEnded { why }, out);
    }

    /// What is at home again, and what is still away.
    pub(crate) fn homeward(&self) -> (usize, usize) {
        let works = &self.plan.book.works;
        let home = works.iter().filter(|w| w.stage == Stage::Home).count();
        let returning = |w: &&Work| matches!(w.stage, Stage::Returning | Stage::Arriving);
        (home, works.iter().filter(|w| w.is_away() || returning(w)).count())
    }

    /// Why a homeward step may not be begun or called, if it may not: return is never automatic.
    pub(super) fn must_not_return(&self, id: &str) -> Option<String> {
        if self.policy.returning.is_none() || self.policy.open().is_some() {
            return Some(format!("{id}: return is never automatic"));
        }
        (self.level() >= Level::Prepare).then(|| format!("{id}: nothing returns to a site at {}", self.level()))
    }
}

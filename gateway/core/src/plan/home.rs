//! The way back: by order of two persons, after the reset, in the reverse order of the evacuation, each workload verified where
//! it came from. Whatever speaks against it ends it at once.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use super::{Scope, Stage};
use crate::{
    Effect, EventKind, Level, Millis, Mode, Phase, Record, Site, State, StepEnd, Workload, WorkloadIx,
    away::{Due, Gone, Sent, Whereabouts},
    clip::some_of,
    policy::runway,
};

/// Workloads that a line names.
const NAMED: usize = 5;

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
        None
    }

    /// Why there is nothing that a return would bring home, if so.
    pub(crate) fn nothing_away(&self) -> Option<String> {
        let (is, other) = match self.mode() {
            Mode::Live => (Mode::Live, Mode::Drill),
            Mode::Drill => (Mode::Drill, Mode::Live),
        };
        if self.comes_back(is).next().is_some() {
            return None;
        }
        let known = self.comes_back(other).next().is_some();
        Some(if known {
            format!("the evacuation was {other}, and now hooks are called {is}: order arm or disarm first")
        } else {
            "nothing is away that could be brought home".into()
        })
    }

    /// Workloads of which something is to be undone, and a rung of the ladder they have now can undo it.
    fn comes_back(&self, mode: Mode) -> impl Iterator<Item = (WorkloadIx, &Gone)> + '_ {
        let all = self.plan.away.of(mode).iter();
        let known = all.filter_map(|(id, gone)| Some((self.plan.workload(id)?, gone)));
        known.filter(|(work, gone)| gone.remains(|sent| self.rung_back(*work, sent).is_some()))
    }

    fn gone(&self, work: WorkloadIx) -> Option<&Gone> {
        let id = &self.site.workloads[work.at()].id;
        self.plan.away.of(self.plan.book.mode).get(id)
    }

    pub(super) fn rung_back(&self, work: WorkloadIx, sent: &Sent) -> Option<u8> {
        sent.rung_in(&self.site, &self.site.workloads[work.at()])
    }

    /// What is to be done next for it on its way home, and by which rung.
    fn due_back(&self, work: WorkloadIx) -> Option<(Due<'_>, u8)> {
        let due = self.gone(work)?.due(|sent| self.rung_back(work, sent).is_some())?;
        let (Due::Restore(sent) | Due::Ask(sent)) = due;
        Some((due, self.rung_back(work, sent)?))
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
        self.ask_again(now, scope, false, out);
        self.ask_again(now, scope, true, out);
        // A step that ends in the same breath (a skipped drill) may let others start.
        for _ in 0..=self.site.workloads.len() {
            let before = self.seq;
            self.ask_home(now, out);
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

    /// What may be done next: the last of the queue first, nothing before what depends on it is home.
    fn next_home(&self) -> Vec<(WorkloadIx, u8, bool)> {
        let away = self
            .comes_back(self.plan.book.mode)
            .filter(|(_, gone)| gone.at != Whereabouts::Here);
        let needed: BTreeSet<WorkloadIx> = away
            .flat_map(|(w, _)| self.site.workloads[w.at()].after.iter().copied())
            .collect();
        let all = self.plan.queue.iter().rev().copied();
        let due = all.filter_map(|work| Some((work, self.due_back(work)?)));
        due.filter(|(work, (due, _))| matches!(due, Due::Ask(_)) || !needed.contains(work))
            .map(|(work, (due, rung))| (work, rung, matches!(due, Due::Ask(_))))
            .collect()
    }

    /// Its way back has been tried, and did not come off.
    pub(super) fn could_not_come(&self, work: WorkloadIx) -> bool {
        self.gone(work).is_some_and(|gone| gone.failed().is_some())
    }

    fn is_on_its_way(&self, work: WorkloadIx) -> bool {
        let book = &self.plan.book;
        book.has_live(work, Phase::Restore) || book.has_live(work, Phase::Verify)
    }

    fn begin_returns(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if self.policy.holding(now) {
            return;
        }
        for (work, rung, _) in self.next_home().into_iter().filter(|(_, _, asks)| !asks) {
            if !self.is_on_its_way(work) && self.may_begin(work, rung) {
                self.intend(now, work, rung, Phase::Restore, out);
            }
        }
    }

    /// A workload is home only when its probe says so.
    fn ask_home(&mut self, now: Millis, out: &mut Vec<Effect>) {
        for (work, rung, _) in self.next_home().into_iter().filter(|(_, _, asks)| *asks) {
            if !self.is_on_its_way(work) && self.may_begin(work, rung) {
                let step = home_id(&self.site, &self.site.workloads[work.at()], rung);
                self.intend_step(now, (step, work, rung), (Phase::Verify, true), out);
            }
        }
    }

    fn homeward_due(&self, now: Millis) -> Option<Millis> {
        let live = self.plan.book.live().map(|i| self.plan.book.step(i));
        let due = live.flat_map(|step| self.step_due(step));
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
        let left = self.left_away();
        let why = match left.first() {
            None => format!("over: {home} at home again"),
            Some(first) => {
                let (more, named) = (left.len().saturating_sub(NAMED), left.iter().skip(1).take(NAMED - 1));
                let named = named.fold(first.clone(), |words, next| words + "; " + next);
                let more = if more > 0 {
                    format!("; and {more} more")
                } else {
                    String::new()
                };
                format!(
                    "over: {home} at home again, {away} could not come: {named}{more}. Mend that or bring them home by hand, and \
                     order return again: what is not home is tried again, and asked whether it is"
                )
            }
        };
        self.end_return(now, why, out);
    }

    /// What is not home, or not as it was, each with why.
    fn left_away(&self) -> Vec<String> {
        let left = self
            .plan
            .queue
            .iter()
            .rev()
            .filter_map(|work| Some((work, self.gone(*work)?)));
        left.map(|(work, gone)| {
            let id = &self.site.workloads[work.at()].id;
            match gone.failed() {
                Some(why) if gone.at == Whereabouts::Here => format!("{id}, which is home and closed in: {why}"),
                Some(why) => format!("{id}: {why}"),
                None if gone.remains(|sent| self.rung_back(*work, sent).is_some()) => {
                    format!("{id}: what needs it is not home")
                }
                None => format!("{id}: its ladder has no rung any more that took it away"),
            }
        })
        .collect()
    }

    fn end_return(&mut self, now: Millis, why: String, out: &mut Vec<Effect>) {
        self.say(EventKind::Order, "return", format!("return {why}"), out);
        self.record(now, Record::ReturnEnded { why }, out);
    }

    /// What has left before this incident began, in words.
    pub(crate) fn left_where_it_is(&self) -> Option<String> {
        if self.mode() == Mode::Drill {
            return None;
        }
        let all = self.plan.away.of(Mode::Live).iter().filter(|(_, gone)| gone.is_away());
        let ids: Vec<&str> = all
            .filter(|(id, gone)| {
                let taken = self.plan.workload(id).zip(gone.taken());
                taken.is_some_and(|(work, sent)| self.rung_back(work, sent).is_some())
            })
            .map(|(id, _)| id.as_str())
            .collect();
        let named = some_of(&ids, NAMED);
        (!ids.is_empty()).then(|| {
            format!(
                "away since before, and left where they are: {named}; once this incident evacuates, their probes are asked \
                 whether they run at home again, and what does is saved"
            )
        })
    }

    /// What is at home again, and what is still away or closed in.
    pub(crate) fn homeward(&self) -> (usize, usize) {
        let works = (0u16..).map(WorkloadIx).zip(&self.plan.book.works);
        let (mut home, mut away) = (0, 0);
        for (work, state) in works {
            match self.gone(work) {
                Some(_) => away += 1,
                None => home += usize::from(state.stage == Stage::Home),
            }
        }
        (home, away)
    }

    /// Why a homeward step may not be begun or called, if it may not: return is never automatic.
    pub(super) fn must_not_return(&self, id: &str) -> Option<String> {
        if self.policy.returning.is_none() || self.policy.open().is_some() {
            return Some(format!("{id}: return is never automatic"));
        }
        (self.level() >= Level::Prepare).then(|| format!("{id}: nothing returns to a site at {}", self.level()))
    }
}

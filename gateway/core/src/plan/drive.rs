//! Carrying the plan on: at every change, and whenever something is due.

use alloc::{format, string::String, vec::Vec};

use super::{Doing, Room, Scope, Stage, Step, rung_of, schedule, step_id};
use crate::{
    Effect, EventKind, Level, Millis, Mode, Phase, Record, State, StepEnd, WorkloadIx, policy::orders::HOLD_MS,
};

/// Evacuation waits this long for the cordon of the doomed set to be confirmed, then goes on without (design §11 gives
/// the second vote 2 s to its first hook).
pub(super) const CORDON_WAIT_MS: Millis = 1_000;

/// However little time is left, a rung that has just ended is not given up before its probe has had this long to say so.
pub(super) const PROBE_WAIT_MS: Millis = 2_000;

impl State {
    /// Does everything that is due, and notes when the next thing is.
    pub(crate) fn drive(&mut self, now: Millis, out: &mut Vec<Effect>) {
        self.plan.wake = None;
        (self.plan.deadline, self.plan.scope) = (None, Scope::default());
        if self.policy.open().is_none() {
            return self.bring_home(now, out);
        }
        let scope = &self.scope(now);
        (self.plan.deadline, self.plan.scope) = (scope.first(), scope.clone());
        self.leave(now, out);
        if self.policy.evacuating() {
            self.shorten_hold(now, scope, out);
            self.fall(now, scope, out);
        }
        // Before anything new starts, or a step that is tried again would never find a lane free.
        self.ask_again(now, scope, false, out);
        // A step that ends in the same breath (a skipped drill) may let others start.
        for _ in 0..=self.site.workloads.len() {
            let before = self.seq;
            self.drive_once(now, scope, out);
            if self.seq == before {
                break;
            }
        }
        self.ask_again(now, scope, true, out);
        self.release(now, scope, out);
        self.plan.wake = self.next_due(now, scope);
    }

    fn drive_once(&mut self, now: Millis, scope: &Scope, out: &mut Vec<Effect>) {
        if self.policy.aborted {
            return;
        }
        let cordon_over = self.cordon_ends().is_some_and(|at| now >= at);
        if self.level() >= Level::Prepare && !cordon_over {
            self.prepare(now, scope, out);
        }
        if !self.policy.evacuating() {
            return;
        }
        if cordon_over {
            self.give_up_cordon(now, out);
        }
        self.verify(now, out);
        let works = (0u16..).map(WorkloadIx).zip(&self.plan.book.works);
        let cordoned = works
            .into_iter()
            .all(|(w, work)| !work.wants_cordon() || scope.waits.contains(&w));
        let starts = !self.policy.holding(now) && (cordon_over || cordoned);
        self.ask_believed(now, scope, starts, out);
        if starts {
            self.start(now, scope, out);
            self.ask_believed(now, scope, false, out);
        }
    }

    /// When evacuation goes on whether the cordon is confirmed or not.
    pub(super) fn cordon_ends(&self) -> Option<Millis> {
        let begun = self.policy.open().and_then(|i| i.evacuate_begun)?;
        Some(begun.max(self.plan.cordon_since) + CORDON_WAIT_MS)
    }

    /// Cordon the whole doomed set before anything moves, else what moves first lands on doomed hosts.
    fn prepare(&mut self, now: Millis, scope: &Scope, out: &mut Vec<Effect>) {
        let book = &self.plan.book;
        let lacks = |w: &WorkloadIx| {
            !scope.spared.contains(w) && book.works[w.at()].wants_cordon() && !book.has_live(*w, Phase::Prepare)
        };
        let lacking: Vec<WorkloadIx> = self.plan.queue.iter().copied().filter(lacks).collect();
        if lacking.is_empty() {
            return;
        }
        let aims = schedule::aims(&self.site, &self.plan);
        for work in lacking {
            let rung = aims[work.at()];
            if self.may_begin(work, rung) {
                self.intend(now, work, rung, Phase::Prepare, out);
            }
        }
    }

    fn give_up_cordon(&mut self, now: Millis, out: &mut Vec<Effect>) {
        for i in self.plan.book.live_in(Phase::Prepare) {
            let note = "cordon not confirmed in time; evacuation goes on without";
            self.end(now, i, StepEnd::Superseded, note.into(), out);
        }
    }

    /// A workload is safe only when its probe says so.
    fn verify(&mut self, now: Millis, out: &mut Vec<Effect>) {
        for i in 0..self.plan.queue.len() {
            let work = self.plan.queue[i];
            let state = &self.plan.book.works[work.at()];
            let due = state.stage == Stage::Verifying && !self.plan.book.has_live(work, Phase::Verify);
            if due && self.may_begin(work, state.rung) {
                self.intend(now, work, state.rung, Phase::Verify, out);
            }
        }
    }

    /// Steps whose rung no longer fits give way to one below while there is time for it. Where nothing may go below, they
    /// are all there is, and go on.
    fn fall(&mut self, now: Millis, scope: &Scope, out: &mut Vec<Effect>) {
        let mut room = Room::left(&self.site, &self.plan);
        let mut live = self.plan.book.live_in(Phase::Evacuate);
        live.extend(self.plan.book.live_in(Phase::Verify));
        for i in live {
            self.mark_stuck(now, i, out);
            let step = self.plan.book.step(i);
            let below = self.plan.below(&self.site, &room, step);
            let Some((below, deadline)) = below.zip(scope.end(step.work)) else {
                continue;
            };
            if !self.fits(now, (deadline, below), step) {
                room.take(
                    self.plan.places.at(step.work, below),
                    self.site.workloads[step.work.at()].room,
                );
                let why = format!("{} no longer fits its runway; the next rung takes over", step.id);
                self.end(now, i, StepEnd::Superseded, why, out);
            }
        }
    }

    fn mark_stuck(&mut self, now: Millis, i: usize, out: &mut Vec<Effect>) {
        let step = self.plan.book.step(i);
        let after = self.plan.times.stuck_after(step.work, step.rung);
        if step.stuck || step.phase != Phase::Evacuate || now <= step.begun + after {
            return;
        }
        let id = step.id.clone();
        self.plan.book.change(&self.site, i, |step| step.stuck = true);
        let line = format!("stuck: past its {} s", after / 1_000);
        self.say(EventKind::Step, &id, line, out);
    }

    /// Whether a running step may go on: it will end in time, or there is still time for the rung below after it.
    fn fits(&self, now: Millis, (deadline, below): (Millis, u8), step: &Step) -> bool {
        let reserve_left = now < deadline - self.plan.times.needs(step.work, below);
        let needs = self.plan.times.needs(step.work, step.rung);
        let waits = matches!(step.doing, Doing::Backoff { .. }) && !step.aside;
        match step.phase {
            Phase::Verify => reserve_left || (!waits && now < step.begun + PROBE_WAIT_MS),
            _ if waits && step.attempts > 0 => now + needs <= deadline,
            _ => reserve_left || (!step.stuck && step.begun + needs <= deadline),
        }
    }

    fn start(&mut self, now: Millis, scope: &Scope, out: &mut Vec<Effect>) {
        let slots = schedule::slots(&self.site, &self.plan, now, scope);
        for (at, slot) in slots.iter().enumerate() {
            let late = scope
                .end(slot.work)
                .is_some_and(|deadline| now >= deadline - (slot.finish - slot.start));
            let ready = slot.start <= now && self.dependencies_safe(slot.work, scope);
            let (_, hook) = rung_of(&self.site, slot.work, slot.rung);
            if schedule::skipped(&self.site, self.plan.book.mode, hook) {
                self.start_one(now, slot, out);
            } else if ready || late {
                self.yield_lane(now, hook, out);
                self.make_room(now, (&slots, at), scope, out);
                if self.plan.book.lane_free(&self.site, hook) {
                    self.start_one(now, slot, out);
                }
            }
        }
    }

    fn start_one(&mut self, now: Millis, slot: &schedule::Slot, out: &mut Vec<Effect>) {
        if let Some(place) = slot.passed {
            let (kind, _) = rung_of(&self.site, slot.work, slot.rung);
            let line = format!("{}: {kind} instead", self.passed_over(slot.work, place));
            self.say(EventKind::Workload, &self.site.workloads[slot.work.at()].id, line, out);
        }
        self.intend(now, slot.work, slot.rung, Phase::Evacuate, out);
    }

    /// Why a workload does not go to a place.
    pub(crate) fn passed_over(&self, work: WorkloadIx, place: u16) -> String {
        let (rungs, to) = (
            0..self.site.workloads[work.at()].rungs.len() as u8,
            self.plan.places.id(place),
        );
        let lost = rungs.filter(|r| self.plan.places.at(work, *r) == Some(place));
        match lost.into_iter().find_map(|rung| self.plan.places.lost(work, rung)) {
            Some(why) => format!("nothing goes to {to}: {why}"),
            None => format!("no room is left at {to}"),
        }
    }

    /// What keeps its power is safe where it is.
    fn dependencies_safe(&self, work: WorkloadIx, scope: &Scope) -> bool {
        let settled = |d: &WorkloadIx| {
            scope.waits.contains(d) && self.plan.book.works[d.at()].stage == Stage::Waiting
                || matches!(
                    self.plan.book.works[d.at()].stage,
                    Stage::Safe | Stage::Stranded | Stage::Skipped
                )
        };
        self.site.workloads[work.at()].after.iter().all(settled)
    }

    pub(super) fn may_begin(&self, work: WorkloadIx, rung: u8) -> bool {
        let (_, hook) = rung_of(&self.site, work, rung);
        self.plan.book.lane_free(&self.site, hook) || schedule::skipped(&self.site, self.plan.book.mode, hook)
    }

    /// For how long a hold may last: until what waits, or the last rung of what runs, would no longer fit.
    pub(crate) fn slack(&self, now: Millis, scope: &Scope) -> Millis {
        // What is put off until its latest start has its slack before that.
        let waiting = schedule::earliest(&self.site, &self.plan, now, scope);
        let waiting = waiting
            .iter()
            .filter_map(|slot| Some(scope.end(slot.work)? - slot.finish));
        let (book, room) = (&self.plan.book, Room::left(&self.site, &self.plan));
        let running = book.live().map(|i| book.step(i));
        let running = running
            .filter(|s| s.phase != Phase::Prepare)
            .filter_map(|s| Some(self.switch(&room, s, scope.end(s.work))? - now));
        waiting.chain(running).min().unwrap_or(HOLD_MS).clamp(0, HOLD_MS)
    }

    /// A runway that has become shorter shortens a hold.
    fn shorten_hold(&mut self, now: Millis, scope: &Scope, out: &mut Vec<Effect>) {
        let Some(until) = self.policy.hold_until.filter(|until| *until > now) else {
            return;
        };
        let slack = self.slack(now, scope);
        self.policy.hold_until = Some(until.min(now + slack)).filter(|until| *until > now);
        if self.policy.hold_until.is_none() {
            let line = "no slack is left to hold; steps begin again";
            self.say(EventKind::Order, "hold", line.into(), out);
        }
    }

    /// Decides on a step; its hook is called once the journal has it.
    pub(super) fn intend(&mut self, now: Millis, work: WorkloadIx, rung: u8, phase: Phase, out: &mut Vec<Effect>) {
        let step = step_id(&self.site.workloads[work.at()], rung, phase);
        self.intend_step(now, (step, work, rung), (phase, false), out);
    }

    /// The same of a step whose id is known; `home`: it asks at home.
    pub(super) fn intend_step(
        &mut self,
        now: Millis,
        (step, work, rung): (String, WorkloadIx, u8),
        (phase, home): (Phase, bool),
        out: &mut Vec<Effect>,
    ) {
        if let Some(what) = self.must_not_begin(&step, (work, rung, phase), home) {
            out.push(Effect::Fault(what));
            return;
        }
        let workload = self.site.workloads[work.at()].id.clone();
        let hook = self.site.hooks[rung_of(&self.site, work, rung).1.at()].id.clone();
        let mode = self.plan.book.mode;
        // Whoever keeps a fence for drills sees it rise over drills and incidents alike.
        let drills = if mode == Mode::Drill {
            self.policy.drills.held
        } else {
            0
        };
        let n = self.policy.incident.as_ref().map_or(0, |i| i.n).saturating_add(drills);
        let token = (u64::from(n) << 32) | u64::from(self.plan.intents.saturating_add(1));
        let intent = Record::StepIntent {
            step: step.clone(),
            workload,
            rung,
            phase,
            mode,
            token,
            hook: Some(hook),
        };
        self.record(now, intent, out);
        if schedule::skipped(&self.site, mode, rung_of(&self.site, work, rung).1) {
            self.skip(now, step, out);
        }
    }

    /// Our own invariants: nothing irreversible without a released evacuation, no automatic return, and one effect a
    /// step: only one that was withdrawn is begun again.
    fn must_not_begin(&self, step: &str, (work, rung, phase): (WorkloadIx, u8, Phase), home: bool) -> Option<String> {
        if home && self.policy.open().is_some() {
            return self.must_not_ask(step, work).or_else(|| self.begun_back(step, home));
        }
        if home || phase == Phase::Restore {
            return self.must_not_return(step).or_else(|| self.begun_back(step, home));
        }
        if self.believed_away(work).is_some() {
            return Some(format!(
                "{step} was about to begin, and nobody has found {} at home",
                self.site.workloads[work.at()].id
            ));
        }
        let released = self.policy.evacuating() && self.level() == Level::Evacuate;
        if matches!(phase, Phase::Evacuate | Phase::Verify) && !released {
            return Some(format!("{step} was about to begin without a released evacuation"));
        }
        if phase == Phase::Evacuate && self.plan.scope.waits.contains(&work) {
            return Some(format!("{step} was about to begin, and its rack keeps its power"));
        }
        if let Some(why) = self.plan.places.lost(work, rung).filter(|_| phase == Phase::Evacuate) {
            return Some(format!("{step} was about to begin, and nothing may go there: {why}"));
        }
        self.begun_already(step)
    }

    fn begun_already(&self, step: &str) -> Option<String> {
        let again = self.plan.book.find(step)?;
        let end = self.plan.book.step(again).ended().map(|(end, _)| end);
        (end != Some(StepEnd::Withdrawn)).then(|| format!("{step} was about to begin twice"))
    }

    /// On the way back what could not be done is tried again by another order, and a question may be asked as often as it takes.
    fn begun_back(&self, step: &str, home: bool) -> Option<String> {
        let again = self.plan.book.find(step)?;
        let over = match self.plan.book.step(again).ended() {
            Some((end, _)) => home || matches!(end, StepEnd::Withdrawn | StepEnd::Cannot),
            None => false,
        };
        (!over).then(|| format!("{step} was about to begin twice"))
    }

    pub(crate) fn skip(&mut self, now: Millis, step: String, out: &mut Vec<Effect>) {
        let note = "the site is disarmed and this hook takes no drills".into();
        let end = StepEnd::Skipped;
        self.record(now, Record::StepEnded { step, end, note }, out);
    }

    pub(crate) fn end(&mut self, now: Millis, i: usize, end: StepEnd, note: String, out: &mut Vec<Effect>) {
        let step = self.plan.book.step(i);
        let (id, called) = (step.id.clone(), step.attempts > 0);
        if called && end != StepEnd::Done {
            let incident = self.incident_id(self.policy.incident.as_ref().map_or(0, |i| i.n));
            let step = id.clone();
            out.push(Effect::CancelHook { incident, step });
        }
        self.say(EventKind::Step, &id, format!("{end}: {note}"), out);
        self.record(now, Record::StepEnded { step: id, end, note }, out);
        self.learn_from(now, i, end, out);
    }

    pub(crate) fn mode(&self) -> Mode {
        if self.policy.armed { Mode::Live } else { Mode::Drill }
    }
}

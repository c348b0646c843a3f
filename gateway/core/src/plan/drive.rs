//! Carrying the plan on: at every change, and whenever something is due.

use alloc::{format, string::String, vec::Vec};

use super::{Doing, Stage, Step, reserve_ms, rung_of, schedule, step_id};
use crate::{
    Call, Effect, EventKind, HookOutcome, Level, Millis, Mode, Phase, Record, State, StepEnd, WorkloadIx,
    policy::runway,
};

/// Evacuation waits this long for the cordon of the doomed set to be confirmed, then goes on without (design §11 gives
/// the second vote 2 s to its first hook).
const CORDON_WAIT_MS: Millis = 1_000;
/// First pause before a step is tried again; doubles with every attempt.
const BACKOFF_FIRST_MS: Millis = 250;
/// Longest pause.
const BACKOFF_LONGEST_MS: Millis = 8_000;
/// A call without an answer, or an accepted step without a word, is asked again after this: nothing may hang.
const ASK_AGAIN_MS: Millis = 30_000;
/// A workload whose last rung cannot is tried again this often.
const STRANDED_RETRY_MS: Millis = 30_000;

impl State {
    /// Does everything that is due, and notes when the next thing is.
    pub(crate) fn drive(&mut self, now: Millis, out: &mut Vec<Effect>) {
        self.plan.wake = None;
        if self.policy.open().is_none() {
            return;
        }
        let deadline = runway::of(&self.site, &self.policy, &self.detect).deadline();
        // A step that ends in the same breath (a skipped drill, a fall to the next rung) may let others start.
        for _ in 0..=self.site.workloads.len() {
            let before = self.seq;
            self.drive_once(now, deadline, out);
            if self.seq == before {
                break;
            }
        }
        self.release(now, deadline, out);
        self.plan.wake = self.next_due(now, deadline);
    }

    fn drive_once(&mut self, now: Millis, deadline: Option<Millis>, out: &mut Vec<Effect>) {
        if self.policy.aborted {
            return;
        }
        if self.level() >= Level::Prepare && !self.cordon_over(now) {
            self.prepare(now, out);
        }
        if !self.policy.evacuating() {
            return;
        }
        if self.cordon_over(now) {
            self.give_up_cordon(now, out);
        }
        self.verify(now, out);
        self.fall(now, deadline, out);
        if !self.policy.holding(now) && (self.cordon_over(now) || self.plan.works.iter().all(|w| w.prepared)) {
            self.start(now, deadline, out);
        }
    }

    fn cordon_over(&self, now: Millis) -> bool {
        let begun = self.policy.open().and_then(|i| i.evacuate_begun);
        begun.is_some_and(|begun| now >= begun + CORDON_WAIT_MS)
    }

    /// Cordon the whole doomed set before anything moves, else what moves first lands on doomed hosts.
    fn prepare(&mut self, now: Millis, out: &mut Vec<Effect>) {
        for work in self.plan.queue.clone() {
            let state = &self.plan.works[work.at()];
            if !state.prepared && self.plan.live(work, Phase::Prepare).is_none() && self.lane_free(work, state.rung) {
                self.intend(now, work, state.rung, Phase::Prepare, out);
            }
        }
    }

    fn give_up_cordon(&mut self, now: Millis, out: &mut Vec<Effect>) {
        for i in self.live_steps(Phase::Prepare) {
            self.end(
                now,
                i,
                StepEnd::Superseded,
                "cordon not confirmed in time; evacuation goes on without".into(),
                out,
            );
        }
    }

    /// A workload is safe only when its probe says so.
    fn verify(&mut self, now: Millis, out: &mut Vec<Effect>) {
        for work in self.plan.queue.clone() {
            let state = &self.plan.works[work.at()];
            let due = state.stage == Stage::Verifying && self.plan.live(work, Phase::Verify).is_none();
            if due && self.lane_free(work, state.rung) {
                self.intend(now, work, state.rung, Phase::Verify, out);
            }
        }
    }

    /// Steps whose rung no longer fits give way to the next one while there is time for it.
    fn fall(&mut self, now: Millis, deadline: Option<Millis>, out: &mut Vec<Effect>) {
        let live = self
            .live_steps(Phase::Evacuate)
            .into_iter()
            .chain(self.live_steps(Phase::Verify));
        for i in live.collect::<Vec<_>>() {
            self.mark_stuck(now, i, out);
            let step = &self.plan.steps[i];
            let lower = usize::from(step.rung) + 1 < self.site.workloads[step.work.at()].rungs.len();
            if lower && deadline.is_some_and(|deadline| !self.fits(now, deadline, step)) {
                let why = format!("{} no longer fits its runway; the next rung takes over", step.id);
                self.end(now, i, StepEnd::Superseded, why, out);
            }
        }
    }

    fn mark_stuck(&mut self, now: Millis, i: usize, out: &mut Vec<Effect>) {
        let step = &self.plan.steps[i];
        let needs = rung_of(&self.site, step.work, step.rung).2;
        if step.stuck || step.phase != Phase::Evacuate || now <= step.begun + needs {
            return;
        }
        self.plan.steps[i].stuck = true;
        let id = self.plan.steps[i].id.clone();
        self.say(
            EventKind::Step,
            &id,
            format!("stuck: past its {} s", needs / 1_000),
            out,
        );
    }

    /// Whether a running step may go on: it will end in time, or there is still time for the last rung after it.
    fn fits(&self, now: Millis, deadline: Millis, step: &Step) -> bool {
        let reserve_left = now < deadline - reserve_ms(&self.site, step.work);
        let needs = rung_of(&self.site, step.work, step.rung).2;
        match step.doing {
            Doing::Backoff { .. } if step.phase == Phase::Evacuate && step.attempts > 0 => now + needs <= deadline,
            _ => reserve_left || (!step.stuck && step.phase == Phase::Evacuate && step.begun + needs <= deadline),
        }
    }

    fn start(&mut self, now: Millis, deadline: Option<Millis>, out: &mut Vec<Effect>) {
        for slot in schedule::slots(&self.site, &self.plan, now, deadline) {
            let late = deadline.is_some_and(|deadline| now >= deadline - (slot.finish - slot.start));
            let ready = slot.start <= now && self.dependencies_safe(slot.work);
            if (ready || late) && self.lane_free(slot.work, slot.rung) {
                self.intend(now, slot.work, slot.rung, Phase::Evacuate, out);
            }
        }
    }

    fn dependencies_safe(&self, work: WorkloadIx) -> bool {
        let settled = |d: &WorkloadIx| {
            matches!(
                self.plan.works[d.at()].stage,
                Stage::Safe | Stage::Stranded | Stage::Skipped
            )
        };
        self.site.workloads[work.at()].after.iter().all(settled)
    }

    fn lane_free(&self, work: WorkloadIx, rung: u8) -> bool {
        let (_, hook, _) = rung_of(&self.site, work, rung);
        self.plan.busy(&self.site, hook) < usize::from(self.site.hooks[hook.at()].max_parallel)
    }

    fn live_steps(&self, phase: Phase) -> Vec<usize> {
        let live = |i: &usize| self.plan.steps[*i].phase == phase && self.plan.steps[*i].ended().is_none();
        (0..self.plan.steps.len()).filter(live).collect()
    }

    /// Decides on a step; its hook is called once the journal has it.
    fn intend(&mut self, now: Millis, work: WorkloadIx, rung: u8, phase: Phase, out: &mut Vec<Effect>) {
        let workload = &self.site.workloads[work.at()];
        let (step, workload) = (step_id(workload, rung, phase), workload.id.clone());
        let n = self.policy.open().map_or(0, |i| i.n);
        let token = (u64::from(n) << 32) | u64::from(self.plan.intents + 1);
        let mode = self.mode();
        self.record(
            now,
            Record::StepIntent {
                step: step.clone(),
                workload,
                rung,
                phase,
                mode,
                token,
            },
            out,
        );
        let hook = rung_of(&self.site, work, rung).1;
        if mode == Mode::Drill && !self.site.hooks[hook.at()].accepts_drill {
            let note = "the site is disarmed and this hook takes no drills".into();
            self.record(
                now,
                Record::StepEnded {
                    step,
                    end: StepEnd::Skipped,
                    note,
                },
                out,
            );
        }
    }

    pub(crate) fn end(&mut self, now: Millis, i: usize, end: StepEnd, note: String, out: &mut Vec<Effect>) {
        let step = &self.plan.steps[i];
        let (id, called) = (step.id.clone(), step.attempts > 0);
        if called && end != StepEnd::Done {
            let incident = self.incident_id(self.policy.incident.as_ref().map_or(0, |i| i.n));
            out.push(Effect::CancelHook {
                incident,
                step: id.clone(),
            });
        }
        self.say(EventKind::Step, &id, format!("{end}: {note}"), out);
        self.record(now, Record::StepEnded { step: id, end, note }, out);
    }

    /// Sends what the journal has, or has not answered for in time, and what is to be tried again.
    fn release(&mut self, now: Millis, deadline: Option<Millis>, out: &mut Vec<Effect>) {
        for i in 0..self.plan.steps.len() {
            match self.plan.steps[i].doing {
                Doing::Intent { seq, .. } if seq <= self.stored => self.fire(now, i, deadline, out),
                // Known to be sick: no use in waiting again.
                Doing::Intent { release_at, .. } if release_at <= now || self.policy.own.contains_key("journal") => {
                    self.act_unstored(now, out);
                    self.fire(now, i, deadline, out);
                }
                Doing::Backoff { until } if until <= now => {
                    let step = &self.plan.steps[i];
                    if self.lane_free(step.work, step.rung) {
                        self.fire(now, i, deadline, out);
                    }
                }
                Doing::Called { since: last } | Doing::Accepted { heard: last } if last + ASK_AGAIN_MS <= now => {
                    self.fire(now, i, deadline, out);
                }
                _ => {}
            }
        }
    }

    /// A sick disk never holds an evacuation back; it is said once, and the journal marked.
    fn act_unstored(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let part = "journal";
        if !self.policy.own.contains_key(part) {
            let line = "the journal has not answered for 500 ms: steps go out without it, and it is incomplete";
            self.policy.own.insert(part.into(), (now, line.into()));
            self.say(EventKind::Trouble, part, line.into(), out);
            self.record(now, Record::ActedUnstored { through: self.stored }, out);
        }
    }

    fn fire(&mut self, now: Millis, i: usize, deadline: Option<Millis>, out: &mut Vec<Effect>) {
        let step = &mut self.plan.steps[i];
        step.attempts = step.attempts.saturating_add(1);
        step.doing = Doing::Called { since: now };
        let step = &self.plan.steps[i];
        let (rung, hook, needs) = rung_of(&self.site, step.work, step.rung);
        let workload = &self.site.workloads[step.work.at()];
        let call = Call {
            incident: self.incident_id(self.policy.incident.as_ref().map_or(0, |i| i.n)),
            step: step.id.clone(),
            hook,
            workload: workload.id.clone(),
            rung,
            phase: step.phase,
            destination: workload.rungs[usize::from(step.rung)].to.clone(),
            mode: step.mode,
            token: step.token,
            attempt: step.attempts,
            deadline: deadline.unwrap_or(now + needs),
            why: self.reasons(step),
        };
        if step.attempts == 1 {
            let line = format!("called ({}, {rung} takes {} s)", step.mode, needs / 1_000);
            self.say(EventKind::Step, &step.id, line, out);
        }
        out.push(Effect::FireHook(call));
    }

    fn reasons(&self, step: &Step) -> Vec<String> {
        let own = &self.plan.works[step.work.at()].why;
        [own.clone(), self.why()]
            .into_iter()
            .filter(|line| !line.is_empty())
            .collect()
    }

    /// What a hook said. Late words, about steps that have ended or of another mode, change nothing.
    pub(crate) fn hook(
        &mut self,
        now: Millis,
        (incident, step, mode): (&str, &str, Mode),
        outcome: &HookOutcome,
        out: &mut Vec<Effect>,
    ) -> bool {
        let current = self.policy.open().map(|i| self.incident_id(i.n));
        let Some(i) = self.plan.step(step).filter(|_| current.as_deref() == Some(incident)) else {
            return false;
        };
        let known = &self.plan.steps[i];
        if known.mode != mode || known.ended().is_some() || known.attempts == 0 {
            return false;
        }
        self.hear(now, i, outcome, out);
        true
    }

    fn hear(&mut self, now: Millis, i: usize, outcome: &HookOutcome, out: &mut Vec<Effect>) {
        match outcome {
            HookOutcome::Accepted => self.accepted(now, i, None, out),
            HookOutcome::Running { percent } => self.accepted(now, i, *percent, out),
            HookOutcome::Done => self.done(now, i, out),
            HookOutcome::Cannot { note } => self.cannot(now, i, note, out),
            HookOutcome::TokenRefused => {
                self.end(
                    now,
                    i,
                    StepEnd::Refused,
                    "its token was refused: another gateway acts".into(),
                    out,
                );
            }
            HookOutcome::Retry { cause } => self.retry(now, i, cause, out),
        }
    }

    fn accepted(&mut self, now: Millis, i: usize, percent: Option<u8>, out: &mut Vec<Effect>) {
        let step = &mut self.plan.steps[i];
        step.percent = percent.or(step.percent);
        if matches!(step.doing, Doing::Accepted { .. }) {
            step.doing = Doing::Accepted { heard: now };
            return;
        }
        let id = step.id.clone();
        self.record(now, Record::StepAccepted { step: id }, out);
    }

    fn done(&mut self, now: Millis, i: usize, out: &mut Vec<Effect>) {
        let step = &self.plan.steps[i];
        let (work, phase, mode) = (step.work, step.phase, step.mode);
        let took_ms = now - step.begun;
        let note = format!("{}.{} s after its intent", took_ms / 1_000, took_ms % 1_000 / 100);
        let (kind, _, _) = rung_of(&self.site, work, step.rung);
        self.end(now, i, StepEnd::Done, note, out);
        if phase == Phase::Verify {
            let id = self.site.workloads[work.at()].id.clone();
            let drill = if mode == Mode::Drill {
                " (drill: nothing has really moved)"
            } else {
                ""
            };
            self.say(
                EventKind::Workload,
                &id,
                format!("safe by {kind}, its probe says so{drill}"),
                out,
            );
        }
    }

    fn cannot(&mut self, now: Millis, i: usize, note: &str, out: &mut Vec<Effect>) {
        let step = &self.plan.steps[i];
        let work = step.work;
        let last = usize::from(step.rung) + 1 == self.site.workloads[work.at()].rungs.len();
        match step.phase {
            // Not there yet is no end: the probe is asked again while the rung fits.
            Phase::Verify => self.retry(now, i, note, out),
            Phase::Evacuate if last => self.strand(now, i, note, out),
            _ => self.end(now, i, StepEnd::Cannot, note.into(), out),
        }
    }

    /// There is no rung below: said loudly, and tried again for as long as the incident lasts.
    fn strand(&mut self, now: Millis, i: usize, note: &str, out: &mut Vec<Effect>) {
        let work = self.plan.steps[i].work;
        self.plan.steps[i].doing = Doing::Backoff {
            until: now + STRANDED_RETRY_MS,
        };
        self.plan.steps[i].note = note.into();
        let state = &mut self.plan.works[work.at()];
        let before = core::mem::replace(&mut state.stage, Stage::Stranded);
        state.why = note.into();
        if before != Stage::Stranded {
            let id = self.site.workloads[work.at()].id.clone();
            self.say(
                EventKind::Workload,
                &id,
                format!("STRANDED: its last rung cannot: {note}"),
                out,
            );
        }
    }

    fn retry(&mut self, now: Millis, i: usize, cause: &str, out: &mut Vec<Effect>) {
        let step = &mut self.plan.steps[i];
        let doubled = BACKOFF_FIRST_MS << step.attempts.saturating_sub(1).min(8);
        step.doing = Doing::Backoff {
            until: now + doubled.min(BACKOFF_LONGEST_MS),
        };
        step.note = cause.into();
        if step.attempts == 1 {
            let id = step.id.clone();
            self.say(EventKind::Step, &id, format!("is tried again: {cause}"), out);
        }
    }

    /// The next time at which something is due though nothing happens.
    fn next_due(&self, now: Millis, deadline: Option<Millis>) -> Option<Millis> {
        let cordon = self
            .policy
            .open()
            .and_then(|i| i.evacuate_begun)
            .map(|begun| begun + CORDON_WAIT_MS);
        let live = self.plan.steps.iter().filter(|s| s.ended().is_none());
        let steps = live.flat_map(|s| self.step_due(s, deadline));
        let waiting = self
            .plan
            .queue
            .iter()
            .filter(|w| self.plan.works[w.at()].stage == Stage::Waiting);
        let starts = waiting.flat_map(|w| self.start_due(*w, deadline));
        steps.chain(starts).chain(cordon).filter(|at| *at > now).min()
    }

    fn step_due(&self, step: &Step, deadline: Option<Millis>) -> impl Iterator<Item = Millis> + use<> {
        let own = match step.doing {
            Doing::Intent { release_at, .. } => Some(release_at),
            Doing::Called { since: last } | Doing::Accepted { heard: last } => Some(last + ASK_AGAIN_MS),
            Doing::Backoff { until } => Some(until),
            Doing::Ended { .. } => None,
        };
        let stuck = step.begun + rung_of(&self.site, step.work, step.rung).2 + 1;
        let switch = deadline.map(|deadline| deadline - reserve_ms(&self.site, step.work));
        own.into_iter().chain([stuck]).chain(switch)
    }

    /// When a waiting workload can wait for its dependencies no longer, by each of its rungs.
    fn start_due(&self, work: WorkloadIx, deadline: Option<Millis>) -> Vec<Millis> {
        let rungs = schedule::open_rungs(&self.site, &self.plan, work);
        rungs
            .filter_map(|rung| deadline.map(|deadline| deadline - rung_of(&self.site, work, rung).2))
            .collect()
    }
}

//! Lanes that are held for too long by what has no rung below.

use alloc::{format, vec::Vec};

use super::{
    Doing, Scope, Step,
    hear::STRANDED_RETRY_MS,
    is_last, rung_of,
    schedule::{self, Slot},
};
use crate::{Effect, EventKind, HookIx, Millis, Phase, State};

impl State {
    /// A last rung that is past its time is called off and put aside, if whoever waits for its lane would else be left no rung at
    /// all: it stands at its own last one, and at the latest moment for it. The attempt is called off before another begins.
    pub(super) fn make_room(
        &mut self,
        now: Millis,
        (slots, at): (&[Slot], usize),
        scope: &Scope,
        out: &mut Vec<Effect>,
    ) {
        let slot = &slots[at];
        let (_, hook) = rung_of(&self.site, slot.work, slot.rung);
        if !is_last(&self.site, slot.work, slot.rung) || self.plan.book.lane_free(&self.site, hook) {
            return;
        }
        let Some(longest) = self
            .overdue(now)
            .filter(|i| self.hook_of(*i) == hook)
            .min_by_key(|i| self.plan.book.step(*i).begun)
        else {
            return;
        };
        // Without an end no clock says that there is time.
        let latest = schedule::latest(&self.site, &self.plan, slots, scope)[at];
        if latest.is_none_or(|latest| latest <= now) {
            let why =
                "past its time, and others would be left no rung: called off, and called again when there is room";
            self.put_aside(now, longest, (STRANDED_RETRY_MS, why), out);
        }
    }

    /// When somebody who waits for a lane that is held for too long can wait no longer.
    pub(super) fn room_due(&self, now: Millis, scope: &Scope) -> Vec<Millis> {
        let held: Vec<HookIx> = self.last_running().map(|i| self.hook_of(i)).collect();
        if held.is_empty() {
            return Vec::new();
        }
        let ends = self
            .last_running()
            .map(|i| self.plan.book.step(i))
            .map(|step| step.begun + self.own_time(step) + 1);
        let slots = schedule::earliest(&self.site, &self.plan, now, scope);
        let latest = schedule::latest(&self.site, &self.plan, &slots, scope);
        let waits = slots
            .iter()
            .zip(latest)
            .filter(|(slot, _)| held.contains(&rung_of(&self.site, slot.work, slot.rung).1));
        waits.filter_map(|(_, latest)| latest).chain(ends).collect()
    }

    /// Last rungs that are being carried out.
    fn last_running(&self) -> impl Iterator<Item = usize> + '_ {
        self.plan.book.live().filter(|i| {
            let step = self.plan.book.step(*i);
            let runs = matches!(step.doing, Doing::Called { .. } | Doing::Accepted { .. });
            runs && step.phase == Phase::Evacuate && is_last(&self.site, step.work, step.rung)
        })
    }

    /// Those of them that take longer than they were ever said to.
    fn overdue(&self, now: Millis) -> impl Iterator<Item = usize> + '_ {
        self.last_running().filter(move |i| {
            let step = self.plan.book.step(*i);
            now > step.begun + self.own_time(step)
        })
    }

    /// The longest that a step is said to take: what is declared, what is reckoned with, and past which it is stuck.
    fn own_time(&self, step: &Step) -> Millis {
        let declared = self.site.workloads[step.work.at()].rungs[usize::from(step.rung)].needs_ms;
        let (needs, stuck) = (
            self.plan.times.needs(step.work, step.rung),
            self.plan.times.stuck_after(step.work, step.rung),
        );
        declared.max(needs).max(stuck)
    }

    fn hook_of(&self, i: usize) -> HookIx {
        let step = self.plan.book.step(i);
        rung_of(&self.site, step.work, step.rung).1
    }

    pub(super) fn put_aside(&mut self, now: Millis, i: usize, (for_ms, why): (Millis, &str), out: &mut Vec<Effect>) {
        let step = self.plan.book.step(i).id.clone();
        let incident = self.incident_id(self.policy.incident.as_ref().map_or(0, |i| i.n));
        self.say(EventKind::Step, &step, format!("put aside: {why}"), out);
        out.push(Effect::CancelHook { incident, step });
        self.plan.book.change(&self.site, i, |step| {
            step.doing = Doing::Backoff { until: now + for_ms };
            (step.aside, step.note) = (true, why.into());
            step.stuck |= step.home;
        });
    }
}

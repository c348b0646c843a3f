//! Which rung each waiting workload takes, and which may start now: list scheduling over the hooks' lanes.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{Doing, Plan, Stage, Step, rung_of};
use crate::{HookIx, Millis, Phase, Site, WorkloadIx};

/// What is proposed for a waiting workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) work: WorkloadIx,
    pub(crate) rung: u8,
    pub(crate) start: Millis,
    pub(crate) finish: Millis,
}

/// When each lane of each hook is free again.
struct Lanes(BTreeMap<HookIx, Vec<Millis>>);

impl Lanes {
    fn of(site: &Site, plan: &Plan, now: Millis) -> Self {
        let mut lanes: BTreeMap<HookIx, Vec<Millis>> = BTreeMap::new();
        for step in plan.steps.iter().filter(|s| s.ended().is_none()) {
            let (_, hook, _) = rung_of(site, step.work, step.rung);
            lanes.entry(hook).or_default().push(expected_end(site, step, now));
        }
        for (i, hook) in (0u16..).zip(&site.hooks) {
            let lane = lanes.entry(HookIx(i)).or_default();
            lane.resize(lane.len().max(hook.max_parallel as usize), now);
        }
        Self(lanes)
    }

    fn first_free(&self, hook: HookIx) -> Option<(usize, Millis)> {
        let lanes = self.0.get(&hook)?;
        lanes.iter().copied().enumerate().min_by_key(|(i, free)| (*free, *i))
    }

    fn take(&mut self, hook: HookIx, lane: usize, until: Millis) {
        if let Some(slot) = self.0.get_mut(&hook).and_then(|lanes| lanes.get_mut(lane)) {
            *slot = until;
        }
    }
}

/// When a step is expected to have ended, by its declared time.
pub(crate) fn expected_end(site: &Site, step: &Step, now: Millis) -> Millis {
    let needs = if step.phase == Phase::Evacuate {
        rung_of(site, step.work, step.rung).2
    } else {
        0
    };
    match step.doing {
        Doing::Ended { at, .. } => at,
        Doing::Backoff { until } => until + needs,
        _ => (step.begun + needs).max(now),
    }
}

/// A slot for every workload that waits, in queue order. `deadline` none: nothing is known against the best rung.
pub(crate) fn slots(site: &Site, plan: &Plan, now: Millis, deadline: Option<Millis>) -> Vec<Slot> {
    let mut lanes = Lanes::of(site, plan, now);
    let mut finish: Vec<Millis> = plan.works.iter().map(|_| now).collect();
    for step in plan
        .steps
        .iter()
        .filter(|s| s.phase == Phase::Evacuate && s.ended().is_none())
    {
        finish[step.work.at()] = expected_end(site, step, now);
    }
    let mut slots = Vec::new();
    for &work in plan.queue.iter().filter(|w| plan.works[w.at()].stage == Stage::Waiting) {
        let ready = site.workloads[work.at()]
            .after
            .iter()
            .map(|d| finish[d.at()])
            .max()
            .unwrap_or(now)
            .max(now);
        if let Some((slot, lane, hook)) = place(site, plan, &lanes, work, ready, deadline) {
            finish[work.at()] = slot.finish;
            lanes.take(hook, lane, slot.finish);
            slots.push(slot);
        }
    }
    slots
}

/// The highest rung that fits; the last one if none does.
fn place(
    site: &Site,
    plan: &Plan,
    lanes: &Lanes,
    work: WorkloadIx,
    ready: Millis,
    deadline: Option<Millis>,
) -> Option<(Slot, usize, HookIx)> {
    let mut last = None;
    for rung in open_rungs(site, plan, work) {
        let (_, hook, needs) = rung_of(site, work, rung);
        let (lane, free) = lanes.first_free(hook)?;
        let start = ready.max(free);
        let slot = Slot {
            work,
            rung,
            start,
            finish: start + needs,
        };
        last = Some((slot, lane, hook));
        if deadline.is_none_or(|deadline| slot.finish <= deadline) {
            break;
        }
    }
    last
}

/// Rungs from the present one down that have not said that they cannot; the last one always.
pub(crate) fn open_rungs(site: &Site, plan: &Plan, work: WorkloadIx) -> impl Iterator<Item = u8> + use<> {
    let state = &plan.works[work.at()];
    let (from, refused) = (state.rung, state.refused);
    let count = site.workloads[work.at()].rungs.len() as u8;
    (from..count).filter(move |r| *r + 1 == count || refused & (1 << *r) == 0)
}

//! Workloads and steps of one incident in one mode, with counts kept as steps change: no pass looks at every step for
//! every workload.

mod flaw;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use super::{Doing, Step, Work, rung_of};
use crate::{HookIx, Mode, Phase, Site, WorkloadIx};

/// A step that failed this often keeps its lane no longer while it waits: others could use it. Before that (250 ms to
/// 4 s, under 8 s in all) nobody of a lower tier may overtake it.
const KEEPS_LANE_ATTEMPTS: u32 = 5;

/// Workloads and steps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Book {
    pub(crate) mode: Mode,
    pub(crate) works: Vec<Work>,
    pub(super) steps: Vec<Step>,
    by_id: BTreeMap<String, u32>,
    /// Steps that have not ended.
    live: BTreeSet<u32>,
    /// Per workload and phase: its live step.
    live_of: BTreeMap<(WorkloadIx, u8), u32>,
    /// Per hook: lanes taken.
    busy: Vec<u32>,
}

impl Book {
    pub(super) fn new(site: &Site, mode: Mode) -> Self {
        Self {
            mode,
            works: site.workloads.iter().map(|_| Work::default()).collect(),
            busy: alloc::vec![0; site.hooks.len()],
            ..Self::default()
        }
    }

    /// Every step, in order of its first intent.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(crate) fn step(&self, i: usize) -> &Step {
        &self.steps[i]
    }

    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).map(|i| *i as usize)
    }

    /// Places of the steps that have not ended.
    pub(crate) fn live(&self) -> impl Iterator<Item = usize> + '_ {
        self.live.iter().map(|i| *i as usize)
    }

    /// Those of one phase; a copy, because ending one changes the set.
    pub(crate) fn live_in(&self, phase: Phase) -> Vec<usize> {
        self.live().filter(|i| self.steps[*i].phase == phase).collect()
    }

    /// Whether a workload has a step in a phase that has not ended.
    pub(crate) fn has_live(&self, work: WorkloadIx, phase: Phase) -> bool {
        self.live_of.contains_key(&(work, phase as u8))
    }

    /// Whether a hook can bear one more step.
    pub(crate) fn lane_free(&self, site: &Site, hook: HookIx) -> bool {
        self.busy[hook.at()] < u32::from(site.hooks[hook.at()].max_parallel)
    }

    /// A step that was withdrawn and is wanted again takes its old place: the book stays bounded.
    pub(crate) fn insert(&mut self, site: &Site, step: Step) {
        let known = self.find(&step.id);
        let at = known.unwrap_or(self.steps.len()) as u32;
        if let Some(i) = known {
            self.strike(site, i);
            self.steps[i] = step;
        } else {
            self.by_id.insert(step.id.clone(), at);
            self.steps.push(step);
        }
        self.enter(site, at as usize);
    }

    /// The only way a step changes.
    pub(crate) fn change(&mut self, site: &Site, i: usize, change: impl FnOnce(&mut Step)) {
        self.strike(site, i);
        change(&mut self.steps[i]);
        self.enter(site, i);
    }

    fn strike(&mut self, site: &Site, i: usize) {
        let step = &self.steps[i];
        if let Some(hook) = self.lane_of(site, step) {
            self.busy[hook.at()] = self.busy[hook.at()].saturating_sub(1);
        }
        let key = (step.work, step.phase as u8);
        self.live.remove(&(i as u32));
        if self.live_of.get(&key) == Some(&(i as u32)) {
            self.live_of.remove(&key);
        }
    }

    fn enter(&mut self, site: &Site, i: usize) {
        let step = &self.steps[i];
        if let Some(hook) = self.lane_of(site, step) {
            self.busy[hook.at()] += 1;
        }
        if step.ended().is_none() {
            self.live.insert(i as u32);
            self.live_of.insert((step.work, step.phase as u8), i as u32);
        }
    }

    /// The hook whose lane a step takes, if it takes one. What is being carried out always does, however long it takes: a hook
    /// is never at more than `max_parallel` at a time. Only what waits gives its lane to others: before the last of its rungs for
    /// a few seconds it does not, after that it does; and a last rung that is past its time is put aside, its attempt called off
    /// first, when others would be left no rung at all (`State::make_room`).
    pub(crate) fn lane_of(&self, site: &Site, step: &Step) -> Option<HookIx> {
        let waits_long = step.stranded || step.phase != Phase::Evacuate || step.attempts > KEEPS_LANE_ATTEMPTS;
        let yields = match step.doing {
            Doing::Ended { .. } => true,
            Doing::Backoff { .. } => waits_long || step.aside,
            _ => false,
        };
        (!yields).then(|| rung_of(site, step.work, step.rung).1)
    }

    /// Whether a step may be called: it has kept its lane, or one is free. Another file may have left fewer lanes than are taken.
    pub(crate) fn may_call(&self, site: &Site, step: &Step) -> bool {
        let hook = rung_of(site, step.work, step.rung).1;
        let keeps = self.lane_of(site, step).is_some();
        self.lane_free(site, hook) || keeps && self.busy[hook.at()] <= u32::from(site.hooks[hook.at()].max_parallel)
    }
}

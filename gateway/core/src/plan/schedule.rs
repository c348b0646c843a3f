//! Which rung each waiting workload takes, and which may start now: list scheduling over the hooks' lanes.

use alloc::{collections::BinaryHeap, vec::Vec};
use core::cmp::Reverse;

use super::{Book, Doing, Plan, Scope, Stage, Step, Times, is_last, rung_of};
use crate::{HookIx, Millis, Mode, Phase, Site, WorkloadIx};

/// Gaps remembered a hook, so that a plan costs the same however many workloads wait for others.
const MAX_GAPS: usize = 64;

/// What is proposed for a waiting workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) work: WorkloadIx,
    pub(crate) rung: u8,
    pub(crate) start: Millis,
    pub(crate) finish: Millis,
}

/// When each lane of a hook is free again, and where it idles before it is taken up.
#[derive(Default)]
struct Lanes {
    free: BinaryHeap<Reverse<Millis>>,
    gaps: Vec<(Millis, Millis)>,
}

/// Where a slot was found.
#[derive(Clone, Copy)]
enum Found {
    Gap(usize),
    Lane(Millis),
    /// It is skipped: it takes no time and no lane.
    Nowhere,
}

impl Lanes {
    fn place(&self, ready: Millis, needs: Millis) -> Option<(Millis, Found)> {
        let fits = |(i, gap): (usize, &(Millis, Millis))| {
            let start = ready.max(gap.0);
            (start + needs <= gap.1).then_some((start, Found::Gap(i)))
        };
        let gap = self.gaps.iter().enumerate().find_map(fits);
        let lane = || self.free.peek().map(|free| (ready.max(free.0), Found::Lane(free.0)));
        gap.or_else(lane)
    }

    fn take(&mut self, found: Found, start: Millis, finish: Millis) {
        match found {
            Found::Nowhere => {}
            Found::Gap(i) => {
                let (from, to) = self.gaps.swap_remove(i);
                self.idle(from, start);
                self.idle(finish, to);
            }
            Found::Lane(free) => {
                self.free.pop();
                self.free.push(Reverse(finish));
                self.idle(free, start);
            }
        }
    }

    fn idle(&mut self, from: Millis, to: Millis) {
        if from < to && self.gaps.len() < MAX_GAPS {
            self.gaps.push((from, to));
        }
    }
}

fn lanes(site: &Site, plan: &Plan, now: Millis) -> Vec<Lanes> {
    let book = &plan.book;
    let mut all: Vec<Lanes> = site.hooks.iter().map(|_| Lanes::default()).collect();
    for step in book.live().map(|i| book.step(i)) {
        if let Some(hook) = book.lane_of(site, step) {
            all[hook.at()].free.push(Reverse(expected_end(&plan.times, step, now)));
        }
    }
    for (lanes, hook) in all.iter_mut().zip(&site.hooks) {
        // More lanes than workloads are never used.
        let wanted = usize::from(hook.max_parallel).min(site.workloads.len().max(1));
        while lanes.free.len() < wanted {
            lanes.free.push(Reverse(now));
        }
    }
    all
}

/// When a step is expected to have ended.
fn expected_end(times: &Times, step: &Step, now: Millis) -> Millis {
    let needs = if step.phase == Phase::Evacuate {
        times.needs(step.work, step.rung)
    } else {
        0
    };
    match step.doing {
        Doing::Ended { at, .. } => at,
        Doing::Backoff { until } => until + needs,
        _ => (step.begun + needs).max(now),
    }
}

/// A slot for every workload that may begin, in queue order. Without an end nothing is known against the best rung.
pub(crate) fn slots(site: &Site, plan: &Plan, now: Millis, scope: &Scope) -> Vec<Slot> {
    let book = &plan.book;
    let mut lanes = lanes(site, plan, now);
    let mut finish: Vec<Millis> = alloc::vec![now; book.works.len()];
    for step in book.live().map(|i| book.step(i)).filter(|s| s.phase == Phase::Evacuate) {
        finish[step.work.at()] = expected_end(&plan.times, step, now);
    }
    let mut slots = Vec::new();
    let begins = |w: &&WorkloadIx| book.works[w.at()].stage == Stage::Waiting && !scope.waits.contains(w);
    for &work in plan.queue.iter().filter(begins) {
        let before = site.workloads[work.at()].after.iter().map(|d| finish[d.at()]);
        let ready = before.max().unwrap_or(now).max(now);
        if let Some((slot, found, hook)) = place(site, plan, &lanes, (work, ready), scope) {
            finish[work.at()] = slot.finish;
            lanes[hook.at()].take(found, slot.start, slot.finish);
            slots.push(slot);
        }
    }
    slots
}

/// When the last workload is expected to have left; none if none is still to go.
pub(crate) fn end(site: &Site, plan: &Plan, now: Millis, scope: &Scope) -> Option<Millis> {
    let book = &plan.book;
    let steps = book.live().map(|i| book.step(i)).filter(|s| s.phase != Phase::Prepare);
    let under_way = steps.map(|step| expected_end(&plan.times, step, now));
    let waiting = slots(site, plan, now, scope).into_iter().map(|slot| slot.finish);
    under_way.chain(waiting).max()
}

/// The highest rung that fits; the last one if none does.
fn place(
    site: &Site,
    plan: &Plan,
    lanes: &[Lanes],
    (work, ready): (WorkloadIx, Millis),
    scope: &Scope,
) -> Option<(Slot, Found, HookIx)> {
    let (mut last, deadline, book) = (None, scope.end(work), &plan.book);
    let only_last = scope.last_only.contains(&work);
    for rung in open_rungs(site, book, work).filter(|rung| !only_last || is_last(site, work, *rung)) {
        let (_, hook) = rung_of(site, work, rung);
        let (start, found, needs) = if skipped(site, book.mode, hook) {
            (ready, Found::Nowhere, 0)
        } else {
            let needs = plan.times.needs(work, rung);
            let (start, found) = lanes[hook.at()].place(ready, needs)?;
            (start, found, needs)
        };
        let slot = Slot {
            work,
            rung,
            start,
            finish: start + needs,
        };
        last = Some((slot, found, hook));
        if deadline.is_none_or(|deadline| slot.finish <= deadline) {
            break;
        }
    }
    last
}

/// Whether a hook is not called at all: the site is disarmed and it takes no drills.
pub(crate) fn skipped(site: &Site, mode: Mode, hook: HookIx) -> bool {
    mode == Mode::Drill && !site.hooks[hook.at()].accepts_drill
}

/// Rungs from the present one down that have not said that they cannot; the last one always.
pub(crate) fn open_rungs(site: &Site, book: &Book, work: WorkloadIx) -> impl Iterator<Item = u8> + use<> {
    let state = &book.works[work.at()];
    let (from, refused) = (state.rung, state.refused);
    let count = site.workloads[work.at()].rungs.len() as u8;
    (from..count).filter(move |r| *r + 1 == count || refused & (1 << *r) == 0)
}

//! Which rung each waiting workload takes, and which may start now: list scheduling over the hooks' lanes.

use alloc::{collections::BinaryHeap, vec::Vec};
use core::cmp::Reverse;

use super::{
    Book, Doing, Plan, Room, Scope, Stage, Step, Times, is_last, rung_of,
    search::{self, Draft},
};
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
    /// Where a better rung would have gone to, but nothing may, or no room is left.
    pub(crate) passed: Option<u16>,
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

/// A slot for every workload that may begin. Without an end nothing is known against the best rung.
pub(crate) fn slots(site: &Site, plan: &Plan, now: Millis, scope: &Scope) -> Vec<Slot> {
    let mut slots = earliest(site, plan, now, scope);
    if plan.places.nowhere() {
        put_off(site, plan, &mut slots, scope);
    }
    slots
}

/// The same, with nothing put off: how much time there is to spare.
pub(super) fn earliest(site: &Site, plan: &Plan, now: Millis, scope: &Scope) -> Vec<Slot> {
    search::slots(site, plan, now, scope)
}

/// A slot for every workload of a draft, in its order.
pub(super) fn lay(site: &Site, plan: &Plan, now: Millis, scope: &Scope, draft: &Draft) -> Vec<Slot> {
    let book = &plan.book;
    let (mut lanes, mut room) = (lanes(site, plan, now), Room::left(site, plan));
    let mut finish: Vec<Millis> = alloc::vec![now; book.works.len()];
    for step in book.live().map(|i| book.step(i)).filter(|s| s.phase == Phase::Evacuate) {
        finish[step.work.at()] = expected_end(&plan.times, step, now);
    }
    let mut slots = Vec::new();
    for &work in &draft.order {
        let before = site.workloads[work.at()].after.iter().map(|d| finish[d.at()]);
        let ready = before.max().unwrap_or(now).max(now);
        if let Some((slot, found, hook)) =
            place(site, plan, (&lanes, &room), (work, ready, draft.from[work.at()]), scope)
        {
            finish[work.at()] = slot.finish;
            room.take(plan.places.at(work, slot.rung), site.workloads[work.at()].room);
            lanes[hook.at()].take(found, slot.start, slot.finish);
            slots.push(slot);
        }
    }
    slots
}

/// Nothing can go anywhere: what runs goes on running for as long as it can be stopped in time.
fn put_off(site: &Site, plan: &Plan, slots: &mut [Slot], scope: &Scope) {
    let latest = latest(site, plan, slots, scope);
    for (slot, latest) in slots.iter_mut().zip(latest) {
        let later = latest.map_or(0, |at| (at - slot.start).max(0));
        (slot.start, slot.finish) = (slot.start + later, slot.finish + later);
    }
}

/// When each slot has to begin at the latest, counted back from the end of its runway: with what waits behind it, and with the
/// lanes that they share. None without an end. The last of the queue takes its place first, so that whoever is first in the
/// queue is never pushed behind it.
pub(crate) fn latest(site: &Site, plan: &Plan, slots: &[Slot], scope: &Scope) -> Vec<Option<Millis>> {
    let mut lanes: Vec<BinaryHeap<Millis>> = site.hooks.iter().map(|_| BinaryHeap::new()).collect();
    let mut due: Vec<Option<Millis>> = alloc::vec![None; site.workloads.len()];
    let mut latest: Vec<Option<Millis>> = alloc::vec![None; slots.len()];
    for (slot, latest) in slots.iter().zip(&mut latest).rev() {
        let own = scope.end(slot.work).into_iter().chain(due[slot.work.at()]).min();
        let Some(end) = own else { continue };
        let hook = rung_of(site, slot.work, slot.rung).1;
        let (needs, wanted) = (
            slot.finish - slot.start,
            usize::from(site.hooks[hook.at()].max_parallel),
        );
        let lanes = &mut lanes[hook.at()];
        let busy = if lanes.len() < wanted { None } else { lanes.pop() };
        let start = busy.map_or(end, |busy| busy.min(end)) - needs;
        if !skipped(site, plan.book.mode, hook) {
            lanes.push(start);
        }
        *latest = Some(start);
        for before in &site.workloads[slot.work.at()].after {
            let due = &mut due[before.at()];
            *due = Some(due.map_or(start, |known| known.min(start)));
        }
    }
    latest
}

/// When the last workload is expected to have left; none if none is still to go.
pub(crate) fn end(site: &Site, plan: &Plan, now: Millis, scope: &Scope) -> Option<Millis> {
    end_of(plan, now, &slots(site, plan, now, scope))
}

/// The same of slots that are known.
pub(crate) fn end_of(plan: &Plan, now: Millis, slots: &[Slot]) -> Option<Millis> {
    let book = &plan.book;
    let steps = book
        .live()
        .map(|i| book.step(i))
        .filter(|s| s.phase != Phase::Prepare && !s.home);
    let under_way = steps.map(|step| expected_end(&plan.times, step, now));
    under_way.chain(slots.iter().map(|slot| slot.finish)).max()
}

/// The highest rung that fits; the last one if none does. Where nothing may go to, or no room is left, is passed over. The
/// last rung is tried whatever room there is said to be: whoever runs the destination has the last word. But nothing goes to
/// a place that has a vote of its own, whichever rung that is.
fn place(
    site: &Site,
    plan: &Plan,
    (lanes, room): (&[Lanes], &Room),
    (work, ready, from): (WorkloadIx, Millis, u8),
    scope: &Scope,
) -> Option<(Slot, Found, HookIx)> {
    let (mut last, deadline, mut passed) = (None, scope.end(work), None);
    let only_last = scope.last_only.contains(&work);
    let may = |rung: &u8| (*rung >= from && !only_last) || is_last(site, work, *rung);
    for rung in open_rungs(site, &plan.book, work).filter(may) {
        let to = plan.places.at(work, rung);
        let full = !room.has(to, site.workloads[work.at()].room) && !is_last(site, work, rung);
        if full || plan.places.lost(work, rung).is_some() {
            passed = passed.or(to);
            continue;
        }
        let (_, hook) = rung_of(site, work, rung);
        let (start, found, needs) = if skipped(site, plan.book.mode, hook) {
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
            passed,
        };
        last = Some((slot, found, hook));
        if deadline.is_none_or(|deadline| slot.finish <= deadline) {
            break;
        }
    }
    last
}

/// The rung that a workload is prepared for: the best one for which there is room, whatever the time.
pub(crate) fn aims(site: &Site, plan: &Plan) -> Vec<u8> {
    let (mut room, mut aims) = (Room::left(site, plan), alloc::vec![0; site.workloads.len()]);
    for &work in &plan.queue {
        let (state, units) = (&plan.book.works[work.at()], site.workloads[work.at()].room);
        if state.stage != Stage::Waiting {
            aims[work.at()] = state.rung;
            continue;
        }
        let goes = |rung: &u8| plan.places.lost(work, *rung).is_none() && room.has(plan.places.at(work, *rung), units);
        let last = site.workloads[work.at()].rungs.len().saturating_sub(1) as u8;
        let aim = open_rungs(site, &plan.book, work).find(goes).unwrap_or(last);
        room.take(plan.places.at(work, aim), units);
        aims[work.at()] = aim;
    }
    aims
}

/// Whether a hook is not called at all: the site is disarmed and it takes no drills.
pub(crate) fn skipped(site: &Site, mode: Mode, hook: HookIx) -> bool {
    mode == Mode::Drill && !site.hooks[hook.at()].accepts_drill
}

/// Rungs from the present one down: what is above it has been tried, or was given up.
pub(crate) fn open_rungs(site: &Site, book: &Book, work: WorkloadIx) -> impl Iterator<Item = u8> + use<> {
    book.works[work.at()].rung..site.workloads[work.at()].rungs.len() as u8
}

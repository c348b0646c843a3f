//! A better plan where the plain one leaves something behind: another order of work, or a lower rung for somebody who stands in
//! the way of others.
//!
//! The plain plan takes workloads by tier and the longest way first, each by the highest rung that fits. Where everything fits, it
//! is left alone. Where it does not, small changes are tried one after the other, and one that saves more is kept.

use alloc::vec::Vec;

use super::{
    Plan, Scope, Stage,
    schedule::{self, Slot},
};
use crate::{Millis, RungKind, Site, WorkloadIx};

/// Changes tried for one plan.
const MOST_TRIED: usize = 64;

/// The same times workloads: a large site is planned within its time, with fewer changes tried.
const MOST_PLACED: usize = 8_192;

/// In which order workloads are placed, and which of their rungs are passed over.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) order: Vec<WorkloadIx>,
    /// By workload: the best rung that it may take.
    pub(super) from: Vec<u8>,
}

/// One change.
#[derive(Clone, Copy)]
enum Change {
    /// It goes first, behind what it waits for.
    First(WorkloadIx),
    /// It goes last.
    Last(WorkloadIx),
    /// It takes a lower rung than this.
    Below(WorkloadIx, u8),
}

/// The best plan that was found.
pub(super) fn slots(site: &Site, plan: &Plan, now: Millis, scope: &Scope) -> Vec<Slot> {
    let begins = |w: &WorkloadIx| plan.book.works[w.at()].stage == Stage::Waiting && !scope.waits.contains(w);
    let mut draft = Draft {
        order: plan.queue.iter().copied().filter(begins).collect(),
        from: alloc::vec![0; site.workloads.len()],
    };
    let mut slots = schedule::lay(site, plan, now, scope, &draft);
    if nothing_to_gain(site, plan, scope, (&draft, &slots)) {
        return slots;
    }
    let (mut left, mut saved) = (
        MOST_TRIED.min(MOST_PLACED / draft.order.len().max(1)),
        worth(site, scope, &slots),
    );
    while let Some((better, laid, more)) = improve((site, plan, now, scope), (&draft, &slots, saved), &mut left) {
        (draft, slots, saved) = (better, laid, more);
    }
    slots
}

type World<'a> = (&'a Site, &'a Plan, Millis, &'a Scope);

/// The first change that saves more.
fn improve(
    (site, plan, now, scope): World<'_>,
    (draft, slots, saved): (&Draft, &[Slot], u64),
    left: &mut usize,
) -> Option<(Draft, Vec<Slot>, u64)> {
    for change in changes(site, scope, slots) {
        if *left == 0 {
            return None;
        }
        *left -= 1;
        let tried = draft.with(site, change);
        let laid = schedule::lay(site, plan, now, scope, &tried);
        let worth = worth(site, scope, &laid);
        if worth > saved {
            return Some((tried, laid, worth));
        }
    }
    None
}

/// Everything takes the best rung it may, and in time.
fn nothing_to_gain(site: &Site, plan: &Plan, scope: &Scope, (draft, slots): (&Draft, &[Slot])) -> bool {
    let best = |slot: &Slot| {
        let mut open = schedule::open_rungs(site, &plan.book, slot.work);
        let may = |rung: &u8| plan.places.lost(slot.work, *rung).is_none();
        let only_last = scope.last_only.contains(&slot.work);
        in_time(scope, slot) && (only_last || open.find(may) == Some(slot.rung))
    };
    slots.len() == draft.order.len() && slots.iter().all(best)
}

fn in_time(scope: &Scope, slot: &Slot) -> bool {
    scope.end(slot.work).is_none_or(|end| slot.finish <= end)
}

/// What a plan saves in time: a workload of one tier weighs as much as three of the next, and going on weighs more than being
/// stopped cleanly.
fn worth(site: &Site, scope: &Scope, slots: &[Slot]) -> u64 {
    let of = |slot: &Slot| {
        let workload = &site.workloads[slot.work.at()];
        let tier = 3u64.pow(u32::from(TIERS.saturating_sub(workload.tier)));
        let rung = match workload.rungs[usize::from(slot.rung)].kind {
            RungKind::Move => 10,
            RungKind::Failover => 7,
            RungKind::Stop => 3,
        };
        tier * rung
    };
    slots.iter().filter(|slot| in_time(scope, slot)).map(of).sum()
}

/// Tiers from this one on weigh the same.
const TIERS: u8 = 5;

/// Changes that may help: whoever is too late, or by less than its best rung, goes first; whoever is too late anyway goes last;
/// and from the last of the queue on, each takes a lower rung.
fn changes(site: &Site, scope: &Scope, slots: &[Slot]) -> Vec<Change> {
    let late = || slots.iter().filter(|slot| !in_time(scope, slot)).map(|slot| slot.work);
    let low = slots
        .iter()
        .filter(|slot| in_time(scope, slot) && slot.rung > 0)
        .map(|slot| slot.work);
    let last = |slot: &Slot| super::is_last(site, slot.work, slot.rung);
    // A registry that is stopped is of no use to those that wait for it: it is never given up for their sake.
    let needed = |slot: &Slot| {
        slots
            .iter()
            .any(|s| site.workloads[s.work.at()].after.contains(&slot.work))
    };
    let stops = |slot: &Slot| {
        let below = site.workloads[slot.work.at()].rungs.get(usize::from(slot.rung) + 1);
        below.is_some_and(|rung| rung.kind == RungKind::Stop)
    };
    let lower = slots
        .iter()
        .rev()
        .filter(|slot| !(last(slot) || stops(slot) && needed(slot)));
    let lower = lower.map(|slot| Change::Below(slot.work, slot.rung));
    let firsts = late().chain(low).map(Change::First);
    late().map(Change::Last).chain(firsts).chain(lower).collect()
}

impl Draft {
    fn with(&self, site: &Site, change: Change) -> Self {
        let mut draft = self.clone();
        match change {
            Change::Below(work, rung) => draft.from[work.at()] = rung + 1,
            Change::First(work) => draft.first(site, work),
            Change::Last(work) => draft.last(site, work),
        }
        draft
    }

    /// Nothing is placed before what it waits for: that comes along.
    fn first(&mut self, site: &Site, work: WorkloadIx) {
        let mut along = alloc::vec![false; site.workloads.len()];
        along[work.at()] = true;
        for before in self.order.iter().rev() {
            if along[before.at()] {
                site.workloads[before.at()]
                    .after
                    .iter()
                    .for_each(|d| along[d.at()] = true);
            }
        }
        self.split(&along);
    }

    /// What waits for it goes last with it.
    fn last(&mut self, site: &Site, work: WorkloadIx) {
        let mut stays = alloc::vec![true; site.workloads.len()];
        stays[work.at()] = false;
        for behind in &self.order {
            if site.workloads[behind.at()].after.iter().any(|d| !stays[d.at()]) {
                stays[behind.at()] = false;
            }
        }
        self.split(&stays);
    }

    fn split(&mut self, first: &[bool]) {
        self.order.sort_by_key(|w| !first[w.at()]);
    }
}

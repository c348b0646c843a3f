//! Whether a book that was read from a recording belongs to its site, and its indices to its steps.

use alloc::{collections::BTreeSet, string::String};

use super::Book;
use crate::{Site, plan::Step, state::in_reach};

impl Book {
    /// The first thing that cannot be, if there is one.
    pub(in crate::plan) fn flaw(&self, site: &Site) -> Option<String> {
        if self.works.len() != site.workloads.len() || self.busy.len() != site.hooks.len() {
            return Some("its book is not of its site".into());
        }
        let rungs = |work: usize| site.workloads[work].rungs.len();
        let mut works = self.works.iter().enumerate();
        if !works.all(|(i, w)| usize::from(w.rung) < rungs(i) && w.safe_at.is_none_or(in_reach)) {
            return Some("a workload stands on a rung that it does not have".into());
        }
        let fits = |s: &Step| s.work.at() < site.workloads.len() && usize::from(s.rung) < rungs(s.work.at());
        if !self.steps.iter().all(|s| fits(s) && s.sane()) {
            return Some("a step is of no workload, or at no time".into());
        }
        (!self.in_order(site)).then(|| "its steps are not where its book says".into())
    }

    /// Whether every index of the book says of the steps what is true of them.
    fn in_order(&self, site: &Site) -> bool {
        let named = |(i, step): (usize, &Step)| self.find(&step.id) == Some(i);
        let going = |(i, step): (usize, &Step)| step.ended().is_none().then_some(i as u32);
        let live: BTreeSet<u32> = self.steps.iter().enumerate().filter_map(going).collect();
        let mut busy = alloc::vec![0; site.hooks.len()];
        for hook in self.steps.iter().filter_map(|step| self.lane_of(site, step)) {
            busy[hook.at()] += 1;
        }
        self.by_id.len() == self.steps.len()
            && self.steps.iter().enumerate().all(named)
            && live == self.live
            && self.live_of.values().all(|i| live.contains(i))
            && busy == self.busy
    }
}

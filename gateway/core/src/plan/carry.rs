//! Workloads and steps under one config, under the next.

use super::{Book, Plan, Step};
use crate::{Millis, Rung, Site, Workload, moved::Moved};

/// Whether two configs save a workload in the same ways, by the same hooks. How long it takes may differ.
pub(crate) fn same_ladder((was_in, was): (&Site, &Workload), (is_in, is): (&Site, &Workload)) -> bool {
    let same = |(a, b): (&Rung, &Rung)| {
        let (x, y) = (&was_in.hooks[a.hook.at()], &is_in.hooks[b.hook.at()]);
        (a.kind, &a.to, &x.id, x.accepts_drill) == (b.kind, &b.to, &y.id, y.accepts_drill)
    };
    was.rungs.len() == is.rungs.len() && was.rungs.iter().zip(&is.rungs).all(same)
}

impl Plan {
    /// Takes over what was begun.
    pub(crate) fn take_over(&mut self, (old, was): (Self, &Site), (site, now): (&Site, Millis), moved: &Moved) {
        self.book = old.book.under(was, site, moved);
        self.other = old.other.under(was, site, moved);
        self.know(site, old.lessons);
        self.places.take_over(old.places);
        self.away = old.away;
        self.remember(site, now);
        (self.intents, self.cordon_since) = (old.intents, old.cordon_since);
        (self.deadline, self.unstored, self.wake) = (old.deadline, old.unstored, old.wake);
    }
}

impl Book {
    /// A workload with another ladder begins anew: its steps were steps of the old one.
    fn under(self, was: &Site, site: &Site, moved: &Moved) -> Self {
        let mut book = Self::new(site, self.mode);
        let place = |work: crate::WorkloadIx| {
            let before = &was.workloads[work.at()];
            let same = |ix: &crate::WorkloadIx| same_ladder((was, before), (site, &site.workloads[ix.at()]));
            moved.workload(work).filter(same)
        };
        for (work, state) in (0u16..).map(crate::WorkloadIx).zip(self.works) {
            if let Some(work) = place(work) {
                book.works[work.at()] = state;
            }
        }
        for step in self.steps {
            if let Some(work) = place(step.work) {
                book.insert(site, Step { work, ..step });
            }
        }
        book
    }
}

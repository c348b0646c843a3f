//! Whether a state that was read from a recording belongs to its site: what the code relies on without looking.

use alloc::string::String;

use super::{Doing, Plan, Step};
use crate::{Millis, Site, state::in_reach};

impl Plan {
    /// The first thing that cannot be, if there is one.
    pub(crate) fn flaw(&self, site: &Site) -> Option<String> {
        let fresh = Self::new(site);
        if (&self.queue, &self.by_id, &self.racks) != (&fresh.queue, &fresh.by_id, &fresh.racks)
            || !self.scope.fits(site)
        {
            return Some("its workloads are not those of its site".into());
        }
        let times = [Some(self.cordon_since), self.deadline, self.wake];
        if !times.into_iter().flatten().chain(self.scope.times()).all(in_reach) {
            return Some("a time of its plan cannot be".into());
        }
        if !self.times.is_empty() && self.times != super::Times::of(site, &self.lessons) {
            return Some("its times are not those that it has learned".into());
        }
        if !self.places.unknown() && !self.places.fit(site) {
            return Some("its destinations are not those of its site".into());
        }
        self.book.flaw(site).or_else(|| self.other.flaw(site))
    }
}

impl Step {
    pub(super) fn sane(&self) -> bool {
        let when: Millis = match self.doing {
            Doing::Intent { release_at: at } | Doing::Called { since: at } => at,
            Doing::Accepted { heard: at } | Doing::Backoff { until: at } | Doing::Ended { at, .. } => at,
        };
        in_reach(when) && in_reach(self.begun)
    }
}

//! Whether a state that was read from a recording belongs to its site: what the code relies on without looking.

use alloc::string::String;

use super::{Policy, Subject};
use crate::{Millis, Site, state::in_reach};

impl Policy {
    /// The first thing that cannot be, if there is one.
    pub(crate) fn flaw(&self, site: &Site) -> Option<String> {
        let voters = self.votes.keys();
        let known = voters
            .into_iter()
            .all(|(z, g)| z.at() < site.zones.len() && g.at() < site.groups.len());
        if !known || self.zones.len() != site.zones.len() {
            return Some("its votes or zones are not those of its site".into());
        }
        let subject = |subject: &Subject| match subject {
            Subject::Source(ix) => ix.at() < site.sources.len(),
            Subject::Channel(ix) => ix.at() < site.channels.len(),
        };
        if !self.troubles.keys().all(subject) {
            return Some("a trouble is of nothing in its site".into());
        }
        if !self.pending.values().all(|p| p.by.at() < site.principals.len()) {
            return Some("an order is of nobody in its site".into());
        }
        (!self.times().all(in_reach)).then(|| "a time of a vote, an order or its incident cannot be".into())
    }

    fn times(&self) -> impl Iterator<Item = Millis> + '_ {
        let incident = self.incident.iter().flat_map(|i| {
            let later = [i.sign, i.evacuate_begun, i.closed].into_iter().flatten();
            later.chain([i.opened])
        });
        let votes = self.votes.values().map(|v| v.onset);
        let orders = self.pending.values().map(|p| p.at);
        votes
            .chain(orders)
            .chain(incident)
            .chain(self.cut)
            .chain(self.hold_until)
    }
}

//! Whether a state that was read from a recording belongs to its site: what the code relies on without looking.

use alloc::string::String;

use super::{Dying, Policy, Subject};
use crate::{GroupIx, Millis, Site, Target, ZoneIx, state::in_reach};

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
        if !self.doubts_known(site) {
            return Some("a bypass or an abort window is of nothing in its site".into());
        }
        (!self.times().all(in_reach)).then(|| "a time of a vote, an order or its incident cannot be".into())
    }

    fn doubts_known(&self, site: &Site) -> bool {
        let (zones, channels) = (site.zones.len(), site.channels.len());
        let target = |t: &Target| match t {
            Target::Zone(ix) => ix.at() < zones,
            Target::Source(ix) => ix.at() < site.sources.len(),
            Target::Channel(ix) => ix.at() < channels,
        };
        let dying = |((z, g), d): (&(ZoneIx, GroupIx), &Dying)| {
            z.at() < zones && g.at() < site.groups.len() && d.channel.at() < channels
        };
        let mut dead = self.votes.values().filter_map(|v| v.dead);
        dead.all(|c| c.at() < channels)
            && self.bypasses.keys().all(target)
            && self.withheld.iter().all(|c| c.at() < channels)
            && self.windows.keys().all(|z| z.at() < zones)
            && self.dying.iter().all(dying)
    }

    fn times(&self) -> impl Iterator<Item = Millis> + '_ {
        let incident = self.incident.iter().flat_map(|i| {
            let later = [i.sign, i.evacuate_begun, i.closed].into_iter().flatten();
            later.chain([i.opened])
        });
        let votes = self.votes.values().flat_map(|v| [v.onset, v.alarmed_at]);
        let bypasses = self.bypasses.values().flat_map(|b| [b.since, b.until]);
        let windows = self.windows.values().flat_map(|w| [w.opened, w.until]);
        let dying = self.dying.values().flat_map(|d| [d.good_at, d.alarmed_at]);
        let stood_down = self.zones.iter().filter_map(|z| z.stood_down);
        let orders = self.pending.values().map(|p| p.at);
        votes
            .chain(orders)
            .chain(bypasses)
            .chain(windows)
            .chain(dying)
            .chain(stood_down)
            .chain(incident)
            .chain(self.cut)
            .chain(self.hold_until)
            .chain(self.power_wake)
            .chain(self.power.iter().filter_map(|p| p.mains_since))
            .chain(self.hosts_off.values().map(|(at, _)| *at))
    }
}

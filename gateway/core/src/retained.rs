//! Zones and groups that the config does not name any more, kept behind its own as long as a latched vote is theirs: an
//! edited config must not make a vote fall, neither while we run nor across a restart.

use alloc::{sync::Arc, vec::Vec};

use crate::{Group, GroupIx, Site, State, Target, Zone, ZoneIx, policy::ZoneState};

/// Zones and groups a site may have.
const MOST: usize = u16::MAX as usize;

/// How many of a site's zones and groups the config names itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Named {
    zones: usize,
    groups: usize,
}

impl Named {
    pub(crate) fn all_of(site: &Site) -> Self {
        Self {
            zones: site.zones.len(),
            groups: site.groups.len(),
        }
    }
}

impl Named {
    /// Whether a site could have so many of its own.
    pub(crate) fn fits(self, site: &Site) -> bool {
        self.zones <= site.zones.len() && self.groups <= site.groups.len()
    }
}

impl State {
    /// The places of a zone and a group; made if the config does not know them. None: there is no room for more.
    pub(crate) fn keep(&mut self, zone: &str, group: &str) -> Option<(ZoneIx, GroupIx)> {
        let known = self.site.zones.iter().position(|z| z.id == zone);
        let zone = known.or_else(|| self.keep_zone(zone))?;
        let known = self.site.groups.iter().position(|g| g.id == group);
        let group = known.or_else(|| self.keep_group(group))?;
        Some((ZoneIx(zone as u16), GroupIx(group as u16)))
    }

    fn keep_zone(&mut self, id: &str) -> Option<usize> {
        let at = self.site.zones.len();
        if at >= MOST {
            return None;
        }
        let (id, adjacent) = (id.into(), Vec::new());
        Arc::make_mut(&mut self.site).zones.push(Zone { id, adjacent });
        self.policy.zones.push(ZoneState::default());
        self.detect.tally.add_zone();
        Some(at)
    }

    fn keep_group(&mut self, id: &str) -> Option<usize> {
        let at = self.site.groups.len();
        if at >= MOST {
            return None;
        }
        Arc::make_mut(&mut self.site).groups.push(Group { id: id.into() });
        Some(at)
    }

    /// Their votes are gone: so are they.
    pub(crate) fn forget_retained(&mut self) {
        let Named { zones, groups } = self.named;
        if self.named == Named::all_of(&self.site) {
            return;
        }
        let site = Arc::make_mut(&mut self.site);
        site.zones.truncate(zones);
        site.groups.truncate(groups);
        self.policy.zones.truncate(zones);
        self.policy
            .bypasses
            .retain(|t, _| !matches!(t, Target::Zone(z) if z.at() >= zones));
        self.detect.at_work.retain(|z| z.at() < zones);
        self.detect.tally.truncate_zones(zones);
    }

    /// Whether a config is the one in force, as far as the decision goes.
    pub(crate) fn is_configured_as(&self, site: &Site) -> bool {
        if self.named == Named::all_of(&self.site) {
            return *self.site == *site;
        }
        let mut own = Site::clone(&self.site);
        own.zones.truncate(self.named.zones);
        own.groups.truncate(self.named.groups);
        own == *site
    }
}

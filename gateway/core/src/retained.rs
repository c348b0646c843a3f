//! Zones and groups that the config does not name any more, kept behind its own as long as a latched vote is theirs: an
//! edited config must not make a vote fall, neither while we run nor across a restart.

use alloc::{string::String, vec::Vec};

use crate::{Group, GroupIx, Site, State, Zone, ZoneIx, policy::ZoneState};

/// How many of a site's zones and groups the config names itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

impl State {
    /// The places of a zone and a group; made if the config does not know them. None: there is no room for more.
    pub(crate) fn keep(&mut self, zone: &str, group: &str) -> Option<(ZoneIx, GroupIx)> {
        let zones = &mut self.site.zones;
        let zone = zones.iter().position(|z| z.id == zone).unwrap_or_else(|| {
            zones.push(Zone {
                id: zone.into(),
                adjacent: Vec::new(),
            });
            self.policy.zones.push(ZoneState::default());
            self.detect.tally.add_zone();
            zones.len() - 1
        });
        let groups = &mut self.site.groups;
        let group = groups.iter().position(|g| g.id == group).unwrap_or_else(|| {
            groups.push(Group {
                id: String::from(group),
            });
            groups.len() - 1
        });
        Some((ZoneIx(u16::try_from(zone).ok()?), GroupIx(u16::try_from(group).ok()?)))
    }

    /// Their votes are gone: so are they.
    pub(crate) fn forget_retained(&mut self) {
        let Named { zones, groups } = self.named;
        self.site.zones.truncate(zones);
        self.policy.zones.truncate(zones);
        self.detect.tally.truncate_zones(zones);
        self.site.groups.truncate(groups);
    }

    /// Whether a config is the one in force, as far as the decision goes.
    pub(crate) fn is_configured_as(&self, site: &Site) -> bool {
        let mut own = self.site.clone();
        own.zones.truncate(self.named.zones);
        own.groups.truncate(self.named.groups);
        own == *site
    }
}

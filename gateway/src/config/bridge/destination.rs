//! Where workloads may go, as readiness reckons with it.

use std::collections::BTreeMap;

use muster_core::Site;

use super::Amounts;

/// What room is called that a site file gives in units of its owner's choice.
const UNITS: &str = "units of room";

/// Another site that workloads may go to, as `to` of their rungs names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Its id.
    pub id: String,
    /// Room that is kept free there, by its owner's word; a resource that is not named is not counted.
    pub room: Amounts,
}

pub(super) fn of(site: &Site) -> Vec<Destination> {
    let one = |destination: &muster_core::Destination| Destination {
        id: destination.id.clone(),
        room: destination.room.iter().map(|room| units(*room)).collect(),
    };
    site.destinations.iter().map(one).collect()
}

/// What each workload takes where it goes, by its id.
pub(super) fn takes(site: &Site) -> BTreeMap<String, Amounts> {
    let one = |workload: &muster_core::Workload| (workload.id.clone(), Amounts::from([units(workload.room)]));
    site.workloads.iter().map(one).collect()
}

fn units(room: u32) -> (String, u64) {
    (UNITS.into(), room.into())
}

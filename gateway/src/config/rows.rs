//! Every table of the file, read but not yet looked up.

use std::net::SocketAddr;
use std::path::Path;

use super::bridge::{self, BridgeRows};
use super::channel::{self, ChannelRow};
use super::destination::{self, DestinationRow};
use super::drill::{self, DrillRow};
use super::faults::At;
use super::feeds::{self, FeedRow};
use super::hook::{self, HookRow};
use super::mqtt::MqttRow;
use super::notify::{self, PlaceRow};
use super::nut_face::{self, NutRow};
use super::principal::{self, PrincipalRow};
use super::site::{self, SiteRow};
use super::source::{self, SourceRow};
use super::table::Table;
use super::workload::{self, WorkloadRow};
use super::zone::{self, ZoneRow};
use super::{Http, Store, http, mqtt, snmp, store};

/// The file as rows.
pub(super) struct Rows {
    pub(super) site: SiteRow,
    pub(super) mqtt: MqttRow,
    pub(super) http: Http,
    /// Where traps are listened for, and where in the file that stands.
    pub(super) traps: Option<At<SocketAddr>>,
    pub(super) store: Store,
    pub(super) zones: Vec<ZoneRow>,
    pub(super) sources: Vec<SourceRow>,
    pub(super) channels: Vec<ChannelRow>,
    pub(super) feeds: Vec<FeedRow>,
    pub(super) hooks: Vec<HookRow>,
    pub(super) workloads: Vec<WorkloadRow>,
    pub(super) destinations: Vec<DestinationRow>,
    pub(super) principals: Vec<PrincipalRow>,
    pub(super) notify: Vec<PlaceRow>,
    pub(super) bridges: BridgeRows,
    pub(super) drills: Vec<DrillRow>,
    pub(super) nut: Option<NutRow>,
}

/// Reads every table; `folder` is that of the config file.
pub(super) fn read(root: &Table<'_>, folder: &Path) -> Rows {
    let site = site::read(root);
    let simulated = site.simulated;
    let mqtt = mqtt::read(root, folder);
    let proven = mqtt.mqtt.proves_nodes();
    let rows = Rows {
        site,
        mqtt,
        http: http::read(root),
        traps: snmp::traps(root),
        store: store::read(root, folder),
        zones: zone::read(root),
        sources: source::read(root, folder, proven),
        channels: channel::read(root),
        feeds: feeds::read(root),
        hooks: hook::read(root, folder, simulated),
        workloads: workload::read(root),
        destinations: destination::read(root),
        principals: principal::read(root, simulated),
        notify: notify::read(root, folder, simulated),
        bridges: bridge::read(root, folder),
        drills: drill::read(root),
        nut: nut_face::read(root, folder),
    };
    root.finish();
    rows
}

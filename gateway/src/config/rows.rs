//! Every table of the file, read but not yet looked up.

use std::path::Path;

use super::channel::{self, ChannelRow};
use super::hook::{self, HookRow};
use super::principal::{self, PrincipalRow};
use super::site::{self, SiteRow};
use super::source::{self, SourceRow};
use super::table::Table;
use super::workload::{self, WorkloadRow};
use super::zone::{self, ZoneRow};
use super::{Http, Mqtt, Store, http, mqtt, store};

/// The file as rows.
pub(super) struct Rows {
    pub(super) site: SiteRow,
    pub(super) mqtt: Mqtt,
    /// Where the broker is switched off.
    pub(super) mqtt_off: Option<usize>,
    pub(super) http: Http,
    pub(super) store: Store,
    pub(super) zones: Vec<ZoneRow>,
    pub(super) sources: Vec<SourceRow>,
    pub(super) channels: Vec<ChannelRow>,
    pub(super) hooks: Vec<HookRow>,
    pub(super) workloads: Vec<WorkloadRow>,
    pub(super) principals: Vec<PrincipalRow>,
}

/// Reads every table; `folder` is that of the config file.
pub(super) fn read(root: &Table<'_>, folder: &Path) -> Rows {
    let site = site::read(root);
    let simulated = site.simulated;
    let (mqtt, mqtt_off) = mqtt::read(root);
    let rows = Rows {
        site,
        mqtt,
        mqtt_off,
        http: http::read(root),
        store: store::read(root, folder),
        zones: zone::read(root),
        sources: source::read(root, folder),
        channels: channel::read(root),
        hooks: hook::read(root, folder, simulated),
        workloads: workload::read(root),
        principals: principal::read(root, simulated),
    };
    root.finish();
    rows
}

//! Which port a device shares with others: what is wrong there is wrong for all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::sources::polls::Shown;

/// A serial line, or an address at which several devices are polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct Bus {
    /// As the config names it.
    pub(in crate::api) port: String,
    /// Ids of all devices on it, in order.
    pub(in crate::api) devices: Vec<String>,
}

impl Bus {
    /// The others on it.
    pub(in crate::api) fn beside<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a str> {
        self.devices
            .iter()
            .map(String::as_str)
            .filter(move |other| *other != id)
    }
}

/// Ports with more than one device, and serial lines, by kind and address.
pub(super) fn all<'a>(
    polled: impl Iterator<Item = (&'a str, &'a Shown)>,
) -> BTreeMap<(&'static str, String), Arc<Bus>> {
    let mut ports: BTreeMap<(&'static str, String), (bool, Vec<String>)> = BTreeMap::new();
    for (id, shown) in polled {
        let port = ports.entry((shown.kind, shown.port.clone())).or_default();
        port.0 |= shown.is_line;
        port.1.push(id.to_owned());
    }
    let bus = |((kind, port), (is_line, devices)): ((&'static str, String), (bool, Vec<String>))| {
        let is_bus = is_line || devices.len() > 1;
        let at = (kind, port.clone());
        is_bus.then(|| (at, Arc::new(Bus { port, devices })))
    };
    ports.into_iter().filter_map(bus).collect()
}

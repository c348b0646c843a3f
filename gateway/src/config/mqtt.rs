//! `[mqtt]`.

use std::net::{Ipv4Addr, SocketAddr};

use super::Mqtt;
use super::faults::{At, quoted};
use super::table::Table;

/// Clients at a time if the file does not say.
const MAX_CLIENTS: i64 = 200;

/// Reads it; without it the broker listens on loopback. The place is that of `listen = false`.
pub(super) fn read(root: &Table<'_>) -> (Mqtt, Option<usize>) {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, 1883));
    let Some(table) = root.table("mqtt", "[mqtt]") else {
        return (
            Mqtt {
                listen: Some(usual),
                max_clients: MAX_CLIENTS as usize,
            },
            None,
        );
    };
    let off = table.is_false("listen");
    let listen = if off.is_some() {
        None
    } else {
        Some(listen(&table, usual))
    };
    let max_clients = table
        .integer("max_clients", 1..=10_000)
        .map_or(MAX_CLIENTS, |n| n.value) as usize;
    table.finish();
    (Mqtt { listen, max_clients }, off)
}

fn listen(table: &Table<'_>, usual: SocketAddr) -> SocketAddr {
    let Some(address) = listen_address(table) else {
        return usual;
    };
    if !address.value.ip().to_canonical().is_loopback() {
        let what = format!(
            "nodes are heard on {} without TLS: anybody on that network can speak for them",
            address.value
        );
        table.faults.warning(
            address.at,
            what,
            "keep it on a network of its own; mutual TLS comes in a later version",
        );
    }
    address.value
}

/// An IP address and a port under `listen`, of any table.
pub(super) fn listen_address(table: &Table<'_>) -> Option<At<SocketAddr>> {
    let text = table.text("listen")?;
    let address = text.value.parse().ok();
    if address.is_none() {
        let what = format!("{} is not an address to listen on", quoted(&text.value));
        table.faults.error(
            text.at,
            what,
            "an IP address and a port, such as \"127.0.0.1:1883\" or \"[::1]:1883\"",
        );
    }
    address.map(|a| At::new(a, text.at))
}

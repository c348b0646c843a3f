//! `[[hook]]` of the kind `libvirt`: hypervisors by their URIs, spoken to through `virsh`.

use std::time::Duration;

use super::faults::{At, quoted};
use super::hook::Reached;
use super::places::{self, Kind};
use super::table::Table;
use super::{HookWay, LibvirtTarget, StopBy, hook_exec, hook_url};

const VIRSH: &str = "/usr/bin/virsh";
/// What a guest gets to shut down if the file does not say. Seconds.
const STOP_S: i64 = 60;

/// What a URI may be made of: it is an argument, and part of it goes to ssh.
const PLAIN: &str = "-_.:/@=+?&[]%";
/// Parameters by which a URI would start a program of its own, or believe everybody.
const TRAPS: [&str; 4] = ["command=", "netcat=", "no_verify=", "proxy="];

const HYPERVISORS: Kind = Kind {
    noun: "hypervisor",
    example: "qemu+ssh://kvm-1/system",
    check: check_uri,
};

/// Reads and checks it.
pub(super) fn read(table: &Table<'_>) -> Option<Reached> {
    // Known before the lists are read, which say why an address may not be called.
    let _ = table.flag("allow_loopback", false);
    let places = places::read(table, &HYPERVISORS);
    let virsh = table.text("virsh").unwrap_or_else(|| At::new(VIRSH.into(), table.at));
    hook_exec::check_program(table, &virsh);
    let stop_by = table.choice(
        "stop_by",
        &[("shutdown", StopBy::Shutdown), ("managedsave", StopBy::ManagedSave)],
    );
    let stop = table.seconds("stop_timeout_s", 1..=3_600);
    Some(Reached {
        place: table.place("racks").unwrap_or(table.at),
        elsewhere: false,
        way: HookWay::Libvirt(Box::new(LibvirtTarget {
            virsh: virsh.value.into(),
            places,
            copy_storage: table.flag("copy_storage", false),
            stop_by: stop_by.map_or(StopBy::Shutdown, |by| by.value),
            stop_timeout: Duration::from_millis(stop.map_or(STOP_S * 1_000, |s| s.value).unsigned_abs()),
            allow_destroy: table.flag("allow_destroy", false),
        })),
    })
}

fn check_uri(table: &Table<'_>, uri: &At<String>, _: &str) {
    let text = &uri.value;
    let plain = |c: char| c.is_ascii_alphanumeric() || PLAIN.contains(c);
    let Some((scheme, rest)) = text.split_once("://").filter(|_| text.chars().all(plain)) else {
        let what = format!("{} is not the URI of a hypervisor", quoted(text));
        return table
            .faults
            .error(uri.at, what, "such as \"qemu+ssh://muster@kvm-1/system\"");
    };
    if let Some(trap) = TRAPS.iter().find(|trap| text.contains(**trap)) {
        let what = format!("the URI {} has {}", quoted(text), quoted(trap));
        table
            .faults
            .error(uri.at, what, "remove it: nothing is run, and nobody believed, by a URI");
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = host_of(authority);
    if authority.starts_with('-') || host.starts_with('-') {
        let what = format!("the host of {} begins with a dash", quoted(text));
        return table.faults.error(uri.at, what, "it would be an option of ssh");
    }
    if host.is_empty() {
        return;
    }
    let loopback = table.flag("allow_loopback", false);
    hook_url::check_host("hook", &At::new(host, uri.at), loopback, table.faults);
    if scheme.ends_with("+tcp") {
        let what = format!("{} is neither encrypted nor does it prove who it is", quoted(text));
        table.faults.warning(uri.at, what, "qemu+ssh:// or qemu+tls://");
    }
}

fn host_of(authority: &str) -> &str {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, _)) => v6,
        None => host.split(':').next().unwrap_or_default(),
    }
}

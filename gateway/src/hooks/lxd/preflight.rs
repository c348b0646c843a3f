//! What a cluster says of itself before it is needed. Nothing is changed by asking.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::door::{self, Door};
use super::fault::Fault;
use super::survey::Survey;
use super::words::Instance;
use super::{Inner, cordon};
use crate::config::Placed;
use crate::hooks::preflight::{Answer, Preflight};

/// All questions together.
const LIMIT: Duration = Duration::from_secs(15);

/// Devices that stand in one machine and move with nothing.
const FIXED: [&str; 7] = [
    "gpu",
    "usb",
    "pci",
    "unix-char",
    "unix-block",
    "unix-hotplug",
    "infiniband",
];

pub(super) async fn of(inner: &Inner) -> Preflight {
    let asked = tokio::time::timeout(LIMIT, asked(inner)).await;
    let slow = || Fault::NotYet(format!("not all was answered within {} s", LIMIT.as_secs()));
    asked.unwrap_or_else(|_| Err(slow())).unwrap_or_else(|fault| {
        let answer = match &fault {
            Fault::Untrusted => no(
                &fault,
                "`lxc config trust add muster.crt` on a member, with the file of `cert_file`",
            ),
            _ => no(&fault, "start a member of `urls`, or mend the way to it"),
        };
        Preflight::only_reached(answer, "it was not reached")
    })
}

async fn asked(inner: &Inner) -> Result<Preflight, Fault> {
    let door = door::open(&inner.target.doors, &inner.target.project, &inner.limits).await?;
    let door = Arc::new(door);
    let all: Vec<Instance> = door.get("/1.0/instances", &[("recursion", "1")]).await?.it;
    let judge = |(workload, placed): (&String, &Placed)| (workload.clone(), judged(inner, placed, &all));
    let survey = Survey::of(inner, &door, &all).await?;
    let destinations = &inner.target.places.destinations;
    Ok(Preflight {
        rights: rights(inner, &door, &all),
        room: survey.room(destinations),
        there: survey.there(&inner.id, destinations),
        workloads: inner.works.iter().map(judge).collect(),
        stock: survey.stock(destinations),
        ..Preflight::only_reached(Answer::Yes { seen: reached(&door) }, "")
    })
}

fn reached(door: &Door) -> String {
    let (is, at) = (&door.server.environment, door.url());
    format!("{} {} at {at}", is.server, is.server_version)
}

/// Running instances in racks of ours that nobody has named.
fn nobodys(inner: &Inner, all: &[Instance]) -> Vec<String> {
    let ours: BTreeSet<&String> = inner.target.places.racks.values().flatten().collect();
    let named: BTreeSet<&str> = inner.works.values().map(|placed| placed.object.as_str()).collect();
    let left = all.iter().filter(|i| !i.is("Stopped") && ours.contains(&i.location));
    left.filter(|i| !named.contains(i.name.as_str()))
        .map(|i| format!("{} on {}", i.name, i.location))
        .collect()
}

fn rights(inner: &Inner, door: &Door, all: &[Instance]) -> Answer {
    if !door.server.environment.server_clustered {
        return no(
            "it is no cluster, so nothing can be moved in it",
            "form a cluster, or use `stop` alone",
        );
    }
    for (extension, what) in [
        ("clustering", "members"),
        ("etag", "fences"),
        (cordon::EXTENSION, "a cordon"),
    ] {
        if !door.server.can(extension) {
            let why = format!("this version has no {what} (API extension `{extension}`)");
            return no(&why, "update it to LXD 5.0 or Incus");
        }
    }
    let mut seen = "it trusts us, and has fences and a cordon".to_owned();
    let nobodys = nobodys(inner, all);
    if !nobodys.is_empty() {
        seen += &format!("; LEFT BEHIND, as no workload names them: {}", nobodys.join(", "));
    }
    Answer::Yes { seen }
}

/// Whether one would go.
fn judged(inner: &Inner, placed: &Placed, all: &[Instance]) -> Answer {
    let name = &placed.object;
    let Some(found) = all.iter().find(|i| i.name == *name) else {
        let why = format!("project {} has no instance {name}", inner.target.project);
        return no(&why, "name it with `object` as `lxc list` has it");
    };
    let members = inner.target.places.racks.get(&placed.rack);
    if !members.is_some_and(|members| members.contains(&found.location)) {
        let why = format!("{name} stands on {}, which is not in {}", found.location, placed.rack);
        return no(&why, "mend `runs_on`, or the hook's `racks`");
    }
    if !found.is("Running") && !found.is("Stopped") {
        let why = format!("{name} is {} on {}", found.status, found.location);
        return no(&why, "see `lxc info` of it and of its member");
    }
    if let Some(device) = fixed(found) {
        let why = format!("{name} has the device {device}, which stays behind");
        return no(&why, "take it out, or have it on every member of the destination");
    }
    let seen = format!("{name} is {} on {}", found.status, found.location);
    Answer::Yes { seen }
}

/// A device that belongs to its machine: hardware, or a folder of the host.
fn fixed(instance: &Instance) -> Option<&str> {
    let of_the_host = |device: &BTreeMap<String, String>| {
        let kind = device.get("type").map_or("", String::as_str);
        let is_folder = || device.get("source").is_some_and(|source| source.starts_with('/'));
        FIXED.contains(&kind) || kind == "disk" && !device.contains_key("pool") && is_folder()
    };
    let mut devices = instance.expanded_devices.iter();
    devices
        .find(|(_, device)| of_the_host(device))
        .map(|(name, _)| name.as_str())
}

fn no(why: impl std::fmt::Display, mend: &str) -> Answer {
    Answer::No {
        why: why.to_string(),
        mend: mend.into(),
    }
}

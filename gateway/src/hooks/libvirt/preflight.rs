//! What hypervisors say of themselves before they are needed. Nothing is changed by asking.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Inner;
use super::fault::Fault;
use super::virsh::{ASK, Virsh};
use crate::config::Placed;
use crate::hooks::preflight::{Answer, Preflight};

/// All questions together.
const LIMIT: Duration = Duration::from_secs(15);

pub(super) async fn of(inner: &Inner) -> Preflight {
    tokio::time::timeout(LIMIT, asked(inner)).await.unwrap_or_else(|_| {
        let why = format!("not all was answered within {} s", LIMIT.as_secs());
        let mend = "see which hypervisor hangs: `virsh -c URI hostname`".into();
        Preflight::only_reached(Answer::No { why, mend }, "not all were reached")
    })
}

async fn asked(inner: &Inner) -> Preflight {
    let reachable = reached(inner).await;
    let rights = match &reachable {
        Answer::Yes { .. } => Answer::Yes {
            seen: "every connection may write".into(),
        },
        _ => Answer::Unknown {
            why: "not all were reached".into(),
        },
    };
    let mut room = BTreeMap::new();
    for (to, uris) in &inner.target.places.destinations {
        room.insert(to.clone(), room_at(inner, uris).await);
    }
    let mut workloads = BTreeMap::new();
    for (workload, placed) in &inner.works {
        workloads.insert(workload.clone(), judged(inner, placed).await);
    }
    Preflight {
        reachable,
        rights,
        room,
        workloads,
    }
}

/// Each by a connection that may write; one that may only look would answer as well.
async fn reached(inner: &Inner) -> Answer {
    let places = &inner.target.places;
    let everybody: BTreeSet<&String> = places
        .racks
        .values()
        .chain(places.destinations.values())
        .flatten()
        .collect();
    let mut silent = Vec::new();
    for uri in &everybody {
        if let Err(fault) = inner.virsh.run(uri, &["hostname"], ASK).await {
            silent.push(format!("{uri}: {fault}"));
        }
    }
    let seen = format!("{} hypervisors answer", everybody.len());
    said(
        &silent,
        seen,
        "start libvirtd there, and let our key in: `virsh -c URI hostname`",
    )
}

async fn room_at(inner: &Inner, uris: &[String]) -> Answer {
    let (mut seen, mut silent) = (Vec::new(), Vec::new());
    for uri in uris {
        match free_kib(&inner.virsh, uri).await {
            Ok(free) => seen.push(format!("{uri} has {} MiB free", free / 1_024)),
            Err(fault) => silent.push(format!("{uri}: {fault}")),
        }
    }
    said(&silent, seen.join(", "), "start it, or take it out of `destinations`")
}

fn said(silent: &[String], seen: String, mend: &str) -> Answer {
    if silent.is_empty() {
        return Answer::Yes { seen };
    }
    Answer::No {
        why: silent.join("; "),
        mend: mend.into(),
    }
}

/// Memory that a hypervisor has free, or can free. KiB.
pub(super) async fn free_kib(virsh: &Virsh, uri: &str) -> Result<u64, Fault> {
    let stats = virsh.run(uri, &["nodememstats"], ASK).await?;
    let of = |name: &str| {
        let line = stats.lines().find(|line| line.trim_start().starts_with(name))?;
        line.split_whitespace().find_map(|word| word.parse::<u64>().ok())
    };
    let free = ["free", "buffers", "cached"].into_iter().filter_map(of).sum();
    if free == 0 {
        return Err(Fault::NotYet(format!("{uri} does not say what memory it has")));
    }
    Ok(free)
}

/// Whether one would go.
async fn judged(inner: &Inner, placed: &Placed) -> Answer {
    let name = placed.object.as_str();
    let no = |why: String, mend: &str| Answer::No { why, mend: mend.into() };
    let homes = inner
        .target
        .places
        .racks
        .get(&placed.rack)
        .map_or(&[][..], Vec::as_slice);
    for uri in homes {
        match inner.virsh.run(uri, &["dumpxml", name], ASK).await {
            Ok(xml) if xml.contains("<hostdev ") => {
                let why = format!("{name} has a device of {uri} itself, which stays behind");
                return no(why, "take it out, or give the workload a rung that stops it alone");
            }
            Ok(_) => {
                return Answer::Yes {
                    seen: format!("{name} is at {uri}"),
                };
            }
            Err(fault) if fault.is_absence() => {}
            Err(fault) => return no(format!("{uri}: {fault}"), "see that its libvirtd answers"),
        }
    }
    no(
        format!("no machine {name} in {}", placed.rack),
        "name it with `object` as `virsh list --all` has it",
    )
}

//! What hypervisors say of themselves before they are needed. Nothing is changed by asking.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::fault::Fault;
use super::virsh::{ASK, Virsh};
use crate::config::Placed;
use crate::hooks::preflight::{Answer, Preflight, There};
use crate::hooks::side_by_side::ask_all;
use crate::hooks::stock::{Amounts, Piece, Stock};

/// All questions together.
const LIMIT: Duration = Duration::from_secs(15);
/// A KiB, in thousandths of a byte.
const KIB: i128 = 1_024_000;

/// What a hypervisor said of itself: what it has free, in KiB.
type Free = BTreeMap<String, Result<u64, Fault>>;

pub(super) async fn of(inner: &Arc<Inner>) -> Preflight {
    tokio::time::timeout(LIMIT, asked(inner)).await.unwrap_or_else(|_| {
        let why = format!("not all was answered within {} s", LIMIT.as_secs());
        let mend = "see which hypervisor hangs: `virsh -c URI hostname`".into();
        Preflight::only_reached(Answer::No { why, mend }, "not all were reached")
    })
}

async fn asked(inner: &Arc<Inner>) -> Preflight {
    let (reachable, free, works) = tokio::join!(reached(inner), free(inner), works(inner));
    let rights = match &reachable {
        Answer::Yes { .. } => Answer::Yes {
            seen: "every connection may write".into(),
        },
        _ => Answer::Unknown {
            why: "not all were reached".into(),
        },
    };
    let destinations = &inner.target.places.destinations;
    let needs = works
        .iter()
        .filter_map(|(id, (_, piece))| Some((id.clone(), vec![piece.clone()?])));
    Preflight {
        rights,
        room: destinations
            .iter()
            .map(|(to, uris)| (to.clone(), room_at(&free, uris)))
            .collect(),
        there: destinations
            .iter()
            .filter_map(|(to, uris)| Some((to.clone(), there(&inner.id, &free, uris)?)))
            .collect(),
        stock: stock(destinations, &free, needs.collect()),
        workloads: works.into_iter().map(|(id, (answer, _))| (id, answer)).collect(),
        ..Preflight::only_reached(reachable, "")
    }
}

/// Each by a connection that may write; one that may only look would answer as well.
async fn reached(inner: &Arc<Inner>) -> Answer {
    let places = &inner.target.places;
    let everybody: BTreeSet<&String> = places
        .racks
        .values()
        .chain(places.destinations.values())
        .flatten()
        .collect();
    let ask = |uri: &&String| {
        let (inner, uri) = (Arc::clone(inner), (*uri).clone());
        async move {
            let answer = inner.virsh.run(&uri, &["hostname"], ASK).await;
            answer.err().map(|fault| format!("{uri}: {fault}"))
        }
    };
    let silent: Vec<String> = ask_all(everybody.iter().map(ask))
        .await
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    let seen = format!("{} hypervisors answer", everybody.len());
    said(
        &silent,
        seen,
        "start libvirtd there, and let our key in: `virsh -c URI hostname`",
    )
}

/// Of every destination.
async fn free(inner: &Arc<Inner>) -> Free {
    let uris: BTreeSet<&String> = inner.target.places.destinations.values().flatten().collect();
    let ask = |uri: &String| {
        let (inner, uri) = (Arc::clone(inner), uri.clone());
        async move {
            let free = free_kib(&inner.virsh, &uri).await;
            (uri, free)
        }
    };
    ask_all(uris.into_iter().map(ask)).await.into_iter().flatten().collect()
}

async fn works(inner: &Arc<Inner>) -> BTreeMap<String, (Answer, Option<Piece>)> {
    let ask = |(id, placed): (&String, &Placed)| {
        let (inner, id, placed) = (Arc::clone(inner), id.clone(), placed.clone());
        async move { (id, judged(&inner, &placed).await) }
    };
    ask_all(inner.works.iter().map(ask))
        .await
        .into_iter()
        .flatten()
        .collect()
}

fn room_at(free: &Free, uris: &[String]) -> Answer {
    let (mut seen, mut silent) = (Vec::new(), Vec::new());
    for uri in uris {
        match free.get(uri) {
            Some(Ok(free)) => seen.push(format!("{uri} has {} MiB free", free / 1_024)),
            Some(Err(fault)) => silent.push(format!("{uri}: {fault}")),
            None => silent.push(format!("{uri}: it was not asked")),
        }
    }
    said(&silent, seen.join(", "), "start it, or take it out of `destinations`")
}

/// One that did not answer in time, or did not let us in, may be there all the same.
fn there(hook: &str, free: &Free, uris: &[String]) -> Option<There> {
    if uris.iter().any(|uri| matches!(free.get(uri), Some(Ok(_)))) {
        return Some(There::Somebody);
    }
    let gone = |uri: &String| match free.get(uri) {
        Some(Err(fault)) if fault.is_refusal() => Some(format!("{uri}: {fault}")),
        _ => None,
    };
    let gone: Vec<String> = uris.iter().filter_map(gone).collect();
    (gone.len() == uris.len()).then(|| There::Nobody {
        why: format!("{hook}: {}", gone.join("; ")),
    })
}

/// A destination of which one hypervisor has not said what it has is not in it: nobody knows what fits there.
fn stock(destinations: &BTreeMap<String, Vec<String>>, free: &Free, needs: BTreeMap<String, Vec<Piece>>) -> Stock {
    let known = |uri: &String| Some((uri.clone(), memory(*free.get(uri)?.as_ref().ok()?)));
    let whole = |uris: &Vec<String>| uris.iter().all(|uri| known(uri).is_some());
    let members = destinations.iter().filter(|(_, uris)| whole(uris));
    Stock {
        members: members
            .map(|(to, uris)| (to.clone(), uris.iter().cloned().collect()))
            .collect(),
        free: free.keys().filter_map(known).collect(),
        needs,
    }
}

fn memory(kib: u64) -> Amounts {
    [("memory".to_owned(), i128::from(kib) * KIB)].into()
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

/// Whether one would go, and what it takes where it goes.
async fn judged(inner: &Inner, placed: &Placed) -> (Answer, Option<Piece>) {
    let name = placed.object.as_str();
    let no = |why: String, mend: &str| (Answer::No { why, mend: mend.into() }, None);
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
            Ok(xml) => {
                let seen = format!("{name} is at {uri}");
                return (Answer::Yes { seen }, piece(&xml));
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

/// The memory that it holds now, as libvirt writes it: always in KiB.
fn piece(xml: &str) -> Option<Piece> {
    let (_, rest) = xml.split_once("<currentMemory unit='KiB'>")?;
    let (kib, _) = rest.split_once('<')?;
    let takes = memory(kib.trim().parse().ok()?);
    Some(Piece { takes, only: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(error: &str) -> Result<u64, Fault> {
        Err(Fault::Said { error: error.into() })
    }

    #[test]
    fn nobody_is_there_only_where_everybody_is_refused() {
        let of = |free: Vec<Result<u64, Fault>>| {
            let uris: Vec<String> = (0..free.len()).map(|n| format!("qemu+ssh://d{n}/system")).collect();
            let free: Free = uris.iter().cloned().zip(free).collect();
            there("virt", &free, &uris)
        };
        let refused = || said("Cannot recv data: ssh: connect to host d0 port 22: Connection refused");
        assert!(matches!(
            of(vec![refused(), said("ssh: No route to host")]),
            Some(There::Nobody { .. })
        ));
        assert_eq!(of(vec![refused(), Ok(1)]), Some(There::Somebody));
        // Silence, and a lock that is not ours, are no absence.
        let slow = Err(Fault::Timeout {
            what: "nodememstats".into(),
            limit: ASK,
        });
        for unknown in [
            slow,
            said("Permission denied (publickey)"),
            said("Network is unreachable"),
        ] {
            assert_eq!(of(vec![refused(), unknown]), None);
        }
    }

    #[test]
    fn memory_is_summed_up_as_libvirt_writes_it() {
        let piece = piece("<memory unit='KiB'>4096</memory>\n<currentMemory unit='KiB'>2048</currentMemory>").unwrap();
        assert_eq!(piece.takes, memory(2_048));
        let two = BTreeMap::from([("a".to_owned(), vec![piece.clone()]), ("b".to_owned(), vec![piece])]);
        let destinations = [("busan".to_owned(), vec!["d1".to_owned()])].into();
        let mut stock = stock(&destinations, &[("d1".to_owned(), Ok(3_000))].into(), two);
        assert_eq!(stock.take("busan", "a"), Ok(()));
        assert!(stock.take("busan", "b").is_err());
    }
}

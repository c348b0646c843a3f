//! Objects of an SNMP agent, at one time, as snmpsim plays them.

use std::collections::BTreeSet;

use muster_profiles::capture::Record;
use muster_profiles::{Device, Oid, Place, SnmpProfile};

use super::discreet::Objects as Discretion;
use super::{Args, LEFT_OUT, Out, Recorded, Trouble, head, interrupted, open, unwritten};
use crate::cli::{exit, profile as profiles};
use crate::sources::snmp::{Walker, meet};

/// Until its trees are at their end, or it is interrupted.
pub(super) async fn record(args: &Args) -> Result<Recorded, Trouble> {
    if args.seconds > 0 {
        let why = "a recording of SNMP is of one moment: leave --for out, and record again into another file";
        return Err((exit::USAGE, why.to_owned()));
    }
    let given = args.profile.as_deref().map(given).transpose()?;
    let login = args.login.read().map_err(|why| (exit::USAGE, why))?;
    let agent = meet(&args.address, &login).await;
    let agent = agent.map_err(|why| (exit::UNREACHABLE, why))?;
    let walker = Walker::open(&args.address, &login).await;
    let mut walker = walker.map_err(|why| (exit::UNREACHABLE, why))?;
    let roots = match &given {
        Some(profile) => without_nested(read_by(profile).map(|oid| above(&oid)).chain([system()])),
        None => without_nested(known().chain(maker(&agent.sys_object_id)).chain([system()])),
    };
    let discretion = Discretion::new(given.iter().chain(&shipped()), args.with_names);
    let mut out = open(args.out.as_deref())?;
    let begin = head(args, "agent") + if args.with_names { "" } else { LEFT_OUT };
    out.write_all(begin.as_bytes()).map_err(|error| unwritten(&error))?;
    walk(&mut walker, &roots, &discretion, &mut out).await
}

/// What is written is whole at whatever moment it is cut off.
async fn walk(walker: &mut Walker, roots: &[Oid], discretion: &Discretion, out: &mut Out) -> Result<Recorded, Trouble> {
    let (mut count, mut broken) = (0, None);
    let each = |oid: Oid, record: Record| {
        count += 1;
        let line = line(&oid, &discretion.keep(&oid, record));
        broken = broken.take().or_else(|| out.write_all(line.as_bytes()).err());
    };
    let cut = tokio::select! {
        walked = walker.walk(roots, each) => walked.err(),
        () = interrupted() => Some("interrupted".to_owned()),
    };
    let ended = broken.map_or_else(|| out.flush(), Err);
    ended.map_err(|error| unwritten(&error))?;
    Ok(Recorded {
        count,
        what: "objects",
        cut,
    })
}

fn given(name: &str) -> Result<SnmpProfile, Trouble> {
    profiles::of_kind(name, "snmp", Device::into_snmp).map_err(|why| (exit::USAGE, why))
}

fn shipped() -> Vec<SnmpProfile> {
    let snmp = |name: &str| muster_profiles::shipped(name)?.into_snmp();
    muster_profiles::shipped_names().filter_map(snmp).collect()
}

/// Every object and column of a profile.
pub(super) fn read_by(profile: &SnmpProfile) -> impl Iterator<Item = Oid> + '_ {
    profile.signals.iter().flat_map(|signal| match &signal.place {
        Place::Object(oid) => vec![oid.clone()],
        Place::Column { column, count, .. } => vec![column.clone(), count.clone()],
    })
}

/// Who it is (RFC 3418).
fn system() -> Oid {
    oid(&[1, 3, 6, 1, 2, 1, 1])
}

/// Makers' own trees are below it.
const ENTERPRISES: [u32; 6] = [1, 3, 6, 1, 4, 1];

/// The UPS-MIB, and what the profiles have in common of each maker's tree.
fn known() -> impl Iterator<Item = Oid> {
    let common = |profile: &SnmpProfile| {
        let own = |oid: &Oid| oid.arcs().starts_with(&ENTERPRISES);
        let all: Vec<Oid> = read_by(profile).map(|oid| above(&oid)).filter(own).collect();
        let first = all.first()?.arcs();
        let same = |n: &usize| all.iter().all(|oid| oid.arcs().get(*n) == first.get(*n));
        Some(oid(&first[..(0..first.len()).take_while(same).count()]))
    };
    let trees: Vec<Oid> = shipped().iter().filter_map(common).collect();
    trees.into_iter().chain([oid(&[1, 3, 6, 1, 2, 1, 33])])
}

/// All that its maker has of its own: that of a device nobody has a profile of yet is worth most.
fn maker(sys_object_id: &Oid) -> Option<Oid> {
    let arcs = sys_object_id.arcs();
    (arcs.len() > ENTERPRISES.len() && arcs.starts_with(&ENTERPRISES)).then(|| oid(&arcs[..=ENTERPRISES.len()]))
}

/// The tree that an instance is in: a walk begins behind its root.
fn above(instance: &Oid) -> Oid {
    oid(instance.arcs().split_last().map_or(&[][..], |(_, above)| above))
}

fn oid(arcs: &[u32]) -> Oid {
    let text: Vec<String> = arcs.iter().map(ToString::to_string).collect();
    text.join(".").parse().unwrap_or_default()
}

/// In order, each tree once.
fn without_nested(roots: impl Iterator<Item = Oid>) -> Vec<Oid> {
    let all: BTreeSet<Oid> = roots.filter(|root| !root.arcs().is_empty()).collect();
    let mut kept: Vec<Oid> = Vec::new();
    for root in all {
        if !kept.last().is_some_and(|last| root.begins_with(last)) {
            kept.push(root);
        }
    }
    kept
}

/// As snmpsim reads it: texts that are plain as they are, everything else that has bytes in hexadecimal.
fn line(oid: &Oid, record: &Record) -> String {
    const TEXT: u8 = 4;
    const BYTES: [u8; 2] = [64, 68];
    let tag = record.tag.unwrap_or_default();
    let plain = |bytes: &[u8]| {
        let inner = bytes.iter().all(|b| (0x20..0x7F).contains(b));
        inner && bytes.first() != Some(&b' ') && bytes.last() != Some(&b' ')
    };
    let hex = BYTES.contains(&tag) || tag == TEXT && !plain(&record.bytes);
    if hex {
        let digits: String = record.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        return format!("{oid}|{tag}x|{digits}\n");
    }
    format!("{oid}|{tag}|{}\n", String::from_utf8_lossy(&record.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_profiles::capture::Capture;

    #[test]
    fn every_tree_is_walked_once_and_in_order() {
        let eaton = "1.3.6.1.4.1.534.1".parse().unwrap();
        let roots = without_nested(known().chain(maker(&eaton)).chain([system()]));
        let text: Vec<String> = roots.iter().map(ToString::to_string).collect();
        assert!(text.contains(&"1.3.6.1.4.1.534".to_owned()), "{text:?}");
        assert!(text.contains(&"1.3.6.1.2.1.33".to_owned()) && text.contains(&"1.3.6.1.2.1.1".to_owned()));
        assert!(
            text.iter().any(|root| root.starts_with("1.3.6.1.4.1.318.1.1")),
            "{text:?}"
        );
        for pair in roots.windows(2) {
            assert!(pair[0] < pair[1] && !pair[1].begins_with(&pair[0]), "{pair:?}");
        }
        assert_eq!(maker(&"1.3.6.1.2.1".parse().unwrap()), None);
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let records = [
            (4, b"plain text".to_vec()),
            (4, b" blank in front".to_vec()),
            (4, vec![0, 255, b'\n']),
            (4, b"a|b".to_vec()),
            (4, Vec::new()),
            (5, Vec::new()),
            (2, b"-1".to_vec()),
            (64, vec![10, 0, 4, 5]),
            (70, b"18446744073709551615".to_vec()),
        ];
        let at = |n: u32| oid(&[1, 3, 6, n]);
        let text: String = (1..)
            .zip(&records)
            .map(|(n, (tag, bytes))| {
                let record = Record {
                    tag: Some(*tag),
                    bytes: bytes.clone(),
                };
                line(&at(n), &record)
            })
            .collect();
        let read = Capture::records(&text).unwrap();
        for (n, (tag, bytes)) in (1..).zip(&records) {
            assert_eq!((read[&at(n)].tag, &read[&at(n)].bytes), (Some(*tag), bytes), "{text}");
        }
    }
}

//! Groups that are not as many as they look: what one supply feeds or one credential opens is one group, and rooms in which
//! everything is of one maker are warned of.

use std::collections::{BTreeMap, BTreeSet};

use super::channels::Lowered;
use super::faults::{At, Faults, quoted};
use super::source::{Kind, SourceRow};
use super::zone::ZoneRow;
use super::{PollWay, SnmpLogin};

/// Checks what can vote; all else may share what it likes.
pub(super) fn check(made: &[Lowered], sources: &[SourceRow], zones: &[ZoneRow], faults: &Faults<'_>) {
    let voters: Vec<&Lowered> = made.iter().filter(|m| m.channel.alarm.is_some()).collect();
    let mut first: BTreeMap<Vec<u8>, &Lowered> = BTreeMap::new();
    let mut told: BTreeSet<(usize, usize)> = BTreeSet::new();
    for voter in &voters {
        let source = &sources[voter.channel.source.at()];
        for Shared { key, what, at } in shared(source) {
            let before = *first.entry(key).or_insert(voter);
            let pair = (before.channel.source.at(), voter.channel.source.at());
            if before.group.value != voter.group.value && told.insert(pair) {
                report((source, &sources[pair.0]), (voter, before), &what, at, faults);
            }
        }
    }
    one_maker(&voters, sources, zones, faults);
}

fn report(
    (source, other): (&SourceRow, &SourceRow),
    (voter, before): (&Lowered, &Lowered),
    what: &str,
    at: usize,
    faults: &Faults<'_>,
) {
    let line = format!(
        "{} and {} share the {what}, but are the groups {} and {}",
        quoted(&source.id.value),
        quoted(&other.id.value),
        quoted(&voter.group.value),
        quoted(&before.group.value)
    );
    faults.error(
        at,
        line,
        "one fault or one thief takes both, so they have one vote: give them the same `group`, or separate them",
    );
}

/// What of a source may be somebody else's as well.
struct Shared {
    /// Never shown: it may hold a secret.
    key: Vec<u8>,
    /// For people.
    what: String,
    at: usize,
}

fn shared(source: &SourceRow) -> Vec<Shared> {
    let named = |word: &str, name: &At<String>| {
        let what = format!("{word} {}", quoted(&name.value));
        Shared {
            key: what.clone().into_bytes(),
            what,
            at: name.at,
        }
    };
    let supply = source.supply.as_ref().map(|s| named("supply", s));
    let credential = match &source.kind {
        Kind::Sensor(sensor) => sensor.client.as_ref().map(|c| named("MQTT client", c)),
        Kind::Polled(polled) => match &polled.way {
            Some(PollWay::Snmp(way)) => Some(login(&way.login, source.at)),
            _ => None,
        },
        Kind::Node { .. } | Kind::Unknown => None,
    };
    supply.into_iter().chain(credential).collect()
}

fn login(login: &SnmpLogin, at: usize) -> Shared {
    let (key, what) = match login {
        SnmpLogin::Community(word) => ([b"v2c ", &*word.0].concat(), "SNMP community".to_owned()),
        SnmpLogin::User(user) => {
            let key = [b"v3 ", user.name.as_bytes(), b" ", &user.auth_password.0].concat();
            (key, format!("SNMP user {} and its password", quoted(&user.name)))
        }
    };
    Shared { key, what, at }
}

/// A room whose groups all run one maker's firmware has one fault in common that no group label shows.
fn one_maker(voters: &[&Lowered], sources: &[SourceRow], zones: &[ZoneRow], faults: &Faults<'_>) {
    let mut rooms: BTreeMap<usize, (BTreeSet<&str>, BTreeSet<String>)> = BTreeMap::new();
    for voter in voters {
        let (groups, makers) = rooms.entry(voter.channel.zone.at()).or_default();
        groups.insert(&voter.group.value);
        makers.insert(maker(&sources[voter.channel.source.at()]));
    }
    for (zone, (groups, makers)) in rooms {
        let (Some(row), Some(maker)) = (zones.get(zone), makers.first()) else {
            continue;
        };
        if groups.len() > 1 && makers.len() == 1 {
            let what = format!(
                "all {} groups in zone {} are {maker}",
                groups.len(),
                quoted(&row.id.value)
            );
            let hint =
                "one bug of that firmware could take or fake them all: let a detector of another maker vote there";
            faults.warning(row.id.at, what, hint);
        }
    }
}

fn maker(source: &SourceRow) -> String {
    // Whose it is nobody has said.
    let nobody = || format!("source {}", source.id.value);
    match &source.kind {
        Kind::Node { .. } => "nodes with one firmware".to_owned(),
        Kind::Polled(polled) => {
            let vendor = polled.profile.as_ref().map(|p| p.head().vendor.as_str());
            let known = vendor.filter(|vendor| !matches!(*vendor, "generic" | "nut"));
            known.map_or_else(nobody, |vendor| format!("devices of one maker, {vendor}"))
        }
        Kind::Sensor(_) | Kind::Unknown => nobody(),
    }
}

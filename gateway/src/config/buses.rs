//! Rules of Modbus devices that share a port: one line has one setting, a unit is read once, and a line carries only so
//! much.

use std::collections::BTreeMap;

use super::faults::{Faults, quoted};
use super::polled::{ModbusWay, Polled};
use super::source::{Kind, SourceRow};
use crate::sources::modbus::line_time;

/// Beyond this share of a line's time a warning is due: what devices need themselves before they answer is not in it.
const FULL_PERCENT: u128 = 70;

/// One device of a bus.
struct Member<'a> {
    polled: &'a Polled,
    way: &'a ModbusWay,
    /// Where its address stands in the file.
    at: usize,
}

/// Checks every port that more than one device is on, and every line.
pub(super) fn check(polled: &[Polled], rows: &[SourceRow], faults: &Faults<'_>) {
    let mut buses: BTreeMap<String, Vec<Member<'_>>> = BTreeMap::new();
    for polled in polled {
        let Some((way, row)) = polled.modbus().zip(rows.get(polled.source.at())) else {
            continue;
        };
        let at = address_at(row);
        buses
            .entry(way.port.bus())
            .or_default()
            .push(Member { polled, way, at });
    }
    for members in buses.values() {
        check_settings(members, faults);
        check_units(members, faults);
        check_load(members, faults);
    }
}

fn address_at(row: &SourceRow) -> usize {
    match &row.kind {
        Kind::Polled(polled) => polled.address.as_ref().map_or(row.at, |address| address.at),
        _ => row.at,
    }
}

fn check_settings(members: &[Member<'_>], faults: &Faults<'_>) {
    let Some((first, others)) = members.split_first() else {
        return;
    };
    for other in others.iter().filter(|other| other.way.port != first.way.port) {
        let what = format!(
            "{} is {} here, and {} for {}",
            other.way.port,
            other.way.port.settings(),
            first.way.port.settings(),
            quoted(&first.polled.id)
        );
        let hint = "one line has one setting: say the same `baud`, `parity` and `stop_bits` for all its devices";
        faults.error(other.at, what, hint);
    }
}

fn check_units(members: &[Member<'_>], faults: &Faults<'_>) {
    let mut seen: BTreeMap<(u8, String), &str> = BTreeMap::new();
    for member in members {
        let (unit, profile) = (member.way.unit, member.way.profile.name());
        if let Some(first) = seen.insert((unit, profile.clone()), &member.polled.id) {
            let what = format!(
                "unit {unit} of {} is read by {} already, with the same profile {profile}",
                member.way.port,
                quoted(first)
            );
            let hint = "give it its own `unit`, as it is set on the device; or remove one of the two";
            faults.error(member.at, what, hint);
        }
    }
}

/// What is asked of a line, against what it carries.
fn check_load(members: &[Member<'_>], faults: &Faults<'_>) {
    let Some((first, baud)) = members.first().and_then(|first| Some((first, first.way.port.baud()?))) else {
        return;
    };
    let percent = |member: &Member<'_>| {
        let (busy, all) = line_time(&member.polled.clone().by(member.way.clone()), baud);
        busy.as_micros() * 100 / all.as_micros().max(1)
    };
    let shares: Vec<(u128, &str)> = members.iter().map(|m| (percent(m), &*m.polled.id)).collect();
    let total: u128 = shares.iter().map(|(percent, _)| percent).sum();
    if total > FULL_PERCENT {
        let each: Vec<String> = shares.iter().map(|(percent, id)| format!("{id} {percent} %")).collect();
        let what = format!(
            "what is asked of {} takes {total} % of its time at {baud} baud, without the time that devices need to answer: {}",
            first.way.port,
            each.join(", ")
        );
        let hint =
            "ask less often (`poll_ms`), for fewer `signals`, or faster (`baud`); else values get old, and are trouble";
        faults.warning(first.at, what, hint);
    }
}

//! What stays out of a recording, so that an operator can send it to a stranger: whatever may name a site, a person or
//! one device among its like. What is not known to be harmless is left out.

use std::collections::BTreeSet;

use muster_profiles::capture::Record;
use muster_profiles::{NutProfile, Oid, SnmpProfile};

use super::snmp::read_by;
use crate::sources::nut::Variables as Said;

/// Of an SNMP agent.
pub(super) struct Objects {
    names: bool,
    read: BTreeSet<Oid>,
}

/// sysDescr, and what makers call their models and versions.
const KINDS: [&[u32]; 5] = [
    SYS_DESCR,
    // upsIdentManufacturer, Model, UPSSoftwareVersion, AgentSoftwareVersion.
    &[1, 3, 6, 1, 2, 1, 33, 1, 1],
    // xupsIdentManufacturer, Model, SoftwareVersion.
    &[1, 3, 6, 1, 4, 1, 534, 1, 1],
    // upsBasicIdentModel, upsAdvIdentFirmwareRevision.
    &[1, 3, 6, 1, 4, 1, 318, 1, 1, 1, 1, 1, 1],
    &[1, 3, 6, 1, 4, 1, 318, 1, 1, 1, 1, 2, 1],
];
const SYS_DESCR: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 1];
/// Below these trees of `KINDS` only so many objects are kinds: a name that somebody gave comes behind them.
const IDENTS: [(&[u32], u32); 2] = [(&[1, 3, 6, 1, 2, 1, 33, 1, 1], 4), (&[1, 3, 6, 1, 4, 1, 534, 1, 1], 3)];
/// Numbers that are written as texts have at most so many digits; serial numbers have more.
const LONGEST_NUMBER: usize = 7;

impl Objects {
    /// `names`: nothing is left out.
    pub(super) fn new<'a>(profiles: impl Iterator<Item = &'a SnmpProfile>, names: bool) -> Self {
        Self {
            names,
            read: profiles.flat_map(read_by).collect(),
        }
    }

    /// The object as it may be shown: texts and addresses without their content unless they are known to be harmless.
    pub(super) fn keep(&self, oid: &Oid, record: Record) -> Record {
        const ADDRESS: u8 = 64;
        let numeric = !matches!(record.tag, Some(4 | 64 | 68) | None);
        if self.names || numeric {
            return record;
        }
        let bytes = match record.tag {
            Some(ADDRESS) => vec![0; 4],
            Some(4) if self.is_harmless(oid, &record.bytes) => masked(&record.bytes).into_bytes(),
            _ => Vec::new(),
        };
        Record { bytes, ..record }
    }

    fn is_harmless(&self, oid: &Oid, text: &[u8]) -> bool {
        let read = self.read.iter().any(|read| oid.begins_with(read));
        let is_number = !text.is_empty()
            && text.len() <= LONGEST_NUMBER
            && text.iter().all(|b| b.is_ascii_digit() || b"-+. ".contains(b));
        read || is_number || is_kind(oid)
    }
}

fn is_kind(oid: &Oid) -> bool {
    let below = |tree: &&[u32]| oid.arcs().starts_with(tree);
    let name = |(tree, last): &(&[u32], u32)| oid.arcs().starts_with(tree) && oid.arcs().get(tree.len()) > Some(last);
    KINDS.iter().any(below) && !IDENTS.iter().any(name)
}

/// Without the serial numbers and host names that agents write into their descriptions.
fn masked(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text).into_owned();
    let mut out = String::with_capacity(text.len());
    let (mut before, mut is_next) = (String::new(), false);
    for part in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let behind = &part[word.len()..];
        let low = word.to_ascii_lowercase();
        let joins = low == "number" || low == "no";
        let hidden = !word.is_empty() && (is_next && !joins || is_serial(word));
        out += if hidden { "x" } else { word };
        out += behind;
        // "SN:", "S/N", "Serial number", and the name of a host behind "Linux".
        let is_label = low == "sn" || low.starts_with("serial") || low == "n" && before == "s" || low == "linux";
        is_next = is_label || is_next && (word.is_empty() || joins);
        if !word.is_empty() {
            before = low;
        }
    }
    out
}

/// No word has so many digits but a serial number.
fn is_serial(word: &str) -> bool {
    const DIGITS: usize = 6;
    word.bytes().filter(u8::is_ascii_digit).count() >= DIGITS && word.len() > LONGEST_NUMBER
}

/// Of a UPS behind upsd.
pub(super) struct Variables {
    names: bool,
    /// Nothing but what the profile reads.
    only: bool,
    read: BTreeSet<String>,
}

/// Ends of the names of variables whose texts say what sort of device it is, and how it is.
const HARMLESS: [&str; 20] = [
    "status",
    "alarm",
    "result",
    "reason",
    "mfr",
    "model",
    "type",
    "firmware",
    "version",
    "date",
    "state",
    "mode",
    "quality",
    "chemistry",
    "switchable",
    "internal",
    "aux",
    "sensitivity",
    "start",
    "beeper",
];
/// Parts of names whose values are somebody's or of one device alone, even if they are numbers.
const NAMES: [&str; 10] = [
    "serial",
    "id",
    "name",
    "desc",
    "description",
    "contact",
    "contacts",
    "location",
    "macaddr",
    "usb",
];

impl Variables {
    /// `names`: nothing is left out but what a driver was configured with, which may be a password.
    pub(super) fn new(profile: NutProfile, names: bool, only: bool) -> Self {
        let own = |s: muster_profiles::NutSignal| [Some(s.variable), s.excuse.map(|excuse| excuse.variable)];
        let read = profile.signals.into_iter().flat_map(own).flatten().collect();
        Self { names, only, read }
    }

    pub(super) fn keep(&self, said: Said) -> Said {
        said.into_iter()
            .filter(|(name, value)| self.may_be_shown(name, value))
            .collect()
    }

    fn may_be_shown(&self, name: &str, value: &str) -> bool {
        if self.read.contains(name) {
            return true;
        }
        if self.only || name.starts_with("driver.parameter") {
            return false;
        }
        let parts: Vec<&str> = name.split('.').collect();
        let is_own = parts.iter().any(|part| NAMES.contains(part)) || parts[0] == "server";
        let is_number = value.bytes().all(|b| b.is_ascii_digit() || b"-+. ".contains(&b));
        let ends = parts.last().is_some_and(|last| HARMLESS.contains(last)) || name == "driver.name";
        self.names || !is_own && (is_number || ends) || name == "driver.name"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_profiles::{Device, shipped};

    fn objects(names: bool) -> Objects {
        let Some(Device::Snmp(profile)) = shipped("generic/ups-mib") else {
            panic!("no profile")
        };
        Objects::new([&profile].into_iter(), names)
    }

    fn text(names: bool, oid: &str, tag: u8, value: &str) -> String {
        let record = Record {
            tag: Some(tag),
            bytes: value.into(),
        };
        let kept = objects(names).keep(&oid.parse().unwrap(), record);
        String::from_utf8(kept.bytes).unwrap()
    }

    #[test]
    fn an_agents_names_stay_out_and_its_numbers_and_kinds_do_not() {
        for (oid, tag, value, kept) in [
            ("1.3.6.1.2.1.1.5.0", 4, "ups-room-3", ""),
            ("1.3.6.1.2.1.1.6.0", 4, "Pangyo, B3", ""),
            ("1.3.6.1.2.1.33.1.1.2.0", 4, "93E 80", "93E 80"),
            ("1.3.6.1.2.1.33.1.1.5.0", 4, "Anna's UPS", ""),
            ("1.3.6.1.4.1.318.1.1.1.1.2.3.0", 4, "ZA0807020915", ""),
            ("1.3.6.1.4.1.99.1.0", 4, "23.5", "23.5"),
            ("1.3.6.1.4.1.99.2.0", 4, "0807020915", ""),
            ("1.3.6.1.2.1.33.1.2.4.0", 4, "98 %", "98 %"),
            ("1.3.6.1.2.1.33.1.2.4.0", 2, "98", "98"),
            ("1.3.6.1.4.1.99.3.0", 64, "abcd", "\0\0\0\0"),
        ] {
            assert_eq!(text(false, oid, tag, value), kept, "{oid} {value}");
            assert_eq!(text(true, oid, tag, value), value);
        }
    }

    #[test]
    fn serial_numbers_within_descriptions_are_masked() {
        let of = |value| text(false, "1.3.6.1.2.1.1.1.0", 4, value);
        assert_eq!(
            of("APC Web/SNMP Management Card (MB:v4.1.0 MN:AP7902B HR:02 SN: ZA0807020915 MD:02/14/2011)"),
            "APC Web/SNMP Management Card (MB:v4.1.0 MN:AP7902B HR:02 SN: x MD:02/14/2011)"
        );
        assert_eq!(
            of("WebPower Mini Card (SN 101200511321323)"),
            "WebPower Mini Card (SN x)"
        );
        assert_eq!(of("Linux GSE200M 2.6.27-SPEAr310"), "Linux x 2.6.27-SPEAr310");
        assert_eq!(
            of("Eaton 5P 1550iR, S/N G202E, serial number 77"),
            "Eaton 5P 1550iR, S/N x, serial number x"
        );
        assert_eq!(of("EATON 93E 80"), "EATON 93E 80");
    }

    #[test]
    fn a_upss_names_stay_out_and_what_its_driver_was_told_always() {
        let Some(Device::Nut(profile)) = shipped("nut/ups") else {
            panic!("no profile")
        };
        let kept = |names, only| {
            let all = [
                ("ups.status", "OL"),
                ("ups.serial", "1234"),
                ("device.location", "Pangyo"),
                ("driver.parameter.community", "secret"),
                ("driver.name", "snmp-ups"),
                ("server.info", "Linux host"),
                ("battery.date", "2019/05/10"),
                ("input.transfer.reason", "input voltage out of range"),
                ("outlet.1.desc", "rack of the bank"),
                ("output.frequency", "49.9"),
                ("ups.vendorid", "anything else"),
            ];
            let said = all.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let discretion = Variables::new(profile.clone(), names, only);
            discretion.keep(said).into_keys().collect::<Vec<_>>()
        };
        let plain = [
            "battery.date",
            "driver.name",
            "input.transfer.reason",
            "output.frequency",
            "ups.status",
        ];
        assert_eq!(kept(false, false), plain);
        assert_eq!(kept(true, false).len(), 10);
        assert_eq!(kept(false, true), ["ups.status"]);
    }
}

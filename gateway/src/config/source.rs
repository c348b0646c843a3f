//! `[[source]]`.

use std::collections::BTreeSet;
use std::path::Path;

use muster_core::Source;
use muster_profiles::Device;

use super::address::{Address, bus_group};
use super::faults::At;
use super::groups::UNPROVEN_GROUP;
use super::polled::PollWay;
use super::polled_rows as polled;
use super::sensor::{self, SensorRow};
use super::snmp;
use super::table::Table;

/// `[[source]]` as it stands in the file.
pub(super) struct SourceRow {
    pub(super) id: At<String>,
    /// Of its channels that do not say.
    pub(super) zone: Option<At<String>>,
    /// Of its channels, if it says so.
    pub(super) group: Option<At<String>>,
    /// Which signals become channels by themselves.
    pub(super) signals: Option<Vec<At<String>>>,
    /// The network switch that it is heard through.
    switch: Option<At<String>>,
    /// What it is fed by, if others are too.
    pub(super) supply: Option<At<String>>,
    pub(super) kind: Kind,
    /// Where the table begins.
    pub(super) at: usize,
}

/// What it is.
pub(super) enum Kind {
    /// Speaks MQTT.
    Node {
        /// By a certificate that proves its name.
        proven: bool,
    },
    /// Is polled.
    Polled(Box<PolledRow>),
    /// Somebody else's, and speaks MQTT.
    Sensor(SensorRow),
    /// Missing or unknown, which has been reported.
    Unknown,
}

/// What only a polled device has.
pub(super) struct PolledRow {
    pub(super) address: Option<At<Address>>,
    pub(super) profile: Option<Device>,
    pub(super) poll_ms: Option<At<u64>>,
    pub(super) segment: Option<At<String>>,
    /// None where something of it is missing, which has been reported.
    pub(super) way: Option<PollWay>,
}

impl SourceRow {
    /// As the decision takes it.
    pub(super) fn lower(&self) -> Source {
        let way = match &self.kind {
            Kind::Node { .. } | Kind::Sensor(_) => Some(UNPROVEN_GROUP.to_owned()),
            Kind::Polled(polled) => polled.named_segment().map(|segment| bus_group(&segment)),
            Kind::Unknown => None,
        };
        let switch = self.switch.as_ref().map(|s| format!("switch {}", s.value));
        Source {
            id: self.id.value.clone(),
            over: way.into_iter().chain(switch).collect(),
        }
    }

    /// The group of its channels: what it says, else that of the listener or the bus.
    pub(super) fn group(&self) -> String {
        if let Some(group) = self.group.as_ref().filter(|g| !g.value.is_empty()) {
            return group.value.clone();
        }
        match &self.kind {
            Kind::Polled(polled) => bus_group(&polled.named_segment().unwrap_or_default()),
            Kind::Node { .. } | Kind::Sensor(_) if !self.is_proven() => UNPROVEN_GROUP.to_owned(),
            Kind::Node { .. } | Kind::Sensor(_) | Kind::Unknown => self.id.value.clone(),
        }
    }

    /// Whether who speaks for it proves it, as far as it speaks MQTT.
    pub(super) fn is_proven(&self) -> bool {
        match &self.kind {
            Kind::Node { proven } => *proven,
            Kind::Sensor(sensor) => sensor.proven,
            Kind::Polled(_) | Kind::Unknown => true,
        }
    }

    /// Where a fault of its group is shown.
    pub(super) fn group_at(&self) -> usize {
        self.group.as_ref().map_or(self.at, |g| g.at)
    }
}

impl PolledRow {
    fn named_segment(&self) -> Option<String> {
        let named = self.segment.as_ref().map(|s| s.value.clone());
        named.or_else(|| self.address.as_ref().map(|a| a.value.segment()))
    }
}

/// Reads all of them; `proven` says whether nodes prove their names.
pub(super) fn read(root: &Table<'_>, folder: &Path, proven: bool) -> Vec<SourceRow> {
    let tables = root.tables("source", "[[source]]");
    if tables.is_empty() {
        root.missing(
            "[[source]]",
            "declare at least one node or device; without one nothing is heard",
        );
    }
    tables.iter().map(|table| read_one(table, folder, proven)).collect()
}

fn read_one(table: &Table<'_>, folder: &Path, proven: bool) -> SourceRow {
    let id = table.need_id("id");
    let zone = table.text("zone");
    let group = table.id("group");
    let (switch, supply) = (table.id("switch"), table.id("supply"));
    let signals = table.place("signals").map(|_| table.texts("signals"));
    let kind = kind(table, folder, proven);
    table.finish();
    SourceRow {
        id,
        zone,
        group,
        signals,
        switch,
        supply,
        kind,
        at: table.at,
    }
}

fn kind(table: &Table<'_>, folder: &Path, proven: bool) -> Kind {
    if table.place("kind").is_none() {
        table.missing(
            "kind",
            "kind = \"node\", \"modbus\", \"nut\", \"snmp\" or \"mqtt-json\"",
        );
    }
    let words = [
        ("node", Word::Node),
        ("modbus", Word::Modbus),
        ("nut", Word::Nut),
        ("snmp", Word::Snmp),
        ("mqtt-json", Word::Sensor),
    ];
    let Some(word) = table.choice("kind", &words).map(|word| word.value) else {
        // So that they are not reported as unknown on top.
        for key in polled::ALL_KEYS.iter().copied().flatten().chain(&sensor::KEYS) {
            table.place(key);
        }
        return Kind::Unknown;
    };
    refuse_others(table, word);
    match word {
        Word::Node => Kind::Node { proven },
        Word::Modbus => Kind::Polled(Box::new(polled::modbus(table, folder))),
        Word::Nut => Kind::Polled(Box::new(polled::nut(table, folder))),
        Word::Snmp => Kind::Polled(Box::new(polled::snmp(table, folder))),
        Word::Sensor => Kind::Sensor(sensor::read(table, proven)),
    }
}

/// The kinds, as words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Node,
    Modbus,
    Nut,
    Snmp,
    Sensor,
}

/// Keys that belong to other kinds.
fn refuse_others(table: &Table<'_>, word: Word) {
    let who = match word {
        Word::Node => ("a node", "a node speaks by itself, in our words"),
        Word::Modbus => ("a device polled by Modbus", "it has a unit and a profile of registers"),
        Word::Nut => ("a UPS behind upsd", "it is named by `ups`, and read by NUT's variables"),
        Word::Snmp => ("an SNMP agent", "it has a login and a profile of objects"),
        Word::Sensor => ("a sensor that speaks MQTT", "it is not polled"),
    };
    let own: &[&str] = match word {
        Word::Node => &[],
        Word::Modbus => &polled::MODBUS_KEYS,
        Word::Nut => &polled::NUT_KEYS,
        Word::Snmp => &snmp::KEYS,
        Word::Sensor => &sensor::KEYS,
    };
    let shared: &[&str] = if matches!(word, Word::Modbus | Word::Nut | Word::Snmp) {
        &polled::KEYS
    } else {
        &[]
    };
    let others = polled::ALL_KEYS.iter().copied().flatten().chain(&sensor::KEYS);
    let others: BTreeSet<&'static str> = others
        .copied()
        .filter(|key| !own.contains(key) && !shared.contains(key))
        .collect();
    refuse(table, others, who);
}

fn refuse(table: &Table<'_>, keys: BTreeSet<&'static str>, (who, why): (&str, &str)) {
    for key in keys {
        if let Some(at) = table.place(key) {
            let what = format!("`{key}` means nothing for {who}");
            table.faults.error(at, what, format!("remove it: {why}"));
        }
    }
}

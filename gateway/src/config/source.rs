//! `[[source]]`.

use std::path::Path;
use std::sync::Arc;

use muster_profiles::Profile;

use super::address::{Address, bus_group};
use super::faults::{At, quoted};
use super::groups::UNPROVEN_GROUP;
use super::profile;
use super::sensor::{self, SensorRow};
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
    Modbus(ModbusRow),
    /// Somebody else's, and speaks MQTT.
    Sensor(SensorRow),
    /// Missing or unknown, which has been reported.
    Unknown,
}

/// What only a polled device has.
pub(super) struct ModbusRow {
    pub(super) address: Option<At<Address>>,
    pub(super) unit: u8,
    pub(super) profile: Option<Arc<Profile>>,
    pub(super) poll_ms: Option<At<u64>>,
    pub(super) segment: Option<At<String>>,
}

impl SourceRow {
    /// The group of its channels: what it says, else that of the listener or the bus.
    pub(super) fn group(&self) -> String {
        if let Some(group) = self.group.as_ref().filter(|g| !g.value.is_empty()) {
            return group.value.clone();
        }
        match &self.kind {
            Kind::Modbus(modbus) => bus_group(&modbus.named_segment().unwrap_or_default()),
            Kind::Node { .. } | Kind::Sensor(_) if !self.is_proven() => UNPROVEN_GROUP.to_owned(),
            Kind::Node { .. } | Kind::Sensor(_) | Kind::Unknown => self.id.value.clone(),
        }
    }

    /// Whether who speaks for it proves it, as far as it speaks MQTT.
    pub(super) fn is_proven(&self) -> bool {
        match &self.kind {
            Kind::Node { proven } => *proven,
            Kind::Sensor(sensor) => sensor.proven,
            Kind::Modbus(_) | Kind::Unknown => true,
        }
    }

    /// Where a fault of its group is shown.
    pub(super) fn group_at(&self) -> usize {
        self.group.as_ref().map_or(self.at, |g| g.at)
    }
}

impl ModbusRow {
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
    let signals = table.place("signals").map(|_| table.texts("signals"));
    let kind = kind(table, folder, proven);
    table.finish();
    SourceRow {
        id,
        zone,
        group,
        signals,
        kind,
        at: table.at,
    }
}

fn kind(table: &Table<'_>, folder: &Path, proven: bool) -> Kind {
    if table.place("kind").is_none() {
        table.missing("kind", "kind = \"node\", \"modbus\" or \"mqtt-json\"");
    }
    let words = [
        ("node", Word::Node),
        ("modbus", Word::Modbus),
        ("mqtt-json", Word::Sensor),
    ];
    let word = table.choice("kind", &words).map(|word| word.value);
    match word {
        Some(Word::Node) => {
            refuse(table, &MODBUS_KEYS, ("a node", "a node speaks by itself, in our words"));
            refuse(
                table,
                &sensor::KEYS,
                ("a node", "a node speaks by itself, in our words"),
            );
            Kind::Node { proven }
        }
        Some(Word::Modbus) => {
            refuse(table, &sensor::KEYS, ("a polled device", "it does not speak MQTT"));
            Kind::Modbus(modbus(table, folder))
        }
        Some(Word::Sensor) => {
            refuse(table, &MODBUS_KEYS, ("a sensor that speaks MQTT", "it is not polled"));
            Kind::Sensor(sensor::read(table, proven))
        }
        None => {
            // So that they are not reported as unknown on top.
            for key in MODBUS_KEYS.iter().chain(&sensor::KEYS) {
                table.place(key);
            }
            Kind::Unknown
        }
    }
}

const MODBUS_KEYS: [&str; 5] = ["address", "unit", "profile", "poll_ms", "segment"];

/// The kinds, as words.
#[derive(Clone, Copy)]
enum Word {
    Node,
    Modbus,
    Sensor,
}

fn refuse(table: &Table<'_>, keys: &[&'static str], (who, why): (&str, &str)) {
    for key in keys {
        if let Some(at) = table.place(key) {
            let what = format!("`{key}` means nothing for {who}");
            table.faults.error(at, what, format!("remove it: {why}"));
        }
    }
}

fn modbus(table: &Table<'_>, folder: &Path) -> ModbusRow {
    let name = table.need_text("profile", "how the device is read, such as profile = \"apc/smart-ups\"");
    let profile = profile::find(&name, folder, table.faults);
    let poll_ms = table
        .integer("poll_ms", 50..=60_000)
        .map(|ms| ms.map(i64::unsigned_abs));
    if let (Some(profile), Some(poll_ms)) = (&profile, &poll_ms) {
        profile::check_poll(profile, poll_ms, table.faults);
    }
    ModbusRow {
        address: address(table),
        unit: unit(table),
        profile,
        poll_ms,
        segment: table.id("segment"),
    }
}

fn address(table: &Table<'_>) -> Option<At<Address>> {
    const HINT: &str = "host and port, such as \"10.0.4.17:502\"";
    let text = table.need_text("address", HINT);
    let address = Address::parse(&text.value);
    if address.is_none() && text.at != table.at {
        table
            .faults
            .error(text.at, format!("{} is not an address", quoted(&text.value)), HINT);
    }
    address.map(|a| At::new(a, text.at))
}

/// 1 to 247, or 0 or 255 for a device that is not behind a gateway (Modbus messaging on TCP/IP, 4.4.2).
fn unit(table: &Table<'_>) -> u8 {
    let Some(unit) = table.integer("unit", 0..=255) else {
        return 1;
    };
    if (248..=254).contains(&unit.value) {
        table.faults.error(
            unit.at,
            format!("unit {} is reserved by Modbus", unit.value),
            "1 to 247, or 0 or 255",
        );
    }
    unit.value as u8
}

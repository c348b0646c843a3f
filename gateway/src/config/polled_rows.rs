//! `[[source]]` of a device that is polled.

use std::path::Path;
use std::sync::Arc;

use muster_profiles::Device;

use super::address::Address;
use super::faults::{At, quoted};
use super::polled::{ModbusWay, NutWay, PollWay, SnmpWay, UpsName};
use super::port::Port;
use super::source::PolledRow;
use super::table::Table;
use super::{hook, port, profile, snmp};

/// Keys of every polled device.
pub(super) const KEYS: [&str; 4] = ["address", "profile", "poll_ms", "segment"];
/// Keys of Modbus alone.
pub(super) const MODBUS_KEYS: [&str; 4] = ["unit", port::KEYS[0], port::KEYS[1], port::KEYS[2]];
/// Keys of NUT alone.
pub(super) const NUT_KEYS: [&str; 2] = ["ups", "ca"];
/// All of them.
pub(super) const ALL_KEYS: [&[&str]; 4] = [&KEYS, &MODBUS_KEYS, &NUT_KEYS, &snmp::KEYS];

pub(super) fn modbus(table: &Table<'_>, folder: &Path) -> PolledRow {
    let (port, address) = port::read(table).unzip();
    let name = table.need_text("profile", "how the device is read, such as profile = \"apc/smart-ups\"");
    let profile = profile::find(&name, folder, table.faults);
    let unit = unit(table, port.as_ref());
    let way = match &profile {
        Some(Device::Modbus(profile)) => port.map(|port| {
            PollWay::Modbus(ModbusWay {
                port,
                unit,
                profile: Arc::new(profile.clone()),
            })
        }),
        other => wrong_kind(table, &name, other.as_ref()),
    };
    polled(table, profile, way, address)
}

/// A UPS behind upsd. Without a profile it is read by the one for all.
pub(super) fn nut(table: &Table<'_>, folder: &Path) -> PolledRow {
    const GENERIC: &str = "nut/ups";
    let name = table.text("profile");
    let name = name.unwrap_or_else(|| At::new(GENERIC.to_owned(), table.at));
    let profile = profile::find(&name, folder, table.faults);
    let ups = ups(table);
    let hint = "host and port of upsd, such as \"10.0.4.5:3493\"";
    let ca = hook::authority_file(table, folder).map(|file| file.value);
    let plain = ca.is_none();
    let way = match &profile {
        Some(Device::Nut(profile)) => ups.map(|ups| {
            PollWay::Nut(NutWay {
                ups,
                ca,
                profile: Arc::new(profile.clone()),
            })
        }),
        other => wrong_kind(table, &name, other.as_ref()),
    };
    let row = polled(table, profile, way, address(table, hint));
    if let Some(address) = row.address.as_ref().filter(|a| plain && !a.value.is_here()) {
        warn_of_plain(table, address);
    }
    row
}

/// An SNMP agent. Without a profile it is read by the MIB that all UPSes should speak.
pub(super) fn snmp(table: &Table<'_>, folder: &Path) -> PolledRow {
    const GENERIC: &str = "generic/ups-mib";
    let name = table.text("profile");
    let name = name.unwrap_or_else(|| At::new(GENERIC.to_owned(), table.at));
    let profile = profile::find(&name, folder, table.faults);
    let login = snmp::login(table, folder);
    let way = match &profile {
        Some(Device::Snmp(profile)) => login.map(|login| {
            PollWay::Snmp(SnmpWay {
                login,
                profile: Arc::new(profile.clone()),
            })
        }),
        other => wrong_kind(table, &name, other.as_ref()),
    };
    let hint = "host and port, such as \"10.0.4.17:161\"";
    polled(table, profile, way, address(table, hint))
}

fn wrong_kind(table: &Table<'_>, name: &At<String>, profile: Option<&Device>) -> Option<PollWay> {
    if let Some(profile) = profile {
        let what = format!(
            "the device profile {} is for kind {}",
            quoted(&name.value),
            quoted(profile.kind())
        );
        table
            .faults
            .error(name.at, what, "name a profile of this kind, or change `kind`");
    }
    None
}

fn polled(table: &Table<'_>, profile: Option<Device>, way: Option<PollWay>, address: Option<At<Address>>) -> PolledRow {
    let poll_ms = table
        .integer("poll_ms", 50..=60_000)
        .map(|ms| ms.map(i64::unsigned_abs));
    if let (Some(profile), Some(poll_ms)) = (&profile, &poll_ms) {
        profile::check_poll(profile, poll_ms, table.faults);
    }
    PolledRow {
        address,
        profile,
        poll_ms,
        segment: table.id("segment"),
        way,
    }
}

fn ups(table: &Table<'_>) -> Option<UpsName> {
    let ups = table.need_text("ups", "as `upsc -l` names it");
    let name = UpsName::new(&ups.value);
    if name.is_none() && ups.at != table.at {
        let hint = "1 to 64 letters, digits, `-`, `_` and dots, as `upsc -l` names it";
        table
            .faults
            .error(ups.at, format!("{} is no name of a UPS", quoted(&ups.value)), hint);
    }
    name
}

/// NUT can encrypt, so it is said where it does not; on this machine there is nobody on the way.
fn warn_of_plain(table: &Table<'_>, address: &At<Address>) {
    let what = format!(
        "what upsd at {} says is neither encrypted nor proven",
        quoted(&address.value.text)
    );
    let hint =
        "give upsd a certificate and name its CA with `ca`: anybody on the way can read it and answer in its place";
    table.faults.warning(address.at, what, hint);
}

fn address(table: &Table<'_>, hint: &str) -> Option<At<Address>> {
    let text = table.need_text("address", hint);
    let address = Address::parse(&text.value);
    if address.is_none() && text.at != table.at {
        table
            .faults
            .error(text.at, format!("{} is not an address", quoted(&text.value)), hint);
    }
    address.map(|a| At::new(a, text.at))
}

/// 1 to 247, or 0 or 255 for a device that is not behind a gateway (Modbus messaging on TCP/IP, 4.4.2).
fn unit(table: &Table<'_>, port: Option<&Port>) -> u8 {
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
    if matches!(unit.value, 0 | 255) && port.is_some_and(|port| port.baud().is_some()) {
        let what = format!("there is no unit {} on a serial line", unit.value);
        table
            .faults
            .error(unit.at, what, "1 to 247, as it is set on the device");
    }
    unit.value as u8
}

//! Reads a profile file, and finds every fault in it at once.

mod excuse;
mod head;
mod meaning;
mod modbus;
mod names;
mod nut;
mod signal;
mod snmp;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::Device;
use crate::fault::{Fault, Faults};
use crate::keys::Keys;

/// See [`Device::lint`].
pub(crate) fn lint(text: &str, file: &str) -> (Result<Device, Vec<Fault>>, Vec<Fault>) {
    let mut faults = Faults::new(text, file);
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let device = device(root.get_ref(), &mut faults);
        return faults.into_result(device);
    }
    for error in errors {
        let at = error.span().map_or(0, |s| s.start);
        faults.add(at, error.message().trim_end(), "this is not TOML");
    }
    faults.into_result(None)
}

/// How a device is read.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Modbus,
    Snmp,
    Nut,
}

fn device(root: &DeTable<'_>, faults: &mut Faults<'_>) -> Option<Device> {
    let mut keys = Keys::new(root, 0);
    let kind = keys.must("kind", faults);
    let head = head::read(&mut keys, faults);
    match kind {
        // What the others would read is not known then; registers are what most files are about.
        None | Some(Kind::Modbus) => modbus::read(keys, head, faults).map(Device::Modbus),
        Some(Kind::Snmp) => snmp::read(keys, head, faults).map(Device::Snmp),
        Some(Kind::Nut) => nut::read(keys, head, faults).map(Device::Nut),
    }
}

/// Reads one of a list.
type ReadOne<T> = fn(Keys<'_, '_>, &mut Faults<'_>) -> Option<T>;

/// Every `[[signal]]`; there has to be one.
fn signals<T>(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>, read: ReadOne<T>) -> Vec<Spanned<T>> {
    let list = keys.raw("signal");
    let Some(tables) = list.and_then(|v| v.get_ref().as_array()).filter(|a| !a.is_empty()) else {
        faults.add(
            list.map_or(0, |v| v.span().start),
            "no signal",
            "[[signal]] once for each",
        );
        return Vec::new();
    };
    one_by_one("signal", tables, faults, read)
}

fn one_by_one<T>(name: &str, tables: &DeArray<'_>, faults: &mut Faults<'_>, read: ReadOne<T>) -> Vec<Spanned<T>> {
    let mut found = Vec::new();
    for value in tables {
        match value.get_ref() {
            DeValue::Table(table) => {
                let keys = Keys::new(table, value.span().start);
                found.extend(read(keys, faults).map(|one| Spanned::new(value.span(), one)));
            }
            _ => faults.add(
                value.span().start,
                format!("{name} is not a table"),
                format!("[[{name}]]"),
            ),
        }
    }
    found
}

fn plain<T>(spanned: Vec<Spanned<T>>) -> Vec<T> {
    spanned.into_iter().map(Spanned::into_inner).collect()
}

/// A name may stand once. Places are those of the later of two.
fn names_once<T>(signals: &[Spanned<T>], name: fn(&T) -> &str, faults: &mut Faults<'_>) {
    for (i, later) in signals.iter().enumerate() {
        let this = name(later.get_ref());
        if signals[..i].iter().any(|earlier| name(earlier.get_ref()) == this) {
            let what = format!("name {this} stands twice");
            faults.add(later.span().start, what, "names are unique in a profile");
        }
    }
}

#[cfg(test)]
mod tests;

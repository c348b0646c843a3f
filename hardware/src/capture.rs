//! What a device answered, as text that people can read and send.
//!
//! Each kind is written as its field writes it: NUT's variables as the dumps of `upsc` that dummy-ups plays (`name: value`,
//! `TIMER seconds`), SNMP's objects as the recordings that snmpsim plays (`oid|tag|value`). Registers have no such custom,
//! so they are lines of our own:
//!
//! ```text
//! # a comment
//! at 0 ms
//! holding 128: 0x0000 0x0E10
//! at 1000 ms
//! discrete 0: 0 1
//! refused input 300 8: exception 2
//! ```
//!
//! What a moment does not say again is as it was.

mod nut;
mod registers;
mod snmp;

pub use snmp::{Record, Records};

use std::collections::{BTreeMap, BTreeSet};

use muster_wire::{Absence, MICRO, Micro};

use crate::sunspec::{Search, Step, scale_factor};
use crate::{Block, Device, NutProfile, Oid, Place, Profile, Signal, SnmpProfile, Table};

/// A recording of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capture {
    /// Registers and bits.
    Modbus(Vec<Moment<Registers>>),
    /// Variables.
    Nut(Vec<Moment<Variables>>),
    /// Objects.
    Snmp(Objects),
}

/// How a device was at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moment<T> {
    /// Milliseconds since the recording began.
    pub at_ms: u64,
    /// All that is known of it then.
    pub all: T,
}

/// Registers and bits by address.
pub type Registers = BTreeMap<(Table, u16), u16>;
/// Variables by name.
pub type Variables = BTreeMap<String, String>;
/// Objects by their instance.
pub type Objects = BTreeMap<Oid, Object>;

/// What an object holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// INTEGER, Gauge32, Counter32, Counter64.
    Number(i64),
    /// TimeTicks.
    Ticks(u32),
    /// OCTET STRING that is text.
    Text(String),
    /// OBJECT IDENTIFIER.
    Oid(Oid),
    /// Anything else.
    Other,
}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct CaptureError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, and what is wanted.
    pub what: String,
}

/// One signal at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The signal.
    pub name: &'a str,
    /// Its value, why it has none, or none where the recording says nothing of it.
    pub value: Option<Result<Micro, Absence>>,
}

impl Capture {
    /// Reads a recording that belongs to a profile.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn parse(text: &str, device: &Device) -> Result<Self, CaptureError> {
        Ok(match device {
            Device::Modbus(_) => Self::Modbus(registers::parse(text)?),
            Device::Nut(_) => Self::Nut(nut::parse(text)?),
            Device::Snmp(_) => Self::Snmp(snmp::parse(text)?),
        })
    }

    /// Reads a recording of registers, whatever profile it belongs to.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn registers(text: &str) -> Result<Vec<Moment<Registers>>, CaptureError> {
        registers::parse(text)
    }

    /// Reads a recording of variables, whatever profile it belongs to.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn variables(text: &str) -> Result<Vec<Moment<Variables>>, CaptureError> {
        nut::parse(text)
    }

    /// Reads a recording of objects as it stands, whatever profile it belongs to.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn records(text: &str) -> Result<Records, CaptureError> {
        snmp::records(text)
    }

    /// Of which kind a recording is, by its first line that says something: `modbus`, `snmp` or `nut`.
    #[must_use]
    pub fn kind(text: &str) -> Option<&'static str> {
        let mut lines = text.lines().map(str::trim);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'))?;
        Some(match first {
            line if line.starts_with("at ") => "modbus",
            line if snmp::is_line(line) => "snmp",
            _ => "nut",
        })
    }

    /// What a profile makes of it, moment by moment. Nothing where the profile is for another kind.
    #[must_use]
    pub fn decode<'a>(&self, device: &'a Device) -> Vec<Moment<Vec<Decoded<'a>>>> {
        match (self, device) {
            (Self::Modbus(moments), Device::Modbus(profile)) => each(moments, |all| of_registers(profile, all)),
            (Self::Nut(moments), Device::Nut(profile)) => each(moments, |all| of_variables(profile, all)),
            (Self::Snmp(objects), Device::Snmp(profile)) => vec![Moment {
                at_ms: 0,
                all: of_objects(profile, objects),
            }],
            _ => Vec::new(),
        }
    }
}

fn each<T, U>(moments: &[Moment<T>], decode: impl Fn(&T) -> U) -> Vec<Moment<U>> {
    let one = |moment: &Moment<T>| Moment {
        at_ms: moment.at_ms,
        all: decode(&moment.all),
    };
    moments.iter().map(one).collect()
}

fn of_registers<'a>(profile: &'a Profile, all: &Registers) -> Vec<Decoded<'a>> {
    let base = profile.sunspec_model.map_or(Some(0), |model| locate(model, all));
    let value = |signal: &Signal| {
        let base = base?;
        let words = words(all, (signal.table, base.checked_add(signal.address)?), signal.words())?;
        let exponent = match signal.scale_from {
            None => Some(0),
            Some(offset) => scale_factor(*all.get(&(Table::Holding, base.checked_add(offset)?))?),
        };
        let mode = profile.mode.as_ref().filter(|mode| !mode.is_about(signal));
        let mode = mode.and_then(|mode| {
            let held = words_of(all, mode.block)?;
            mode.absence(&held)
        });
        Some(match (mode, exponent) {
            (Some(absence), _) => Err(absence),
            (None, None) => Err(Absence::Config),
            (None, Some(exponent)) => signal.decode_times(&words, exponent),
        })
    };
    let one = |signal: &'a Signal| Decoded {
        name: &signal.name,
        value: value(signal),
    };
    let decoded = profile.signals.iter().map(one).collect();
    let unless = profile.signals.iter().map(|signal| signal.unless_signals.as_slice());
    excused(decoded, unless)
}

/// Without the meaning of what others of the same moment excuse.
fn excused<'a>(mut all: Vec<Decoded<'a>>, unless: impl Iterator<Item = &'a [String]>) -> Vec<Decoded<'a>> {
    const HOLDS: Option<Result<Micro, Absence>> = Some(Ok(Micro(MICRO)));
    let holding: BTreeSet<&str> = all.iter().filter(|d| d.value == HOLDS).map(|d| d.name).collect();
    for (decoded, unless) in all.iter_mut().zip(unless) {
        if decoded.value == HOLDS && unless.iter().any(|name| holding.contains(name.as_str())) {
            decoded.value = Some(Ok(Micro(0)));
        }
    }
    all
}

fn words(all: &Registers, (table, address): (Table, u16), count: u16) -> Option<Vec<u16>> {
    (0..count)
        .map(|n| all.get(&(table, address.checked_add(n)?)).copied())
        .collect()
}

fn words_of(all: &Registers, block: Block) -> Option<Vec<u16>> {
    words(all, (block.table, block.start), block.count)
}

fn locate(model: u16, all: &Registers) -> Option<u16> {
    let (mut search, mut step) = Search::new(model);
    loop {
        step = match step {
            Step::Read(block) => search.answer(words_of(all, block).as_deref()),
            Step::Found(base) => return Some(base),
            Step::Missing => return None,
        };
    }
}

fn of_variables<'a>(profile: &'a NutProfile, all: &Variables) -> Vec<Decoded<'a>> {
    let one = |signal: &'a crate::NutSignal| Decoded {
        name: &signal.name,
        value: signal.value(all),
    };
    profile.signals.iter().map(one).collect()
}

/// sysObjectID (RFC 3418), which tells whose exceptions hold.
const SYS_OBJECT_ID: &str = "1.3.6.1.2.1.1.2.0";

fn of_objects<'a>(profile: &'a SnmpProfile, all: &Objects) -> Vec<Decoded<'a>> {
    let id = SYS_OBJECT_ID.parse().ok().and_then(|oid: Oid| match all.get(&oid) {
        Some(Object::Oid(id)) => Some(id.clone()),
        _ => None,
    });
    let spoken = id.map_or_else(|| profile.signals.clone(), |id| profile.signals_of(&id));
    let one = |signal: &'a crate::SnmpSignal| {
        let said = spoken.iter().find(|s| s.name == signal.name);
        Decoded {
            name: &signal.name,
            value: said.and_then(|said| of_object(said, all)),
        }
    };
    let decoded = profile.signals.iter().map(one).collect();
    let unless = profile.signals.iter().map(|signal| signal.unless_signals.as_slice());
    excused(decoded, unless)
}

fn of_object(signal: &crate::SnmpSignal, all: &Objects) -> Option<Result<Micro, Absence>> {
    match &signal.place {
        Place::Object(oid) => Some(match all.get(oid)? {
            Object::Number(raw) => signal.decode_number(*raw),
            Object::Ticks(ticks) => signal.decode_ticks(*ticks),
            Object::Text(text) => signal.decode_text(text),
            Object::Oid(_) | Object::Other => Err(Absence::Bus),
        }),
        Place::Column { column, count, .. } => {
            let count = match all.get(count) {
                Some(Object::Number(count)) => Some(*count),
                _ => None,
            };
            let rows = all
                .range(column.clone()..)
                .take_while(|(oid, _)| oid.begins_with(column));
            let held = rows.map(|(_, object)| match object {
                Object::Oid(oid) => oid.arcs().to_vec(),
                _ => Vec::new(),
            });
            Some(signal.decode_rows(count, &held.collect::<Vec<_>>()))
        }
    }
}

#[cfg(test)]
mod tests;

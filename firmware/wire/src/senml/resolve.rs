//! One record with its base fields applied: what a channel said.

use super::PackFault;
use super::fields::{Fields, Label, Raw};
use crate::{Absence, Micro};

/// Below this a time is relative, from here on absolute (RFC 8428 §4.5.3): 2^28 s, in microseconds.
const ABSOLUTE: Micro = Micro((1 << 28) * crate::MICRO);

/// The only SenML version there is (RFC 8428 §4.4).
const SENML_VERSION: i64 = 10;

/// What one channel said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The signal: what follows `{node}:`. Never empty.
    pub name: &'a str,
    /// Its value, or why there is none.
    pub value: Value<'a>,
    /// How old it was when the pack was sent, by the sender's clock. Milliseconds, rounded up, at most `u32::MAX`. An
    /// absolute time is for display only and gives 0: a wrong calendar must decide nothing.
    pub age_ms: u32,
    /// The unit as it was sent (see [`crate::Unit::as_str`]).
    pub unit: Option<&'a str>,
}

/// A value as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `v`: an integer, a float or a decimal fraction.
    Micro(Micro),
    /// `vb`.
    Bool(bool),
    /// `vs` with a word of [`Absence`].
    Absent(Absence),
    /// `vs` with any other word.
    Text(&'a str),
}

/// A record that was turned away; the others of its pack stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {name:?}: {fault}")]
pub struct Refused<'a> {
    /// Its name, empty where it had none.
    pub name: &'a str,
    /// Why.
    pub fault: RecordFault,
}

/// Why a record was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// NaN, infinite, or beyond what a [`Micro`] holds.
    #[error("NaN, infinite, or too large")]
    NotANumber,
    /// No value or more than one, or a field of the wrong type.
    #[error("no value, more than one, or one of the wrong type")]
    WrongType,
    /// Dated after its sending.
    #[error("dated after its sending")]
    Future,
    /// No name after `{node}:`.
    #[error("no name")]
    NoName,
}

/// Base fields in force, which stand until a later record replaces them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Base<'a> {
    name: Option<&'a str>,
    time: Micro,
    value: Micro,
    unit: Option<&'a str>,
}

impl<'a> Base<'a> {
    /// The node that speaks, once the first record has been absorbed.
    pub(super) fn node(&self) -> Option<&'a str> {
        self.name
    }

    /// Takes a record's base fields over. A fault in one refuses the pack: it would shift every later record.
    pub(super) fn absorb(&mut self, fields: &Fields<'a>) -> Result<(), PackFault> {
        if !matches!(fields.get(Label::BaseVersion), None | Some(Raw::Int(SENML_VERSION))) {
            return Err(PackFault::Version);
        }
        self.absorb_name(fields.get(Label::BaseName))?;
        if let Some(raw) = fields.get(Label::BaseTime) {
            self.time = number(raw).map_err(|_| PackFault::Malformed)?;
        }
        if let Some(raw) = fields.get(Label::BaseValue) {
            self.value = number(raw).map_err(|_| PackFault::Malformed)?;
        }
        match fields.get(Label::BaseUnit) {
            None => {}
            Some(Raw::Text(unit)) => self.unit = Some(unit),
            Some(_) => return Err(PackFault::Malformed),
        }
        Ok(())
    }

    fn absorb_name(&mut self, name: Option<Raw<'a>>) -> Result<(), PackFault> {
        let name = match name {
            None => return self.name.map(drop).ok_or(PackFault::BaseName),
            Some(Raw::Text(name)) => name.strip_suffix(':').filter(|node| crate::is_id(node)),
            Some(_) => None,
        };
        if name.is_none() || self.name.is_some_and(|before| Some(before) != name) {
            return Err(PackFault::BaseName);
        }
        self.name = name;
        Ok(())
    }

    /// A record as a counter of this name; `None` where it has another name.
    pub(super) fn counter(&self, fields: &Fields<'a>, name: &str) -> Result<Option<u64>, PackFault> {
        if fields.get(Label::Name) != Some(Raw::Text(name)) {
            return Ok(None);
        }
        match (fields.get(Label::Number), self.value) {
            (Some(Raw::Int(count)), Micro(0)) => u64::try_from(count).map(Some).map_err(|_| PackFault::Mark),
            _ => Err(PackFault::Mark),
        }
    }

    /// What a record says; `None` where it holds nothing but base fields.
    pub(super) fn resolve(&self, fields: &Fields<'a>) -> Option<Result<Record<'a>, Refused<'a>>> {
        let value = value(fields);
        let name = match (fields.get(Label::Name), value) {
            (Some(Raw::Text(name)), _) if !name.is_empty() => name,
            (None, Ok(None)) => return None,
            _ => {
                return Some(Err(Refused {
                    name: "",
                    fault: RecordFault::NoName,
                }));
            }
        };
        let refused = |fault| Refused { name, fault };
        Some(self.record(name, value, fields).map_err(refused))
    }

    fn record(
        &self,
        name: &'a str,
        value: Result<Option<Value<'a>>, RecordFault>,
        fields: &Fields<'a>,
    ) -> Result<Record<'a>, RecordFault> {
        let value = match value?.ok_or(RecordFault::WrongType)? {
            Value::Micro(value) => Value::Micro(sum(value, self.value)?),
            value => value,
        };
        let unit = match fields.get(Label::Unit) {
            None => self.unit,
            Some(Raw::Text(unit)) => Some(unit),
            Some(_) => return Err(RecordFault::WrongType),
        };
        let time = fields.get(Label::Time).map_or(Ok(Micro(0)), number)?;
        let age_ms = age_ms(sum(time, self.time)?)?;
        Ok(Record {
            name,
            value,
            age_ms,
            unit,
        })
    }
}

/// The one value of a record, `None` where it has none.
fn value<'a>(fields: &Fields<'a>) -> Result<Option<Value<'a>>, RecordFault> {
    match (
        fields.get(Label::Number),
        fields.get(Label::Text),
        fields.get(Label::Bool),
    ) {
        (None, None, None) => Ok(None),
        (Some(raw), None, None) => number(raw).map(Value::Micro).map(Some),
        (None, Some(Raw::Text(word)), None) => {
            Ok(Some(Absence::from_word(word).map_or(Value::Text(word), Value::Absent)))
        }
        (None, None, Some(Raw::Bool(value))) => Ok(Some(Value::Bool(value))),
        _ => Err(RecordFault::WrongType),
    }
}

fn number(raw: Raw<'_>) -> Result<Micro, RecordFault> {
    match raw {
        Raw::Int(units) => Micro::from_units(units).ok_or(RecordFault::NotANumber),
        Raw::Decimal(value) => Ok(value),
        Raw::Unrepresentable => Err(RecordFault::NotANumber),
        Raw::Bool(_) | Raw::Text(_) | Raw::Other => Err(RecordFault::WrongType),
    }
}

fn sum(a: Micro, b: Micro) -> Result<Micro, RecordFault> {
    a.0.checked_add(b.0).map(Micro).ok_or(RecordFault::NotANumber)
}

/// Age out of a time in seconds.
fn age_ms(time: Micro) -> Result<u32, RecordFault> {
    if time >= ABSOLUTE {
        return Ok(0);
    }
    if time > Micro(0) {
        return Err(RecordFault::Future);
    }
    Ok(u32::try_from(time.0.unsigned_abs().div_ceil(1000)).unwrap_or(u32::MAX))
}

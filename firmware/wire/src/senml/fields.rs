//! One record as it was written: known labels and their raw values, before base fields are applied.

use super::PackFault;
use crate::Micro;

/// A field we read. Everything else is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    BaseVersion,
    BaseName,
    BaseTime,
    BaseUnit,
    BaseValue,
    Name,
    Unit,
    Number,
    Text,
    Bool,
    Time,
    Simulated,
}

impl Label {
    const COUNT: usize = Self::Simulated as usize + 1;

    /// RFC 8428 table 4.
    pub(super) const fn from_int(label: i64) -> Option<Self> {
        Some(match label {
            -1 => Self::BaseVersion,
            -2 => Self::BaseName,
            -3 => Self::BaseTime,
            -4 => Self::BaseUnit,
            -5 => Self::BaseValue,
            0 => Self::Name,
            1 => Self::Unit,
            2 => Self::Number,
            3 => Self::Text,
            4 => Self::Bool,
            6 => Self::Time,
            _ => return None,
        })
    }

    /// `Ok(None)` for a field to skip.
    pub(super) fn from_word(label: &str) -> Result<Option<Self>, PackFault> {
        Ok(Some(match label {
            "bver" => Self::BaseVersion,
            "bn" => Self::BaseName,
            "bt" => Self::BaseTime,
            "bu" => Self::BaseUnit,
            "bv" => Self::BaseValue,
            "n" => Self::Name,
            "u" => Self::Unit,
            "v" => Self::Number,
            "vs" => Self::Text,
            "vb" => Self::Bool,
            "t" => Self::Time,
            "sim_" => Self::Simulated,
            word if word.ends_with('_') => return Err(PackFault::MustUnderstand),
            _ => return Ok(None),
        }))
    }
}

/// A field's value as it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Raw<'a> {
    /// A whole number, which `boot` and `seq` need exactly.
    Int(i64),
    /// A number with decimals.
    Decimal(Micro),
    /// NaN, infinite, or more than a [`Micro`] holds.
    Unrepresentable,
    /// True or false.
    Bool(bool),
    /// A string without escapes.
    Text(&'a str),
    /// Well formed, but nothing a field of ours may hold.
    Other,
}

impl Raw<'_> {
    pub(super) fn from_f64(value: f64) -> Self {
        Micro::from_f64(value).map_or(Self::Unrepresentable, Self::Decimal)
    }
}

/// One record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields<'a> {
    slots: [Option<Raw<'a>>; Label::COUNT],
}

impl<'a> Fields<'a> {
    pub(super) const fn get(&self, label: Label) -> Option<Raw<'a>> {
        self.slots[label as usize]
    }

    /// Twice the same field is malformed: which one counts would be a guess.
    pub(super) fn put(&mut self, label: Label, raw: Raw<'a>) -> Result<(), PackFault> {
        match self.slots[label as usize].replace(raw) {
            None => Ok(()),
            Some(_) => Err(PackFault::Malformed),
        }
    }
}

//! One model of device, in whichever way it is read.

use muster_wire::{Quantity, Unit};

use crate::{Fault, Head, NutProfile, Profile, SnmpProfile, load};

/// What is known of one model of device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// Registers.
    Modbus(Profile),
    /// Objects.
    Snmp(SnmpProfile),
    /// NUT's variables.
    Nut(NutProfile),
}

/// What all signals have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// Unique in the profile.
    pub name: &'a str,
    /// What it measures.
    pub quantity: Quantity,
    /// Whether it goes on the lane of alarms.
    pub trip: bool,
}

impl Device {
    /// Reads a profile file.
    ///
    /// # Errors
    /// Every fault in it, in the order of lines. `file_name` only names the file in them.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, Vec<Fault>> {
        load::lint(text, file_name).0
    }

    /// As [`Device::parse`], and beside it what may be right and is mostly wrong, in the order of lines.
    pub fn lint(text: &str, file_name: &str) -> (Result<Self, Vec<Fault>>, Vec<Fault>) {
        load::lint(text, file_name)
    }

    /// Its registers, if it is read by Modbus.
    #[must_use]
    pub fn into_modbus(self) -> Option<Profile> {
        match self {
            Self::Modbus(profile) => Some(profile),
            Self::Snmp(_) | Self::Nut(_) => None,
        }
    }

    /// Its objects, if it is read by SNMP.
    #[must_use]
    pub fn into_snmp(self) -> Option<SnmpProfile> {
        match self {
            Self::Snmp(profile) => Some(profile),
            Self::Modbus(_) | Self::Nut(_) => None,
        }
    }

    /// Its variables, if it is read through NUT.
    #[must_use]
    pub fn into_nut(self) -> Option<NutProfile> {
        match self {
            Self::Nut(profile) => Some(profile),
            Self::Modbus(_) | Self::Snmp(_) => None,
        }
    }

    /// What it says of itself.
    #[must_use]
    pub const fn head(&self) -> &Head {
        match self {
            Self::Modbus(profile) => &profile.head,
            Self::Snmp(profile) => &profile.head,
            Self::Nut(profile) => &profile.head,
        }
    }

    /// `modbus`, `snmp` or `nut`: the source's `kind` that it is for.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Modbus(_) => "modbus",
            Self::Snmp(_) => "snmp",
            Self::Nut(_) => "nut",
        }
    }

    /// Its signals, in the file's order.
    #[must_use]
    pub fn signals(&self) -> Vec<Named<'_>> {
        let named = |(name, quantity, trip)| Named { name, quantity, trip };
        match self {
            Self::Modbus(p) => p
                .signals
                .iter()
                .map(|s| named((s.name.as_str(), s.quantity, s.trip)))
                .collect(),
            Self::Snmp(p) => p
                .signals
                .iter()
                .map(|s| named((s.name.as_str(), s.quantity, s.trip)))
                .collect(),
            Self::Nut(p) => p
                .signals
                .iter()
                .map(|s| named((s.name.as_str(), s.quantity, s.trip)))
                .collect(),
        }
    }
}

/// Whether a channel of a signal of one quantity may be declared as another: its own, or, for a contact, any contact.
pub(crate) fn may_be(own: Quantity, declared: Quantity) -> bool {
    let contact = |q: Quantity| q.unit() == Unit::Contact;
    own == declared || (contact(own) && contact(declared))
}

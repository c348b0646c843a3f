//! Devices that are polled, in whichever way.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use muster_core::{ChannelIx, SourceIx};
use muster_profiles::{NutProfile, Profile};

/// A device that is polled.
#[derive(Clone, Debug, PartialEq)]
pub struct Polled {
    /// Its source.
    pub source: SourceIx,
    /// Its id, for logs.
    pub id: String,
    /// `host:port`.
    pub address: String,
    /// Signal name in the profile to channel.
    pub channels: BTreeMap<String, ChannelIx>,
    /// Overrules the profile's poll period. Real milliseconds.
    pub poll_ms: Option<u64>,
    /// How it is asked.
    pub way: PollWay,
}

/// How a device is asked, and what for.
#[derive(Clone, Debug, PartialEq)]
pub enum PollWay {
    /// Modbus TCP.
    Modbus(ModbusWay),
    /// NUT's upsd.
    Nut(NutWay),
}

/// How a device is asked by Modbus TCP.
#[derive(Clone, Debug, PartialEq)]
pub struct ModbusWay {
    /// Unit id.
    pub unit: u8,
    /// How it is read.
    pub profile: Arc<Profile>,
}

/// How a UPS is asked through NUT's upsd.
#[derive(Clone, Debug, PartialEq)]
pub struct NutWay {
    /// What upsd calls the UPS.
    pub ups: UpsName,
    /// PEM file of the only authorities upsd's certificate may be from; with it STARTTLS is demanded.
    pub ca: Option<PathBuf>,
    /// How it is read.
    pub profile: Arc<NutProfile>,
}

impl Polled {
    /// Its unit and registers, if it is asked by Modbus.
    #[must_use]
    pub const fn modbus(&self) -> Option<&ModbusWay> {
        match &self.way {
            PollWay::Modbus(way) => Some(way),
            PollWay::Nut(_) => None,
        }
    }

    /// Shortest poll period that the device bears. Milliseconds.
    #[must_use]
    pub fn min_poll_ms(&self) -> u64 {
        match &self.way {
            PollWay::Modbus(modbus) => modbus.profile.head.min_poll_ms,
            PollWay::Nut(nut) => nut.profile.head.min_poll_ms,
        }
    }

    /// Whether it is the same device, asked for the same things: then its readings go on under another config.
    #[must_use]
    pub fn is_same_device(&self, other: &Self) -> bool {
        (&self.id, &self.address) == (&other.id, &other.address)
            && match (&self.way, &other.way) {
                (PollWay::Modbus(a), PollWay::Modbus(b)) => a == b,
                (PollWay::Nut(a), PollWay::Nut(b)) => (&a.ups, &a.profile) == (&b.ups, &b.profile),
                _ => false,
            }
    }

    /// Whether it is asked in the very same way.
    #[must_use]
    pub fn is_asked_alike(&self, other: &Self) -> bool {
        self.is_same_device(other) && (self.poll_ms, &self.way) == (other.poll_ms, &other.way)
    }
}

/// What upsd calls a UPS, as far as it goes into a line of NUT's protocol as it stands: `[A-Za-z0-9._-]{1,64}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpsName(String);

impl UpsName {
    /// None for any other text.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let named = (1..=64).contains(&text.len()) && text.bytes().all(fits);
        named.then(|| Self(text.to_owned()))
    }

    /// As upsd says it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for UpsName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

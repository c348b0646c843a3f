//! Devices that are polled, in whichever way.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use muster_core::{ChannelIx, SourceIx};
use muster_profiles::{NutProfile, Profile, SnmpProfile};

use super::{Port, Secret};

/// A device that is polled, in any way or in one.
#[derive(Clone, Debug, PartialEq)]
pub struct Polled<W = PollWay> {
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
    pub way: W,
}

impl<W> Polled<W> {
    /// The same device, asked in another way.
    pub fn by<V>(self, way: V) -> Polled<V> {
        Polled {
            source: self.source,
            id: self.id,
            address: self.address,
            channels: self.channels,
            poll_ms: self.poll_ms,
            way,
        }
    }
}

/// How a device is asked, and what for.
#[derive(Clone, Debug, PartialEq)]
pub enum PollWay {
    /// Modbus.
    Modbus(ModbusWay),
    /// NUT's upsd.
    Nut(NutWay),
    /// SNMP v2c or v3.
    Snmp(SnmpWay),
}

/// How a device is asked by Modbus.
#[derive(Clone, Debug, PartialEq)]
pub struct ModbusWay {
    /// Through what; devices of one port share it.
    pub port: Port,
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

/// How a device is asked by SNMP.
#[derive(Clone, Debug, PartialEq)]
pub struct SnmpWay {
    /// Who we are to it.
    pub login: SnmpLogin,
    /// How it is read.
    pub profile: Arc<SnmpProfile>,
}

/// Who we are to an SNMP agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnmpLogin {
    /// v2c: a word that everybody on the wire can read.
    Community(Secret),
    /// v3 with authentication and privacy; there is no v3 without.
    User(Box<SnmpUser>),
}

impl SnmpLogin {
    /// Whether everybody on the wire can read it.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        matches!(self, Self::Community(_))
    }
}

/// A user of SNMP v3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnmpUser {
    /// Its name, 1 to 32 bytes.
    pub name: String,
    /// How messages are authenticated.
    pub auth: SnmpAuth,
    /// At least 8 bytes.
    pub auth_password: Secret,
    /// How messages are hidden.
    pub privacy: SnmpPrivacy,
    /// At least 8 bytes.
    pub privacy_password: Secret,
}

/// HMAC of SNMP v3 (RFC 7860). MD5 and SHA-1 are not spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnmpAuth {
    /// HMAC-192-SHA-256.
    Sha256,
    /// HMAC-256-SHA-384.
    Sha384,
    /// HMAC-384-SHA-512.
    Sha512,
}

/// Cipher of SNMP v3. DES is not spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnmpPrivacy {
    /// RFC 3826.
    Aes128,
    /// As net-snmp and most makers extend the key (Blumenthal).
    Aes256,
    /// As Cisco and some makers extend it (Reeder).
    Aes256Cisco,
}

impl PollWay {
    /// Its word in the config.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Modbus(_) => "modbus",
            Self::Nut(_) => "nut",
            Self::Snmp(_) => "snmp",
        }
    }

    /// `vendor/model` of its profile.
    #[must_use]
    pub fn profile_name(&self) -> String {
        match self {
            Self::Modbus(way) => way.profile.head.name(),
            Self::Nut(way) => way.profile.head.name(),
            Self::Snmp(way) => way.profile.head.name(),
        }
    }
}

impl Polled {
    /// Its unit and registers, if it is asked by Modbus.
    #[must_use]
    pub const fn modbus(&self) -> Option<&ModbusWay> {
        match &self.way {
            PollWay::Modbus(way) => Some(way),
            PollWay::Nut(_) | PollWay::Snmp(_) => None,
        }
    }

    /// Where it is instead; for simulations only.
    pub fn move_to(&mut self, address: SocketAddr) {
        self.address = address.to_string();
        if let PollWay::Modbus(way) = &mut self.way {
            way.port = Port::Tcp(address.to_string());
        }
    }

    /// Shortest poll period that the device bears. Milliseconds.
    #[must_use]
    pub fn min_poll_ms(&self) -> u64 {
        match &self.way {
            PollWay::Modbus(modbus) => modbus.profile.head.min_poll_ms,
            PollWay::Nut(nut) => nut.profile.head.min_poll_ms,
            PollWay::Snmp(snmp) => snmp.profile.head.min_poll_ms,
        }
    }

    /// Whether it is the same device, asked for the same things: then its readings go on under another config.
    #[must_use]
    pub fn is_same_device(&self, other: &Self) -> bool {
        (&self.id, &self.address) == (&other.id, &other.address)
            && match (&self.way, &other.way) {
                (PollWay::Modbus(a), PollWay::Modbus(b)) => a == b,
                (PollWay::Nut(a), PollWay::Nut(b)) => (&a.ups, &a.profile) == (&b.ups, &b.profile),
                (PollWay::Snmp(a), PollWay::Snmp(b)) => a.profile == b.profile,
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

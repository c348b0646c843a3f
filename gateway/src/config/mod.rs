//! One TOML file becomes what each room needs of it, or a list of every fault in it.
//!
//! Three passes, none of which stops at the first fault: every table is read into rows (one file a table), rows are
//! lowered to indices (`lower`), and rules across tables are checked (`groups`, `cycles`, and beside each table).

mod address;
mod channel;
mod channels;
mod cycles;
mod defaults;
mod faults;
mod finding;
mod groups;
mod hook;
mod hook_url;
mod http;
mod later;
mod limits;
mod load;
mod lower;
mod mqtt;
mod names;
mod notify;
mod principal;
mod profile;
mod rows;
mod secret;
mod signals;
mod site;
mod source;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod workload;
mod zone;

pub use finding::{Finding, Severity};
pub use load::{MAX_BYTES, load, parse};
pub use notify::{Address, Beat, Message, Place, Posted, Pulse, Smtp, SmtpTls, Topic, Way};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use muster_core::{ChannelIx, Site, SourceIx};

/// A config that has passed every check.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the decision needs.
    pub site: Site,
    /// How nodes are heard.
    pub mqtt: Mqtt,
    /// API and page.
    pub http: Http,
    /// Journal.
    pub store: Store,
    /// Nodes that speak MQTT, by id.
    pub nodes: BTreeMap<String, Node>,
    /// Devices polled by Modbus.
    pub modbus: Vec<ModbusSource>,
    /// As `site.hooks`, by the same index.
    pub hooks: Vec<HookTarget>,
    /// As `site.principals`, by the same index: SHA-256 of the token.
    pub token_hashes: Vec<[u8; 32]>,
    /// Places outside that are told.
    pub notify: Vec<Place>,
}

/// How nodes are heard over MQTT.
#[derive(Clone, Debug)]
pub struct Mqtt {
    /// Which broker.
    pub way: MqttWay,
    /// The owner accepts MQTT without TLS; every screen says so.
    pub insecure: bool,
    /// Clients of the embedded broker at a time.
    pub max_clients: usize,
}

/// Which broker nodes speak to.
#[derive(Clone, Debug)]
pub enum MqttWay {
    /// None.
    Off,
    /// The embedded one.
    Listen {
        /// Where. Port 0 takes a free one.
        address: SocketAddr,
        /// Every client has to prove its name; without it the listener is plain.
        tls: Option<TlsFiles>,
    },
    /// Somebody else's, to which we are a client.
    Connect(Box<Connect>),
}

/// PEM files of a listener with client certificates. They are read at the start and at each reload.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// CA of the nodes' certificates.
    pub ca: PathBuf,
    /// The gateway's own chain.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Somebody else's broker.
#[derive(Clone, Debug)]
pub struct Connect {
    /// Name or address.
    pub host: String,
    /// Port, from 1.
    pub port: u16,
    /// `mqtts://`.
    pub tls: bool,
    /// CA of the broker's certificate; the system's without it.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Client id; `muster-{site}` without it.
    pub client_id: Option<String>,
    /// User and password.
    pub login: Option<(String, Secret)>,
}

impl Mqtt {
    /// Where the embedded broker listens; none if there is none.
    #[must_use]
    pub fn listen(&self) -> Option<SocketAddr> {
        match self.way {
            MqttWay::Listen { address, .. } => Some(address),
            MqttWay::Off | MqttWay::Connect(_) => None,
        }
    }

    /// Whether it goes over the network without TLS.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        match &self.way {
            MqttWay::Off => false,
            MqttWay::Listen { tls, .. } => tls.is_none(),
            MqttWay::Connect(connect) => !connect.tls,
        }
    }

    /// Whether every client proves to us who it is, so that a node is a group of its own. Of somebody else's broker we
    /// only have its word.
    #[must_use]
    pub fn proves_nodes(&self) -> bool {
        matches!(self.way, MqttWay::Listen { tls: Some(_), .. })
    }
}

/// API and page.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where it listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// What hooks are told to report progress to, `http://host:port`; by default the address it listens on.
    pub public_url: Option<String>,
}

/// Journal.
#[derive(Clone, Debug)]
pub struct Store {
    /// The SQLite file, relative to the config file's folder.
    pub path: PathBuf,
}

/// A node that speaks MQTT.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its source.
    pub source: SourceIx,
    /// Signal name in its packs to channel, and whether packs without boot and seq are taken for it.
    pub channels: BTreeMap<String, NodeChannel>,
}

/// A node's channel.
#[derive(Clone, Copy, Debug)]
pub struct NodeChannel {
    /// Which.
    pub channel: ChannelIx,
    /// Whether its packs must carry boot and seq (design §10).
    pub sequence: bool,
}

/// A device polled by Modbus TCP.
#[derive(Clone, Debug)]
pub struct ModbusSource {
    /// Its source.
    pub source: SourceIx,
    /// Its id, for logs.
    pub id: String,
    /// `host:port`.
    pub address: String,
    /// Unit id.
    pub unit: u8,
    /// How it is read.
    pub profile: Arc<muster_profiles::Profile>,
    /// Signal name in the profile to channel.
    pub channels: BTreeMap<String, ChannelIx>,
    /// Overrules the profile's poll period. Real milliseconds.
    pub poll_ms: Option<u64>,
}

/// How a hook is reached.
#[derive(Clone, Debug)]
pub struct HookTarget {
    /// Its id.
    pub id: String,
    /// The webhook's URL.
    pub url: String,
    /// Key of the signature: 24 to 64 bytes (Standard Webhooks).
    pub secret: Secret,
    /// Whether 127.0.0.0/8 and ::1 may be called.
    pub allow_loopback: bool,
}

/// Bytes that are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

//! One TOML file becomes what each room needs of it, or a list of every fault in it.
//!
//! Three passes, none of which stops at the first fault: every table is read into rows (one file a table), rows are
//! lowered to indices (`lower`), and rules across tables are checked (`groups`, `cycles`, and beside each table).

mod address;
mod alike;
mod bridge;
mod buses;
mod certificates;
mod channel;
mod channels;
mod checks;
mod cycles;
mod defaults;
mod destination;
mod drill;
mod faults;
mod feeds;
mod finding;
mod groups;
mod hook;
mod hook_exec;
mod hook_kubernetes;
mod hook_libvirt;
mod hook_lxd;
mod hook_mqtt;
mod hook_slurm;
mod hook_url;
mod http;
mod later;
mod limits;
mod load;
mod lower;
mod mqtt;
mod names;
mod notify;
mod nut_face;
mod objects;
mod pick;
mod places;
mod polled;
mod polled_rows;
mod port;
mod principal;
mod probe;
mod profile;
mod rows;
mod secret;
mod sensor;
mod signals;
mod site;
mod snmp;
mod source;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod workload;
mod zone;

pub use bridge::{Bridges, Names, OwnPlace, Stands, Tool, ToolKind, ToolUrl};
pub use drill::{Blocked, Drilled};
pub use finding::{Finding, Severity};
pub(crate) use load::read_text;
pub use load::{MAX_BYTES, load, parse};
pub use notify::{Address, Beat, Message, Place, Posted, Pulse, Smtp, SmtpTls, Topic, Way};
pub use nut_face::NutFace;
pub use polled::{ModbusWay, NutWay, PollWay, Polled, SnmpAuth, SnmpLogin, SnmpPrivacy, SnmpUser, SnmpWay, UpsName};
pub use port::{Parity, Port, SerialLine};
pub use sensor::{Meaning, Pick, Sensor, Word};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use muster_core::{ChannelIx, Millis, Site, SourceIx};

use crate::recorder::Bounds;

/// A config that has passed every check.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What the decision needs.
    pub site: Arc<Site>,
    /// How nodes are heard.
    pub mqtt: Mqtt,
    /// API and page.
    pub http: Http,
    /// Journal.
    pub store: Store,
    /// Nodes that speak MQTT, by id.
    pub nodes: BTreeMap<String, Node>,
    /// Other people's sensors, heard over MQTT.
    pub sensors: Vec<Sensor>,
    /// Devices that are polled.
    pub polled: Vec<Polled>,
    /// Where SNMP's traps and informs are listened for; nowhere without it.
    pub traps: Option<SocketAddr>,
    /// As `site.hooks`, by the same index.
    pub hooks: Vec<HookTarget>,
    /// As `site.principals`, by the same index: SHA-256 of the token.
    pub token_hashes: Vec<[u8; 32]>,
    /// Places outside that are told.
    pub notify: Vec<Place>,
    /// What readiness has to know beside all this.
    pub bridges: Bridges,
    /// How often drills are held.
    pub drills: Vec<Drilled>,
    /// What NUT's clients are shown; none: nobody listens for them.
    pub nut: Option<NutFace>,
}

impl Config {
    /// What goes over the network without TLS by the owner's leave. Every screen says so.
    #[must_use]
    pub fn insecure(&self) -> Vec<&'static str> {
        let plain_snmp = |device: &Polled| matches!(&device.way, PollWay::Snmp(way) if way.login.is_plain());
        let mqtt = self.mqtt.is_plain().then_some("mqtt");
        let snmp = self.polled.iter().any(plain_snmp).then_some("snmp");
        mqtt.into_iter().chain(snmp).collect()
    }
}

/// How nodes are heard over MQTT.
#[derive(Clone, Debug, PartialEq)]
pub struct Mqtt {
    /// Which broker.
    pub way: MqttWay,
    /// The owner accepts MQTT without TLS; every screen says so.
    pub insecure: bool,
    /// Clients of the embedded broker at a time.
    pub max_clients: usize,
}

/// Which broker nodes speak to.
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Debug, PartialEq)]
pub struct TlsFiles {
    /// CA of the nodes' certificates.
    pub ca: PathBuf,
    /// The gateway's own chain.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// What the nodes' CA has revoked.
    pub crl: Option<PathBuf>,
}

/// Somebody else's broker.
#[derive(Clone, Debug, PartialEq)]
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

impl Connect {
    /// Our name at the broker.
    #[must_use]
    pub fn client_id(&self, site: &str) -> String {
        self.client_id.clone().unwrap_or_else(|| format!("muster-{site}"))
    }
}

/// As it stands in the config: `mqtts://host:port`.
impl std::fmt::Display for Connect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        if self.host.contains(':') {
            return write!(f, "{scheme}://[{}]:{}", self.host, self.port);
        }
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
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

    /// The embedded broker's TLS files; none if it is plain, or if there is none.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsFiles> {
        match &self.way {
            MqttWay::Listen { tls, .. } => tls.as_ref(),
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
        self.tls().is_some()
    }
}

/// API and page.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// Where it listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// What hooks are told to report progress to, `http://host:port`; by default the address it listens on.
    pub public_url: Option<String>,
}

/// Journal and flight recorder.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// The SQLite file, relative to the config file's folder.
    pub path: PathBuf,
    /// Older decisions of closed incidents, and older lines for people, are removed. Milliseconds of engine time.
    pub keep_ms: Millis,
    /// How much the flight recorder keeps beside it.
    pub recorder: Bounds,
}

/// A node that speaks MQTT.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its source.
    pub source: SourceIx,
    /// Signal name in its packs to channel, and whether packs without boot and seq are taken for it. Shared with whoever
    /// reads them.
    pub channels: Arc<BTreeMap<String, NodeChannel>>,
}

/// A node's channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeChannel {
    /// Which.
    pub channel: ChannelIx,
    /// Whether its packs must carry boot and seq (design §10).
    pub sequence: bool,
}

/// How a hook is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct HookTarget {
    /// Its id.
    pub id: String,
    /// By what.
    pub way: HookWay,
    /// What each workload is called there, by workload id.
    pub works: BTreeMap<String, Placed>,
}

/// A workload in the words of what runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// `[[workload]] object`: such as `prod/Deployment/shop` or the name of a virtual machine; the workload's id without it.
    pub object: String,
    /// The rack it stands on.
    pub rack: String,
}

/// By what a hook is reached.
#[derive(Clone, Debug, PartialEq)]
pub enum HookWay {
    /// HTTP.
    Webhook(WebhookTarget),
    /// A program on this machine.
    Exec(ExecTarget),
    /// A topic at a broker.
    Mqtt(Box<MqttTarget>),
    /// A cluster of LXD or Incus.
    Lxd(Box<LxdTarget>),
    /// Hypervisors, through `virsh`.
    Libvirt(Box<LibvirtTarget>),
    /// A Kubernetes cluster.
    Kubernetes(Box<KubernetesTarget>),
    /// A Slurm cluster.
    Slurm(SlurmTarget),
}

impl HookWay {
    /// Whether it is Muster that knows how, and no receiver of somebody's.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        matches!(
            self,
            Self::Kubernetes(_) | Self::Slurm(_) | Self::Lxd(_) | Self::Libvirt(_)
        )
    }
}

/// A webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookTarget {
    /// Where steps are posted to.
    pub url: String,
    /// Key of the signature: 24 to 64 bytes (Standard Webhooks).
    pub secret: Secret,
    /// Whether 127.0.0.0/8 and ::1 may be called.
    pub allow_loopback: bool,
    /// PEM file of the only authorities its certificate may be from; the machine's own without it.
    pub ca: Option<PathBuf>,
}

/// A program on this machine.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecTarget {
    /// Absolute path and arguments; nothing is ever put into them.
    pub argv: Vec<String>,
    /// Folder it starts in.
    pub cwd: PathBuf,
    /// It is ended after this. Real time.
    pub limit: Duration,
}

/// A topic at a broker.
#[derive(Clone, Debug, PartialEq)]
pub struct MqttTarget {
    /// The broker.
    pub broker: Connect,
    /// Where steps are published; answers come back at `{topic}/answer/{key}`.
    pub topic: String,
    /// Key of the signatures in both directions.
    pub secret: Secret,
    /// Whether the broker may be on this machine.
    pub allow_loopback: bool,
}

/// A cluster of LXD or Incus, which share an API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LxdTarget {
    /// How it is reached.
    pub doors: LxdDoors,
    /// The project of all its instances.
    pub project: String,
    /// Members by rack and by destination.
    pub places: Places,
    /// Whether an instance that does not stop by itself in its time may be stopped hard.
    pub allow_force_stop: bool,
}

/// How a cluster of LXD or Incus is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LxdDoors {
    /// The socket of a member on this machine.
    Socket(PathBuf),
    /// The API of members, asked in this order until one answers.
    Https {
        /// `https://host:port` of each.
        urls: Vec<String>,
        /// Our certificate and its key, which the cluster trusts.
        identity: (PathBuf, PathBuf),
        /// PEM file of authorities; the system's without it.
        ca: Option<PathBuf>,
        /// PEM file with the very certificate that the members show; then no authority and no name is asked.
        pinned: Option<PathBuf>,
        /// Whether they may be on this machine.
        allow_loopback: bool,
    },
}

/// Hypervisors, through `virsh`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibvirtTarget {
    /// The program: an absolute path.
    pub virsh: PathBuf,
    /// URIs of hypervisors by rack and by destination.
    pub places: Places,
    /// Disks are copied as well, because the hypervisors share none.
    pub copy_storage: bool,
    /// How a machine is stopped.
    pub stop_by: StopBy,
    /// A machine gets this long to stop. Real time.
    pub stop_timeout: Duration,
    /// Whether one that does not stop in its time may be destroyed.
    pub allow_destroy: bool,
}

/// How a virtual machine is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopBy {
    /// The guest is asked to shut down.
    Shutdown,
    /// Its memory is written to the disk, and it goes on from there when it is started.
    ManagedSave,
}

/// Where things stand, in the words of what runs them: nodes, members or hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Members by rack of this site.
    pub racks: BTreeMap<String, Vec<String>>,
    /// Members by destination.
    pub destinations: BTreeMap<String, Vec<String>>,
}

/// A Kubernetes cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubernetesTarget {
    /// Of its API.
    pub url: String,
    /// PEM file of the only authorities its certificate may be from; the machine's own without it.
    pub ca: Option<PathBuf>,
    /// File of a bearer token, read at each use.
    pub token_file: Option<PathBuf>,
    /// Our certificate and its key, PEM files.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Whether it may be on this machine.
    pub allow_loopback: bool,
    /// Its nodes by rack, which go before `rack_label`, and by destination; of others every node that stays.
    pub places: Places,
    /// Label of a node whose value is its rack.
    pub rack_label: Option<String>,
    /// Label and value of this site's nodes.
    pub site_label: Option<(String, String)>,
    /// A budget that refuses is heeded until this long before the step's deadline, engine milliseconds; without it until the
    /// decision gives the rung up.
    pub pdb_until_ms: Option<Millis>,
    /// Whether nodes are added where room is short.
    pub autoscales: bool,
}

/// A Slurm cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlurmTarget {
    /// Folder of its commands.
    pub commands: PathBuf,
    /// Its slurm.conf; the system's without it.
    pub conf: Option<PathBuf>,
    /// By rack of this site, its nodes.
    pub racks: BTreeMap<String, Vec<String>>,
    /// Signal by which jobs are told to write a checkpoint before they are stopped, and how long they have for it.
    pub checkpoint: Option<(String, Duration)>,
}

/// Bytes that are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

//! The rooms of the suites, as config text.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use muster::config::{self, Config};
use muster_core::{Group, GroupIx};

use super::Enrolled;

/// The site of every room here.
pub(crate) const SITE: &str = "s1";
/// The secret its hook signs with.
pub(crate) const SECRET: &str = "whsec_bXVzdGVyLXRlc3Qtc3VpdGUtc2VjcmV0LTAxMjM=";

/// One room, an armed site, one workload and one hook. One sample of a node decides, so that every pack that slips
/// through shows at once.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    nodes: Vec<String>,
    more: String,
    /// Keys of `[mqtt]` where nodes are heard through somebody else's broker.
    connect: Option<String>,
    max_clients: usize,
    supervision_s: u32,
    /// Where nodes are heard; 0 is any free port.
    port: u16,
    /// `[mqtt]`'s lines on how nodes prove who they are.
    proof: String,
}

impl Room {
    /// With these nodes; each has `voc` (alarm at 30 ppm) and `temperature` (alarm at 60 °C).
    pub(crate) fn with(nodes: &[&str]) -> Self {
        Self {
            nodes: nodes.iter().map(|n| (*n).to_owned()).collect(),
            more: String::new(),
            connect: None,
            max_clients: 200,
            supervision_s: 60,
            port: 0,
            proof: "insecure = true".into(),
        }
    }

    /// More tables.
    pub(crate) fn and(mut self, tables: &str) -> Self {
        self.more.push_str(tables);
        self
    }

    /// Nodes are heard through somebody else's broker; keys of `[mqtt]`. All of them are one group then.
    pub(crate) fn connect(mut self, keys: &str) -> Self {
        self.connect = Some(keys.to_owned());
        self
    }

    /// A dry-contact module with a fire panel at its first input.
    pub(crate) fn contacts(self, id: &str, address: &str) -> Self {
        let device = format!(
            "[[source]]\nid = \"{id}\"\nkind = \"modbus\"\naddress = \"{address}\"\nprofile = \"generic/dry-contacts\"\n\
             zone = \"room\"\nsignals = [\"in1\"]\npoll_ms = 100\n\
             [[channel]]\nsource = \"{id}\"\nsignal = \"in1\"\nquantity = \"fire_alarm\"\nsupervision_s = 5\n"
        );
        self.and(&device)
    }

    pub(crate) fn max_clients(mut self, n: usize) -> Self {
        self.max_clients = n;
        self
    }

    /// How long a node may be silent.
    pub(crate) fn supervision_s(mut self, s: u32) -> Self {
        self.supervision_s = s;
        self
    }

    /// Nodes are heard on one port, over restarts too.
    pub(crate) fn on_one_port(mut self) -> Self {
        let socket = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        self.port = socket.local_addr().unwrap().port();
        self
    }

    /// Behind TLS, with the certificates of a site.
    pub(crate) fn enrolled(mut self, site: &Enrolled) -> Self {
        self.proof = site.lines();
        self
    }

    /// As a config, with its journal in a folder and its hook at an address.
    pub(crate) fn config(&self, folder: &Path, hook: SocketAddr) -> Config {
        let text = self.text(hook);
        match config::parse(&text, &folder.join("muster.toml")) {
            Ok((config, _)) if self.connect.is_some() => config,
            Ok((config, _)) => each_node_its_own_group(config),
            Err(findings) => {
                let all: Vec<_> = findings.iter().map(ToString::to_string).collect();
                panic!("{}\n{text}", all.join("\n"))
            }
        }
    }

    /// As text.
    pub(crate) fn text(&self, hook: SocketAddr) -> String {
        let listen = || {
            format!(
                "{}\nlisten = \"127.0.0.1:{}\"\nmax_clients = {}",
                self.proof, self.port, self.max_clients
            )
        };
        let mqtt = self.connect.clone().unwrap_or_else(listen);
        let head = format!(
            "[site]\nid = \"{SITE}\"\narmed = true\nsingle_group = true\n\
             [mqtt]\n{mqtt}\n[http]\nlisten = \"127.0.0.1:0\"\n[[zone]]\nid = \"room\"\n\
             [[hook]]\nid = \"mover\"\nkind = \"webhook\"\nurl = \"http://{hook}/\"\nallow_loopback = true\nsecret = \"{SECRET}\"\n\
             [[workload]]\nid = \"db\"\ntier = 1\nruns_on = \"r1\"\n\
             rung = [{{ kind = \"move\", hook = \"mover\", to = \"s2\", needs_s = 60 }}]\n"
        );
        let nodes: String = self.nodes.iter().map(|id| self.node(id)).collect();
        format!("{head}{nodes}{}", self.more)
    }

    fn node(&self, id: &str) -> String {
        let channel = |signal: &str| {
            format!(
                "[[channel]]\nsource = \"{id}\"\nsignal = \"{signal}\"\nk = 1\nn = 1\nsupervision_s = {}\n",
                self.supervision_s
            )
        };
        format!(
            "[[source]]\nid = \"{id}\"\nkind = \"node\"\nzone = \"room\"\nsignals = [\"voc\", \"temperature\"]\n{}{}",
            channel("voc"),
            channel("temperature")
        )
    }
}

/// These suites are about what comes in. Each node is given a group of its own, as it will have behind a listener that
/// proves who speaks: a config with this plain one is rightly refused that.
fn each_node_its_own_group(mut config: Config) -> Config {
    let site = Arc::make_mut(&mut config.site);
    site.single_group = false;
    if config.mqtt.proves_nodes() {
        return config;
    }
    for node in config.nodes.values() {
        let group = GroupIx(u16::try_from(site.groups.len()).unwrap());
        site.groups.push(Group {
            id: site.sources[node.source.at()].id.clone(),
        });
        let own = site.channels.iter_mut().filter(|c| c.source == node.source);
        own.for_each(|c| c.group = group);
    }
    config
}

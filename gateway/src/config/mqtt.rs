//! `[mqtt]`: a broker of our own that nodes connect to, or somebody else's that we connect to.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use reqwest::Url;

use super::faults::{At, Faults, quoted};
use super::load::read_text;
use super::table::Table;
use super::{Connect, Mqtt, MqttWay, Secret, TlsFiles, certificates};

/// Clients at a time if the file does not say.
const MAX_CLIENTS: i64 = 200;

const PLAIN_HINT: &str = "give `ca`, `cert` and `key` (`muster enroll` makes them), or accept it with insecure = true: \
                          then all nodes are one group, and every screen says so";

/// `[mqtt]` as it stands in the file.
pub(super) struct MqttRow {
    pub(super) mqtt: Mqtt,
    /// Where it is switched off.
    pub(super) off: Option<usize>,
    /// Whether the file has the table.
    given: bool,
    at: usize,
}

/// Which files it names; relative paths are those of the config's folder.
pub(super) struct Files {
    pub(super) ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    crl: Option<PathBuf>,
}

/// Reads it; without it nothing is heard over MQTT, which is a fault once there are nodes.
pub(super) fn read(root: &Table<'_>, folder: &Path) -> MqttRow {
    let Some(table) = root.table("mqtt", "[mqtt]") else {
        let mqtt = Mqtt {
            way: MqttWay::Off,
            insecure: false,
            max_clients: MAX_CLIENTS as usize,
        };
        return MqttRow {
            mqtt,
            off: None,
            given: false,
            at: 0,
        };
    };
    let off = table.is_false("listen");
    let insecure = table.flag("insecure", false);
    let files = Files::read(&table, folder);
    let way = match connect(&table, &files, folder) {
        Some(connect) => MqttWay::Connect(Box::new(connect)),
        // A broker that cannot be read has been reported.
        None if off.is_some() || table.place("connect").is_some() => MqttWay::Off,
        None => listen(&table, &files, insecure),
    };
    let max_clients = table
        .integer("max_clients", 1..=10_000)
        .map_or(MAX_CLIENTS, |n| n.value) as usize;
    let mqtt = Mqtt {
        way,
        insecure,
        max_clients,
    };
    check_insecure(&table, &mqtt);
    table.finish();
    MqttRow {
        mqtt,
        off,
        given: true,
        at: table.at,
    }
}

impl MqttRow {
    /// Nodes have to have somewhere to speak to.
    pub(super) fn check_nodes(&self, faults: &Faults<'_>) {
        if let Some(off) = self.off {
            let what = "the broker is switched off, but there are nodes";
            faults.error(off, what, "give `listen` an address, or `connect` a broker");
        } else if !self.given {
            let what = "there are nodes, but the file has no [mqtt]";
            faults.error(self.at, what, format!("add [mqtt] and {PLAIN_HINT}"));
        }
    }
}

fn check_insecure(table: &Table<'_>, mqtt: &Mqtt) {
    match table.place("insecure").filter(|_| mqtt.insecure) {
        Some(at) if !mqtt.is_plain() => {
            let what = "`insecure = true` means nothing here: there is no plain MQTT";
            table.faults.warning(at, what, "remove it");
        }
        None if mqtt.is_plain() => {
            let what = "[mqtt] is plain: anybody on the network can read it and speak for every node";
            table.faults.error(table.at, what, PLAIN_HINT);
        }
        _ => {}
    }
}

impl Files {
    pub(super) fn read(table: &Table<'_>, folder: &Path) -> Self {
        let file = |key| {
            let name = table.text(key)?;
            let path = folder.join(&name.value);
            if let Err(cause) = read_text(&path) {
                let what = format!("`{key}` {} cannot be read: {cause}", quoted(&name.value));
                let hint = "a PEM file; the path is relative to the folder of the config";
                table.faults.error(name.at, what, cause.mend(hint));
            }
            Some(path)
        };
        Self {
            ca: file("ca"),
            cert: file("cert"),
            key: file("key"),
            crl: file("crl"),
        }
    }

    /// Both or none: a certificate without its key proves nothing.
    pub(super) fn identity(&self, table: &Table<'_>) -> Option<(PathBuf, PathBuf)> {
        if self.cert.is_some() != self.key.is_some() {
            let what = format!("{} has one of `cert` and `key` only", table.name);
            let hint = "a certificate and its key belong together";
            table.faults.error(table.at, what, hint);
        }
        self.cert.clone().zip(self.key.clone())
    }
}

fn listen(table: &Table<'_>, files: &Files, insecure: bool) -> MqttWay {
    for key in ["client_id", "username", "password_file"] {
        if let Some(at) = table.place(key) {
            let what = format!("`{key}` means nothing without `connect`");
            table.faults.error(at, what, "remove it: nodes connect to us");
        }
    }
    let tls = listen_tls(table, files);
    let port = if tls.is_some() { 8883 } else { 1883 };
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let address = listen_address(table);
    if let Some(open) = address
        .as_ref()
        .filter(|a| insecure && tls.is_none() && !is_loopback(a.value))
    {
        let what = format!(
            "nodes are heard on {} without TLS: anybody on that network can speak for them",
            open.value
        );
        table.faults.warning(open.at, what, PLAIN_HINT);
    }
    MqttWay::Listen {
        address: address.map_or(usual, |a| a.value),
        tls,
    }
}

fn listen_tls(table: &Table<'_>, files: &Files) -> Option<TlsFiles> {
    let tls = match (&files.ca, files.identity(table)) {
        (Some(ca), Some((cert, key))) => Some(TlsFiles {
            ca: ca.clone(),
            cert,
            key,
            crl: files.crl.clone(),
        }),
        (None, None) if files.crl.is_none() => None,
        _ => {
            let what = "TLS for nodes needs `ca`, `cert` and `key`";
            let hint = "`ca` is the CA of the nodes' certificates, `cert` and `key` are the gateway's own";
            table.faults.error(table.at, what, hint);
            None
        }
    };
    if let Some(tls) = &tls {
        certificates::check(table, tls);
    }
    tls
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn connect(table: &Table<'_>, files: &Files, folder: &Path) -> Option<Connect> {
    let url = table.text("connect")?;
    for key in ["listen", "max_clients", "crl"] {
        if let Some(at) = table.place(key).filter(|_| table.is_false(key).is_none()) {
            let what = format!("`{key}` and `connect` in one [mqtt]");
            table
                .faults
                .error(at, what, "nodes speak to our broker or to somebody else's: keep one");
        }
    }
    let (host, port, tls) = broker(table, &url)?;
    if !tls && (files.ca.is_some() || files.cert.is_some()) {
        let what = "certificates, but `connect` is mqtt://";
        table.faults.error(url.at, what, "write mqtts://");
    }
    Some(Connect {
        host,
        port,
        tls,
        ca: files.ca.clone(),
        identity: files.identity(table),
        client_id: table.id("client_id").map(|id| id.value),
        login: login(table, folder),
    })
}

/// `mqtt(s)://host[:port]` and nothing behind it.
pub(super) fn broker(table: &Table<'_>, text: &At<String>) -> Option<(String, u16, bool)> {
    let plain = |url: &Url| {
        url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
    };
    let url = Url::parse(&text.value).ok().filter(plain);
    let parts = url.as_ref().and_then(|url| {
        let tls = match url.scheme() {
            "mqtts" => true,
            "mqtt" => false,
            _ => return None,
        };
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        let usual = if tls { 8883 } else { 1883 };
        Some((host, url.port().unwrap_or(usual), tls)).filter(|(host, port, _)| !host.is_empty() && *port != 0)
    });
    if parts.is_none() {
        let what = format!("{} is not a broker to connect to", quoted(&text.value));
        let hint = "scheme, host and port, such as \"mqtts://broker.example:8883\"; \
                    who we are goes into `username` and `password_file`, or `cert` and `key`";
        table.faults.error(text.at, what, hint);
    }
    parts
}

/// `username` and `password_file`: both or neither.
pub(super) fn login(table: &Table<'_>, folder: &Path) -> Option<(String, Secret)> {
    let (user, file) = (table.text("username"), table.text("password_file"));
    let (user, file) = match (user, file) {
        (Some(user), Some(file)) => (user, file),
        (None, None) => return None,
        (one, other) => {
            let at = one.or(other).map_or(table.at, |given| given.at);
            let what = format!("{} has one of `username` and `password_file` only", table.name);
            table.faults.error(at, what, "give both, or neither");
            return None;
        }
    };
    match read_text(&folder.join(&file.value)) {
        Ok(password) => Some((user.value, Secret(password.trim_end_matches(['\r', '\n']).into()))),
        Err(cause) => {
            let what = format!("the password file {} cannot be read: {cause}", quoted(&file.value));
            table.faults.error(
                file.at,
                what,
                cause.mend("the path is relative to the folder of the config"),
            );
            None
        }
    }
}

/// An IP address and a port under `listen`, of any table.
pub(super) fn listen_address(table: &Table<'_>) -> Option<At<SocketAddr>> {
    let text = table.text("listen")?;
    let address = text.value.parse().ok();
    if address.is_none() {
        let what = format!("{} is not an address to listen on", quoted(&text.value));
        table.faults.error(
            text.at,
            what,
            "an IP address and a port, such as \"127.0.0.1:1883\" or \"[::1]:1883\"",
        );
    }
    address.map(|a| At::new(a, text.at))
}

//! Node-RED: mqtt in → switch → http request, with default nodes and with the request's keep-alive switched on.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Child;

use super::mosquitto::Mosquitto;
use super::{PeerError, process};

/// What the deciding message says where the request makes a connection each time.
pub(super) const DEFAULT: &str = "OB";
/// And where it keeps one.
pub(super) const KEPT: &str = "OB-KEPT";

/// Its program, below the folder it was installed into.
const PROGRAM: &str = "node_modules/node-red/red.js";

/// Where it may have been installed, if nobody says.
const USUAL: [&str; 2] = ["target/node-red", "."];

/// A running Node-RED. Dropping it ends it.
pub(super) struct NodeRed {
    _process: Child,
}

impl NodeRed {
    /// Starts it with both flows: `hooks` are the addresses of the default one and of the one that is kept alive.
    pub(super) fn start(
        folder: &Path,
        installed: &Path,
        broker: &Mosquitto,
        hooks: [&str; 2],
    ) -> Result<Self, PeerError> {
        let node = process::find("node")?;
        let flows = flows(broker.address.port(), hooks).to_string();
        let flows = process::write(folder, "flows.json", &flows)?;
        let settings = process::write(folder, "settings.js", &settings(process::free_port()?))?;
        let mut command = process::command(node, folder, "node-red.log")?;
        command
            .arg(installed.join(PROGRAM))
            .arg("--userDir")
            .arg(folder)
            .arg("--settings")
            .arg(settings)
            .arg(flows);
        Ok(Self {
            _process: process::start(&mut command)?,
        })
    }
}

/// The folder it was installed into.
pub(super) fn installed(said: Option<&Path>) -> Result<PathBuf, PeerError> {
    let usual = USUAL.iter().map(PathBuf::from);
    let mut folders = said
        .map_or_else(|| usual.collect(), |said| vec![said.to_owned()])
        .into_iter();
    let found = folders.find(|folder| folder.join(PROGRAM).is_file());
    let found = found.ok_or(PeerError::NotInstalled(
        "Node-RED (npm install --prefix target/node-red node-red@4.1.15)",
    ))?;
    found.canonicalize().map_err(PeerError::Files)
}

/// Its version, as its package says.
pub(super) fn version(installed: &Path) -> Option<String> {
    let package = std::fs::read_to_string(installed.join("node_modules/node-red/package.json")).ok()?;
    let package: Value = serde_json::from_str(&package).ok()?;
    Some(format!("Node-RED {}", package["version"].as_str()?))
}

/// Without editor and API: only the flow runs.
fn settings(port: u16) -> String {
    format!(
        "module.exports = {{ uiHost: '127.0.0.1', uiPort: {port}, httpAdminRoot: false, httpNodeRoot: false, \
         disableEditor: true, logging: {{ console: {{ level: 'warn' }} }} }};\n"
    )
}

/// The nodes as the editor would have made them (one without a place counts as a config). It subscribes to everything and looks at every message, as one would who
/// wants limits checked and not a topic believed.
fn flows(broker_port: u16, hooks: [&str; 2]) -> Value {
    let request = |id: &str, url: &str, kept: bool| {
        json!({
            "id": id, "type": "http request", "z": "flow-tab", "x": 300, "y": 100, "method": "POST", "ret": "txt",
            "paytoqs": "ignore", "url": url, "tls": "", "persist": kept, "proxy": "", "authType": "", "senderr": false,
            "headers": [], "wires": [[]],
        })
    };
    json!([
        { "id": "flow-tab", "type": "tab", "label": "bench" },
        {
            "id": "flow-broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": broker_port.to_string(),
            "clientid": "node-red", "autoConnect": true, "usetls": false, "protocolVersion": "4", "keepalive": "60",
            "cleansession": true,
        },
        {
            "id": "flow-in", "type": "mqtt in", "z": "flow-tab", "x": 100, "y": 100, "topic": "muster/v1/bench/#",
            "qos": "2", "datatype": "auto-detect", "broker": "flow-broker", "inputs": 0, "wires": [["flow-switch"]],
        },
        {
            "id": "flow-switch", "type": "switch", "z": "flow-tab", "x": 200, "y": 100, "property": "payload.status",
            "propertyType": "msg", "checkall": "true", "repair": false, "outputs": 2,
            "rules": [{ "t": "eq", "v": DEFAULT, "vt": "str" }, { "t": "eq", "v": KEPT, "vt": "str" }],
            "wires": [["flow-default"], ["flow-kept"]],
        },
        request("flow-default", hooks[0], false),
        request("flow-kept", hooks[1], true),
    ])
}

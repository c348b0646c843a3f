//! The site that is measured: one room, one workload, one hook, and as many other nodes as wanted.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use muster_core::Millis;

use super::{BenchError, SITE};
use crate::config::{self, Config};

/// Nothing goes silent while engine time leaps, by half an hour a trial: ten years, the longest the core takes.
const SUPERVISION_MS: Millis = 10 * 365 * 86_400_000;

/// Every polled device is asked this often: as often as its profile allows. Milliseconds.
pub(super) const POLL_MS: u64 = 100;

/// Without any other node.
const BASE: &str = r#"
[mqtt]
insecure = true
listen = "127.0.0.1:0"
max_clients = 4096
[http]
listen = "127.0.0.1:0"
[[zone]]
id = "room"
[[source]]
id = "node-1"
kind = "node"
zone = "room"
signals = ["smoke"]
[[source]]
id = "node-2"
kind = "node"
zone = "room"
signals = ["smoke"]
# A trial is over once both are clear again; the minute that a room waits is not what is measured.
[[channel]]
source = "node-1"
signal = "smoke"
off_delay_s = false
[[channel]]
source = "node-2"
signal = "smoke"
off_delay_s = false
[[workload]]
id = "dns"
tier = 1
runs_on = "r01"
rung = [{ kind = "stop", hook = "hook", needs_s = 5 }]
[[hook]]
id = "hook"
kind = "webhook"
secret = "whsec_bXVzdGVyLWJlbmNoLXNlY3JldC1ub3QtZm9yLXNpdGVz"
allow_loopback = true
"#;

/// Which other nodes there are: `load-0` and so on, each with channels `c0` and so on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Others {
    pub(super) nodes: usize,
    pub(super) channels: usize,
}

/// The config file's text, with other nodes.
pub(super) fn text(journal: &str, hook: SocketAddr, others: Others) -> String {
    // Writing into a String cannot fail, here and below.
    let mut text = base(journal, hook);

    for node in 0..others.nodes {
        let _ = writeln!(
            text,
            "[[source]]\nid = \"load-{node}\"\nkind = \"node\"\nzone = \"room\""
        );
        for channel in 0..others.channels {
            let _ = writeln!(
                text,
                "[[channel]]\nsource = \"load-{node}\"\nsignal = \"c{channel}\"\nquantity = \"temperature\""
            );
        }
    }
    text
}

/// The config file's text, with devices at these addresses, whose first contact is the fire panel's.
fn text_polled(journal: &str, hook: SocketAddr, devices: &[SocketAddr]) -> String {
    let mut text = base(journal, hook);
    for (at, address) in devices.iter().enumerate() {
        let _ = writeln!(
            text,
            "[[source]]\nid = \"panel-{at}\"\nkind = \"modbus\"\naddress = \"{address}\"\nsegment = \"panels\"\n\
             profile = \"generic/dry-contacts\"\npoll_ms = {POLL_MS}\nzone = \"room\"\nsignals = [\"in1\"]\n\
             [[channel]]\nid = \"panel-{at}.fire_alarm\"\nsource = \"panel-{at}\"\nsignal = \"in1\"\n\
             quantity = \"fire_alarm\"\noff_delay_s = false"
        );
    }
    text
}

fn base(journal: &str, hook: SocketAddr) -> String {
    let mut text =
        format!("[site]\nid = \"{SITE}\"\narmed = true\nsingle_group = true\n[store]\npath = \"{journal}\"\n{BASE}");
    let _ = writeln!(text, "url = \"http://{hook}/\"");
    for (person, digit) in [("anna", "a"), ("ben", "b")] {
        let hash = digit.repeat(64);
        let _ = writeln!(
            text,
            "[[principal]]\nid = \"{person}\"\nroles = [\"operator\", \"safety\"]\ntoken_hash = \"sha256:{hash}\""
        );
    }
    text
}

/// The config itself, with other nodes and its journal in `folder`.
pub(super) fn config(folder: &Path, journal: &str, hook: SocketAddr, others: Others) -> Result<Config, BenchError> {
    read(folder, &text(journal, hook, others))
}

/// The same with polled devices.
pub(super) fn polled(
    folder: &Path,
    journal: &str,
    hook: SocketAddr,
    devices: &[SocketAddr],
) -> Result<Config, BenchError> {
    read(folder, &text_polled(journal, hook, devices))
}

/// The base with these sources, and silence found as in any site.
pub(super) fn watched(folder: &Path, journal: &str, sources: &str) -> Result<Config, BenchError> {
    parse(folder, &(base(journal, nowhere()) + sources))
}

fn parse(folder: &Path, text: &str) -> Result<Config, BenchError> {
    let parsed = config::parse(text, &folder.join("bench.toml")).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        BenchError::Config(faults.join("; "))
    })?;
    Ok(parsed.0)
}

fn read(folder: &Path, text: &str) -> Result<Config, BenchError> {
    let mut config = parse(folder, text)?;
    // The nodes of a plain listener are one group; its one vote is to reach `prepare`, and no further.
    let site = Arc::make_mut(&mut config.site);
    site.single_group = false;
    for channel in &mut site.channels {
        channel.supervision_ms = SUPERVISION_MS;
        // One sample is a vote, so that the deciding message is a single one.
        if channel.id == "node-1.smoke" || channel.id == "panel-0.fire_alarm" {
            (channel.watch, channel.k, channel.n) = (None, 1, 1);
        }
    }
    match config.site.flaw() {
        Some(flaw) => Err(BenchError::Config(flaw)),
        None => Ok(config),
    }
}

/// A hook that nobody calls, where nothing decides.
pub(super) fn nowhere() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 9))
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn its_config_is_accepted() {
        let others = Others { nodes: 2, channels: 3 };
        let config = config(Path::new("."), "a.db", nowhere(), others);
        assert!(
            config
                .as_ref()
                .is_ok_and(|c| c.site.channels.len() == 8 && c.site.armed),
            "{:?}",
            config.err()
        );
    }
}

//! 200 SNMP agents, all of them net-snmp's snmpd. Its answers pass a relay that notes when: an agent says no time of its own
//! that is fine enough.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::process::Child;
use tokio::sync::oneshot;

use super::super::peers::{PeerError, process};
use super::super::{BenchError, Goal, background, site};
use super::tally::Written;
use super::{Fleet, Fleets, Plan};
use crate::clock;

/// Agents.
const AGENTS: usize = 200;
/// Each is asked this often. Milliseconds.
const EVERY_MS: u64 = 1_000;
/// Signals by which an answer is known: of those that trip something, and of the others.
const MARKS: [(&str, bool); 2] = [("s0", true), ("s2", false)];
/// File of the profile, beside the config.
const PROFILE: &str = "agent.toml";
/// Objects of the UCD-SNMP-MIB, memory and systemStats: what every snmpd on Linux has.
const OBJECTS: [&str; 15] = [
    "4.5.0", "4.6.0", "4.3.0", "4.4.0", "4.11.0", "4.13.0", "4.14.0", "4.15.0", "11.50.0", "11.51.0", "11.52.0",
    "11.53.0", "11.57.0", "11.59.0", "11.60.0",
];
/// Longest datagram that is passed on.
const LONGEST: usize = 4_096;

/// Both ways of logging in. Without snmpd there is a line instead of figures.
pub(super) async fn measure(folder: &Path, over: Duration, fleets: &mut Fleets) -> Result<(), BenchError> {
    let snmpd = match Snmpd::start(folder) {
        Ok(snmpd) => snmpd,
        Err(why) => {
            fleets.missing.push(format!("200 SNMP agents: {why}"));
            return Ok(());
        }
    };
    let relay = Relay::start(snmpd.at).await?;
    let logins = [
        ("v2c", "community = \"house\"".to_owned()),
        ("v3 with SHA-256 and AES-128", snmpd.user()),
    ];
    for (version, login) in logins {
        fleets.rows.push(row(folder, (version, &login), &relay, over).await?);
    }
    Ok(())
}

async fn row(
    folder: &Path,
    (version, login): (&str, &str),
    relay: &Relay,
    over: Duration,
) -> Result<Fleet, BenchError> {
    std::fs::write(folder.join(PROFILE), profile()).map_err(BenchError::Process)?;
    let journal = format!("agents-{}.db", version.split(' ').next().unwrap_or_default());
    let plan = Plan {
        what: format!("SNMP {version}, 15 objects by two GETs every second"),
        config: site::watched(folder, &journal, &sources(&relay.addresses, login))?,
        devices: AGENTS,
        dead: 0,
        measured: AGENTS,
        every_ms: EVERY_MS,
        marks: &MARKS,
        written: Written::Noted(relay.written.clone()),
    };
    let mut row = plan.run(over).await?;
    row.goals = vec![Goal {
        goal: "200 SNMP agents at 1 Hz: 99 % of the polls due",
        met: row.made() >= 0.99,
    }];
    Ok(row)
}

fn profile() -> String {
    let mut text = format!(
        "vendor = \"bench\"\nmodel = \"agent\"\nkind = \"snmp\"\ndocument = \"muster bench\"\n\
         proven_by = \"simulated\"\nmin_poll_ms = {EVERY_MS}\ntimeout_ms = 2000\n"
    );
    for (at, object) in OBJECTS.iter().enumerate() {
        let trip = if at < 2 { "trip = true\n" } else { "" };
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(
            text,
            "[[signal]]\nname = \"s{at}\"\noid = \"1.3.6.1.4.1.2021.{object}\"\nquantity = \"counter\"\n{trip}"
        );
    }
    text
}

fn sources(addresses: &[SocketAddr], login: &str) -> String {
    let mut text = String::new();
    for (at, address) in addresses.iter().enumerate() {
        let _ = writeln!(
            text,
            "[[source]]\nid = \"a{at}\"\nkind = \"snmp\"\naddress = \"{address}\"\nsegment = \"cards\"\n\
             profile = \"./{PROFILE}\"\nzone = \"room\"\n{login}"
        );
    }
    text
}

/// The agent, until it is dropped.
struct Snmpd {
    at: SocketAddr,
    folder: std::path::PathBuf,
    _process: Child,
}

impl Snmpd {
    fn start(folder: &Path) -> Result<Self, PeerError> {
        let program = process::find("snmpd")?;
        let folder = process::folder(folder, "snmpd")?;
        let port = process::free_port()?;
        for (file, password) in [("auth", "authpassword\n"), ("privacy", "privpassword\n")] {
            process::write(&folder, file, password)?;
        }
        let config = format!(
            "agentaddress udp:127.0.0.1:{port}\nrocommunity house\n\
             createUser watcher SHA-256 \"authpassword\" AES \"privpassword\"\nrouser watcher authpriv\n"
        );
        let config = process::write(&folder, "snmpd.conf", &config)?;
        let mut command = process::command(program, &folder, "snmpd.log")?;
        command.args(["-f", "-Lo", "-C", "-c"]).arg(config);
        command.env("SNMP_PERSISTENT_DIR", folder.join("kept")).env("MIBS", "");
        let process = process::start(&mut command)?;
        Ok(Self {
            at: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            folder,
            _process: process,
        })
    }

    fn user(&self) -> String {
        let [auth, privacy] = ["auth", "privacy"].map(|file| self.folder.join(file).display().to_string());
        format!("user = \"watcher\"\nauth_file = {auth:?}\nprivacy_file = {privacy:?}")
    }
}

/// An address for every agent, behind all of which the same one stands. Dropping it takes them down.
struct Relay {
    addresses: Vec<SocketAddr>,
    /// When each one's last answer was passed on. Microseconds of the machine's clock.
    written: Arc<[AtomicU64]>,
    _on: oneshot::Sender<()>,
}

impl Relay {
    async fn start(agent: SocketAddr) -> Result<Self, BenchError> {
        let written: Arc<[AtomicU64]> = (0..AGENTS).map(|_| AtomicU64::new(0)).collect();
        let (tell, told) = oneshot::channel();
        let (on, off) = oneshot::channel::<()>();
        let notes = written.clone();
        background("bench-relay", async move {
            let mut addresses = Vec::new();
            for at in 0..AGENTS {
                match Line::open(agent).await {
                    Ok((line, address)) => {
                        addresses.push(address);
                        tokio::spawn(line.pass_on(notes.clone(), at));
                    }
                    Err(error) => return tracing::error!(%error, "no socket for an agent"),
                }
            }
            // Nobody waiting means that the measurement has ended, and so does the other end's going.
            let _ = tell.send(addresses);
            let _ = off.await;
        })?;
        Ok(Self {
            addresses: told.await.map_err(|_| BenchError::Devices)?,
            written,
            _on: on,
        })
    }
}

/// One agent's line.
struct Line {
    front: UdpSocket,
    back: UdpSocket,
}

impl Line {
    async fn open(agent: SocketAddr) -> io::Result<(Self, SocketAddr)> {
        let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let back = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        back.connect(agent).await?;
        let address = front.local_addr()?;
        Ok((Self { front, back }, address))
    }

    /// Until a socket breaks; an agent that is not there yet is no reason.
    async fn pass_on(self, written: Arc<[AtomicU64]>, at: usize) {
        let (mut asked, mut answered) = ([0; LONGEST], [0; LONGEST]);
        let mut manager = None;
        loop {
            tokio::select! {
                Ok((length, from)) = self.front.recv_from(&mut asked) => {
                    manager = Some(from);
                    let _ = self.back.send(&asked[..length]).await;
                }
                Ok(length) = self.back.recv(&mut answered) => {
                    let Some(manager) = manager else { continue };
                    written[at].store(clock::machine_us(), Ordering::Relaxed);
                    let _ = self.front.send_to(&answered[..length], manager).await;
                }
                else => return,
            }
        }
    }
}

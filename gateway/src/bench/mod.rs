//! What `muster bench` measures: latency, rates and memory of the gateway itself, on this machine, over real sockets.
//!
//! Everything that plays the world (nodes, hook) runs on threads whose names begin with `bench`, so that their processor time
//! can be told from the gateway's.

mod fleet;
mod kept;
mod latency;
mod load;
mod machine;
mod memory;
mod neighbours;
mod node;
mod page;
mod peers;
mod picture;
mod polled;
mod rates;
mod receiver;
mod site;
mod stand;
pub mod stats;
mod table;
mod traffic;
mod trigger;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::clock::Stopwatch;
use crate::lines;
use peers::{Peers, Setup};

pub use fleet::{Fleet, Fleets, Ratios, be_devices};
pub use kept::{KeepError, Kept};
pub use latency::Latency;
pub use machine::Machine;
pub use memory::Memory;
pub use neighbours::Neighbours;
pub use page::NoPlace;
pub use peers::Peer;
pub use polled::Polled;
pub use rates::{BrokerRate, Rates};
pub use table::Table;

/// Site id of everything here.
const SITE: &str = "bench";

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Measure {
    /// Deciding message published to webhook received
    Latency,
    /// Register of a polled device flipped to webhook received
    Polled,
    /// A thousand polled devices and dead ones among them; SNMP agents
    Fleet,
    /// Readings and messages a second
    Rates,
    /// Memory and processor time with 100,000 channels at 1 Hz, and the latency beside them
    Memory,
}

/// What can be chosen.
#[derive(Clone, Debug)]
pub struct Options {
    /// Trials of the quiet latency; half as many of every other row, and a hundredth of each of NUT's.
    pub trials: usize,
    /// Rounds over which they are spread, every row in turn; and rounds of each rate.
    pub rounds: usize,
    /// Also what a user would pick instead.
    pub peers: bool,
    /// Into which folder Node-RED was installed; by default `target/node-red` or here.
    pub node_red: Option<PathBuf>,
    /// One measure instead of all.
    pub only: Option<Measure>,
    /// Where the journals are kept meanwhile.
    pub folder: PathBuf,
}

impl Options {
    /// How long a fleet is looked at: a second for every 20 trials, 2 to 20.
    fn read_off(&self) -> Duration {
        Duration::from_secs((self.trials as u64 / 20).clamp(2, 20))
    }
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Of this document.
    pub schema: u32,
    /// What it was measured on.
    pub machine: Machine,
    /// Quiet first, then beside other traffic, then beside 100,000 channels.
    pub latency: Vec<Latency>,
    /// What a user would pick instead.
    pub peers: Vec<Peer>,
    /// One polled device, then a thousand.
    pub polled: Vec<Polled>,
    /// Many polled devices, and dead ones among them.
    pub fleets: Option<Fleets>,
    /// Readings and messages a second.
    pub rates: Option<Rates>,
    /// Resident memory.
    pub memory: Option<Memory>,
    /// Parts that broke off, and why; the others stand.
    pub failed: Vec<String>,
    /// What has to be known to read the figures.
    pub notes: Vec<String>,
}

impl Report {
    /// Without figures.
    fn empty(machine: Machine) -> Self {
        Self {
            schema: 1,
            machine,
            latency: Vec::new(),
            peers: Vec::new(),
            polled: Vec::new(),
            fleets: None,
            rates: None,
            memory: None,
            failed: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What a part came to, or a line of why it broke off.
    fn or_failed<T>(&mut self, name: &str, measured: Result<T, BenchError>) -> Option<T> {
        let failed = |cause: &BenchError| self.failed.push(format!("{name}: {}", lines::with_causes(cause)));
        measured.inspect_err(failed).ok()
    }

    /// Every goal of every row.
    pub fn goals(&self) -> impl Iterator<Item = &Goal> {
        let latency = self.latency.iter().flat_map(|row| &row.goals);
        let polled = self.polled.iter().flat_map(|row| &row.goals);
        let fleets = self.fleets.iter().flat_map(|fleets| &fleets.rows);
        let fleets = fleets.flat_map(|row| &row.goals);
        let rates = self.rates.iter().flat_map(|rates| &rates.goals);
        let memory = self.memory.iter().flat_map(|memory| &memory.goals);
        latency.chain(polled).chain(fleets).chain(rates).chain(memory)
    }
}

/// A figure beside the goal it has (design §11).
#[derive(Clone, Debug, Serialize)]
pub struct Goal {
    /// What is to be reached.
    pub goal: &'static str,
    /// Whether it was, in this run.
    pub met: bool,
}

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// No folder for the journals.
    #[error("cannot make a folder for the journals at {folder}")]
    Folder {
        /// Where.
        folder: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// Our own config has faults.
    #[error("the config of the benchmark has faults: {0}")]
    Config(String),
    /// No gateway.
    #[error("the gateway did not start")]
    Gateway(#[source] Box<crate::gateway::StartError>),
    /// No thread for a part of the world.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    /// No receiver of webhooks.
    #[error("cannot listen for webhooks")]
    Receiver(#[source] std::io::Error),
    /// The deciding node is gone.
    #[error("the deciding node lost its connection")]
    Node,
    /// No devices to poll.
    #[error("the simulated devices did not start")]
    Devices,
    /// Some of the devices were never heard.
    #[error("only {heard} of {of} devices were heard")]
    Silent {
        /// How many were.
        heard: usize,
        /// Of how many.
        of: usize,
    },
    /// Other nodes' traffic.
    #[error("the other nodes' traffic broke off")]
    Load(#[source] std::io::Error),
    /// Something that has to happen in a trial did not.
    #[error("trial {trial}: {what} within {within_s} s")]
    Trial {
        /// Which.
        trial: usize,
        /// What did not come.
        what: &'static str,
        /// How long it was waited for. Seconds.
        within_s: u64,
    },
    /// The reset between two trials was not taken.
    #[error("trial {trial}: the reset was not taken: {why}")]
    Reset {
        /// Which.
        trial: usize,
        /// The core's words.
        why: String,
    },
    /// The measured gateway process.
    #[error("cannot run `muster run` as a process of its own")]
    Process(#[source] std::io::Error),
    /// It did not say where it listens.
    #[error("`muster run` ended, or did not say within {0} s where it listens")]
    Greeting(u64),
    /// The system does not tell about processes.
    #[error("/proc does not tell how much memory process {0} has")]
    Proc(u32),
    /// The measured process does not give its metrics.
    #[error("`muster run` does not give its metrics")]
    Metrics(#[source] reqwest::Error),
    /// Its metrics lack a count.
    #[error("the metrics of `muster run` do not count {0}")]
    NoCount(&'static str),
}

/// Measures what was asked for.
///
/// # Errors
/// Something the measurement is made of did not start, or broke off; see [`BenchError`].
pub async fn measure(options: &Options) -> Result<Report, BenchError> {
    let folder = options.folder.join(format!("muster-bench-{}", std::process::id()));
    std::fs::create_dir(&folder).map_err(|source| BenchError::Folder {
        folder: folder.clone(),
        source,
    })?;
    as_many_files_as_allowed();
    let measured = measure_in(&folder, options).await;
    // What may stay behind are small files in a folder with our name.
    let _ = std::fs::remove_dir_all(&folder);
    measured
}

async fn measure_in(folder: &Path, options: &Options) -> Result<Report, BenchError> {
    let mut report = Report::empty(Machine::look(folder));
    let wanted = |measure| options.only.is_none_or(|only| only == measure);
    if wanted(Measure::Latency) {
        (report.latency, report.peers) = in_turn(folder, options).await?;
    }
    // From here on a part that breaks off costs the run that part only: minutes have been measured.
    if wanted(Measure::Polled) {
        let measured = polled::measure(folder, options.trials.div_ceil(20)).await;
        report.polled = report.or_failed("polled devices", measured).unwrap_or_default();
    }
    if wanted(Measure::Fleet) {
        let measured = fleet::measure(folder, options.read_off()).await;
        report.fleets = report.or_failed("many devices", measured);
    }
    if wanted(Measure::Rates) {
        let measured = rates::measure(folder, options.rounds).await;
        report.rates = report.or_failed("rates", measured);
    }
    if wanted(Measure::Memory) {
        let measured = memory::measure(folder, 2 * options.rounds).await;
        report.memory = report.or_failed("memory", measured);
        let large = latency::large(folder, options.trials.div_ceil(2)).await;
        let large = report.or_failed("a large site", large);
        report.latency.extend(large);
    }
    report.machine.load_after = machine::load_average();
    report.notes = notes(&report.machine, options);
    Ok(report)
}

/// Thousands of connections with both their ends here need more files than a shell grants by default. Where even the most
/// that is allowed is too few, a connection fails and says so.
fn as_many_files_as_allowed() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    // A system that does not grant it leaves what there was.
    let _ = setrlimit(Resource::Nofile, all);
}

/// One of several rounds.
#[derive(Clone, Copy, Debug)]
struct Round {
    /// From 0.
    at: usize,
    /// How many there are; at least 1.
    of: usize,
}

impl Round {
    /// This round's part of so many trials; all rounds' together are all of them.
    fn share(self, trials: usize) -> usize {
        trials * (self.at + 1) / self.of - trials * self.at / self.of
    }
}

/// Muster and its peers, round by round, so that a machine that changes meanwhile changes all of them alike.
async fn in_turn(folder: &Path, options: &Options) -> Result<(Vec<Latency>, Vec<Peer>), BenchError> {
    let mut rows = latency::Rows::start(folder, options.rounds).await?;
    let mut peers = if options.peers {
        Some(
            Peers::start(Setup {
                folder,
                node_red: options.node_red.as_deref(),
                watch: Stopwatch::start(),
            })
            .await,
        )
    } else {
        None
    };
    for at in 0..options.rounds {
        let round = Round { at, of: options.rounds };
        rows.round(round, options.trials).await?;
        if let Some(peers) = &mut peers {
            peers.round(round, options.trials.div_ceil(2)).await;
        }
    }
    let latency = rows.end().await;
    let peers = peers.map_or_else(Vec::new, |peers| peers.end(&latency));
    Ok((latency, peers))
}

fn notes(machine: &Machine, options: &Options) -> Vec<String> {
    let mut notes = vec![
        "Nodes, hook and gateway share this machine's processors; the load average tells who else did.".to_owned(),
    ];
    if options.only.is_none_or(|only| only == Measure::Latency) {
        notes.push(
            "Latency: stamps of one monotonic clock, before the client library is handed the message and after the hook has \
             the last byte. The deciding message is the only one its vote needs, on the node's alarm topic; the first hook \
             of a vote is the prepare step. Commit is SQLite's COMMIT with its fsync, of the transaction the hook waited for."
                .into(),
        );
        if options.trials < 2_000 {
            notes.push(format!(
                "{} trials are too few for a 99th percentile; 2,000 are usual.",
                options.trials
            ));
        }
    }
    if machine.in_memory() {
        notes.push(format!(
            "{} is no disk: commits cost nothing here. Choose another --folder.",
            machine.filesystem
        ));
    }
    notes
}

/// Runs a part of the world on a thread of its own until it ends, or the process does.
fn background(name: &str, part: impl Future<Output = ()> + Send + 'static) -> Result<(), BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BenchError::Thread)?;
    std::thread::Builder::new()
        .name(name.into())
        .spawn(move || runtime.block_on(part))
        .map(drop)
        .map_err(BenchError::Thread)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report without figures.
    pub(super) fn empty() -> Report {
        Report::empty(Machine::look(Path::new(".")))
    }

    #[test]
    fn rounds_share_all_trials() {
        for trials in [0, 1, 7, 2_000] {
            let shares = (0..4).map(|at| Round { at, of: 4 }.share(trials));
            assert_eq!(shares.sum::<usize>(), trials);
        }
    }
}

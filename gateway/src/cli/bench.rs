//! `muster bench`: what this machine reaches, with the goals beside it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::exit;
use crate::bench::{self, Kept, Measure, Options, Report, Table};
use crate::lines;

/// Measure this machine: latency, rates and memory
///
/// Everything goes over real sockets on loopback, with the journal on a real disk. Takes five minutes, and twelve with
/// --peers; needs no config and no root. gateway/PERFORMANCE.md tells how it is measured. Exit 0 if everything could be
/// measured, met or not; 1 if a message was lost; 70 if a part broke off, which leaves the others standing.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Trials of the quiet latency; half as many of every other row, a hundredth of each of NUT's
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    trials: u32,
    /// Everything in about two minutes, with a tenth of the trials: whether it works, not how fast
    #[arg(long)]
    quick: bool,
    /// Only one of them
    #[arg(long, value_enum)]
    only: Option<Measure>,
    /// Also measure, in turn, what else one would take: mosquitto_sub with shell and curl, Node-RED, NUT
    #[arg(long)]
    peers: bool,
    /// Folder into which Node-RED was installed: npm install --prefix DIR node-red@4.1.15 [default: target/node-red, .]
    #[arg(long, value_name = "DIR", requires = "peers")]
    node_red: Option<PathBuf>,
    /// Print what came of it as JSON
    #[arg(long)]
    json: bool,
    /// Also renew the figures of this page of Markdown, between its two marks
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Also draw the latencies into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Be so many devices for such a measurement, and nothing else
    #[arg(long, hide = true, exclusive = true, value_name = "N")]
    devices: Option<usize>,
    /// Keep the journals here meanwhile, on the disk to be measured; by default ./target, else the system's temporary folder
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Rounds over which the trials are spread.
const ROUNDS: usize = 4;
/// Of a quick run.
const QUICK: (usize, usize) = (200, 2);

/// Measures. 0 if it could, 1 if a message was lost on the way.
pub async fn run(args: Args) -> ExitCode {
    super::log_to_stderr(tracing::Level::WARN);
    if let Some(devices) = args.devices {
        return match bench::be_devices(devices).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => said(&error, exit::BUG),
        };
    }
    let json = args.json;
    let kept = match Kept::ready(args.write.clone(), args.svg.clone()) {
        Ok(kept) => kept,
        Err(error) => return said(&error, exit::USAGE),
    };
    let report = match bench::measure(&options(args)).await {
        Ok(report) => report,
        Err(error @ bench::BenchError::Folder { .. }) => return said(&error, exit::USAGE),
        Err(error) => return said(&error, exit::BUG),
    };
    print(&report, json);
    if let Err(error) = kept.renew(&report) {
        return said(&error, exit::USAGE);
    }
    if !report.failed.is_empty() {
        exit::BUG.into()
    } else if lost(&report) > 0 {
        exit::FINDING.into()
    } else {
        ExitCode::SUCCESS
    }
}

fn said(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("muster bench: {}", lines::with_causes(error));
    code.into()
}

fn options(args: Args) -> Options {
    let (trials, rounds) = if args.quick {
        QUICK
    } else {
        (args.trials as usize, ROUNDS)
    };
    Options {
        trials,
        rounds,
        peers: args.peers,
        node_red: args.node_red,
        only: args.only,
        folder: args.folder.unwrap_or_else(usual_folder),
    }
}

/// A reader that has gone (a closed pipe) has seen what it wanted.
fn print(report: &Report, json: bool) {
    let mut out = std::io::stdout().lock();
    let _ = if json {
        writeln!(out, "{}", serde_json::json!(report))
    } else {
        write!(out, "{}", Table(report))
    };
}

fn lost(report: &Report) -> u64 {
    let rates = report.rates.iter();
    rates.map(|r| r.singly.readings_lost + r.packed.readings_lost).sum()
}

/// The build folder is on a real disk where it exists; the temporary one often is not.
fn usual_folder() -> PathBuf {
    let build = Path::new("target");
    if build.is_dir() {
        build.to_owned()
    } else {
        std::env::temp_dir()
    }
}

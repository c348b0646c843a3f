//! `muster bench`: what this machine reaches, with the goals beside it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::exit;
use crate::bench::{self, Measure, Options, Report, Table};
use crate::lines;

/// Measure this machine: latency, rates and memory
///
/// Everything goes over real sockets on loopback, with the journal on a real disk. Takes about two minutes; needs no config
/// and no root. Exit 0 if everything could be measured, met or not; 1 if a message was lost.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Trials of the quiet latency; a quarter as many beside each sort of other traffic
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    trials: u32,
    /// Only one of them
    #[arg(long, value_enum)]
    only: Option<Measure>,
    /// Print what came of it as JSON
    #[arg(long)]
    json: bool,
    /// Keep the journals here meanwhile, on the disk to be measured; by default ./target, else the system's temporary folder
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Measures. 0 if it could, 1 if a message was lost on the way.
pub async fn run(args: Args) -> ExitCode {
    super::log_to_stderr(tracing::Level::WARN);
    let options = Options {
        trials: args.trials as usize,
        only: args.only,
        folder: args.folder.unwrap_or_else(usual_folder),
    };
    match bench::measure(&options).await {
        Ok(report) => {
            print(&report, args.json);
            if lost(&report) > 0 {
                exit::FINDING.into()
            } else {
                ExitCode::SUCCESS
            }
        }
        Err(error) => {
            eprintln!("muster bench: {}", lines::with_causes(&error));
            match error {
                bench::BenchError::Folder { .. } => exit::USAGE.into(),
                _ => exit::BUG.into(),
            }
        }
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

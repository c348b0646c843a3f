//! `muster demo`: the fire of Pangyo 2022, through real protocols.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::exit;
use crate::demo::{Options, Report, play};
use crate::lines;

/// Play the fire of Pangyo 2022 through real protocols, and see what would have been saved
///
/// Two rooms burn at once: the battery room as it was built and as one would fit it out today. Takes about two and a
/// half minutes; needs no config, no network and no root.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write what came of it as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print what came of it as JSON, after the story
    #[arg(long)]
    json: bool,
    /// Same seed, same fire
    #[arg(long, default_value_t = 2022)]
    seed: u64,
}

/// Plays it. 0 if every workload of the recommended room was safe in time, 1 if not.
pub async fn run(args: Args) -> ExitCode {
    // The story burns its own devices; their silence is part of it and shown as trouble.
    super::log_to_stderr(tracing::Level::ERROR);
    let report = match play(&Options { seed: args.seed }).await {
        Ok(report) => report,
        Err(error) => {
            eprintln!("muster demo: {}", lines::with_causes(&error));
            return exit::BUG.into();
        }
    };
    if args.json {
        println!("{}", serde_json::json!(report));
    }
    if let Some(file) = &args.report
        && let Err(error) = write(file, &report)
    {
        eprintln!("muster demo: cannot write {}: {error}", file.display());
        return exit::USAGE.into();
    }
    let saved = report.workloads_moved > 0 && report.lead_s.is_some_and(|lead| lead > 0.0);
    let all_safe = report.rooms.iter().all(|room| room.all_safe_s.is_some());
    if saved && all_safe && report.effects_doubled == 0 {
        ExitCode::SUCCESS
    } else {
        exit::FINDING.into()
    }
}

fn write(file: &Path, report: &Report) -> std::io::Result<()> {
    let mut text = serde_json::to_string_pretty(report).map_err(std::io::Error::other)?;
    text.push('\n');
    std::fs::write(file, text)
}

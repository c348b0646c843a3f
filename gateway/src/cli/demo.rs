//! `muster demo`: the fire of Pangyo 2022, through real protocols.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use muster_sim::emulator::Image;

use super::exit;
use super::interrupted::interrupted;
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
    /// Let the nodes be emulated boards with the firmware as it would be flashed; needs qemu-system-arm
    #[arg(long)]
    firmware: bool,
    /// The firmware's image; else MUSTER_BOARD_QEMU names it, or it is where cargo builds it, or it is built now
    #[arg(long, value_name = "FILE", requires = "firmware")]
    image: Option<PathBuf>,
}

/// Plays it. 0 if every workload of the recommended room was safe in time, 1 if not.
pub async fn run(args: Args) -> ExitCode {
    // The story burns its own devices; their silence is part of it and shown as trouble.
    super::log_to_stderr(tracing::Level::ERROR);
    let report = match played(&args).await {
        Ok(report) => report,
        Err(code) => return code.into(),
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

/// What came of it, or the exit code after the reason has been said.
async fn played(args: &Args) -> Result<Report, u8> {
    let firmware = image(args).await.map_err(|why| {
        eprintln!("muster demo: {why}");
        exit::USAGE
    })?;
    let options = Options {
        seed: args.seed,
        firmware,
    };
    // Whatever has been started ends with what is dropped here.
    let played = tokio::select! {
        played = play(&options) => played,
        () = interrupted() => return Err(exit::FINDING),
    };
    played.map_err(|error| {
        eprintln!("muster demo: {}", lines::with_causes(&error));
        exit::BUG
    })
}

async fn image(args: &Args) -> Result<Option<Image>, String> {
    if !args.firmware {
        return Ok(None);
    }
    let found = Image::find_or_build(args.image.as_deref(), |line| eprintln!("muster demo: {line}"));
    tokio::select! {
        found = found => found.map(Some).map_err(|error| lines::with_causes(&error)),
        () = interrupted() => Err("interrupted".to_owned()),
    }
}

fn write(file: &Path, report: &Report) -> std::io::Result<()> {
    let mut text = serde_json::to_string_pretty(report).map_err(std::io::Error::other)?;
    text.push('\n');
    std::fs::write(file, text)
}

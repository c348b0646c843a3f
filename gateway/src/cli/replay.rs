//! `muster replay`: a recording, or an incident file, through this version's decision.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use muster_core::Millis;

use super::exit;
use super::recorded::{is_text, offset_s, segments};
use super::when::When;
use crate::incident::{self, Incident};
use crate::lines;
use crate::replay::show::{
    Shown, incident_json, incident_text, recording_json, recording_text, table_json, table_text,
};
use crate::replay::{Facts, Played, recording};

/// Put a recording or an incident file through this version's decision
///
/// A flight recorder's segments (`{journal}.flight/`, or single files of it) are compared, decision by decision and digest
/// by digest, with what was decided then. An incident file is played in its rooms, in virtual time.
///
/// Exit: 0 the same (or every expectation kept), 1 this version decides otherwise (or one is broken), 64 unreadable.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = incident::FORMAT)]
pub struct Args {
    /// A folder of segments, segments, or incident files: one with its decisions, several as a table
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Show every decision: each entry of the journal, each trouble, each retry
    #[arg(long)]
    every_decision: bool,
    /// Show from here on: `T+1:30` after the first sign, 15:19 of an incident file's clock, of a recording by this
    /// machine's, or 2022-10-15T15:19:00+09:00
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<When>,
    /// Show up to here
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<When>,
}

/// Runs the command.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let answer = match args.paths.as_slice() {
        paths if paths.iter().all(|path| is_text(path)) => of_incidents(paths, args),
        paths if paths.iter().any(|path| is_text(path)) => Err(mixed(paths)),
        paths => of_recording(paths, args),
    };
    match answer {
        Ok((text, good)) => {
            // `muster replay … | head` is no fault.
            let _ = io::stdout().lock().write_all(text.as_bytes());
            if good { ExitCode::SUCCESS } else { exit::FINDING.into() }
        }
        Err(why) => {
            eprintln!("{why}");
            exit::USAGE.into()
        }
    }
}

/// Why incident files and something else cannot be replayed together.
fn mixed(paths: &[PathBuf]) -> String {
    let others = paths.iter().filter(|path| !is_text(path));
    let why = others.map(|path| match path.exists() {
        true => format!(
            "muster replay: {} is no incident file, as the others are: replay a recording by itself",
            path.display()
        ),
        false => format!("muster replay: {} does not exist", path.display()),
    });
    why.collect::<Vec<_>>().join("\n")
}

fn of_incidents(paths: &[PathBuf], args: &Args) -> Result<(String, bool), String> {
    let (mut all, mut faults) = (Vec::new(), Vec::new());
    for path in paths {
        match Played::load(path) {
            Ok(played) => {
                let shown = args.shown(
                    played.incident.zero,
                    &of_file(&played.incident),
                    (played.incident.begin_wall_ms, played.incident.offset_s),
                );
                all.push((played, shown));
            }
            Err(found) => faults.extend(found.iter().map(ToString::to_string)),
        }
    }
    if !faults.is_empty() {
        return Err(faults.join("\n"));
    }
    let text = match all.as_slice() {
        [(played, shown)] if args.json => format!("{:#}\n", incident_json(played, shown)),
        [(played, shown)] => incident_text(played, shown),
        several if args.json => format!("{:#}\n", table_json(several)),
        several => table_text(several),
    };
    Ok((text, all.iter().all(|(played, _)| played.kept())))
}

/// Engine time of a wall-clock time, in an incident file.
fn of_file(incident: &Incident) -> impl Fn(i64) -> Millis + use<> {
    let begin = incident.begin_wall_ms;
    move |wall_ms| wall_ms - begin
}

fn of_recording(paths: &[PathBuf], args: &Args) -> Result<(String, bool), String> {
    let segments = segments(paths).map_err(|why| format!("muster replay: {why}"))?;
    let recording = recording::replay(&segments).map_err(|e| format!("muster replay: {}", lines::with_causes(&e)))?;
    let facts = Facts::of(&recording.decisions);
    let voted = facts.iter().find_map(|f| f.first_vote);
    let zero = voted.or(recording.decisions.first().map(|d| d.at)).unwrap_or_default();
    let near = recording.decisions.iter().find(|d| d.at >= zero);
    let (near_at, near_wall) = near.map_or((0, 0), |d| (d.at, d.wall_ms));
    let engine = move |wall_ms: i64| near_at.saturating_add(wall_ms.saturating_sub(near_wall));
    let begin = recording.decisions.first().map_or(near_wall, |d| d.wall_ms);
    let shown = args.shown(zero, &engine, (begin, offset_s(begin)));
    let text = if args.json {
        format!("{:#}\n", recording_json(&recording, &shown))
    } else {
        recording_text(&recording, &shown)
    };
    Ok((text, recording.divergences.is_empty()))
}

impl Args {
    fn shown(&self, zero: Millis, engine: &dyn Fn(i64) -> Millis, (begin_wall_ms, offset_s): (i64, i32)) -> Shown {
        let relative = |when: When| match when.wall_ms(begin_wall_ms, offset_s) {
            Err(ms) => ms,
            Ok(wall_ms) => engine(wall_ms).saturating_sub(zero),
        };
        Shown {
            every: self.every_decision,
            zero,
            from: self.from.map_or(Millis::MIN, relative),
            to: self.to.map_or(Millis::MAX, relative),
            offset_s,
        }
    }
}

//! `muster replay`: a recording, or an incident file, through this version's decision.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;
use muster_core::Millis;

use super::exit;
use crate::incident::{self, Incident};
use crate::lines;
use crate::replay::show::{Shown, incident_json, incident_text, recording_json, recording_text};
use crate::replay::{Facts, judge, play, recording};

/// Put a recording or an incident file through this version's decision
///
/// A flight recorder's segments (`{journal}.flight/`, or single files of it) are compared, decision by decision and digest
/// by digest, with what was decided then. An incident file is played in its rooms, in virtual time.
///
/// Exit: 0 the same (or every expectation kept), 1 this version decides otherwise (or one is broken), 64 unreadable.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = incident::FORMAT)]
pub struct Args {
    /// A folder of segments, segments, or one incident file
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Show every decision: each entry of the journal, each trouble, each retry
    #[arg(long)]
    every_decision: bool,
    /// Show from here on: `T+1:30` after the first sign, or a time such as 2022-10-15T15:19:00+09:00
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<When>,
    /// Show up to here
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<When>,
}

/// A time on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Milliseconds after T+0:00.
    Relative(Millis),
    /// Unix milliseconds.
    Wall(i64),
}

impl std::str::FromStr for When {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let relative = |rest: &str| {
            let (minutes, seconds) = rest.split_once(':')?;
            let (minutes, seconds): (Millis, f64) = (minutes.parse().ok()?, seconds.parse().ok()?);
            let fits = (0..=10_000_000).contains(&minutes) && (0.0..60.0).contains(&seconds);
            fits.then_some(minutes * 60_000 + (seconds * 1_000.0) as Millis)
        };
        let found = if let Some(rest) = word.strip_prefix("T+") {
            relative(rest).map(Self::Relative)
        } else if let Some(rest) = word.strip_prefix("T-") {
            relative(rest).map(|ms| Self::Relative(-ms))
        } else {
            word.parse::<Timestamp>().ok().map(|t| Self::Wall(t.as_millisecond()))
        };
        found.ok_or_else(|| format!("{word:?} is neither T+m:ss nor a time with date and zone"))
    }
}

/// Runs the command.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let answer = match args.paths.as_slice() {
        [path] if is_text(path) => of_incident(path, args),
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

/// Whether a file is an incident file rather than a segment or a folder.
fn is_text(path: &Path) -> bool {
    path.is_file() && path.extension().is_none_or(|e| e != "seg")
}

fn of_incident(path: &Path, args: &Args) -> Result<(String, bool), String> {
    let said =
        |found: Vec<crate::config::Finding>| found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let incident = incident::load(path).map_err(said)?;
    let stages = incident.stages().map_err(said)?;
    let courses: Vec<_> = stages.iter().map(|stage| play::play(&incident, stage)).collect();
    let judged = judge::judge(&incident.expects, &courses);
    let shown = args.shown(incident.zero, &of_file(&incident), incident.offset_s);
    let text = if args.json {
        format!("{:#}\n", incident_json(&incident, &courses, &judged, &shown))
    } else {
        incident_text(&incident, &courses, &judged, &shown)
    };
    Ok((text, judged.iter().all(|j| j.kept)))
}

/// Engine time of a wall-clock time, in an incident file.
fn of_file(incident: &Incident) -> impl Fn(i64) -> Millis + use<> {
    let begin = incident.begin_wall_ms;
    move |wall_ms| wall_ms - begin
}

fn of_recording(paths: &[PathBuf], args: &Args) -> Result<(String, bool), String> {
    let mut segments = Vec::new();
    for path in paths {
        let found = recording::segments_of(path);
        segments.extend(found.map_err(|error| format!("muster replay: {}: {error}", path.display()))?);
    }
    if segments.is_empty() {
        return Err(format!("muster replay: no segments in {}", paths[0].display()));
    }
    let recording = recording::replay(&segments).map_err(|e| format!("muster replay: {}", lines::with_causes(&e)))?;
    let facts = Facts::of(&recording.decisions);
    let voted = facts.iter().find_map(|f| f.first_vote);
    let zero = voted.or(recording.decisions.first().map(|d| d.at)).unwrap_or_default();
    let near = recording.decisions.iter().find(|d| d.at >= zero);
    let (near_at, near_wall) = near.map_or((0, 0), |d| (d.at, d.wall_ms));
    let engine = move |wall_ms: i64| near_at.saturating_add(wall_ms.saturating_sub(near_wall));
    let shown = args.shown(zero, &engine, 0);
    let text = if args.json {
        format!("{:#}\n", recording_json(&recording, &shown))
    } else {
        recording_text(&recording, &shown)
    };
    Ok((text, recording.divergences.is_empty()))
}

impl Args {
    fn shown(&self, zero: Millis, engine: &dyn Fn(i64) -> Millis, offset_s: i32) -> Shown {
        let relative = |when: When| match when {
            When::Relative(ms) => ms,
            When::Wall(wall_ms) => engine(wall_ms).saturating_sub(zero),
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

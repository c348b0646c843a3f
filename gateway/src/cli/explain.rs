//! `muster explain`: of any moment, who voted, who did not, by how much, and what would have changed the outcome.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use muster_core::Millis;
use serde_json::{Value, json};

use super::exit;
use super::recorded::{is_text, offset_s, segments};
use super::when::When;
use crate::incident::{self, Incident, Stage};
use crate::lines;
use crate::replay::explain::{Course, Stretch, Tape, USUAL_BUDGET, explain, stretches};
use crate::replay::show::{Told, explain_json, explain_text};

/// Say of any moment who voted, who did not and by how much, and what would have changed the outcome
///
/// Plays a flight recorder's folder or segments, or an incident file, up to a moment and shows what every zone's level
/// rests on. What would have changed it is not guessed: each change is played through the same decision.
///
/// Exit: 0 explained, 64 unreadable, or a time that is not in it.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  muster explain muster.db.flight                     the moment at which the level last rose
  muster explain muster.db.flight --at 03:12 --zone battery-room
  muster explain incident.txt --room as-built --at T+2:00")]
pub struct Args {
    /// A flight recorder's folder or segments of it, or one incident file
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The moment: 15:21 or 15:21:30 of an incident file's clock, of a recording by this machine's; T+1:30 after the first sign, or 2022-10-15T15:21:00+09:00; else when
    /// the level last rose
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<When>,
    /// Only this zone
    #[arg(long, value_name = "ID")]
    zone: Option<String>,
    /// Only this room of an incident file
    #[arg(long, value_name = "NAME")]
    room: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Something to be explained: a tape, and how its times read.
struct Reading<'a> {
    tape: Tape<'a>,
    course: Course,
    room: Option<&'a str>,
    zero: Millis,
    offset_s: i32,
    note: Option<&'a str>,
}

/// Runs the command.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    match answer(args) {
        Ok(text) => {
            // `muster explain … | head` is no fault.
            let _ = io::stdout().lock().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            exit::USAGE.into()
        }
    }
}

fn answer(args: &Args) -> Result<String, String> {
    match args.paths.as_slice() {
        [path] if is_text(path) => of_incident(path, args),
        paths if paths.iter().any(|path| is_text(path)) => Err(said("one incident file at a time")),
        paths => of_recording(paths, args),
    }
}

fn said(what: &str) -> String {
    format!("muster explain: {what}")
}

fn of_incident(path: &Path, args: &Args) -> Result<String, String> {
    let faults = |found: Vec<crate::config::Finding>| {
        let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
        lines.join("\n")
    };
    let incident = incident::load(path).map_err(faults)?;
    let stages = incident.stages().map_err(faults)?;
    let chosen = |stage: &&Stage| args.room.as_ref().is_none_or(|room| *room == stage.name);
    let rooms: Vec<&Stage> = stages.iter().filter(chosen).collect();
    if rooms.is_empty() {
        let names: Vec<_> = stages.iter().map(|s| s.name.as_str()).collect();
        return Err(said(&format!(
            "no such room; it has --room {}",
            names.join(" and --room ")
        )));
    }
    let readings = rooms.into_iter().map(|stage| of_room(&incident, stage));
    told(&readings.collect::<Result<Vec<_>, _>>()?, args)
}

fn of_room<'a>(incident: &'a Incident, stage: &'a Stage) -> Result<Reading<'a>, String> {
    let tape = Tape::Room(incident, stage);
    Ok(Reading {
        course: course(&tape)?,
        tape,
        room: Some(&stage.name),
        zero: incident.zero,
        offset_s: incident.offset_s,
        note: None,
    })
}

fn course(tape: &Tape<'_>) -> Result<Course, String> {
    Course::of(tape).map_err(|e| said(&lines::with_causes(&e)))
}

fn of_recording(paths: &[PathBuf], args: &Args) -> Result<String, String> {
    if args.room.is_some() {
        return Err(said("--room is for incident files; a recording is of one site"));
    }
    let segments = segments(paths).map_err(|why| said(&why))?;
    let all: Vec<Stretch> = stretches(&segments).map_err(|e| said(&lines::with_causes(&e)))?;
    let mut readings = Vec::new();
    for stretch in &all {
        let tape = Tape::Stretch(stretch);
        readings.push(Reading {
            course: course(&tape)?,
            tape,
            room: None,
            zero: 0,
            offset_s: offset_s(tape.wall_ms(stretch.from)),
            note: stretch.tear.as_deref(),
        });
    }
    let first_vote = readings.iter().find_map(|r| r.course.first_vote);
    let zero = first_vote.or(all.first().map(|s| s.from)).unwrap_or_default();
    readings.iter_mut().for_each(|r| r.zero = zero);
    let at = |r: &Reading<'_>| r.moment(args.at).is_ok_and(|(_, is_rise)| args.at.is_some() || is_rise);
    let found = readings.iter().rposition(at).or(readings.len().checked_sub(1));
    let Some(found) = found else {
        return Err(said(
            "nothing in it can be played: no whole beginning that this version can use",
        ));
    };
    if args.at.is_some() && !at(&readings[found]) {
        return Err(outside(&readings));
    }
    told(&[readings.swap_remove(found)], args)
}

fn outside(readings: &[Reading<'_>]) -> String {
    let span = |r: &Reading<'_>| {
        let (from, to) = r.tape.span();
        let at = |at| Told::wall(&r.tape, at, r.offset_s);
        format!("from {} to {}", at(from), at(to))
    };
    let spans: Vec<_> = readings.iter().map(span).collect();
    said(&format!("that time is not in it: it goes {}", spans.join(", then ")))
}

impl Reading<'_> {
    /// The moment that is asked for, and whether it is the level's last rise.
    fn moment(&self, at: Option<When>) -> Result<(Millis, bool), ()> {
        let (from, to) = self.tape.span();
        let Some(when) = at else {
            let rise = self.course.rises.last().map(|(at, _)| *at);
            return Ok((rise.unwrap_or(to), rise.is_some()));
        };
        let found = match when.wall_ms(self.tape.wall_ms(from), self.offset_s) {
            Err(ms) => Some(self.zero.saturating_add(ms)).filter(|at| (from..=to).contains(at)),
            Ok(wall_ms) => self.tape.engine(wall_ms),
        };
        found.map(|at| (at, false)).ok_or(())
    }
}

fn told(readings: &[Reading<'_>], args: &Args) -> Result<String, String> {
    let (mut text, mut documents) = (String::new(), Vec::new());
    for reading in readings {
        let Ok((at, is_rise)) = reading.moment(args.at) else {
            return Err(outside(readings));
        };
        let found = explain(&reading.tape, &reading.course, at, args.zone.as_deref(), USUAL_BUDGET);
        let found = found.map_err(|e| said(&lines::with_causes(&e)))?;
        if found.view.zones.is_empty() {
            let zones = found.moment.state.site().zones.iter().map(|z| z.id.as_str());
            let zones: Vec<_> = zones.collect();
            return Err(said(&format!("no such zone; it has {}", zones.join(", "))));
        }
        let told = Told {
            tape: &reading.tape,
            room: reading.room,
            zero: reading.zero,
            offset_s: reading.offset_s,
            is_rise,
            asked: args.at.is_some(),
            note: reading.note,
        };
        if args.json {
            documents.push(explain_json(&found, &told));
        } else {
            text += &explain_text(&found, &told);
        }
    }
    let document: Value = json!({ "schema": 1, "rooms": documents });
    Ok(if args.json { format!("{document:#}\n") } else { text })
}

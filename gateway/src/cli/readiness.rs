//! `muster readiness`: the matrix of workloads and lost sites, from a config or from a running gateway.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use super::exit;
use super::order::{call::Failure, far};
use crate::api::USUAL_URL;
use crate::clock::{Clock, wall_now_ms};
use crate::config;
use crate::counters::Counters;
use crate::hooks::webhook::Limits;
use crate::readiness::gather;
use crate::{lines, runner};

/// Say of every workload whether its bridge would hold when the site is lost, and what would mend it.
///
/// With a config every hook, tool and the journal are asked from here, now; nothing is changed by asking. Without one the
/// running gateway at --url says what it found out last.
///
/// Exit 0: nothing is red. 1: something is. 64: usage, or the config cannot run. 69: the gateway does not answer.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The site's config
    #[arg(value_name = "CONFIG", conflicts_with = "token_file")]
    config: Option<PathBuf>,
    /// The gateway
    #[arg(long, value_name = "URL", env = "MUSTER_URL", default_value = USUAL_URL)]
    url: String,
    /// File whose first line is your token; needed from elsewhere than the gateway's own machine. Else MUSTER_TOKEN
    #[arg(long, value_name = "FILE", env = "MUSTER_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// One JSON document instead of lines, as /api/v1/readiness has it
    #[arg(long)]
    json: bool,
}

/// Prints what it found. Every question has a deadline.
pub async fn run(args: Args) -> ExitCode {
    super::log_to_stderr(tracing::Level::ERROR);
    let found = match &args.config {
        Some(config) => ask(config).await,
        None => fetch(&args).await,
    };
    let document = match found {
        Ok(document) => document,
        Err(code) => return code,
    };
    if args.json {
        println!("{document}");
    } else {
        print!("{}", text(&document));
    }
    if document["colour"] == "red" {
        exit::FINDING.into()
    } else {
        ExitCode::SUCCESS
    }
}

async fn ask(path: &Path) -> Result<Value, ExitCode> {
    let (config, _) = config::load(path).map_err(|findings| {
        findings.iter().for_each(|finding| eprintln!("{finding}"));
        ExitCode::from(exit::USAGE)
    })?;
    let hooks = runner::ready(
        config.hooks.clone(),
        &Clock::starting_at(0),
        &Counters::default(),
        Limits::default(),
    );
    let hooks = hooks.map_err(|error| {
        eprintln!("muster: {}", lines::with_causes(&error));
        ExitCode::from(exit::USAGE)
    })?;
    let report = gather::report(&config, &hooks).await;
    serde_json::to_value(&report).map_err(|_| exit::BUG.into())
}

async fn fetch(args: &Args) -> Result<Value, ExitCode> {
    let gave = |failure: Failure| {
        eprintln!("{}", lines::with_causes(&failure));
        ExitCode::from(failure.exit_code())
    };
    let token = std::env::var("MUSTER_TOKEN").ok();
    far::look(&args.url, (args.token_file.as_deref(), token), "api/v1/readiness")
        .await
        .map_err(gave)
}

/// What a document says, for a terminal: the columns, what every bridge stands on, and last what is to be done.
fn text(document: &Value) -> String {
    let mut text = at(document);
    let (columns, rows) = (list(&document["columns"]), list(&document["rows"]));
    let wide = rows.iter().map(|row| word(&row["id"]).len()).max().unwrap_or(0).max(13);
    for (nth, lost) in columns.iter().enumerate() {
        let also = lost["also_down"]
            .as_str()
            .map_or_else(String::new, |down| format!(" while {} is down", lines::printable(down)));
        let _ = writeln!(text, "when {} is lost{also}{}", word(&lost["site"]), as_of(rows));
        for row in rows {
            bridge(&mut text, row, nth, wide);
        }
    }
    for (title, name) in [("Muster itself", "muster"), ("hooks", "hooks"), ("drills", "drills")] {
        standing(&mut text, title, list(&document[name]), wide);
    }
    text + &verdict(document)
}

fn word(value: &Value) -> String {
    lines::printable(value.as_str().unwrap_or_default())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn at(document: &Value) -> String {
    let Some(at_ms) = document["at_ms"].as_i64() else {
        return String::new();
    };
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    let at = at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S");
    format!("as of {at} ({} ago)\n", ago(at_ms))
}

/// When the one of them was asked that was asked longest ago.
fn as_of(list: &[Value]) -> String {
    let oldest = list.iter().filter_map(|one| one["as_of_ms"].as_i64()).min();
    oldest.map_or_else(String::new, |at| format!(" (as of {} ago)", ago(at)))
}

fn ago(at_ms: i64) -> String {
    lines::shortly((wall_now_ms() - at_ms).max(0).unsigned_abs())
}

/// One cell of the matrix. What is the same as when nothing else is down is not said twice.
fn bridge(text: &mut String, row: &Value, nth: usize, wide: usize) {
    let (cell, alone) = (&row["cells"][nth], &row["cells"][0]);
    let (colour, id) = (word(&cell["colour"]), word(&row["id"]));
    let findings: Vec<&Value> = list(&cell["findings"])
        .iter()
        .filter(|f| f["colour"] != "green")
        .collect();
    let known = nth > 0 && !findings.is_empty() && cell == alone;
    let way = cell["way"]
        .as_str()
        .map(lines::printable)
        .unwrap_or_else(|| match row["kind"].as_str() {
            Some("workload") => "no way is left".to_owned(),
            kind => format!("({})", lines::printable(kind.unwrap_or_default())),
        });
    let gone = cell["gone_after_s"].as_i64().map_or_else(String::new, |s| {
        format!(", gone after {s} s ({})", word(&cell["time_by"]))
    });
    let above = if known { ": as above" } else { "" };
    let _ = writeln!(text, "  {colour:<5}  {id:<wide$}  {way}{gone}{above}");
    if !known {
        say(text, &findings, &colour, wide);
    }
}

/// Reasons, gravest first; a colour stands before those alone that are not the cell's. What mends several in a row is said once.
fn say(text: &mut String, findings: &[&Value], colour: &str, wide: usize) {
    for (nth, finding) in findings.iter().enumerate() {
        let own = word(&finding["colour"]);
        let own = if own == colour {
            String::new()
        } else {
            format!("{own}: ")
        };
        let _ = writeln!(text, "         {:<wide$}  {own}{}", "", word(&finding["why"]));
        let next = findings.get(nth + 1).map(|next| &next["mend"]);
        if finding["mend"].is_string() && next != Some(&finding["mend"]) {
            let _ = writeln!(text, "         {:<wide$}  mend: {}", "", word(&finding["mend"]));
        }
    }
}

fn standing(text: &mut String, title: &str, checks: &[Value], wide: usize) {
    if !checks.is_empty() {
        let _ = writeln!(text, "{title}{}", as_of(checks));
    }
    for check in checks {
        let (colour, id) = (word(&check["colour"]), word(&check["id"]));
        let _ = writeln!(text, "  {colour:<5}  {id:<wide$}  {}", word(&check["why"]));
        if let Some(mend) = check["mend"].as_str() {
            let _ = writeln!(text, "         {:<wide$}  mend: {}", "", lines::printable(mend));
        }
    }
}

/// The colour of it all, how much is behind it, and the next act.
fn verdict(document: &Value) -> String {
    let checks = ["muster", "hooks", "drills"].map(|name| list(&document[name]));
    let cells = list(&document["rows"]).iter().flat_map(|row| list(&row["cells"]));
    let of = |colour: &str| {
        let is = |one: &&Value| one["colour"] == colour;
        checks.into_iter().flatten().filter(is).count() + cells.clone().filter(is).count()
    };
    let act = match document["colour"].as_str() {
        Some("red") => format!(
            "{} red, {} amber. Mend what is red first, then ask again",
            of("red"),
            of("amber")
        ),
        Some("amber") => format!("nothing red, {} amber: each says what would mend it", of("amber")),
        _ => "every bridge would hold, by all that is known".to_owned(),
    };
    format!("{} is {}: {act}\n", word(&document["site"]), word(&document["colour"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn finding(colour: &str, why: &str, mend: &str) -> Value {
        json!({ "colour": colour, "why": why, "mend": mend })
    }

    fn document() -> Value {
        let broken = json!({ "colour": "red", "way": null, "gone_after_s": null, "findings": [
            finding("red", "no move", "start it"), finding("red", "no stop", "start it"),
            finding("amber", "no room said", "say it"),
        ] });
        json!({
            "site": "lyon-2", "colour": "red",
            "columns": [{ "site": "lyon-2", "also_down": null }, { "site": "lyon-2", "also_down": "paris-1" }],
            "rows": [{ "kind": "workload", "id": "db", "cells": [broken, broken] }],
            "muster": [], "hooks": [], "drills": [
                { "id": "last-drill", "colour": "amber", "why": "none", "mend": "`muster drill --site lyon-2`" },
            ],
        })
    }

    #[test]
    fn a_colour_and_what_mends_are_said_once() {
        let text = text(&document());
        let coloured = text.lines().filter(|line| line.contains("red ")).count();
        assert_eq!(coloured, 3, "two cells and the verdict: {text}");
        assert_eq!(text.matches("mend: start it").count(), 1, "{text}");
        assert!(
            text.contains("amber: no room said") && !text.contains("red: no"),
            "{text}"
        );
        assert!(text.contains("no way is left: as above"), "{text}");
        assert_eq!(text.matches("no move").count(), 1, "{text}");
    }

    #[test]
    fn the_last_line_is_the_next_act() {
        let text = text(&document());
        let last = text.lines().last().unwrap();
        assert_eq!(
            last,
            "lyon-2 is red: 2 red, 1 amber. Mend what is red first, then ask again"
        );
    }
}

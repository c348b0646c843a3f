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

/// What a document says, for a terminal.
fn text(document: &Value) -> String {
    let mut text = String::new();
    let word = |value: &Value| lines::printable(value.as_str().unwrap_or_default());
    let list = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    if let Some(at_ms) = document["at_ms"].as_i64() {
        let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
        let at = at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S");
        let _ = writeln!(text, "as of {at} ({} ago)", ago(at_ms));
    }
    let columns = list(&document["columns"]);
    let rows = list(&document["rows"]);
    let wide = rows.iter().map(|row| word(&row["id"]).len()).max().unwrap_or(0).max(8);
    for (nth, lost) in columns.iter().enumerate() {
        let also = lost["also_down"]
            .as_str()
            .map_or_else(String::new, |down| format!(" while {} is down", lines::printable(down)));
        let _ = writeln!(text, "when {} is lost{also}{}", word(&lost["site"]), as_of(&rows));
        for row in &rows {
            let cell = &row["cells"][nth];
            let way = cell["way"].as_str().map(lines::printable);
            let way = way.unwrap_or_else(|| word(&row["kind"]));
            let gone = cell["gone_after_s"].as_i64().map_or_else(String::new, |s| {
                format!(", gone after {s} s ({})", word(&cell["time_by"]))
            });
            let _ = writeln!(
                text,
                "  {:<5}  {:<wide$}  {way}{gone}",
                word(&cell["colour"]),
                word(&row["id"])
            );
            for finding in list(&cell["findings"]).iter().filter(|f| f["colour"] != "green") {
                say(&mut text, finding, wide);
            }
        }
    }
    for (title, name) in [("Muster itself", "muster"), ("hooks", "hooks"), ("drills", "drills")] {
        let checks = list(&document[name]);
        if !checks.is_empty() {
            let _ = writeln!(text, "{title}{}", as_of(&checks));
        }
        for check in checks {
            let _ = writeln!(
                text,
                "  {:<5}  {:<wide$}  {}",
                word(&check["colour"]),
                word(&check["id"]),
                word(&check["why"])
            );
            if let Some(mend) = check["mend"].as_str() {
                let _ = writeln!(text, "         {:<wide$}  mend: {}", "", lines::printable(mend));
            }
        }
    }
    let _ = writeln!(text, "{}: {}", word(&document["site"]), word(&document["colour"]));
    text
}

/// When the one of them was asked that was asked longest ago.
fn as_of(list: &[Value]) -> String {
    let oldest = list.iter().filter_map(|one| one["as_of_ms"].as_i64()).min();
    oldest.map_or_else(String::new, |at| format!(" (as of {} ago)", ago(at)))
}

fn ago(at_ms: i64) -> String {
    lines::shortly((wall_now_ms() - at_ms).max(0).unsigned_abs())
}

fn say(text: &mut String, finding: &Value, wide: usize) {
    let word = |value: &Value| lines::printable(value.as_str().unwrap_or_default());
    let _ = writeln!(
        text,
        "         {:<wide$}  {}: {}",
        "",
        word(&finding["colour"]),
        word(&finding["why"])
    );
    if finding["mend"].is_string() {
        let _ = writeln!(text, "         {:<wide$}  mend: {}", "", word(&finding["mend"]));
    }
}

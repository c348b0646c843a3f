//! `muster notify test`: whether people would be told, found out now and not in the fire.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::exit;
use crate::api::Here;
use crate::clock::{Stopwatch, wall_now_ms};
use crate::config::{self, Config, Place, Way};
use crate::notify::{Carrier, Failure, Limits, Notice};

/// Try every place outside that is told: one marked message each, and a verdict
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Send one clearly marked test message to each place, and print a verdict each
    ///
    /// A heartbeat is sent once. Exit 0: every place took it. 1: a place refused it. 64: the config cannot run, or has no
    /// such place. 69: a place could not be reached.
    Test(Test),
}

#[derive(Debug, clap::Args)]
struct Test {
    /// The site's config
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// This place only
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// One JSON document instead of lines
    #[arg(long)]
    json: bool,
}

/// How one place took it.
#[derive(Debug, serde::Serialize)]
struct Verdict {
    id: String,
    kind: &'static str,
    verdict: &'static str,
    /// What is wrong, or what should be known.
    why: Option<String>,
    took_ms: u64,
}

/// Prints a verdict a place.
pub async fn run(args: Args) -> ExitCode {
    super::log_to_stderr(tracing::Level::ERROR);
    let Command::Test(test) = args.command;
    let config = match config::load(&test.config) {
        Ok((config, _)) => config,
        Err(findings) => {
            findings.iter().for_each(|finding| eprintln!("{finding}"));
            return exit::USAGE.into();
        }
    };
    let wanted = |place: &&Place| test.id.as_ref().is_none_or(|id| *id == place.id);
    let places: Vec<&Place> = config.notify.iter().filter(wanted).collect();
    if places.is_empty() {
        eprintln!("muster: {}", nobody(&config, test.id.as_deref()));
        return exit::USAGE.into();
    }
    let verdicts = all(&config, &places).await;
    print(&verdicts, test.json);
    code(&verdicts)
}

fn nobody(config: &Config, id: Option<&str>) -> String {
    let known: Vec<&str> = config.notify.iter().map(|place| place.id.as_str()).collect();
    match id {
        Some(id) if !known.is_empty() => format!("there is no place {id:?}; there are {}", known.join(", ")),
        _ => "this config has no [[notify]]: nobody outside would be told. The end of gateway/examples/single-room.toml has three to \
              fill in: mail, chat, and a watch that misses Muster"
            .to_owned(),
    }
}

/// All at a time: as slow as the slowest.
async fn all(config: &Config, places: &[&Place]) -> Vec<Verdict> {
    let page = Here::new(
        config.http.listen,
        config.http.public_url.as_deref(),
        &config.store.path,
    )
    .page();
    let notice = Notice::of_test(&config.site.id, &page, wall_now_ms());
    let mut tries = tokio::task::JoinSet::new();
    for (nth, place) in places.iter().enumerate() {
        let (place, notice) = ((*place).clone(), notice.clone());
        tries.spawn(async move { (nth, one(&place, &notice, Limits::default().attempt).await) });
    }
    let mut verdicts: Vec<(usize, Verdict)> = tries.join_all().await;
    verdicts.sort_by_key(|(nth, _)| *nth);
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}

async fn one(place: &Place, notice: &Notice, attempt: Duration) -> Verdict {
    let since = Stopwatch::start();
    let (verdict, why) = match Carrier::new(place, attempt) {
        Ok(carrier) => match carrier.send(notice).await {
            Ok(None) => ("told", None),
            Ok(Some(warning)) => ("told in part", Some(warning)),
            Err(why @ (Failure::Timeout(_) | Failure::Unreached(_))) => ("unreached", Some(why.to_string())),
            Err(why @ Failure::Refused(_)) => ("refused", Some(why.to_string())),
        },
        Err(why) => ("refused", Some(crate::lines::with_causes(&why))),
    };
    let kind = match place.way {
        Way::Webhook(_) => "webhook",
        Way::Email(_) => "email",
        Way::Heartbeat(_) => "heartbeat",
    };
    Verdict {
        id: place.id.clone(),
        kind,
        verdict,
        why,
        took_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

fn print(verdicts: &[Verdict], json: bool) {
    if json {
        println!("{}", serde_json::json!({ "schema": 1, "places": verdicts }));
        return;
    }
    for Verdict {
        id,
        kind,
        verdict,
        why,
        took_ms,
    } in verdicts
    {
        let why = why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        println!("{id:<16} {kind:<9} {verdict} in {took_ms} ms{why}");
    }
    if verdicts.iter().all(|v| v.verdict == "told") {
        println!("every place took it; now ask the people there whether they have seen it");
    }
}

fn code(verdicts: &[Verdict]) -> ExitCode {
    let any = |word: &str| verdicts.iter().any(|v| v.verdict == word);
    if any("unreached") {
        exit::UNREACHABLE.into()
    } else if any("refused") || any("told in part") {
        exit::FINDING.into()
    } else {
        ExitCode::SUCCESS
    }
}

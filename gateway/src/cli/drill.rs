//! `muster drill`: the bridges are walked by the running gateway, and this waits for how it went.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::exit;
use super::order::{call::Failure, far};
use crate::api::{USUAL_URL, order_command};
use crate::lines;

/// Looked at this often while it is under way.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A gateway that does not answer so many times in a row has gone.
const MISSED: u32 = 10;

/// Walk the bridges: the plan of a fire, with no vote and no effect.
///
/// The running gateway carries out every step as a drill and asks every probe; a vote, or anything else that is real, ends it
/// at once. Needs the token of somebody with the role operator. A site of which every workload has passed is armed by one
/// person. Waits for the end, and says of every attempt that comes to nothing why, and what follows. Ctrl-C ends the waiting
/// and not the drill, which ends by itself.
///
/// Exit 0: passed, or with --dry-run it may begin. 1: refused, not passed, or interrupted. 64: usage. 69: no answer.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The site, named so that nobody drills another than they meant
    #[arg(long, value_name = "SITE")]
    site: String,
    /// This workload only
    #[arg(long, value_name = "ID")]
    workload: Option<String>,
    /// Only say whether it may begin now
    #[arg(long)]
    dry_run: bool,
    /// The gateway
    #[arg(long, value_name = "URL", env = "MUSTER_URL", default_value = USUAL_URL)]
    url: String,
    /// File whose first line is your token. Else MUSTER_TOKEN
    #[arg(long, value_name = "FILE", env = "MUSTER_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// One JSON document at the end instead of lines
    #[arg(long)]
    json: bool,
}

/// Runs it. Every call has a deadline.
pub async fn run(args: Args) -> ExitCode {
    let (document, code) = match hold(&args).await {
        Ok(held) => held,
        Err(failure) => {
            let line = lines::with_causes(&failure);
            let document = json!({ "schema": 1, "outcome": failure.word(), "why": line });
            if !args.json {
                eprintln!("{line}");
            }
            (document, failure.exit_code())
        }
    };
    if args.json {
        println!("{document}");
    }
    code.into()
}

async fn hold(args: &Args) -> Result<(Value, u8), Failure> {
    let body = json!({ "site": args.site, "workload": args.workload, "dry_run": args.dry_run });
    let token = (args.token_file.as_deref(), std::env::var("MUSTER_TOKEN").ok());
    let begun = far::post(&args.url, token.clone(), "api/v1/drills", &body).await?;
    let why = begun["why"].as_str().map(lines::printable).unwrap_or_default();
    if !args.json {
        println!("{why}");
    }
    if args.dry_run {
        return Ok((json!({ "schema": 1, "outcome": "may_begin", "why": why }), 0));
    }
    // `{id} begins: …`: an id has no blank.
    let id = why.split(' ').next().unwrap_or_default().to_owned();
    let (ended, status) = wait(args, &token, &id).await?;
    let passed = ended["outcome"] == "passed";
    if !args.json {
        ended_lines(&ended).iter().for_each(|line| println!("{line}"));
        println!("{}", next_act(args, passed, &status));
    }
    let mut document = ended;
    document["schema"] = json!(1);
    Ok((document, if passed { 0 } else { exit::FINDING }))
}

/// Until it is the last one that ended, or another one is: how it ended, and the status at that moment.
async fn wait(args: &Args, token: &far::Token<'_>, id: &str) -> Result<(Value, Value), Failure> {
    let (mut missed, mut heard) = (0, Heard::default());
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let status = match far::look(&args.url, token.clone(), "api/v1/status").await {
            Ok(status) => status,
            Err(failure) if missed >= MISSED => return Err(failure),
            Err(_) => {
                missed += 1;
                continue;
            }
        };
        missed = 0;
        if status["last_drill"]["id"] == id {
            return Ok((status["last_drill"].clone(), status));
        }
        let running = status["drill"]["id"] == id;
        if running && !args.json {
            heard.news(&status["drill"]).iter().for_each(|line| println!("{line}"));
        }
        // The picture may be a moment older than the order.
        let seen = running || status["drill"].is_object();
        if !seen && status["last_drill"].is_object() && is_later(&status["last_drill"]["id"], id) {
            return Err(Failure::Unavailable(format!("{id} has ended, and a later drill since")));
        }
    }
}

/// What has been printed of the steps: each by id, with the attempt and what came of it.
#[derive(Default)]
struct Heard(BTreeMap<String, (u64, String)>);

impl Heard {
    /// Attempts that came to nothing since the last look: which hook, why, and what follows.
    fn news(&mut self, drill: &Value) -> Vec<String> {
        let mut lines = Vec::new();
        for step in drill["steps"].as_array().into_iter().flatten() {
            let Some((attempt, line)) = in_vain(drill, step) else {
                continue;
            };
            let id = word(&step["id"]);
            let last = self.0.get(&id).map_or(0, |(attempt, _)| *attempt);
            let known = (attempt, line.clone());
            if self.0.get(&id) == Some(&known) {
                continue;
            }
            // Between two looks there may have been several.
            let which = if attempt > last + 1 {
                format!("attempts {} to {attempt}", last + 1)
            } else {
                format!("attempt {attempt}")
            };
            lines.push(format!("  {id}: {which} {line}"));
            self.0.insert(id, known);
        }
        lines
    }
}

/// The last attempt at a step that was answered, if it came to nothing.
fn in_vain(drill: &Value, step: &Value) -> Option<(u64, String)> {
    let attempts = step["attempts"].as_u64()?;
    let stranded = drill["workloads"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|w| w["id"] == step["workload"] && w["state"] == "stranded");
    let (attempt, next) = match step["state"].as_str()? {
        "retry" if stranded => (attempts, "there is no way below this one: it is tried again every 30 s"),
        "retry" => (attempts, "it is tried again, within 8 s"),
        // Called again already.
        "called" if attempts > 1 => (attempts - 1, "it is tried again, within 8 s"),
        "cannot" => (attempts, "cannot: the next way down its ladder is taken"),
        "refused" => (attempts, "its token was refused: this step stops here"),
        _ => return None,
    };
    let (hook, why) = (word(&step["hook"]), word(&step["note"]));
    Some((attempt, format!("at {hook}: {why}; {next}")))
}

fn word(value: &Value) -> String {
    lines::printable(value.as_str().unwrap_or_default())
}

/// What a person does now.
fn next_act(args: &Args, passed: bool, status: &Value) -> String {
    let unproven: Vec<String> = status["unproven"].as_array().into_iter().flatten().map(word).collect();
    if !passed {
        return "Mend what is named above, then drill again.".to_owned();
    }
    match (status["armed"] == true, unproven.as_slice()) {
        (true, _) => "Nothing was moved. The site is armed.".to_owned(),
        (false, []) => format!(
            "Nothing was moved. Every workload has passed; to arm the site, one person: `{}`.",
            order_command(&args.url, "arm")
        ),
        (false, ids) => format!(
            "Nothing was moved. Not passed yet: {}. Until then two persons arm.",
            ids.join(", ")
        ),
    }
}

/// Numbers of one site's drills.
fn is_later(other: &Value, id: &str) -> bool {
    let number = |id: &str| id.rsplit_once("-d").and_then(|(_, n)| n.parse::<u32>().ok());
    other.as_str().and_then(number) > number(id)
}

fn ended_lines(ended: &Value) -> Vec<String> {
    let mut all = vec![format!(
        "{} {}: {}",
        word(&ended["id"]),
        word(&ended["outcome"]),
        word(&ended["why"])
    )];
    for result in ended["results"].as_array().into_iter().flatten() {
        let passed = if result["passed"] == true {
            "passed"
        } else {
            "NOT passed"
        };
        let took = result["took_ms"]
            .as_u64()
            .map_or_else(String::new, |ms| format!(" after {}", lines::shortly(ms)));
        let why = word(&result["why"]);
        let why = if why.is_empty() { why } else { format!(": {why}") };
        all.push(format!("  {:<16} {passed}{took}{why}", word(&result["workload"])));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drill(state: &str, attempts: u64, note: &str) -> Value {
        json!({
            "workloads": [{ "id": "db", "state": "moving" }],
            "steps": [{
                "id": "db.move.evacuate.busan", "workload": "db", "hook": "mover", "state": state,
                "attempts": attempts, "note": note,
            }],
        })
    }

    #[test]
    fn every_attempt_that_came_to_nothing_is_said_once() {
        let mut heard = Heard::default();
        assert!(heard.news(&drill("called", 1, "")).is_empty());
        let refused = "not reached: connection refused";
        let first = heard.news(&drill("retry", 1, refused));
        assert_eq!(
            first,
            [format!(
                "  db.move.evacuate.busan: attempt 1 at mover: {refused}; it is tried again, within 8 s"
            )]
        );
        assert!(heard.news(&drill("retry", 1, refused)).is_empty());
        assert!(
            heard.news(&drill("called", 2, refused)).is_empty(),
            "of the first one it is said"
        );
        assert!(heard.news(&drill("retry", 3, refused))[0].contains("attempts 2 to 3"));
        let cannot = heard.news(&drill("cannot", 4, "no room"));
        assert!(cannot[0].contains("no room; cannot: the next way"), "{cannot:?}");
        assert!(heard.news(&drill("done", 5, "")).is_empty());
    }

    #[test]
    fn a_passed_drill_names_the_next_act() {
        let args = Args {
            site: "lyon-2".to_owned(),
            workload: None,
            dry_run: false,
            url: "http://10.0.0.7:80".to_owned(),
            token_file: None,
            json: false,
        };
        let act = |passed, status| next_act(&args, passed, &status);
        let arm = act(true, json!({ "armed": false, "unproven": [] }));
        crate::cli::tests::parses(arm.split('`').nth(1).unwrap());
        assert!(act(true, json!({ "armed": false, "unproven": ["db"] })).contains("Not passed yet: db"));
        assert!(act(true, json!({ "armed": true, "unproven": [] })).contains("is armed"));
        assert!(act(false, json!({})).contains("drill again"));
    }

    #[test]
    fn what_became_of_a_workload_is_one_line() {
        let ended = json!({
            "id": "lyon-2-d3", "outcome": "failed", "why": "1 of 2 workloads",
            "results": [
                { "workload": "db", "passed": true, "took_ms": 3_200, "why": "" },
                { "workload": "web", "passed": false, "took_ms": null, "why": "its hook\u{1b}[2J takes no drills" },
            ],
        });
        let lines = ended_lines(&ended);
        assert_eq!(lines[0], "lyon-2-d3 failed: 1 of 2 workloads");
        assert_eq!(lines[1], "  db               passed after 3.2 s");
        assert!(
            !lines[2].contains('\u{1b}') && lines[2].contains("NOT passed"),
            "{}",
            lines[2]
        );
        assert!(is_later(&json!("lyon-2-d10"), "lyon-2-d9") && !is_later(&json!(null), "lyon-2-d9"));
    }
}

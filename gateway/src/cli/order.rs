//! `muster order`: what a person orders, and the token to do it with.

mod call;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use call::{Failure, Given};

/// Gives an order to a running gateway, or makes a token for somebody who may.
///
/// evacuate, abort, disarm and reset need two persons within 5 minutes; cut too, unless a vote is held.
/// The token comes from --token-file or from MUSTER_TOKEN.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What to order
    #[arg(value_enum)]
    verb: Word,
    /// When the power will be cut (cut only): 16:52 in the gateway's time zone, or 2022-10-15T16:52:00+09:00
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The gateway
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8620")]
    url: String,
    /// File whose first line is your token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Whose token it will be (token only): [a-z0-9-]{1,32}
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    /// Write the token into this new file that only you may read, instead of printing it (token only)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Word {
    /// Evacuate the site; two persons
    Evacuate,
    /// Steps not yet begun wait, for at most 180 s; one person
    Hold,
    /// No further step begins until a new vote; two persons
    Abort,
    /// Power will be cut at --at; two persons, or one and a held vote
    Cut,
    /// From now on hooks are called for real; one person
    Arm,
    /// From now on hooks are drills only; two persons
    Disarm,
    /// End the incident and drop its votes; two persons, refused while a vote is held
    Reset,
    /// Make a token for --id and print it once
    Token,
}

impl Word {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Evacuate => "evacuate",
            Self::Hold => "hold",
            Self::Abort => "abort",
            Self::Cut => "cut",
            Self::Arm => "arm",
            Self::Disarm => "disarm",
            Self::Reset => "reset",
            Self::Token => "token",
        }
    }

    /// What comes next once it is in effect.
    const fn next(self) -> &'static str {
        match self {
            Self::Evacuate => "Steps run by themselves; watch them on the page or in /api/v1/status.",
            Self::Hold => {
                "Steps not yet begun wait for at most 180 s, then they run. Stop them for good: `muster order abort`."
            }
            Self::Abort => "No further step begins until a new vote. Steps under way end by themselves.",
            Self::Cut => "Every workload is saved before that time, highest rung first that still fits.",
            Self::Arm => "From now on hooks are called for real.",
            Self::Disarm => "From now on hooks are drills only: nothing is really moved.",
            Self::Reset => "The incident is closed and its votes are gone. Nothing returns by itself.",
            Self::Token => "",
        }
    }
}

/// Runs it. Exit 0 taken or pending, 1 refused, 64 usage, 69 unreachable, 70 our bug. Every call has a deadline.
pub async fn run(args: Args) -> ExitCode {
    if args.verb == Word::Token {
        return token::run(&args);
    }
    match call::give(&args).await {
        Ok(given) => {
            show(&args, &given);
            ExitCode::SUCCESS
        }
        Err(failure) => fail(args.json, &failure),
    }
}

fn fail(json: bool, failure: &Failure) -> ExitCode {
    if json {
        println!(
            "{}",
            serde_json::json!({ "schema": 1, "verdict": failure.word(), "why": failure.to_string() })
        );
    }
    let cause = std::error::Error::source(failure).map_or(String::new(), |cause| format!(": {cause}"));
    eprintln!("{failure}{cause}");
    ExitCode::from(failure.exit_code())
}

fn show(args: &Args, given: &Given) {
    if args.json {
        println!("{}", given.document);
        return;
    }
    for line in &given.headline {
        println!("{line}");
    }
    for line in lines(args.verb, given) {
        println!("{line}");
    }
}

/// The verdict and what comes next.
fn lines(verb: Word, given: &Given) -> Vec<String> {
    let at = given.at_wall.as_deref();
    let what = at.map_or(verb.as_str().to_owned(), |at| format!("{} at {at}", verb.as_str()));
    if !given.pending {
        return vec![format!("TAKEN: {what}. {}", given.why), verb.next().to_owned()];
    }
    // The second person gives the instant, not the words: "16:52" may mean another day or zone elsewhere.
    let command = at.map_or(format!("muster order {}", verb.as_str()), |at| {
        format!("muster order cut --at {at}")
    });
    vec![
        format!("PENDING: {what}. {}", given.why),
        format!(
            "Waiting up to 5 min for a second person: another principal gives `{command}`. Nothing is done until then."
        ),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn given(pending: bool, at_wall: Option<&str>) -> Given {
        Given {
            pending,
            why: "because".to_owned(),
            at_wall: at_wall.map(str::to_owned),
            headline: vec![],
            document: serde_json::Value::Null,
        }
    }

    #[test]
    fn a_pending_cut_tells_the_second_person_the_very_command() {
        let text = lines(Word::Cut, &given(true, Some("2022-10-15T16:52:00+09:00"))).join("\n");
        assert!(
            text.contains("`muster order cut --at 2022-10-15T16:52:00+09:00`"),
            "{text}"
        );
        assert!(text.contains("Waiting up to 5 min for a second person"), "{text}");
    }

    #[test]
    fn a_taken_order_says_what_comes_next() {
        let text = lines(Word::Hold, &given(false, None)).join("\n");
        assert!(
            text.starts_with("TAKEN: hold. because") && text.contains("180 s"),
            "{text}"
        );
    }

    #[test]
    fn words_on_the_command_line_are_words_of_the_api() {
        use clap::ValueEnum;
        for word in Word::value_variants() {
            assert_eq!(word.to_possible_value().unwrap().get_name(), word.as_str());
        }
    }
}

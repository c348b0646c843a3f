//! `muster order`: what a person orders, and the token to do it with.

pub(super) mod call;
pub(super) mod far;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use call::{Failure, Given};

use super::exit;
use crate::api::{USUAL_URL, devices_command, drill_command, order_command};

/// Give an order: evacuate, hold, abort, cut, arm, disarm, reset, return, bypass, work; or make a token
///
/// evacuate, abort, disarm, reset and return need two persons within 5 minutes; cut too, unless a vote is held; arm too,
/// unless `muster drill` has been passed by every workload. While an abort window is open and nothing runs yet, or a return
/// runs, one person aborts. hold, bypass and work need one.
///
/// The token comes from --token-file, else from the file that MUSTER_TOKEN_FILE names, else from MUSTER_TOKEN itself;
/// `muster order token --id NAME --out FILE` makes one. MUSTER_URL names the gateway where --url does not.
///
/// Exit: 0 taken, 75 pending: nothing is done until a second person gives it too, 1 refused, 64 usage, 69 no answer.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What to order
    #[arg(value_enum)]
    verb: Word,
    /// When the power will be cut (cut only): 16:52 means today's, in the gateway's time zone; tomorrow's needs its date:
    /// 2022-10-16T16:52:00+09:00
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Of what (bypass: a node, device or channel; work: a zone)
    #[arg(long, value_name = "ID")]
    of: Option<String>,
    /// For how many minutes, at most 480; 0 ends what is in force (bypass and work only)
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(0..=480))]
    minutes: Option<u32>,
    /// Why, in a line (bypass and work only)
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The gateway
    #[arg(long, value_name = "URL", env = "MUSTER_URL", default_value = USUAL_URL)]
    url: String,
    /// File whose first line is your token
    #[arg(long, value_name = "FILE", env = "MUSTER_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Whose token it will be (token only): [a-z0-9-]{1,32}
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    /// What it may be used for (token only): operator, safety or none, or several with commas between
    #[arg(long, value_enum, value_name = "ROLES", value_delimiter = ',')]
    roles: Vec<Role>,
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
    /// No further step begins until a new vote; two persons, or one while an abort window is open
    Abort,
    /// Power will be cut at --at; two persons, or one and a held vote
    Cut,
    /// From now on hooks are called for real; one person once every workload has passed a drill, else two
    Arm,
    /// From now on hooks are drills only; two persons
    Disarm,
    /// End the incident and drop its votes; two persons, refused while a vote is held
    Reset,
    /// Bring home what the last incident evacuated, last out first; two persons, after the reset. One person aborts it
    Return,
    /// --of, a node, device or channel, casts no vote for --minutes; the rest of its room looks closer. One person
    Bypass,
    /// People work in the zone --of for --minutes: its limits fall. One person
    Work,
    /// Make a token for --id and print it once
    Token,
}

/// What a principal may do, as the config has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
enum Role {
    /// evacuate, hold, abort, cut
    Operator,
    /// arm, disarm, reset, return, bypass, work
    Safety,
    /// Only to look
    None,
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
            Self::Return => "return",
            Self::Bypass => "bypass",
            Self::Work => "work",
            Self::Token => "token",
        }
    }

    /// What comes next once it is in effect at the gateway there.
    fn next(self, url: &str) -> String {
        let words = match self {
            Self::Evacuate => {
                let page = url.trim_end_matches('/');
                return format!(
                    "Steps run by themselves; watch them on the page, {page}/, or in {page}/api/v1/status."
                );
            }
            Self::Hold => {
                let abort = order_command(url, "abort");
                return format!(
                    "Steps not yet begun wait for at most 180 s, then they run. To stop them for good, two persons: `{abort}`."
                );
            }
            Self::Abort => "No further step begins until a new vote. Steps under way end by themselves.",
            Self::Cut => {
                "Muster saves what it can before that time, each workload by its highest rung that still fits."
            }
            Self::Arm => "From now on hooks are called for real.",
            Self::Disarm => "From now on hooks are drills only: nothing is really moved.",
            Self::Reset => {
                let home = order_command(url, "return");
                return format!(
                    "The incident is closed and its votes are gone. Nothing returns by itself; to bring it home, two persons: `{home}`."
                );
            }
            Self::Return => {
                let abort = order_command(url, "abort");
                return format!(
                    "What was evacuated comes home, last out first, each verified. A new vote ends it; so does one person: `{abort}`."
                );
            }
            Self::Bypass => {
                "It is looked at and casts no vote; alarm limits in its room are lower meanwhile. It ends by itself."
            }
            Self::Work => "Alarm limits in the zone are lower until it ends. It ends by itself.",
            Self::Token => "",
        };
        words.to_owned()
    }
}

/// Runs it. Exit 0 taken, 75 pending, 1 refused, 64 usage, 69 unreachable, 70 our bug. Every call has a deadline.
pub async fn run(args: Args) -> ExitCode {
    if args.verb == Word::Token {
        return token::run(&args);
    }
    match call::give(&args).await {
        Ok(given) => {
            show(&args, &given);
            ended(given.pending)
        }
        Err(failure) => fail(args.json, &failure),
    }
}

/// A script has to tell what is done from what waits.
fn ended(pending: bool) -> ExitCode {
    if pending {
        exit::PENDING.into()
    } else {
        ExitCode::SUCCESS
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
    for line in lines(args.verb, given, &args.url) {
        println!("{line}");
    }
}

/// The verdict and what comes next.
fn lines(verb: Word, given: &Given, url: &str) -> Vec<String> {
    let (word, at) = (verb.as_str(), given.at_wall.as_deref());
    let left = given
        .at_left_s
        .map_or_else(String::new, |s| format!(" (in {})", left(s)));
    let what = at.map_or(word.to_owned(), |at| format!("{word} at {at}{left}"));
    if !given.pending {
        let mut lines = vec![format!("TAKEN: {what}. {}", given.why), verb.next(url)];
        lines.extend(given.hosts.clone());
        let disarmed = given.headline.iter().any(|line| line.starts_with("DISARMED"));
        if disarmed && matches!(verb, Word::Evacuate | Word::Cut) {
            let arm = order_command(url, "arm");
            lines.push(format!(
                "NOTHING IS REALLY MOVED: the site is disarmed. To move for real: `{arm}`"
            ));
        }
        if verb == Word::Arm && !given.troubles.is_empty() {
            lines.push(format!(
                "BUT IT DOES NOT HEAR EVERYTHING: {} in trouble. `{}` says why.",
                given.troubles.join(", "),
                devices_command(url)
            ));
        }
        return lines;
    }
    // The second person gives the instant, not the words: "16:52" may mean another day or zone elsewhere.
    let order = at.map_or(word.to_owned(), |at| format!("{word} --at {at}"));
    let mut lines = vec![format!("PENDING: {what}. {}", given.why)];
    lines.extend(given.hosts.clone());
    if let (Word::Arm, Some(site)) = (verb, &given.site) {
        let drill = drill_command(url, site);
        lines.push(format!(
            "Once every workload has passed a drill one person is enough: `{drill}`"
        ));
    }
    lines.push("Nothing is done until a second person gives, within 5 min and with their own token:".to_owned());
    lines.push(format!("  {}", order_command(url, &order)));
    lines
}

/// `1 h 05 min`, `12 min`, `40 s`.
fn left(s: i64) -> String {
    match s {
        s if s < 60 => format!("{s} s"),
        s if s < 3_600 => format!("{} min", s / 60),
        s => format!("{} h {:02} min", s / 3_600, s / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pending: bool, at_wall: Option<&str>) -> Given {
        Given {
            pending,
            why: "because".to_owned(),
            at_wall: at_wall.map(str::to_owned),
            at_left_s: at_wall.map(|_| 3_900),
            headline: vec![],
            site: Some("lyon-2".to_owned()),
            hosts: None,
            troubles: vec![],
            document: serde_json::Value::Null,
        }
    }

    #[test]
    fn a_pending_cut_tells_the_second_person_the_very_command() {
        let pending = given(true, Some("2022-10-15T16:52:00+09:00"));
        let lines = lines(Word::Cut, &pending, "http://10.0.0.7:8620/");
        assert_eq!(
            lines[0],
            "PENDING: cut at 2022-10-15T16:52:00+09:00 (in 1 h 05 min). because"
        );
        let command =
            "muster order cut --at 2022-10-15T16:52:00+09:00 --url http://10.0.0.7:8620 --token-file YOUR.tok";
        assert_eq!(lines[2].trim(), command);
        crate::cli::tests::parses(command);
    }

    #[test]
    fn who_arms_before_a_drill_is_told_its_very_command() {
        let lines = lines(Word::Arm, &given(true, None), "http://10.0.0.7:80");
        let drill = lines[1].split('`').nth(1).unwrap();
        assert_eq!(
            drill,
            "muster drill --site lyon-2 --url http://10.0.0.7:80 --token-file YOUR.tok"
        );
        crate::cli::tests::parses(drill);
    }

    #[test]
    fn both_persons_are_told_that_hosts_will_be_shut_down() {
        for pending in [true, false] {
            let order = Given {
                hosts: Some("HOSTS WILL BE SHUT DOWN: 9".to_owned()),
                ..given(pending, None)
            };
            let lines = lines(Word::Evacuate, &order, USUAL_URL);
            assert!(lines.iter().any(|line| line.starts_with("HOSTS")), "{lines:?}");
            let command = lines.last().unwrap();
            assert!(
                !pending || command.contains("muster order evacuate"),
                "the command stands last: {lines:?}"
            );
        }
    }

    #[test]
    fn a_taken_order_says_what_comes_next() {
        let text = lines(Word::Hold, &given(false, None), USUAL_URL).join("\n");
        assert!(
            text.starts_with("TAKEN: hold. because") && text.contains("180 s"),
            "{text}"
        );
        assert!(text.contains("`muster order abort --token-file YOUR.tok`"), "{text}");
    }

    #[test]
    fn a_disarmed_site_is_not_said_to_save_anything() {
        let mut taken = given(false, None);
        taken.headline = vec!["DISARMED: hooks are drills only".to_owned()];
        let said = |verb| lines(verb, &taken, USUAL_URL).join("\n");
        assert!(said(Word::Evacuate).contains("NOTHING IS REALLY MOVED") && said(Word::Cut).contains("NOTHING"));
        assert!(!said(Word::Hold).contains("NOTHING"));
        let armed = lines(Word::Evacuate, &given(false, None), USUAL_URL).join("\n");
        assert!(!armed.contains("NOTHING"), "{armed}");
    }

    #[test]
    fn arming_says_what_is_in_trouble_at_that_moment() {
        let mut taken = given(false, None);
        let said = |taken: &Given| lines(Word::Arm, taken, "http://10.0.0.7:8620/").join("\n");
        assert!(!said(&taken).contains("BUT"));
        taken.troubles = vec!["ups-1".to_owned(), "uplink".to_owned()];
        let text = said(&taken);
        assert!(text.contains("ups-1, uplink in trouble."), "{text}");
        let command = text.split('`').nth(1).unwrap();
        assert_eq!(command, "muster devices --url http://10.0.0.7:8620");
        crate::cli::tests::parses(command);
    }

    #[test]
    fn words_on_the_command_line_are_words_of_the_api() {
        use clap::ValueEnum;
        for word in Word::value_variants() {
            assert_eq!(word.to_possible_value().unwrap().get_name(), word.as_str());
        }
    }
}

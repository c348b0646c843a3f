//! The command line: one file a command. Data to stdout, logs to stderr.

pub mod bench;
pub mod capture;
pub mod check;
pub mod demo;
mod descriptors;
pub mod devices;
pub mod drill;
pub mod enroll;
mod examples;
pub mod exit;
pub mod explain;
pub mod hooks;
mod interrupted;
pub mod journal;
mod kind;
mod line_settings;
pub mod notify;
pub mod order;
pub mod printer;
pub mod probe;
pub mod profile;
pub mod readiness;
mod recorded;
pub mod replay;
pub mod run;
pub mod sim;
mod snmp_login;
mod when;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Hears the battery room first, and moves the workloads before the power is cut.
#[derive(Debug, Parser)]
#[command(name = "muster", version, about, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 ok, 1 a finding, 64 usage or config, 69 unreachable, 70 our bug.\n\
New here? `muster demo` needs no config, no network and no root, and takes about three minutes."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    // What each is for stands above its arguments: a line here would hide all but the first of those.
    Demo(demo::Args),
    Run(run::Args),
    Check(check::Args),
    Order(order::Args),
    Devices(devices::Args),
    Readiness(readiness::Args),
    Drill(drill::Args),
    Notify(notify::Args),
    Enroll(enroll::Args),
    Sim(sim::Args),
    Hooks(hooks::Args),
    Journal(journal::Args),
    Replay(replay::Args),
    Explain(explain::Args),
    Probe(probe::Args),
    Profile(profile::Args),
    Capture(capture::Args),
    Bench(bench::Args),
}

/// Parses the command line and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    let parsed = examples::with_examples(Cli::command()).try_get_matches();
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing better to do if even the usage cannot be printed.
            let _ = error.print();
            return if error.use_stderr() {
                exit::USAGE.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    // One TLS provider for the whole process; it fails only if one was installed before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("muster: cannot start: {error}");
            return exit::BUG.into();
        }
    };
    let code = runtime.block_on(dispatch(cli.command));
    // A task that hangs must not keep the process from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    code
}

async fn dispatch(command: Command) -> ExitCode {
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Run(args) => run::run(args).await,
        Command::Check(args) => check::run(&args),
        Command::Order(args) => order::run(args).await,
        Command::Devices(args) => devices::run(args).await,
        Command::Readiness(args) => readiness::run(args).await,
        Command::Drill(args) => drill::run(args).await,
        Command::Notify(args) => notify::run(args).await,
        Command::Enroll(args) => enroll::run(&args),
        Command::Sim(args) => sim::run(args).await,
        Command::Hooks(args) => hooks::run(args).await,
        Command::Journal(args) => journal::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Capture(args) => capture::run(args).await,
        Command::Probe(args) => probe::run(args).await,
        Command::Profile(args) => profile::run(&args),
        Command::Bench(args) => bench::run(args).await,
    }
}

/// Logs to stderr: `usual` and worse, unless `MUSTER_LOG` says `error`, `warn`, `info` or `debug`.
pub(crate) fn log_to_stderr(usual: tracing::Level) {
    let level = match std::env::var("MUSTER_LOG").as_deref() {
        Ok("error") => tracing::Level::ERROR,
        Ok("warn") => tracing::Level::WARN,
        Ok("info") => tracing::Level::INFO,
        Ok("debug") => tracing::Level::DEBUG,
        _ => usual,
    };
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .with_target(false);
    // It has a line for every datagram that is none, and anybody can send those: we count instead.
    let quiet = Targets::new()
        .with_default(level)
        .with_target("async_snmp", tracing::level_filters::LevelFilter::OFF);
    tracing_subscriber::registry().with(lines).with(quiet).init();
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use clap::error::ErrorKind;

    /// Words as a shell makes them: blanks and single quotes.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                '\'' => quoted = !quoted,
                '\\' if !quoted => word.extend(chars.next()),
                c if c.is_whitespace() && !quoted => words.push(std::mem::take(&mut word)),
                c => word.push(c),
            }
        }
        words.push(word);
        words.into_iter().filter(|word| !word.is_empty()).collect()
    }

    /// The real parser takes a command that is printed somewhere.
    pub(crate) fn parses(command: &str) {
        assert_eq!(fault(command), None);
    }

    /// What the real parser has against a command.
    fn fault(command: &str) -> Option<String> {
        let error = Cli::try_parse_from(words(command)).err()?;
        Some(format!("{command:?} is printed, and does not run as printed: {error}"))
    }

    /// As [`fault`]; the name of a command alone is no command to type.
    fn fault_of_words(command: &str) -> Option<String> {
        let error = Cli::try_parse_from(words(command)).err()?;
        let named = [
            ErrorKind::MissingRequiredArgument,
            ErrorKind::MissingSubcommand,
            ErrorKind::DisplayHelp,
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
        ];
        let bare = !command.contains(" -") || command.ends_with("--help");
        if bare && named.contains(&error.kind()) {
            return None;
        }
        fault(command)
    }

    fn root() -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    /// Every file below a folder that ends so.
    fn files(folder: &std::path::Path, end: &str, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                files(&path, end, found);
            } else if path.to_string_lossy().ends_with(end) {
                found.push(path);
            }
        }
    }

    /// In blocks of documents whole, between back quotes at least the name of a command there is.
    #[test]
    fn every_command_in_the_documents_runs_as_printed() {
        let mut pages = vec![root().join("README.md"), root().join("firmware/README.md")];
        for folder in ["gateway", "hardware/boards"] {
            files(&root().join(folder), ".md", &mut pages);
        }
        let (mut typed, mut named, mut faults) = (0, 0, Vec::new());
        for page in pages {
            let text = std::fs::read_to_string(page).unwrap();
            let (mut in_block, mut in_shell) = (false, false);
            for line in text.lines() {
                if let Some(kind) = line.trim_start().strip_prefix("```") {
                    (in_block, in_shell) = (!in_block, kind == "sh");
                } else if in_shell && line.trim_start().starts_with("muster ") {
                    faults.extend(fault(line.split(" #").next().unwrap_or_default()));
                    typed += 1;
                } else if !in_block && !line.starts_with("<!--") {
                    for part in line
                        .split('`')
                        .skip(1)
                        .step_by(2)
                        .filter(|part| part.starts_with("muster "))
                    {
                        faults.extend(fault_of_words(part));
                        named += 1;
                    }
                }
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        assert!(typed > 20 && named > 20, "{typed} in blocks, {named} in sentences");
    }

    /// What is put together while it runs has tests of its own.
    #[test]
    fn every_command_in_a_message_runs_as_printed() {
        let mut sources = Vec::new();
        files(&root().join("gateway/src"), ".rs", &mut sources);
        let (mut found, mut faults) = (0, Vec::new());
        for source in sources {
            let text = std::fs::read_to_string(source).unwrap();
            // What only programmers read.
            let ours = |line: &&str| !line.trim_start().starts_with("//!") && !line.contains("<!--");
            let text: Vec<&str> = text.lines().filter(ours).collect();
            for part in text.join("\n").split('`').filter(|part| part.starts_with("muster ")) {
                let whole = !part.contains(['{', '\n', '…', '|']) && part.len() < 200;
                if whole {
                    faults.extend(fault_of_words(part));
                    found += 1;
                }
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        assert!(found > 30, "{found}");
    }
}

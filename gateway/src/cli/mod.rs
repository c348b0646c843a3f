//! The command line: one file a command. Data to stdout, logs to stderr.

pub mod bench;
pub mod capture;
pub mod check;
pub mod demo;
mod descriptors;
pub mod enroll;
pub mod exit;
pub mod hooks;
pub mod journal;
pub mod notify;
pub mod order;
pub mod printer;
pub mod profile;
pub mod replay;
pub mod run;
pub mod sim;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
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
    /// Play the fire of Pangyo 2022 through real protocols, and see what would have been saved
    Demo(demo::Args),
    /// Run the gateway of a site
    Run(run::Args),
    /// Find every fault of config files at once
    Check(check::Args),
    /// Give an order: evacuate, hold, abort, cut, arm, disarm, reset; or make a token
    Order(order::Args),
    /// Try every place outside that is told: one marked message each, and a verdict
    Notify(notify::Args),
    /// Make and revoke the certificates of a site's gateway and nodes
    Enroll(enroll::Args),
    /// Run the simulated devices of a site, or a simulated destination
    Sim(sim::Args),
    /// Play every case of the hooks' contract against a receiver, and judge it
    Hooks(hooks::Args),
    /// Read a journal, or verify its chain
    Journal(journal::Args),
    Replay(replay::Args),
    Profile(profile::Args),
    Capture(capture::Args),
    /// Measure this machine: latency, rates and memory
    Bench(bench::Args),
}

/// Parses the command line and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
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
        Command::Notify(args) => notify::run(args).await,
        Command::Enroll(args) => enroll::run(&args),
        Command::Sim(args) => sim::run(args).await,
        Command::Hooks(args) => hooks::run(args).await,
        Command::Journal(args) => journal::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Capture(args) => capture::run(args).await,
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

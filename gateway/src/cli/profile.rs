//! `muster profile`: what is known of devices, and whether it is right.

mod lint;
mod list;
mod test;

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use muster_profiles::{Device, Fault};

pub(super) use test::in_words;

/// List, check and try device profiles
///
/// A profile is one TOML file: which registers, objects or variables a model has, and what they mean. Muster brings some;
/// your own is a file beside your config, named in a source as profile = "./my-ups.toml".
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    List(list::Args),
    Lint(lint::Args),
    Test(test::Args),
}

/// Runs one of them.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    match &args.command {
        Command::List(args) => list::run(args),
        Command::Lint(args) => lint::run(args),
        Command::Test(args) => test::run(args),
    }
}

/// A shipped profile by its name, or a file.
pub(super) fn find(name: &str) -> Result<Device, Vec<Fault>> {
    if let Some(device) = muster_profiles::shipped(name) {
        return Ok(device);
    }
    let fault = |what: String| {
        vec![Fault {
            file: name.to_owned(),
            line: 1,
            what,
            hint: "a file, or a name that `muster profile list` shows".to_owned(),
        }]
    };
    let text = std::fs::read_to_string(Path::new(name)).map_err(|why| fault(format!("cannot be read: {why}")))?;
    Device::parse(&text, name)
}

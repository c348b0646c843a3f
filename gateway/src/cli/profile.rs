//! `muster profile`: what is known of devices, and whether it is right.

mod lint;
mod list;
mod test;

use std::io::ErrorKind;
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
    Device::parse(&text_of(name)?, name)
}

/// As [`find`], of the kind that is asked for; else what is wrong, a line each.
pub(super) fn of_kind<P>(name: &str, kind: &str, into: fn(Device) -> Option<P>) -> Result<P, String> {
    let device = find(name).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })?;
    let is = device.kind();
    into(device).ok_or_else(|| format!("{name} is for kind {is}, not {kind}"))
}

/// As [`find`], and beside it what may be right and is mostly wrong.
fn lint(name: &str) -> (Result<Device, Vec<Fault>>, Vec<Fault>) {
    if let Some(device) = muster_profiles::shipped(name) {
        return (Ok(device), Vec::new());
    }
    match text_of(name) {
        Ok(text) => Device::lint(&text, name),
        Err(faults) => (Err(faults), Vec::new()),
    }
}

/// The text of a file.
fn text_of(name: &str) -> Result<String, Vec<Fault>> {
    let fault = |what: String, hint: String| {
        vec![Fault {
            file: name.to_owned(),
            line: 1,
            what,
            hint,
        }]
    };
    std::fs::read_to_string(Path::new(name)).map_err(|why| match why.kind() {
        ErrorKind::NotFound => fault(
            "there is no such file, and no such profile comes with Muster".to_owned(),
            near(name),
        ),
        _ => fault(
            format!("cannot be read: {why}"),
            "a file, or a name that `muster profile list` shows".to_owned(),
        ),
    })
}

/// Which profiles may have been meant, and how all of them are listed.
fn near(name: &str) -> String {
    let name = name.to_lowercase();
    let part = |known: &&str| known.split(['/', '-']).any(|part| part == name) || known.contains(&name);
    let mut meant: Vec<&str> = muster_profiles::shipped_names().filter(part).collect();
    if meant.is_empty() || name.len() < 2 {
        meant = muster_profiles::shipped_names()
            .filter(|known| is_near(&name, known))
            .collect();
    }
    let list = "`muster profile list` shows all that come with Muster";
    if meant.is_empty() {
        return format!("{list}; a file of your own is named as it lies there, such as ./my-ups.toml");
    }
    format!("did you mean {}? {list}", meant.join(", "))
}

/// As a whole, or its model or vendor alone, a letter or two apart.
fn is_near(name: &str, known: &str) -> bool {
    let far = |word: &str| strsim::damerau_levenshtein(name, word);
    let most = 1.max(name.len().min(64) / 4);
    name.len() <= 64 && (far(known) <= most || known.split('/').any(|part| far(part) <= most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(name: &str) -> String {
        find(name)
            .err()
            .map_or_else(String::new, |faults| faults[0].to_string())
    }

    #[test]
    fn a_profile_of_another_kind_is_told_which_it_is_for() {
        assert!(of_kind("nut/ups", "nut", Device::into_nut).is_ok());
        let why = of_kind("nut/ups", "modbus", Device::into_modbus).unwrap_err();
        assert_eq!(why, "nut/ups is for kind nut, not modbus");
        let why = of_kind("no/such", "snmp", Device::into_snmp).unwrap_err();
        assert!(
            why.contains("no such file") && why.contains("muster profile list"),
            "{why}"
        );
    }

    #[test]
    fn a_misspelt_profile_is_answered_with_those_that_are_near_and_how_to_list_them() {
        for (name, near) in [
            ("eaton", "did you mean eaton/xups?"),
            ("XUPS", "did you mean eaton/xups?"),
            ("apc/smart-up", "apc/smart-ups"),
            ("smrt-ups", "did you mean apc/smart-ups?"),
            ("nut", "nut/ups"),
            ("nosuch", "./my-ups.toml"),
        ] {
            let hint = hint(name);
            assert!(hint.contains(near) && hint.contains("`muster profile list`"), "{hint}");
            assert!(!hint.contains("os error"), "{hint}");
        }
    }
}

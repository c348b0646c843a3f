//! `muster probe`: what stands at an address, and the lines of config that read it. One file a way of asking.

mod block;
mod found;
mod nut;

use std::path::PathBuf;
use std::process::ExitCode;

use super::exit;
use found::Found;

/// Name what stands at an address, show its live values, and write its lines of config
///
/// It reads, and changes nothing there: of NUT's upsd it asks for the UPSes and their variables, and does not log in. Only
/// the address that is given is asked; it never looks for others.
///
/// Exit: 0 something was found, 1 it knows nothing that answers, 64 usage, 69 unreachable or not what was expected.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address of an upsd, `host:port` (NUT's port is 3493)
    #[arg(value_name = "HOST:PORT")]
    address: String,
    /// upsd's certificate has to be from an authority in this PEM file; without it the connection is not encrypted
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The zone it stands in, for the lines of config
    #[arg(long, value_name = "ZONE", default_value = "battery-room")]
    zone: String,
    /// Print only the lines of config, to be added to a file
    #[arg(long, conflicts_with = "json")]
    config: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Asks once, prints what answered.
pub async fn run(args: Args) -> ExitCode {
    if args
        .address
        .rsplit_once(':')
        .is_none_or(|(_, port)| port.parse::<u16>().is_err())
    {
        eprintln!(
            "muster probe: `{}` has no port: give HOST:PORT, of upsd HOST:3493",
            args.address
        );
        return exit::USAGE.into();
    }
    let found = match nut::ask(&args).await {
        Ok(found) => found,
        Err(why) => {
            eprintln!("muster probe: {why}");
            return exit::UNREACHABLE.into();
        }
    };
    print!("{}", said(&args, &found));
    if found.iter().any(Found::answers) {
        ExitCode::SUCCESS
    } else {
        exit::FINDING.into()
    }
}

fn said(args: &Args, found: &[Found]) -> String {
    let blocks: String = found.iter().filter_map(|f| block::of(f, &args.zone)).collect();
    if args.json {
        return found::json(&args.address, found, &blocks);
    }
    if args.config {
        return blocks;
    }
    let mut text: String = found.iter().map(found::shown).collect();
    if found.is_empty() {
        text = format!("{} answers, and knows no device.\n", args.address);
    }
    if !blocks.is_empty() {
        text += &format!("For the config (`--config` prints only this); put in the zone it stands in:\n{blocks}");
    }
    text
}

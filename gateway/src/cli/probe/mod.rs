//! `muster probe`: what stands at an address, and the lines of config that read it. One file a way of asking.

mod block;
mod found;
mod modbus;
mod nut;
mod snmp;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use super::exit;
use super::kind::{self, Kind};
use super::line_settings::LineSettings;
use super::snmp_login::Login;
use found::Found;

/// Name what stands at an address, show its live values, and write its lines of config
///
/// It reads, and changes nothing there. A Modbus device is asked who it is, for its SunSpec models, and for the registers
/// that tell the shipped profiles apart; an SNMP agent for its sysObjectID and the objects of the profiles that fit it;
/// NUT's upsd for its UPSes and their variables, without a login. Only the address that is given is asked; it never looks
/// for others. Secrets come from files or from the environment, and are never printed.
///
/// Exit: 0 something was found, 1 it knows nothing that answers, 64 usage, 69 unreachable or not what was expected.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where it is: `host:port` of a Modbus TCP device, an SNMP agent or an upsd, `/dev/…` for a serial line, `rtu-over-tcp://host:port`
    #[arg(value_name = "ADDRESS")]
    address: String,
    #[command(flatten)]
    line: LineSettings,
    /// What it speaks; without it as its port says: 502 modbus, 161 snmp, 3493 nut; a line modbus
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    #[command(flatten)]
    login: Login,
    /// Modbus: unit id
    #[arg(long, default_value_t = 1)]
    unit: u8,
    /// Modbus, SNMP: read it by this profile, a shipped one or a file, whatever it seems to be
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// NUT: upsd's certificate has to be from an authority in this PEM file; without it the connection is not encrypted
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

/// Why nothing was found: exit code and a line.
type Trouble = (u8, String);

/// Asks once, prints what answered.
pub async fn run(args: Args) -> ExitCode {
    let found = match ask(&args).await {
        Ok(found) => found,
        Err((code, why)) => {
            eprintln!("muster probe: {why}");
            return code.into();
        }
    };
    print!("{}", said(&args, &found));
    if found.iter().any(Found::answers) {
        ExitCode::SUCCESS
    } else {
        exit::FINDING.into()
    }
}

async fn ask(args: &Args) -> Result<Vec<Found>, Trouble> {
    match kind::of(&args.address, args.kind).map_err(|why| (exit::USAGE, why))? {
        Kind::Modbus => modbus::ask(args).await,
        Kind::Snmp => snmp::ask(args).await,
        Kind::Nut => nut::ask(args).await,
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

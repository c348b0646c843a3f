//! `muster capture`: what a device answers, as text that people can read and send. One file a way of asking.

mod discreet;
mod modbus;
mod nut;
mod snmp;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use muster_profiles::Block;

use super::exit;
use super::interrupted::interrupted;
use super::kind::{self, Kind};
use super::line_settings::LineSettings;
use super::snmp_login::Login;
use crate::clock::wall_now_ms;

/// Record what a device answers, as text that can be read, sent, and played
///
/// It reads and never writes, one request after the other. Look at the recording with
/// `muster profile test PROFILE --capture FILE`, and let it answer like the device with `muster sim --capture FILE`.
/// An end by ctrl-c, or a device that goes away, leaves a whole recording of what was there until then.
///
/// Of SNMP and NUT, what names your site stays out unless `--with-names` is given: serial numbers, addresses, contacts,
/// locations, names; and whatever NUT's drivers were configured with always.
///
/// Exit: 0 recorded, 1 the device answered nothing, or not to the end, 64 usage, 69 unreachable.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Of Modbus, a recording is lines such as these; what a moment does not say again is as it was:\n  at 0 ms\n  holding 128: 0x0000 0x0E10\n  at 1000 ms\n  discrete 0: 0 1\n\nOf SNMP it is what snmpsim plays (`object|type|value`), of NUT what dummy-ups plays (`variable: value`, `TIMER seconds`)."
)]
pub struct Args {
    /// Where it is: `host:port` of a Modbus TCP device, an SNMP agent or an upsd, `/dev/…` for a serial line, `rtu-over-tcp://host:port`
    address: String,
    #[command(flatten)]
    line: LineSettings,
    /// What it speaks; without it as its port says: 502 modbus, 161 snmp, 3493 nut
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Record all that this profile reads: a shipped one, or a file. SNMP and NUT: without it all that is known of UPSes
    #[arg(long, value_name = "PROFILE", conflicts_with = "registers")]
    profile: Option<String>,
    /// Modbus: record these registers, counted from 0: `holding:0-99`, `input:446`; may stand more than once
    #[arg(long, value_name = "TABLE:FROM-TO", value_parser = modbus::range)]
    registers: Vec<Block>,
    /// Modbus: unit id
    #[arg(long, default_value_t = 1)]
    unit: u8,
    #[command(flatten)]
    login: Login,
    /// NUT: which UPS, where upsd knows more than one
    #[arg(long, value_name = "NAME")]
    ups: Option<String>,
    /// NUT: upsd's certificate has to be from an authority in this PEM file; without it the connection is not encrypted
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// SNMP, NUT: leave nothing out that may name you or your site
    #[arg(long)]
    with_names: bool,
    /// Modbus, NUT: seconds between two looks
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    every: u64,
    /// Modbus, NUT: how long to look; without it once
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 0)]
    seconds: u64,
    /// Write to this new file instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Exit code and a line.
type Trouble = (u8, String);

/// Where the lines go. Every line is handed on whole, and at once.
type Out = Box<dyn Write + Send>;

/// What has been recorded, in words.
struct Recorded {
    /// What there is of it; nothing is a finding.
    count: usize,
    /// Such as `answers`.
    what: &'static str,
    /// Why it ended before its end.
    cut: Option<String>,
}

/// Runs until all is said, the time is over, or it is interrupted.
pub async fn run(args: Args) -> ExitCode {
    match record(&args).await {
        Ok(Recorded { count: 0, cut, .. }) => {
            let why = cut.map_or_else(String::new, |cut| format!(": {cut}"));
            eprintln!("muster capture: the device answered nothing{why}");
            exit::FINDING.into()
        }
        Ok(Recorded { count, what, cut }) => {
            eprintln!("muster capture: {count} {what} recorded");
            let Some(cut) = cut else { return ExitCode::SUCCESS };
            eprintln!("muster capture: the recording is whole as far as it goes, and ends early: {cut}");
            exit::FINDING.into()
        }
        Err((code, why)) => {
            eprintln!("muster capture: {why}");
            code.into()
        }
    }
}

async fn record(args: &Args) -> Result<Recorded, Trouble> {
    match kind_of(args).map_err(|why| (exit::USAGE, why))? {
        Kind::Modbus => modbus::record(args).await,
        Kind::Snmp => snmp::record(args).await,
        Kind::Nut => nut::record(args).await,
    }
}

/// Registers and their profiles are Modbus's, at whatever port.
fn kind_of(args: &Args) -> Result<Kind, String> {
    let by_profile = || match muster_profiles::shipped(args.profile.as_deref()?)?.kind() {
        "modbus" => Some(Kind::Modbus),
        "snmp" => Some(Kind::Snmp),
        _ => Some(Kind::Nut),
    };
    let given = args
        .kind
        .or_else(|| (!args.registers.is_empty()).then_some(Kind::Modbus));
    kind::of(&args.address, given.or_else(by_profile))
}

/// A recording that is there is never written over.
fn open(path: Option<&Path>) -> Result<Out, Trouble> {
    let Some(path) = path else {
        return Ok(Box::new(std::io::stdout()));
    };
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let file = made.map_err(|why| (exit::USAGE, format!("{} cannot be made: {why}", path.display())))?;
    Ok(Box::new(file))
}

/// The first line: what was asked, and when.
fn head(args: &Args, what: &str) -> String {
    let profile = args.profile.as_deref();
    let profile = profile.map_or_else(String::new, |name| format!(", profile {name}"));
    let when =
        jiff::Timestamp::from_millisecond(wall_now_ms()).map_or_else(|_| String::new(), |at| format!(", {at:.0}"));
    format!("# muster capture: {what}{profile}{when}\n")
}

fn unwritten(error: &std::io::Error) -> Trouble {
    (exit::BUG, format!("cannot be written: {error}"))
}

/// Who reads a recording is told what is not in it.
const LEFT_OUT: &str = "# left out: texts that may name a site, serial numbers, addresses (--with-names keeps them)\n";

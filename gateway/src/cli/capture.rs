//! `muster capture`: what a device answers, as text that people can read and send.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use muster_profiles::{Block, Device, Table};

use super::exit;
use crate::clock::{Stopwatch, wall_now_ms};
use crate::config::Port;
use crate::sources::modbus::Recorder;

/// Record what a device answers, as text that can be read, sent, and played
///
/// It reads and never writes, one request after the other. Look at the recording with
/// `muster profile test PROFILE --capture FILE`, and let it answer like the device with `muster sim --capture FILE`.
///
/// Exit: 0 recorded, 1 the device answered nothing, 64 usage, 69 unreachable.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "A recording is lines such as these; what a moment does not say again is as it was:\n  at 0 ms\n  holding 128: 0x0000 0x0E10\n  at 1000 ms\n  discrete 0: 0 1\n\nOf a UPS behind upsd, `upsc UPS@HOST > FILE` is a recording; of an SNMP agent, snmpsim's snmprec makes one."
)]
pub struct Args {
    /// Address of a Modbus TCP device, `host:port`
    address: String,
    /// Record all that this profile reads: a shipped one, or a file
    #[arg(
        long,
        value_name = "PROFILE",
        required_unless_present = "registers",
        conflicts_with = "registers"
    )]
    profile: Option<String>,
    /// Record these registers, counted from 0: `holding:0-99`, `input:446`; may stand more than once
    #[arg(long, value_name = "TABLE:FROM-TO", value_parser = range)]
    registers: Vec<Block>,
    /// Unit id
    #[arg(long, default_value_t = 1)]
    unit: u8,
    /// Seconds between two looks
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    every: u64,
    /// How long to look; without it once
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 0)]
    seconds: u64,
    /// Write to this new file instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// An answer later than this is none, where no profile says otherwise.
const WITHIN: Duration = Duration::from_secs(2);

fn range(text: &str) -> Result<Block, String> {
    const WANTED: &str = "such as holding:0-99 (125 at most at once; bits 2,000)";
    let (table, numbers) = text.split_once(':').ok_or(WANTED)?;
    let table = match table {
        "holding" => Table::Holding,
        "input" => Table::Input,
        "coil" => Table::Coil,
        "discrete" => Table::Discrete,
        _ => return Err(format!("{table:?} is no table: holding, input, coil or discrete")),
    };
    let (from, to) = numbers.split_once('-').unwrap_or((numbers, numbers));
    let (start, last): (u16, u16) = (from.parse().map_err(|_| WANTED)?, to.parse().map_err(|_| WANTED)?);
    let count = last.checked_sub(start).and_then(|n| n.checked_add(1)).ok_or(WANTED)?;
    let fits = count <= table.most_per_read();
    fits.then_some(Block { table, start, count })
        .ok_or_else(|| WANTED.to_owned())
}

/// Runs until the time is over, or it is interrupted.
pub async fn run(args: Args) -> ExitCode {
    let mut recorder = match recorder(&args).await {
        Ok(recorder) => recorder,
        Err((code, why)) => {
            eprintln!("muster capture: {why}");
            return code.into();
        }
    };
    let mut out: Box<dyn Write + Send> = match open(args.out.as_deref()) {
        Ok(out) => out,
        Err(why) => {
            eprintln!("muster capture: {why}");
            return exit::USAGE.into();
        }
    };
    match record(&args, &mut recorder, &mut out).await {
        Ok(0) => {
            eprintln!("muster capture: the device answered nothing");
            exit::FINDING.into()
        }
        Ok(answers) => {
            eprintln!("muster capture: {answers} answers recorded");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("muster capture: cannot be written: {error}");
            exit::BUG.into()
        }
    }
}

async fn recorder(args: &Args) -> Result<Recorder, (u8, String)> {
    let port = Port::Tcp(args.address.clone());
    let Some(name) = &args.profile else {
        let blocks = args.registers.clone();
        return Ok(Recorder::new(port, args.unit, WITHIN, blocks));
    };
    let device = super::profile::find(name).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        (exit::USAGE, lines.join("\n"))
    })?;
    let kind = device.kind();
    let Device::Modbus(profile) = device else {
        return Err((
            exit::USAGE,
            format!("{name} is for kind {kind}; see `muster capture --help`"),
        ));
    };
    let recorder = Recorder::of_profile(port, args.unit, &profile).await;
    recorder.map_err(|why| (exit::UNREACHABLE, why))
}

/// A recording that is there is never written over.
fn open(path: Option<&std::path::Path>) -> Result<Box<dyn Write + Send>, String> {
    let Some(path) = path else {
        return Ok(Box::new(std::io::stdout()));
    };
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let file = made.map_err(|why| format!("{} cannot be made: {why}", path.display()))?;
    Ok(Box::new(file))
}

async fn record(args: &Args, recorder: &mut Recorder, out: &mut (dyn Write + Send)) -> std::io::Result<usize> {
    let profile = args
        .profile
        .as_deref()
        .map_or_else(String::new, |name| format!(", profile {name}"));
    let when =
        jiff::Timestamp::from_millisecond(wall_now_ms()).map_or_else(|_| String::new(), |at| format!(", {at:.0}"));
    writeln!(
        out,
        "# muster capture: {} unit {}{profile}{when}",
        args.address, args.unit
    )?;
    let began = Stopwatch::start();
    let mut looks = tokio::time::interval(Duration::from_secs(args.every));
    let mut all = 0;
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            _ = tokio::signal::ctrl_c() => break,
        }
        let at_ms = began.elapsed().as_millis();
        let (lines, answered) = recorder.look().await;
        all += answered;
        if !lines.is_empty() {
            writeln!(out, "at {at_ms} ms")?;
            lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            out.flush()?;
        }
        if began.elapsed() >= Duration::from_secs(args.seconds) {
            break;
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn ranges_are_read_or_refused_with_what_is_wanted() {
        let block = range("holding:0-99").unwrap();
        assert_eq!((block.table, block.start, block.count), (Table::Holding, 0, 100));
        assert_eq!(range("input:446").unwrap().count, 1);
        assert!(range("discrete:0-1999").is_ok());
        for wrong in [
            "holding",
            "holding:",
            "holding:5-4",
            "holding:0-125",
            "holdng:1",
            "coil:0-2000",
            "input:70000",
        ] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }
}

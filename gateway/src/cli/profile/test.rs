//! `muster profile test`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use muster_profiles::capture::{Capture, Decoded, Moment};
use muster_profiles::{Device, Named};
use muster_wire::{Absence, Micro};

use crate::cli::exit;

/// Decode a recording with a profile, and see every value
///
/// A recording is what `muster capture` writes; of NUT a dump of `upsc` or a sequence of dummy-ups; of SNMP a recording of
/// snmpsim (.snmprec).
///
/// Exit: 0 it was decoded, 1 no signal has a value in it, 64 unreadable.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Profile file, or name of a shipped profile
    profile: String,
    /// The recording
    #[arg(long, value_name = "CAPTURE")]
    capture: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let device = match super::find(&args.profile) {
        Ok(device) => device,
        Err(faults) => {
            faults.iter().for_each(|fault| eprintln!("{fault}"));
            return exit::USAGE.into();
        }
    };
    let capture = match read(&args.capture, &device) {
        Ok(capture) => capture,
        Err(why) => {
            eprintln!("{}: {why}", args.capture.display());
            return exit::USAGE.into();
        }
    };
    let moments = capture.decode(&device);
    let text = if args.json {
        json(&device, &moments)
    } else {
        shown(&device, &moments)
    };
    print!("{text}");
    if any_value(&moments) {
        ExitCode::SUCCESS
    } else {
        exit::FINDING.into()
    }
}

fn read(path: &Path, device: &Device) -> Result<Capture, String> {
    let text = std::fs::read_to_string(path).map_err(|why| format!("cannot be read: {why}"))?;
    let wrong = |error| format!("{error} (taken for a recording of kind {})", device.kind());
    Capture::parse(&text, device).map_err(wrong)
}

type Decode<'a> = Moment<Vec<Decoded<'a>>>;

fn any_value(moments: &[Decode<'_>]) -> bool {
    moments
        .iter()
        .flat_map(|m| &m.all)
        .any(|d| matches!(d.value, Some(Ok(_))))
}

/// The first moment whole, of the later ones what has changed.
fn shown(device: &Device, moments: &[Decode<'_>]) -> String {
    let mut text = format!("{}: {} recorded moments\n", device.head().name(), moments.len());
    let mut before: Vec<Option<Result<Micro, Absence>>> = Vec::new();
    for moment in moments {
        let _ = writeln!(text, "\nat {} s", moment.at_ms as f64 / 1_000.0);
        let is_new = |n: usize, d: &Decoded<'_>| before.get(n).is_none_or(|was| *was != d.value);
        let told = moment.all.iter().zip(device.signals()).enumerate();
        for (_, (decoded, signal)) in told.filter(|(n, (d, _))| is_new(*n, d)) {
            if let Some(value) = decoded.value {
                let _ = writeln!(text, "  {:<28} {}", decoded.name, in_words(value, &signal));
            }
        }
        before = moment.all.iter().map(|d| d.value).collect();
    }
    text + &silent(moments)
}

/// A value as a person reads it: ratios in percent, contacts as yes and no.
pub(in crate::cli) fn in_words(value: Result<Micro, Absence>, signal: &Named<'_>) -> String {
    match (value, signal.quantity.unit()) {
        (Err(absence), _) => format!("no value: {}", absence.as_str()),
        (Ok(Micro(value)), muster_wire::Unit::Contact) => if value == 0 { "no" } else { "YES" }.to_owned(),
        (Ok(Micro(value)), muster_wire::Unit::Ratio) => format!("{} %", Micro(value.saturating_mul(100))),
        (Ok(value), unit) => format!("{value} {}", unit.as_str()),
    }
}

/// Signals of which the recording says nothing.
fn silent(moments: &[Decode<'_>]) -> String {
    let said: BTreeSet<&str> = moments
        .iter()
        .flat_map(|m| &m.all)
        .filter(|d| d.value.is_some())
        .map(|d| d.name)
        .collect();
    let all = moments.first().map_or(&[][..], |m| &m.all[..]).iter().map(|d| d.name);
    let silent: Vec<&str> = all.filter(|name| !said.contains(name)).collect();
    if silent.is_empty() {
        return String::new();
    }
    format!("\nNot in the recording: {}\n", silent.join(", "))
}

fn json(device: &Device, moments: &[Decode<'_>]) -> String {
    let value = |decoded: &Decoded<'_>| match decoded.value {
        Some(Ok(Micro(micro))) => serde_json::json!({ "signal": decoded.name, "value": micro as f64 / 1e6 }),
        Some(Err(absence)) => serde_json::json!({ "signal": decoded.name, "absent": absence.as_str() }),
        None => serde_json::json!({ "signal": decoded.name, "recorded": false }),
    };
    let moment = |moment: &Decode<'_>| {
        let signals: Vec<_> = moment.all.iter().map(value).collect();
        serde_json::json!({ "at_ms": moment.at_ms, "signals": signals })
    };
    let moments: Vec<_> = moments.iter().map(moment).collect();
    format!(
        "{}\n",
        serde_json::json!({ "schema": 1, "profile": device.head().name(), "moments": moments })
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(profile: &str, text: &str) -> (Device, Capture) {
        let device = muster_profiles::shipped(profile).unwrap();
        let capture = Capture::parse(text, &device).unwrap();
        (device, capture)
    }

    #[test]
    fn a_person_reads_percent_and_yes_and_sees_what_changed() {
        let (device, capture) = of(
            "nut/ups",
            "ups.status: OL\nbattery.charge: 97.5\nTIMER 60\nups.status: OB\n",
        );
        let text = shown(&device, &capture.decode(&device));
        let (first, later) = text.split_once("\nat 60 s\n").unwrap();
        assert!(
            first.contains("charge                       97.5 %") && first.contains("on_battery                   no"),
            "{first}"
        );
        assert!(
            later.contains("on_battery                   YES") && !later.contains("97.5"),
            "{later}"
        );
        assert!(later.contains("Not in the recording: discharging, "), "{later}");
    }

    #[test]
    fn nothing_decoded_is_a_finding() {
        let (device, capture) = of("nut/ups", "device.type: ups\n");
        assert!(!any_value(&capture.decode(&device)));
    }
}

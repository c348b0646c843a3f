//! `muster profile list`.

use std::fmt::Write as _;
use std::process::ExitCode;

use muster_profiles::{Device, Proof, nut_name};

/// List the profiles that come with Muster, each with how well it is proven
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Show one with all its signals
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let names: Vec<&str> = match &args.name {
        Some(name) => vec![name],
        None => muster_profiles::shipped_names().collect(),
    };
    let mut devices = Vec::new();
    for name in names {
        match super::find(name) {
            Ok(device) => devices.push(device),
            Err(faults) => {
                faults.iter().for_each(|fault| eprintln!("{fault}"));
                return crate::cli::exit::USAGE.into();
            }
        }
    }
    let text = match (args.json, &args.name) {
        (true, _) => json(&devices),
        (false, Some(_)) => devices.iter().map(whole).collect(),
        (false, None) => table(&devices),
    };
    print!("{text}");
    ExitCode::SUCCESS
}

/// How well it is proven, in a word.
fn proof(device: &Device) -> &'static str {
    match device.head().proven_by {
        Proof::Captured => "captured",
        Proof::Simulated => "simulated",
        Proof::DocumentOnly => "document-only",
    }
}

fn table(devices: &[Device]) -> String {
    let mut text = format!(
        "{:<26} {:<7} {:<14} {:>7}  {}\n",
        "NAME", "KIND", "PROVEN BY", "SIGNALS", "SOURCE"
    );
    for device in devices {
        let (head, signals) = (device.head(), device.signals().len());
        let _ = writeln!(
            text,
            "{:<26} {:<7} {:<14} {signals:>7}  {}",
            head.name(),
            device.kind(),
            proof(device),
            head.document
        );
    }
    text + "\nProven by: captured is a recording of the real device, simulated a device played by the tests, document-only nobody.\n"
}

fn whole(device: &Device) -> String {
    let head = device.head();
    let mut text = format!(
        "{}: kind {}, proven by: {}\n{}\n",
        head.name(),
        device.kind(),
        proof(device),
        head.document
    );
    for quirk in &head.quirks {
        let _ = writeln!(text, "  ! {quirk}");
    }
    let _ = writeln!(
        text,
        "\n{:<28} {:<22} {:<6} {:<5}  NUT",
        "SIGNAL", "QUANTITY", "UNIT", "TRIP"
    );
    for signal in device.signals() {
        let (quantity, unit) = (signal.quantity.as_str(), signal.quantity.unit().as_str());
        let line = format!(
            "{:<28} {quantity:<22} {unit:<6} {:<5}  {}",
            signal.name,
            if signal.trip { "yes" } else { "" },
            nut_name(signal.name).unwrap_or_default()
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn json(devices: &[Device]) -> String {
    let signals = |device: &Device| -> Vec<serde_json::Value> {
        let signal = |s: muster_profiles::Named<'_>| serde_json::json!({ "name": s.name, "quantity": s.quantity.as_str(), "unit": s.quantity.unit().as_str(), "trip": s.trip, "nut": nut_name(s.name) });
        device.signals().into_iter().map(signal).collect()
    };
    let one = |device: &Device| {
        let head = device.head();
        serde_json::json!({
            "name": head.name(), "kind": device.kind(), "proven_by": proof(device), "document": head.document,
            "quirks": head.quirks, "min_poll_ms": head.min_poll_ms, "signals": signals(device),
        })
    };
    let profiles: Vec<_> = devices.iter().map(one).collect();
    format!("{}\n", serde_json::json!({ "schema": 1, "profiles": profiles }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Device> {
        muster_profiles::shipped_names()
            .filter_map(muster_profiles::shipped)
            .collect()
    }

    #[test]
    fn every_shipped_profile_is_a_line_with_its_proof() {
        let text = table(&all());
        for name in muster_profiles::shipped_names() {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            assert!(
                ["captured", "simulated", "document-only"]
                    .iter()
                    .any(|p| line.contains(p)),
                "{name}: {line}"
            );
        }
    }

    #[test]
    fn one_profile_shows_its_quirks_and_signals() {
        let text: String = all()
            .iter()
            .filter(|d| d.head().name() == "nut/ups")
            .map(whole)
            .collect();
        assert!(text.contains("  ! Runtime means nothing on mains."), "{text}");
        assert!(
            text.lines()
                .any(|l| l.starts_with("on_battery ") && l.contains(" yes ") && l.ends_with("ups.status OB")),
            "{text}"
        );
    }
}

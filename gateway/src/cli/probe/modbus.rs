//! A Modbus device: what it says of itself, and which profiles' maps it has.

use muster_profiles::{Device, Profile, Signal};

use super::found::{Found, Live, has};
use super::{Args, Trouble};
use crate::cli::{exit, profile as profiles};
use crate::sources::modbus::{Seen, explore, values};
use crate::sources::nut::shown;

/// One for each profile that fits; one without signals where none does.
pub(super) async fn ask(args: &Args) -> Result<Vec<Found>, Trouble> {
    let port = args.line.port(&args.address).map_err(|why| (exit::USAGE, why))?;
    let given = args.profile.as_deref().map(given).transpose()?;
    let known: Vec<Profile> = match given {
        Some(_) => Vec::new(),
        None => muster_profiles::shipped_names().filter_map(shipped).collect(),
    };
    let seen = explore(&port, args.unit, &known)
        .await
        .map_err(|why| (exit::UNREACHABLE, why))?;
    let fitting: Vec<(String, Profile)> = match (given, args.profile.clone()) {
        (Some(profile), Some(name)) => vec![(name, profile)],
        _ => seen
            .sure
            .iter()
            .filter_map(|name| Some((name.clone(), shipped(name)?)))
            .collect(),
    };
    let mut all = Vec::new();
    for (name, profile) in fitting {
        let signals = values(&port, args.unit, &profile).await;
        all.push(found(args, &seen, &name, signals.map(|said| live(&profile, said))));
    }
    if all.is_empty() {
        all.push(unknown(args, &seen));
    }
    Ok(all)
}

fn shipped(name: &str) -> Option<Profile> {
    muster_profiles::shipped(name)?.into_modbus()
}

fn given(name: &str) -> Result<Profile, Trouble> {
    profiles::of_kind(name, "modbus", Device::into_modbus).map_err(|why| (exit::USAGE, why))
}

fn found(args: &Args, seen: &Seen, profile: &str, signals: Result<Vec<Live>, String>) -> Found {
    let mut keys = vec![
        ("kind", "modbus".into()),
        ("address", args.address.as_str().into()),
        ("profile", profile.into()),
    ];
    keys.extend(args.line.keys());
    if args.unit != 1 {
        keys.push(("unit", i64::from(args.unit).into()));
    }
    let model = profile.rsplit('/').next().unwrap_or(profile).trim_end_matches(".toml");
    Found {
        name: model.to_owned(),
        what: what(seen),
        notes: vec![format!("read by profile {profile}")],
        keys,
        signals,
        silent: Vec::new(),
    }
}

fn live(profile: &Profile, said: Vec<(String, Result<muster_wire::Micro, muster_wire::Absence>)>) -> Vec<Live> {
    let one = |(signal, (name, value)): (&Signal, _)| Live {
        name,
        quantity: signal.quantity,
        trip: signal.trip,
        value,
        place: place(profile, signal),
        there: has(signal.quantity, value),
    };
    profile.signals.iter().zip(said).map(one).collect()
}

fn place(profile: &Profile, signal: &Signal) -> String {
    let table = format!("{:?}", signal.table).to_lowercase();
    match profile.sunspec_model {
        Some(model) => format!("model {model}, register {}", signal.address),
        None => format!("{table} {}", signal.address),
    }
}

/// Its maker, model and revision, and its SunSpec models.
fn what(seen: &Seen) -> String {
    let said = seen.identity.iter().map(|text| shown(text));
    let identity = said.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
    let numbers: Vec<String> = seen.models.iter().map(ToString::to_string).collect();
    let models = (!numbers.is_empty()).then(|| format!("SunSpec models {}", numbers.join(", ")));
    let parts = [Some(identity).filter(|text| !text.is_empty()), models];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What to do with a device that no profile is sure of.
fn unknown(args: &Args, seen: &Seen) -> Found {
    let mut notes = Vec::new();
    if seen.answers {
        notes.push("no profile of Muster's is known to fit; with `--profile` it is read by one you name".to_owned());
    } else {
        notes.push(format!(
            "it refuses every question: look whether {} is its unit id (`--unit`)",
            args.unit
        ));
    }
    for name in &seen.perhaps {
        notes.push(format!(
            "could be {name}; see whether the values are right: --profile {name}"
        ));
    }
    Found {
        name: format!("unit {}", args.unit),
        what: what(seen),
        notes,
        keys: Vec::new(),
        signals: Ok(Vec::new()),
        silent: Vec::new(),
    }
}

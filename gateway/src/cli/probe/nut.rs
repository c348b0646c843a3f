//! NUT's upsd: each UPS it knows is a device.

use muster_profiles::{Device, NutProfile};

use super::found::{Found, Live, has};
use super::{Args, Trouble};
use crate::cli::exit;
use crate::sources::nut::{Seen, Variables, look, shown};

/// Read by the profile for all.
const PROFILE: &str = "nut/ups";

/// Every UPS.
pub(super) async fn ask(args: &Args) -> Result<Vec<Found>, Trouble> {
    let Some(Device::Nut(profile)) = muster_profiles::shipped(PROFILE) else {
        return Err((exit::BUG, format!("the profile {PROFILE} is missing")));
    };
    let seen = look(&args.address, args.ca.as_deref())
        .await
        .map_err(|why| (exit::UNREACHABLE, why))?;
    Ok(seen.into_iter().map(|ups| found(args, &profile, ups)).collect())
}

fn found(args: &Args, profile: &NutProfile, ups: Seen) -> Found {
    let signals = ups
        .variables
        .as_ref()
        .map(|said| live(profile, said))
        .map_err(Clone::clone);
    let missing = |said: &Variables| {
        let all = profile.signals.iter().filter(|s| !said.contains_key(&s.variable));
        all.map(|s| s.name.clone()).collect()
    };
    Found {
        what: what(&ups),
        notes: Vec::new(),
        keys: keys(args, &ups.name),
        signals,
        silent: ups.variables.as_ref().map_or_else(|_| Vec::new(), missing),
        name: shown(&ups.name),
    }
}

fn live(profile: &NutProfile, said: &Variables) -> Vec<Live> {
    let one = |signal: &muster_profiles::NutSignal| {
        let (text, value) = (said.get(&signal.variable)?, signal.value(said)?);
        Some(Live {
            name: signal.name.clone(),
            quantity: signal.quantity,
            trip: signal.trip,
            value,
            there: has(signal.quantity, value),
            place: format!("{} = {}", signal.variable, shown(text)),
        })
    };
    profile.signals.iter().filter_map(one).collect()
}

fn what(ups: &Seen) -> String {
    let said = |names: [&str; 2]| {
        let variables = ups.variables.as_ref().ok()?;
        let text = names.iter().find_map(|name| variables.get(*name))?.trim();
        (!text.is_empty()).then(|| shown(text))
    };
    let maker = said(["device.mfr", "ups.mfr"]).unwrap_or_default();
    let model = said(["device.model", "ups.model"]).unwrap_or_default();
    let serial = said(["device.serial", "ups.serial"]).map(|serial| format!("serial {serial}"));
    let named = format!("{maker} {model}").trim().to_owned();
    // What upsd writes where its keeper has written nothing.
    let own = Some(shown(&ups.description)).filter(|text| text != "Description unavailable");
    let parts = [Some(named), serial, own].into_iter().flatten();
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn keys(args: &Args, ups: &str) -> Vec<(&'static str, toml::Value)> {
    let mut keys = vec![
        ("kind", "nut".into()),
        ("address", args.address.as_str().into()),
        ("ups", ups.into()),
    ];
    if let Some(ca) = &args.ca {
        keys.push(("ca", ca.display().to_string().into()));
    }
    keys
}

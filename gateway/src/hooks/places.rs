//! Which members of a target are doomed, and which take what is moved.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::{Call, Phase};

use crate::config::Places;

/// Those that lose their power: of the racks that are doomed, or of all racks.
pub(super) fn doomed<'a>(places: &'a Places, call: &Call) -> BTreeSet<&'a str> {
    doomed_of(&places.racks, call.doomed.as_deref())
}

/// Those on doomed racks; none named: on all.
pub(super) fn doomed_of<'a>(racks: &'a BTreeMap<String, Vec<String>>, doomed: Option<&[String]>) -> BTreeSet<&'a str> {
    let is_doomed = |rack: &String| doomed.is_none_or(|doomed| doomed.contains(rack));
    let racks = racks.iter().filter(|(rack, _)| is_doomed(rack));
    racks.flat_map(|(_, members)| members).map(String::as_str).collect()
}

/// Whether a call asks if something is at home again: a probe whose destination is this very site, where nobody is moved to.
pub(super) fn asks_for_home(places: &Places, call: &Call) -> bool {
    let elsewhere = |to: &String| places.destinations.contains_key(to);
    call.phase == Phase::Verify && call.destination.as_ref().is_some_and(|to| !elsewhere(to))
}

/// Those of the destination that keep their power.
///
/// # Errors
/// Why there is none, which is certain.
pub(super) fn goal<'a>(places: &'a Places, call: &Call) -> Result<Vec<&'a str>, String> {
    let to = call.destination.as_deref().unwrap_or_default();
    let Some(members) = places.destinations.get(to) else {
        return Err(format!("the config knows nobody at {to}"));
    };
    let doomed = doomed(places, call);
    let left: Vec<_> = members
        .iter()
        .map(String::as_str)
        .filter(|m| !doomed.contains(m))
        .collect();
    if left.is_empty() {
        return Err(format!("everybody at {to} is doomed as well"));
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::testing::call;

    #[test]
    fn what_is_doomed_takes_nothing() {
        let list = |pairs: &[(&str, &[&str])]| {
            let pair = |(name, members): &(&str, &[&str])| {
                ((*name).to_owned(), members.iter().map(|m| (*m).to_owned()).collect())
            };
            pairs.iter().map(pair).collect()
        };
        let places = Places {
            racks: list(&[("r1", &["m1", "m2"]), ("r2", &["m3"])]),
            destinations: list(&[("daejeon", &["m2", "m3", "m4"]), ("busan", &["m1"])]),
        };
        let of = |doomed: Option<&[&str]>, to: &str| {
            let call = Call {
                doomed: doomed.map(|racks| racks.iter().map(|r| (*r).to_owned()).collect()),
                destination: Some(to.into()),
                ..call()
            };
            goal(&places, &call).map(|left| left.join(" "))
        };
        assert_eq!(of(None, "daejeon").as_deref(), Ok("m4"));
        assert_eq!(of(Some(&["r1"]), "daejeon").as_deref(), Ok("m3 m4"));
        assert_eq!(of(Some(&[]), "daejeon").as_deref(), Ok("m2 m3 m4"));
        assert!(of(Some(&["r1"]), "busan").is_err_and(|why| why.contains("doomed")));
        assert!(of(None, "nowhere").is_err());
    }
}

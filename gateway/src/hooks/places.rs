//! Which members of a target are doomed, and which take what is moved.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::{Call, Phase};

use crate::config::Places;

/// Racks that lose their power; none: all. The workload's own is always one of them while it leaves: a list without it would
/// call it safe where it stands, with nothing done.
pub(super) fn lost(call: &Call, own: Option<&str>) -> Option<Vec<String>> {
    let mut racks = call.doomed.clone()?;
    let leaves = matches!(call.phase, Phase::Evacuate | Phase::Verify) && !call.asks_home();
    let own = own.filter(|own| leaves && !racks.iter().any(|rack| rack == own));
    racks.extend(own.map(str::to_owned));
    Some(racks)
}

/// Those that lose their power, of these racks.
pub(super) fn doomed<'a>(places: &'a Places, call: &Call, own: Option<&str>) -> BTreeSet<&'a str> {
    doomed_of(&places.racks, lost(call, own).as_deref())
}

/// Those on doomed racks; none named: on all.
pub(super) fn doomed_of<'a>(racks: &'a BTreeMap<String, Vec<String>>, doomed: Option<&[String]>) -> BTreeSet<&'a str> {
    let is_doomed = |rack: &String| doomed.is_none_or(|doomed| doomed.contains(rack));
    let racks = racks.iter().filter(|(rack, _)| is_doomed(rack));
    racks.flat_map(|(_, members)| members).map(String::as_str).collect()
}

/// Those of the destination that keep their power.
///
/// # Errors
/// Why there is none, which is certain.
pub(super) fn goal<'a>(places: &'a Places, call: &Call, own: Option<&str>) -> Result<Vec<&'a str>, String> {
    let to = call.destination.as_deref().unwrap_or_default();
    let Some(members) = places.destinations.get(to) else {
        return Err(format!("the config knows nobody at {to}"));
    };
    let doomed = doomed(places, call, own);
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
            goal(&places, &call, None).map(|left| left.join(" "))
        };
        assert_eq!(of(None, "daejeon").as_deref(), Ok("m4"));
        assert_eq!(of(Some(&["r1"]), "daejeon").as_deref(), Ok("m3 m4"));
        assert_eq!(of(Some(&[]), "daejeon").as_deref(), Ok("m2 m3 m4"));
        assert!(of(Some(&["r1"]), "busan").is_err_and(|why| why.contains("doomed")));
        assert!(of(None, "nowhere").is_err());
    }

    #[test]
    fn its_own_rack_is_doomed_while_it_leaves() {
        let of = |doomed: Option<&[&str]>, phase, destination: &str| {
            let call = Call {
                doomed: doomed.map(|racks| racks.iter().map(|r| (*r).to_owned()).collect()),
                destination: Some(destination.into()),
                phase,
                ..call()
            };
            lost(&call, Some("r1")).map(|racks| racks.join(" "))
        };
        for phase in [Phase::Evacuate, Phase::Verify] {
            assert_eq!(of(Some(&[]), phase, "daejeon").as_deref(), Some("r1"));
            assert_eq!(of(Some(&["r2"]), phase, "daejeon").as_deref(), Some("r2 r1"));
            assert_eq!(of(Some(&["r1"]), phase, "daejeon").as_deref(), Some("r1"));
            assert_eq!(of(None, phase, "daejeon"), None);
        }
        assert_eq!(of(Some(&[]), Phase::Restore, "daejeon").as_deref(), Some(""));
        assert_eq!(of(Some(&["r2"]), Phase::Prepare, "daejeon").as_deref(), Some("r2"));
        // The question whether it is at home again.
        assert_eq!(of(Some(&[]), Phase::Verify, "pangyo-b3").as_deref(), Some(""));
    }
}

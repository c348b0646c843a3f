//! An SNMP agent: which device it is, and the profiles that read something of it, the best first.

use muster_profiles::{Device, SnmpProfile};
use muster_wire::{Absence, Quantity};

use super::found::{Found, Live};
use super::{Args, Trouble};
use crate::cli::{exit, profile as profiles};
use crate::sources::nut::shown;
use crate::sources::snmp::{Agent, Read, meet};

/// A profile that may read this agent, and how it does.
struct Candidate {
    name: String,
    why: Why,
    read: Result<Vec<Live>, String>,
}

/// Why it may; the better the greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// It takes any agent.
    Any,
    /// It takes any agent, and knows what is odd about this one.
    KnowsIts(usize),
    /// It is for agents whose sysObjectID begins so; the longer the surer.
    IsFor(usize),
    /// Somebody says so.
    Given,
}

/// The device, by the best of the profiles that read something of it.
pub(super) async fn ask(args: &Args) -> Result<Vec<Found>, Trouble> {
    let given = args.profile.as_deref().map(given).transpose()?;
    let login = args.login.read().map_err(|why| (exit::USAGE, why))?;
    let agent = meet(&args.address, &login).await;
    let agent = agent.map_err(|why| (exit::UNREACHABLE, with_next_act(why)))?;
    let all = match given {
        Some(profile) => vec![profile],
        None => fitting(&agent),
    };
    let mut candidates = Vec::new();
    for (name, why, profile) in all {
        let read = agent
            .read(&profile)
            .await
            .map(|read| read.into_iter().map(live).collect());
        candidates.push(Candidate { name, why, read });
    }
    let asked_for = args.profile.is_some();
    candidates.retain(|candidate| asked_for || candidate.reads() > 0);
    candidates.sort_by(|a, b| (&b.why, b.reads()).cmp(&(&a.why, a.reads())));
    Ok(vec![found(args, &agent, candidates)])
}

/// Silence says nothing of what is wrong; these are the places to look, in order.
fn with_next_act(why: String) -> String {
    if !why.starts_with("no answer") {
        return why;
    }
    why + "\nlook first: does it answer ping? is SNMP switched on in its card, for this machine's address, in this version?"
}

fn given(name: &str) -> Result<(String, Why, SnmpProfile), Trouble> {
    let profile = profiles::of_kind(name, "snmp", Device::into_snmp).map_err(|why| (exit::USAGE, why))?;
    Ok((name.to_owned(), Why::Given, profile))
}

/// Every shipped profile that is believed of this agent.
fn fitting(agent: &Agent) -> Vec<(String, Why, SnmpProfile)> {
    let snmp = |name: &str| {
        let profile = muster_profiles::shipped(name)?.into_snmp()?;
        Some((name.to_owned(), why(&profile, &agent.sys_object_id)?, profile))
    };
    muster_profiles::shipped_names().filter_map(snmp).collect()
}

fn why(profile: &SnmpProfile, id: &muster_profiles::Oid) -> Option<Why> {
    let longest = |own: &mut dyn Iterator<Item = &muster_profiles::Oid>| {
        own.filter(|own| id.begins_with(own)).map(|own| own.arcs().len()).max()
    };
    if profile.sys_object_ids.is_empty() {
        let odd = longest(&mut profile.exceptions.iter().map(|exception| &exception.sys_object_id));
        return Some(odd.map_or(Why::Any, Why::KnowsIts));
    }
    longest(&mut profile.sys_object_ids.iter()).map(Why::IsFor)
}

fn live(read: Read) -> Live {
    let runtime = read.signal.quantity == Quantity::Runtime;
    Live {
        there: read.value.is_ok() || read.answered && runtime,
        name: read.signal.name,
        quantity: read.signal.quantity,
        trip: read.signal.trip,
        value: read.value,
        place: read.place,
    }
}

impl Candidate {
    /// How many of its signals the agent has.
    fn reads(&self) -> usize {
        self.read.iter().flatten().filter(|live| live.there).count()
    }

    fn reason(&self) -> String {
        let why = match self.why {
            Why::Given => "as you say",
            Why::IsFor(_) => "it is for this sysObjectID",
            Why::KnowsIts(_) => "it is for any UPS, and knows what this sysObjectID says otherwise",
            Why::Any => "it is for any UPS",
        };
        format!(
            "{why}; the agent has {} of its {} signals",
            self.reads(),
            self.read.iter().flatten().count()
        )
    }
}

fn found(args: &Args, agent: &Agent, candidates: Vec<Candidate>) -> Found {
    let mut candidates = candidates.into_iter();
    let Some(best) = candidates.next() else {
        return unknown(args, agent);
    };
    let mut notes = vec![format!("read by profile {}: {}", best.name, best.reason())];
    let others = candidates.map(|c| format!("--profile {} reads it too: {}", c.name, c.reason()));
    notes.extend(others);
    notes.extend(args.login.notes());
    let mut keys = vec![("kind", "snmp".into()), ("address", args.address.as_str().into())];
    keys.extend(args.login.keys());
    keys.push(("profile", best.name.as_str().into()));
    let (there, missing) = sorted(best.read);
    Found {
        name: model(&best.name).to_owned(),
        what: what(agent),
        notes,
        keys,
        signals: there,
        silent: missing,
    }
}

fn model(profile: &str) -> &str {
    profile.rsplit('/').next().unwrap_or(profile).trim_end_matches(".toml")
}

fn what(agent: &Agent) -> String {
    let id = format!("sysObjectID {}", agent.sys_object_id);
    let parts = [agent.description.clone(), id];
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Those that the agent has an object for, and the names of the others.
fn sorted(read: Result<Vec<Live>, String>) -> (Result<Vec<Live>, String>, Vec<String>) {
    let Ok(read) = read else {
        return (read, Vec::new());
    };
    let silent = |live: &Live| !live.there && live.value != Err(Absence::Range);
    let (missing, there): (Vec<Live>, Vec<Live>) = read.into_iter().partition(silent);
    (Ok(there), missing.into_iter().map(|live| live.name).collect())
}

/// An agent that no profile reads anything of.
fn unknown(args: &Args, agent: &Agent) -> Found {
    let record = format!(
        "muster capture {} --kind snmp{} --out {}.snmprec",
        args.address,
        args.login.options(),
        "agent"
    );
    Found {
        name: shown(&args.address),
        what: what(agent),
        notes: vec![
            "it lets us in, and no profile of Muster's reads anything of it: it is no UPS, or one of a make that is not known yet"
                .to_owned(),
            format!("record it and write a profile (hardware/PROFILES.md): {record}"),
        ],
        keys: Vec::new(),
        signals: Ok(Vec::new()),
        silent: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Profiles that may read an agent, the best first.
    fn ranked(id: &str) -> Vec<String> {
        let id = id.parse().unwrap();
        let mut all: Vec<(Why, String)> = Vec::new();
        for name in muster_profiles::shipped_names() {
            if let Some(Device::Snmp(profile)) = muster_profiles::shipped(name) {
                all.extend(why(&profile, &id).map(|why| (why, name.to_owned())));
            }
        }
        all.sort_by(|a, b| b.0.cmp(&a.0));
        all.into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn the_surer_a_profile_is_of_an_agent_the_earlier_it_comes() {
        assert_eq!(
            ranked("1.3.6.1.4.1.318.1.3.4.8"),
            ["apc/rack-pdu", "apc/powernet", "generic/ups-mib"]
        );
        assert_eq!(ranked("1.3.6.1.4.1.2468.1.2.1"), ["santak/array", "generic/ups-mib"]);
        assert_eq!(ranked("1.3.6.1.4.1.99"), ["generic/ups-mib"]);
        let santak = "1.3.6.1.4.1.2468.1.2.1".parse().unwrap();
        let Some(Device::Snmp(any)) = muster_profiles::shipped("generic/ups-mib") else {
            panic!("no profile")
        };
        assert!(matches!(why(&any, &santak), Some(Why::KnowsIts(_))));
    }
}

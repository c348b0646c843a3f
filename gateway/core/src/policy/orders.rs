//! Orders by persons: who may, how many it takes, and what then happens.

use alloc::{format, string::String, vec::Vec};

use super::{Policy, votes};
use crate::{Millis, PrincipalIx, Role, Site, Verb, detect::Detect};

/// Two persons have to speak within this (failures.md, two-person rule).
pub(crate) const PAIR_WITHIN_MS: Millis = 5 * 60_000;

/// A hold lasts at most this long: the investigation time of a positive alarm sequence (NFPA 72).
pub(crate) const HOLD_MS: Millis = 180_000;

/// Two announcements of the same cut may differ by this: two people convert the same "16:52".
const SAME_CUT_MS: u64 = 60_000;

/// What is to become of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// Takes effect, on the word of these.
    Take(Verb, Vec<PrincipalIx>),
    /// Waits for a second person.
    Wait,
    /// Refused, and why.
    Refuse(String),
}

/// Rules on an order. Pure: changes nothing.
pub(crate) fn rule(
    site: &Site,
    (policy, detect): (&Policy, &Detect),
    now: Millis,
    by: PrincipalIx,
    verb: Verb,
) -> Ruling {
    let Some(person) = site.principals.get(by.at()) else {
        return Ruling::Refuse("unknown principal".into());
    };
    let role = role_for(verb);
    if !person.roles.contains(&role) {
        return Ruling::Refuse(format!(
            "{} does not have the role {role}, which {} needs",
            person.id,
            verb.as_str()
        ));
    }
    let held = (matches!(verb, Verb::Reset | Verb::Return) && policy.open().is_some())
        .then(|| held_vote(site, policy, detect, now));
    if let Some(why) = held.flatten().or_else(|| pointless(policy, now, by, verb)) {
        return Ruling::Refuse(why);
    }
    if one_is_enough(site, policy, verb) {
        return Ruling::Take(verb, alloc::vec![by]);
    }
    match policy
        .pending
        .get(verb.as_str())
        .filter(|p| now - p.at <= PAIR_WITHIN_MS && p.by != by && holds(site, p.by, role))
    {
        Some(first) => {
            agree(first.verb, verb).map_or(Ruling::Wait, |verb| Ruling::Take(verb, alloc::vec![first.by, by]))
        }
        None => Ruling::Wait,
    }
}

/// The first person may have lost the role since, by another config.
fn holds(site: &Site, by: PrincipalIx, role: Role) -> bool {
    site.principals.get(by.at()).is_some_and(|p| p.roles.contains(&role))
}

fn role_for(verb: Verb) -> Role {
    match verb {
        Verb::Evacuate | Verb::Hold | Verb::Abort | Verb::Cut { .. } => Role::Operator,
        Verb::Arm | Verb::Disarm | Verb::Reset | Verb::Return => Role::Safety,
    }
}

fn one_is_enough(site: &Site, policy: &Policy, verb: Verb) -> bool {
    match verb {
        Verb::Hold => true,
        // Nobody knows whether its bridges hold, unless a drill has walked every one of them.
        Verb::Arm => policy.drills.unproven(site).next().is_none(),
        // Whoever stops what two have ordered leaves everything where it is.
        Verb::Abort if policy.returning.is_some() => true,
        // Nothing irreversible has begun yet; whoever has looked says so, as in a positive alarm sequence (NFPA 72).
        Verb::Abort if !policy.evacuating() => !policy.windows.is_empty(),
        Verb::Cut { .. } => policy.votes.values().any(|v| v.held),
        Verb::Evacuate | Verb::Abort | Verb::Disarm | Verb::Reset | Verb::Return => false,
    }
}

/// The one order that two persons meant: the earlier of two cuts that are nearly the same.
fn agree(first: Verb, second: Verb) -> Option<Verb> {
    match (first, second) {
        (Verb::Cut { at: a }, Verb::Cut { at: b }) => {
            (a.abs_diff(b) <= SAME_CUT_MS).then(|| Verb::Cut { at: a.min(b) })
        }
        _ => (first == second).then_some(second),
    }
}

fn pointless(policy: &Policy, now: Millis, by: PrincipalIx, verb: Verb) -> Option<String> {
    match verb {
        Verb::Hold if !policy.evacuating() && policy.returning.is_none() => Some("no evacuation is under way".into()),
        Verb::Hold if policy.held_by.contains(&by) => Some("one hold a person and incident, and yours is used".into()),
        Verb::Abort if !policy.evacuating() && policy.windows.is_empty() && policy.returning.is_none() => {
            Some("no evacuation is under way, and no abort window is open".into())
        }
        Verb::Arm if policy.armed => Some("the site is armed already".into()),
        Verb::Disarm if !policy.armed => Some("the site is disarmed already".into()),
        Verb::Cut { at } if at <= now => Some("the announced time has passed".into()),
        Verb::Return if policy.returning.is_some() => Some("a return is under way already".into()),
        Verb::Return if policy.incident.is_none() => Some("nothing has been evacuated".into()),
        Verb::Reset if policy.open().is_none() => Some("there is no incident to reset".into()),
        _ => None,
    }
}

/// The held vote that returns last, and when it will: a reset that is refused says how long to wait.
fn held_vote(site: &Site, policy: &Policy, detect: &Detect, now: Millis) -> Option<String> {
    let held = policy.votes.iter().filter(|(_, vote)| vote.held);
    let returns = held.map(|(key, vote)| (votes::returns_at(detect, *key, vote), key));
    // A vote of which nobody can say when it returns comes after all others.
    let (at, (zone, group)) = returns.max_by_key(|(at, _)| at.unwrap_or(Millis::MAX))?;
    let when = match at.map(|at| (at - now).max(0)) {
        Some(left_ms) => format!(
            "its channels are clear, so it returns in {} min {} s if they stay so; reset then",
            left_ms / 60_000,
            left_ms % 60_000 / 1_000
        ),
        None => {
            "a channel of it still alarms, is at fault or is not heard; it returns 30 min after that has ended".into()
        }
    };
    let (group, zone) = (&site.groups[group.at()].id, &site.zones[zone.at()].id);
    Some(format!("a vote is still held: {group} in {zone}; {when}"))
}

//! What is always said first, and what to do next: for somebody woken at three in the morning.

use std::collections::BTreeSet;

use muster_core::{IncidentView, Level, Mode, OrderView, Phase, StepView, View, WayView, WorkloadView};

use super::here::{Here, TOKEN_FILE};
use super::hosts::{self, Logins};
use super::wall;
use crate::clock::Clock;
use crate::lines;

/// What must be seen on every screen before anything else.
pub(crate) fn headline(view: &View, speed: u32, insecure: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    if view.simulated {
        lines.push(format!("SIMULATION ×{speed}"));
    }
    if !view.armed {
        lines.push("DISARMED: hooks are drills only".to_owned());
    }
    if let Some(drill) = &view.drill {
        lines.push(format!("DRILL {}: whatever is real ends it at once", drill.id));
    }
    if is_deaf(view) {
        lines.push("NOTHING CAN ALARM HERE: no zone has a channel with an alarm, so no fire is heard".to_owned());
    }
    lines.extend(insecure.iter().map(|part| format!("INSECURE: {}", insecure_line(part))));
    lines
}

/// Whether no zone has a channel that can alarm.
pub(crate) fn is_deaf(view: &View) -> bool {
    !view.zones.is_empty() && view.zones.iter().all(|zone| zone.groups_total == 0)
}

/// What it means that a part goes over the network without TLS.
#[must_use]
pub fn insecure_line(part: &str) -> &'static str {
    match part {
        "mqtt" => "MQTT without TLS; whoever is on its network can speak for every node",
        "snmp" => "SNMP v2c; whoever is on its network can answer for every agent",
        _ => "a part of the site goes over the network without TLS",
    }
}

/// What to do now, most urgent first. Never empty. Every command in it runs as it is printed, but for the reader's own token
/// and the time of a cut.
pub(crate) fn next(view: &View, clock: &Clock, here: &Here) -> Vec<String> {
    next_with(view, clock, here, None)
}

/// As [`next`], where it is known who is logged in as a host.
pub(crate) fn next_with(view: &View, clock: &Clock, here: &Here, logins: Option<&Logins>) -> Vec<String> {
    let order = |order: &str| format!("`{}`", here.order(order));
    let mut lines: Vec<String> = Vec::new();
    if !view.armed {
        let people = if view.unproven.is_empty() {
            "one person"
        } else {
            "two persons, until a drill has been passed by all"
        };
        let arm = format!("{} ({people})", order("arm"));
        let drill = (!view.unproven.is_empty()).then(|| format!("`{}`", here.drill(&view.site)));
        lines.push(disarmed(view.level, drill.as_deref(), &arm));
    }
    // An order that waits for its second person is the one thing with a deadline of minutes.
    lines.extend(view.orders.iter().map(|given| given_order(given, clock, here)));
    lines.extend(shut_down(view, logins));
    lines.extend(hosts::told(view));
    lines.extend(view.incident.as_ref().and_then(unanswered));
    match view.level {
        Level::Normal => lines.extend(away(view, &order("return"))),
        Level::Watch => {
            let yet = if is_anything_away(view) {
                ""
            } else {
                " Nothing is moved yet."
            };
            lines.push(format!("Look at the zone named above.{yet}"));
            lines.extend(away(view, &order("return")));
        }
        Level::Prepare => prepare(view, order, &mut lines),
        Level::Evacuate => evacuate(view, order, &mut lines),
    }
    if view.level <= Level::Watch
        && let Some(drift) = view.drifts.first()
    {
        lines.push(drifting(drift, view.drifts.len()));
    }
    lines.extend(mute(view));
    if !view.troubles.is_empty() {
        lines.push("Repair what stands under Trouble: until then detection is weaker.".to_owned());
    }
    if lines.is_empty() {
        lines.push("Nothing. Muster is listening.".to_owned());
    }
    if lines.iter().any(|line| line.contains(TOKEN_FILE)) {
        lines.push(format!("{TOKEN_FILE} stands for the file with your own token."));
    }
    lines
}

/// Whether something stands elsewhere, is stopped, or is on its way home.
fn is_anything_away(view: &View) -> bool {
    let live = view.incident.iter().filter(|incident| incident.mode == Mode::Live);
    live.flat_map(|incident| &incident.workloads)
        .any(|work| !matches!(work.state.as_str(), "waiting" | "skipped" | "home"))
        || view.orders.iter().any(|given| given.verb == "return" && !given.waits)
}

/// Zones where no channel can alarm: a fire there is not heard there.
fn mute(view: &View) -> Option<String> {
    let quiet = view.zones.iter().filter(|zone| zone.groups_total == 0);
    let zones = join(quiet.map(|zone| zone.id.as_str()))?;
    Some(format!(
        "Give {zones} a channel with an alarm, such as smoke: no channel can alarm there now."
    ))
}

/// A declared time that is not what it took.
fn drifting(first: &WayView, count: usize) -> String {
    let to = first
        .destination
        .as_ref()
        .map_or_else(String::new, |to| format!(" to {to}"));
    let more = if count > 1 {
        format!(" {} more differ.", count - 1)
    } else {
        String::new()
    };
    let line = first.drift.as_deref().unwrap_or_default();
    format!(
        "Look at `needs_s` of {}, {}{to}: {line}.{more}",
        first.workload, first.rung
    )
}

/// What the last incident moved stays away until two persons order it home.
fn away(view: &View, order: &str) -> Option<String> {
    let incident = view
        .incident
        .as_ref()
        .filter(|i| i.closed.is_some() && i.mode == Mode::Live)?;
    let returns = view.orders.iter().any(|given| given.verb == "return");
    let works = || incident.workloads.iter();
    let away: Vec<&WorkloadView> = works()
        .filter(|w| matches!(w.state.as_str(), "moved" | "stopped"))
        .collect();
    let shut_in: Vec<&WorkloadView> = works().filter(|w| is_shut_in(w, &incident.steps)).collect();
    if returns || away.is_empty() && shut_in.is_empty() {
        return None;
    }
    let id = &incident.id;
    Some(if away.is_empty() {
        format!(
            "What was closed around {} in {id} is closed still. To open it: {order}, two persons.",
            named(&shut_in)
        )
    } else {
        format!(
            "Away or stopped since {id}: {}. To bring them home: {order}, two persons.",
            named(&away)
        )
    })
}

/// The first of them, each with why it is still so, if that is known, and how many more.
fn named(works: &[&WorkloadView]) -> String {
    let name = |work: &&WorkloadView| match work.why.as_str() {
        "" => work.id.clone(),
        why => format!("{} ({why})", work.id),
    };
    lines::some_of(&works.iter().map(name).collect::<Vec<_>>(), 3)
}

/// It stands where it stood, and something had been closed around it: its nodes are cordoned. Or it is home again, and something is
/// closed still.
fn is_shut_in(work: &WorkloadView, steps: &[StepView]) -> bool {
    let told = |step: &StepView| {
        let phase = matches!(step.phase, Phase::Prepare | Phase::Evacuate);
        step.workload == work.id && phase && step.attempts > 0
    };
    match work.state.as_str() {
        "waiting" | "stranded" => steps.iter().any(told),
        "home" => !work.why.is_empty(),
        _ => false,
    }
}

/// Before somebody orders an evacuation or agrees to one, and while one runs.
fn shut_down(view: &View, logins: Option<&Logins>) -> Option<String> {
    let evacuates = |given: &OrderView| matches!(given.verb.as_str(), "evacuate" | "cut");
    let ordered = view.orders.iter().any(evacuates);
    let near = view.level >= Level::Prepare || ordered;
    near.then(|| hosts::line(view, logins, ordered)).flatten()
}

/// What waits or stands, and until when.
fn given_order(given: &OrderView, clock: &Clock, here: &Here) -> String {
    let spoken = |at| wall::spoken(wall::to_the_second(clock.wall_of(at)), clock.wall_ms());
    let until = given.until.map(|until| format!(" until {}", spoken(until)));
    let until = until.unwrap_or_default();
    match (given.waits, given.at) {
        (false, Some(at)) => format!(
            "Order in effect: the power will be cut at {}, as announced.",
            spoken(at)
        ),
        // An abort that ends by itself is one that nobody has given yet: the window for it.
        (false, None) if given.verb == "abort" && given.until.is_some() => format!(
            "ABORT WINDOW{until}: {}. Has somebody seen that it is no fire? `{}`, one person. No answer means go.",
            given.line,
            here.order("abort")
        ),
        (false, None) => format!("Order in effect: {}{until}.", given.line),
        (true, at) => {
            let at = at.map(|at| format!(" at {}", spoken(at))).unwrap_or_default();
            let by = given.by.as_deref().unwrap_or("somebody");
            format!(
                "Order: {}{at}, by {by}, waits for a second person{until}. Whoever agrees types `{}`.",
                given.verb,
                agreeing(given, clock, here)
            )
        }
    }
}

/// What the second person types. The instant, not the words: "16:52" may mean another day or zone elsewhere.
fn agreeing(given: &OrderView, clock: &Clock, here: &Here) -> String {
    let at = given.at.map(|at| wall::to_the_second(clock.wall_of(at)));
    match at.and_then(wall::rfc3339) {
        Some(at) => here.order(&format!("{} --at {at}", given.verb)),
        None => here.order(&given.verb),
    }
}

fn prepare(view: &View, order: impl Fn(&str) -> String, lines: &mut Vec<String>) {
    lines.push(if view.votes.iter().any(|vote| vote.held) {
        "One group says fire. Ask the fire panel and the cameras; do not go in to look.".to_owned()
    } else if view.votes.is_empty() {
        "No group says fire; the reason stands above. Reversible steps run.".to_owned()
    } else {
        format!(
            "The votes have returned and stay latched. Is it over? {}, two persons.",
            order("reset")
        )
    });
    lines.push(format!(
        "If it is real, do not wait for a second group: {} needs two persons. If the power will be cut: {}.",
        order("evacuate"),
        order("cut --at HH:MM")
    ));
}

fn evacuate(view: &View, order: impl Fn(&str) -> String, lines: &mut Vec<String>) {
    let Some(incident) = &view.incident else {
        return lines.push("Steps begin by themselves.".to_owned());
    };
    if let Some(stranded) = stranded(incident) {
        lines.push(format!("BY HAND: no way is left to save {stranded}."));
    }
    if let Some(stuck) = stuck(incident) {
        lines.push(format!("Look at what is stuck: {stuck}."));
    }
    let all_safe = incident.workloads.iter().all(|workload| workload.safe_at.is_some());
    lines.push(if all_safe && incident.mode == Mode::Live {
        format!(
            "Every workload is safe. When the fire service says it is over: {}, two persons; nothing returns by itself.",
            order("reset")
        )
    } else {
        format!(
            "Steps run by themselves; watch them below. False alarm? {} (one person, at most 180 s) or {} (two persons).",
            order("hold"),
            order("abort")
        )
    });
}

/// Said before all else: whoever trusts the page must not wait for what will not happen.
fn disarmed(level: Level, drill: Option<&str>, arm: &str) -> String {
    match level {
        Level::Normal | Level::Watch => {
            let first = drill.map_or_else(String::new, |drill| format!(" Walk every bridge first: {drill}."));
            format!("NOTHING WOULD REALLY BE MOVED: Muster is disarmed.{first} When the site is ready: {arm}.")
        }
        Level::Prepare => {
            format!("NOTHING WOULD REALLY BE MOVED: Muster is disarmed, what it does is a drill. Is it real? {arm}.")
        }
        Level::Evacuate => {
            format!("NOTHING IS REALLY MOVED: Muster is disarmed, what it does is a drill. To move for real: {arm}.")
        }
    }
}

/// Steps whose hook has not been reached, or has failed, so often are people's business.
const ATTEMPTS_IN_VAIN: u32 = 3;

/// A hook that is not reached ends in nothing but attempts: somebody has to do by hand what it was to do.
fn unanswered(incident: &IncidentView) -> Option<String> {
    let vain = |step: &&StepView| step.state == "retry" && step.attempts >= ATTEMPTS_IN_VAIN;
    let steps: Vec<&StepView> = incident.steps.iter().filter(vain).collect();
    let first = steps.first()?;
    let workloads: BTreeSet<&str> = steps.iter().map(|step| step.workload.as_str()).collect();
    let named = join(workloads.into_iter())?;
    let said = format!("{} attempts at {}, the last: {}", first.attempts, first.id, first.note);
    let live = steps
        .iter()
        .any(|step| step.mode == Mode::Live && step.phase != Phase::Prepare);
    Some(if live {
        format!("BY HAND, do not wait: the hook that moves {named} does not do it ({said}). It is tried on and on.")
    } else {
        format!(
            "The hook that is to move {named} does not answer as it should ({said}). Look at it: in an evacuation it would be needed."
        )
    })
}

fn stranded(incident: &IncidentView) -> Option<String> {
    let all = incident.workloads.iter().filter(|w| w.state == "stranded");
    join(all.map(|w| w.id.as_str()))
}

fn stuck(incident: &IncidentView) -> Option<String> {
    join(incident.steps.iter().filter(|s| s.stuck).map(|s| s.id.as_str()))
}

/// At most five names, then how many more.
fn join<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<_> = names.collect();
    (!names.is_empty()).then(|| lines::some_of(&names, 5))
}

#[cfg(test)]
mod tests;

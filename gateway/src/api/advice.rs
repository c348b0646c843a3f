//! What is always said first, and what to do next: for somebody woken at three in the morning.

use std::collections::BTreeSet;

use muster_core::{IncidentView, Level, Mode, OrderView, Phase, StepView, View, WayView, WorkloadView};

use super::here::{Here, TOKEN_FILE};
use super::hosts::{self, Logins};
use super::wall;
use crate::clock::Clock;

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
    let named: Vec<String> = works.iter().take(3).map(name).collect();
    let more = works.len().saturating_sub(named.len());
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{more}", named.join(", "))
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
    let (first, rest) = names.split_at(names.len().min(5));
    let more = if rest.is_empty() {
        String::new()
    } else {
        format!(" and {} more", rest.len())
    };
    (!names.is_empty()).then(|| format!("{}{more}", first.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::tests::story;
    use super::*;

    #[test]
    fn headlines_say_simulation_and_disarmed() {
        assert_eq!(
            headline(&story::prepare(0), 10, &["mqtt"]),
            [
                "SIMULATION ×10",
                "DISARMED: hooks are drills only",
                "INSECURE: MQTT without TLS; whoever is on its network can speak for every node"
            ]
        );
        assert!(headline(&story::normal(0), 1, &[]).is_empty());
    }

    /// At the usual place; a view whose time is the clock's.
    fn next(story: fn(i64) -> View) -> Vec<String> {
        let (clock, here) = place();
        super::next(&story(clock.now()), &clock, &here)
    }

    fn place() -> (Clock, Here) {
        let here = Here::new(([127, 0, 0, 1], 8620).into(), None, Path::new("/var/lib/muster.db"));
        (Clock::starting_at(1_000_000_000), here)
    }

    #[test]
    fn every_level_has_a_next_act() {
        assert_eq!(next(story::normal), ["Nothing. Muster is listening."]);
        assert!(next(story::trouble).iter().any(|line| line.contains("Repair")));
        let lines = next(story::prepare).join("\n");
        assert!(
            lines.contains("`muster order evacuate --token-file YOUR.tok` needs two persons"),
            "{lines}"
        );
        let lines = next(story::evacuate).join("\n");
        assert!(
            lines.contains("BY HAND") && lines.contains("stuck") && lines.contains("abort"),
            "{lines}"
        );
    }

    /// At every level, and before an order that waits: who reads only the first line must not believe that things move.
    #[test]
    fn that_nothing_would_be_moved_is_said_first() {
        let stories: [fn(i64) -> View; 4] = [story::normal, story::trouble, story::prepare, story::evacuate];
        for story in stories {
            let (clock, here) = place();
            let mut view = story(clock.now());
            view.armed = false;
            let lines = super::next(&view, &clock, &here);
            assert!(lines[0].starts_with("NOTHING"), "{}: {lines:?}", view.level);
            assert!(
                lines[0].contains("`muster order arm --token-file YOUR.tok`"),
                "{lines:?}"
            );
            view.armed = true;
            let lines = super::next(&view, &clock, &here).join("\n");
            assert!(!lines.contains("NOTHING"), "{lines}");
        }
    }

    /// Nobody should have to know of it: until every workload has passed one, the next act is a drill.
    #[test]
    fn a_disarmed_site_is_drilled_before_it_is_armed() {
        let (clock, _) = place();
        let here = Here::new(([10, 0, 0, 7], 80).into(), None, Path::new("/var/lib/muster.db"));
        let mut view = story::normal(clock.now());
        view.armed = false;
        let lines = |view: &View| super::next(view, &clock, &here).join("\n");
        assert!(!lines(&view).contains("muster drill"), "all are proven");
        view.unproven = vec!["db".to_owned()];
        let text = lines(&view);
        let command = text.split('`').find(|part| part.starts_with("muster drill")).unwrap();
        let site = &view.site;
        assert_eq!(
            command,
            format!("muster drill --site {site} --url http://10.0.0.7:80 --token-file YOUR.tok")
        );
        crate::cli::tests::parses(command);
        view.level = Level::Prepare;
        assert!(!lines(&view).contains("muster drill"), "no drill begins then");
    }

    #[test]
    fn the_second_person_is_told_the_very_command_and_until_when() {
        let lines = next(story::prepare);
        let order = lines.iter().find(|line| line.starts_with("Order: ")).unwrap();
        assert!(
            order.contains("evacuate, by ann, waits for a second person until "),
            "{order}"
        );
        assert!(
            order.contains("`muster order evacuate --token-file YOUR.tok`"),
            "{order}"
        );
    }

    #[test]
    fn whoever_agrees_to_an_evacuation_is_told_that_hosts_go_down() {
        let (clock, here) = place();
        let mut view = story::prepare(clock.now());
        let lines = |view: &View| super::next(view, &clock, &here).join("\n");
        view.armed = true;
        assert!(!lines(&view).contains("HOSTS"), "nobody asks us as a UPS");
        view.hosts = vec![muster_core::HostsView {
            id: "rack-1".to_owned(),
            rack: None,
            since: None,
            why: String::new(),
            last_ms: 120_000,
        }];
        assert!(
            lines(&view).contains("HOSTS WILL BE SHUT DOWN through NUT, last of all"),
            "{}",
            lines(&view)
        );
        view.level = Level::Normal;
        assert!(lines(&view).contains("HOSTS"), "an order to evacuate waits");
        view.orders.clear();
        assert!(!lines(&view).contains("HOSTS"));
        view.level = Level::Prepare;
        assert!(
            lines(&view).contains("In an evacuation HOSTS THAT LOSE THEIR POWER"),
            "{}",
            lines(&view)
        );
    }

    #[test]
    fn an_abort_window_says_until_when_and_what_closes_it() {
        let (clock, here) = place();
        let mut view = story::prepare(clock.now());
        let order = &mut view.orders[0];
        (order.verb, order.waits, order.until) = ("abort".to_owned(), false, Some(clock.now() + 180_000));
        let lines = super::next(&view, &clock, &here).join("\n");
        assert!(
            lines.contains("ABORT WINDOW until ") && lines.contains("No answer means go"),
            "{lines}"
        );
        assert!(
            lines.contains("`muster order abort --token-file YOUR.tok`, one person"),
            "{lines}"
        );
    }

    /// What the second person is told to type means the same second as what the first one gave.
    #[test]
    fn an_announced_cut_is_told_as_an_instant() {
        let (clock, here) = place();
        let mut view = story::prepare(clock.now());
        let wall_ms = clock.wall_ms() / 60_000 * 60_000 + 3_600_000;
        view.orders[0].verb = "cut".to_owned();
        view.orders[0].at = Some(clock.engine_of(wall_ms));
        let lines = super::next(&view, &clock, &here).join("\n");
        let instant = wall::rfc3339(wall_ms).unwrap();
        assert!(
            lines.contains(&format!("`muster order cut --at {instant} --token-file YOUR.tok`")),
            "{lines}"
        );
        assert!(
            lines.contains(&format!("Order: cut at {}", wall::spoken(wall_ms, clock.wall_ms()))),
            "{lines}"
        );
        view.orders[0].waits = false;
        view.orders[0].until = None;
        let lines = super::next(&view, &clock, &here).join("\n");
        let said = format!(
            "the power will be cut at {}, as announced.",
            wall::spoken(wall_ms, clock.wall_ms())
        );
        assert!(lines.contains(&said), "{lines}");
    }

    /// The real parser takes every command that is printed, wherever the gateway is and whatever waits.
    #[test]
    fn every_printed_command_runs_as_printed() {
        let (clock, _) = place();
        let places = [
            Here::new(([127, 0, 0, 1], 8620).into(), None, Path::new("/var/lib/muster.db")),
            Here::new(
                ([0, 0, 0, 0], 9).into(),
                Some("https://muster.example"),
                Path::new("a b/it's.db"),
            ),
        ];
        let stories: [fn(i64) -> View; 4] = [story::normal, story::trouble, story::prepare, story::evacuate];
        let verbs = ["evacuate", "abort", "cut", "disarm", "reset"];
        let mut seen = std::collections::BTreeSet::new();
        for (here, story) in places.iter().flat_map(|here| stories.map(|story| (here, story))) {
            for (verb, armed, returned) in verbs.iter().flat_map(|v| [(v, true, false), (v, false, true)]) {
                let mut view = story(clock.now());
                view.armed = armed;
                view.votes.iter_mut().for_each(|vote| vote.held &= !returned);
                for order in &mut view.orders {
                    order.verb = (*verb).to_owned();
                    order.at = (*verb == "cut").then_some(clock.now() + 600_000);
                }
                let lines = super::next(&view, &clock, here).join("\n");
                let commands = lines.split('`').skip(1).step_by(2).map(str::to_owned);
                seen.extend(commands.chain([here.journal("--events")]));
            }
        }
        for command in &seen {
            crate::cli::tests::parses(command);
        }
        for verb in ["arm", "evacuate", "cut", "hold", "abort", "reset", "disarm"] {
            assert!(
                seen.iter().any(|c| c.starts_with(&format!("muster order {verb}"))),
                "{verb}"
            );
        }
    }

    #[test]
    fn all_safe_is_said_only_when_live_and_true() {
        let (clock, here) = place();
        let mut view = story::evacuate(clock.now());
        if let Some(incident) = &mut view.incident {
            for workload in &mut incident.workloads {
                workload.safe_at = Some(1);
            }
        }
        assert!(
            super::next(&view, &clock, &here)
                .join(" ")
                .contains("Every workload is safe")
        );
        if let Some(incident) = &mut view.incident {
            incident.mode = Mode::Drill;
        }
        assert!(
            !super::next(&view, &clock, &here)
                .join(" ")
                .contains("Every workload is safe")
        );
    }

    #[test]
    fn a_hook_that_is_never_reached_is_done_by_hand() {
        let (clock, here) = place();
        let mut view = story::evacuate(clock.now());
        let lines = |view: &View| super::next(view, &clock, &here).join("\n");
        assert!(!lines(&view).contains("do not wait"));
        for step in &mut view.incident.as_mut().unwrap().steps {
            (step.state, step.attempts) = ("retry".to_owned(), 3);
            step.note = "connection refused".to_owned();
        }
        let said = lines(&view);
        assert!(
            said.contains(
                "BY HAND, do not wait: the hook that moves archive, dns, login, messages, payments and 1 more does not"
            ),
            "{said}"
        );
        assert!(
            said.contains("(3 attempts at registry.move.evacuate.busan, the last: connection refused)"),
            "{said}"
        );
        for step in &mut view.incident.as_mut().unwrap().steps {
            step.mode = Mode::Drill;
        }
        let said = lines(&view);
        assert!(
            said.contains("in an evacuation it would be needed") && !said.contains("do not wait"),
            "{said}"
        );
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(
            join(["a", "b", "c", "d", "e", "f", "g"].into_iter()).as_deref(),
            Some("a, b, c, d, e and 2 more")
        );
        assert_eq!(join([].into_iter()), None);
    }
}

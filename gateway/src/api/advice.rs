//! What is always said first, and what to do next: for somebody woken at three in the morning.

use muster_core::{IncidentView, Level, Mode, View};

/// What must be seen on every screen before anything else.
pub(crate) fn headline(view: &View, speed: u32, insecure: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    if view.simulated {
        lines.push(format!("SIMULATION ×{speed}"));
    }
    if !view.armed {
        lines.push("DISARMED: hooks are drills only".to_owned());
    }
    lines.extend(insecure.iter().map(|part| format!("INSECURE: {}", insecure_line(part))));
    lines
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

/// What to do now, most urgent first. Never empty.
pub(crate) fn next(view: &View) -> Vec<String> {
    let mut lines = match view.level {
        Level::Normal => Vec::new(),
        Level::Watch => vec!["Look at the zone named above. Nothing is moved yet.".to_owned()],
        Level::Prepare => prepare(view),
        Level::Evacuate => evacuate(view),
    };
    // An order that waits for its second person is the one thing with a deadline of minutes.
    lines.splice(0..0, view.orders.iter().map(|order| format!("Order: {order}")));
    if !view.armed {
        lines.push(disarmed(view.level).to_owned());
    }
    if !view.troubles.is_empty() {
        lines.push("Repair what stands under Trouble: until then detection is weaker.".to_owned());
    }
    if lines.is_empty() {
        lines.push("Nothing. Muster is listening.".to_owned());
    }
    lines
}

fn prepare(view: &View) -> Vec<String> {
    let mut lines = Vec::new();
    if view.votes.iter().any(|vote| vote.held) {
        lines.push("One group says fire. Ask the fire panel and the cameras; do not go in to look.".to_owned());
    } else if view.votes.is_empty() {
        lines.push("No group says fire; the reason stands above. Reversible steps run.".to_owned());
    } else {
        lines.push(
            "The votes have returned and stay latched. Is it over? `muster order reset`, two persons.".to_owned(),
        );
    }
    lines.push(
        "If it is real, do not wait for a second group: `muster order evacuate` needs two persons. \
         If the power will be cut: `muster order cut --at HH:MM`."
            .to_owned(),
    );
    lines
}

fn evacuate(view: &View) -> Vec<String> {
    let Some(incident) = &view.incident else {
        return vec!["Steps begin by themselves.".to_owned()];
    };
    let mut lines = Vec::new();
    if let Some(stranded) = stranded(incident) {
        lines.push(format!("BY HAND: no way is left to save {stranded}."));
    }
    if let Some(stuck) = stuck(incident) {
        lines.push(format!("Look at what is stuck: {stuck}."));
    }
    if incident.workloads.iter().all(|workload| workload.safe_at.is_some()) && incident.mode == Mode::Live {
        lines.push("Every workload is safe. When the fire service says it is over: `muster order reset`, two persons; nothing returns by itself.".to_owned());
    } else {
        lines.push(
            "Steps run by themselves; watch them below. False alarm? `muster order hold` (one person, at most 180 s) or \
             `muster order abort` (two persons)."
                .to_owned(),
        );
    }
    lines
}

fn disarmed(level: Level) -> &'static str {
    if level == Level::Evacuate {
        "NOTHING IS REALLY MOVED while Muster is disarmed. To move for real: `muster order arm` (one person)."
    } else {
        "Hooks are drills only. When the site is ready: `muster order arm`."
    }
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

    #[test]
    fn every_level_has_a_next_act() {
        assert_eq!(next(&story::normal(0)), ["Nothing. Muster is listening."]);
        assert!(next(&story::trouble(0)).iter().any(|line| line.contains("Repair")));
        let lines = next(&story::prepare(0)).join("\n");
        assert!(lines.starts_with("Order: evacuate by ann waits"), "{lines}");
        assert!(
            lines.contains("`muster order evacuate` needs two persons") && lines.contains("`muster order arm`"),
            "{lines}"
        );
        let lines = next(&story::evacuate(0)).join("\n");
        assert!(
            lines.contains("BY HAND") && lines.contains("stuck") && lines.contains("abort"),
            "{lines}"
        );
    }

    #[test]
    fn all_safe_is_said_only_when_live_and_true() {
        let mut view = story::evacuate(0);
        if let Some(incident) = &mut view.incident {
            for workload in &mut incident.workloads {
                workload.safe_at = Some(1);
            }
        }
        assert!(next(&view).join(" ").contains("Every workload is safe"));
        if let Some(incident) = &mut view.incident {
            incident.mode = Mode::Drill;
        }
        assert!(!next(&view).join(" ").contains("Every workload is safe"));
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

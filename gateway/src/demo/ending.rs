//! The time line at the end: what happened in 2022, and what would have happened.

use muster_sim::PANGYO_2022;

use super::report::{Report, RoomReport};
use super::screen::{Screen, since};

/// Width of the column of what happened.
const WHAT: usize = 64;

/// Shows the time line and what it comes to.
pub(super) fn show(screen: &Screen, report: &Report) {
    screen.say("");
    screen.heading("Two rooms, the same fire: sign → vote → hook → moved → loss → cut");
    screen.say("");
    let mut rows: Vec<(f64, &str, String)> = Vec::new();
    for fact in PANGYO_2022.iter().filter(|f| f.at_s <= 93 * 60) {
        rows.push((fact.at_s as f64, "2022", fact.what.to_owned()));
    }
    report.rooms.iter().for_each(|room| rows.extend(milestones(room)));
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (at_s, who, what) in rows {
        screen.say(format!(
            "  {:<9} {who:<12} {}",
            since((at_s * 1_000.0) as i64),
            wrap(&what)
        ));
    }
    screen.say("");
    report.rooms.iter().for_each(|room| screen.heading(&verdict(room)));
    screen.heading("  in 2022      nobody's software was listening: 127 h 33 min until the last service was back");
    screen.say("");
    screen.say(format!(
        "  Steps made twice at the destination: {}. This was a SIMULATION; it took {:.0} s of real time.",
        report.effects_doubled, report.wall_s
    ));
    screen.say("");
    screen.say("  Next: `cargo run --release -- check gateway/examples/single-room.toml` is a site to start from; README.md goes on.");
}

fn milestones(room: &RoomReport) -> Vec<(f64, &'static str, String)> {
    let moved = |n: usize| format!("all {n} workloads safe, each by the word of its probe");
    let rows = [
        (room.first_vote_s, "first vote: level prepare".to_owned()),
        (
            room.first_prepare_hook_s,
            "first hook called (prepare: cordon, page people)".to_owned(),
        ),
        (
            room.second_vote_s,
            "second vote, from another group: level evacuate".to_owned(),
        ),
        (room.first_evacuate_hook_s, "first evacuate hook called".to_owned()),
        (
            room.tier_1_moved_s,
            "last tier-1 workload verified running elsewhere".to_owned(),
        ),
        (room.all_safe_s, moved(room.workloads_total)),
    ];
    rows.into_iter()
        .filter_map(|(at, what)| at.map(|at| (at, room.room, what)))
        .collect()
}

fn verdict(room: &RoomReport) -> String {
    let lead = match room.lead_s {
        Some(lead) if lead >= 0.0 => format!("tier 1 was running elsewhere {lead:.0} s before the first loss"),
        Some(late) => format!("tier 1 was running elsewhere {:.0} s after the first loss", -late),
        None => "not all of tier 1 could be moved in the time left".to_owned(),
    };
    let late = room.workloads_total - room.workloads_moved - room.workloads_stopped;
    format!(
        "  {:<12} of {} workloads, before the first loss: {} moved, {} stopped cleanly, {late} too late; {lead}",
        room.room, room.workloads_total, room.workloads_moved, room.workloads_stopped
    )
}

/// Continuation lines stand under the first.
fn wrap(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].chars().count() + word.chars().count() > WHAT {
            lines.push(word.to_owned());
        } else {
            let gap = if lines[last].is_empty() { "" } else { " " };
            lines[last].push_str(gap);
            lines[last].push_str(word);
        }
    }
    lines.join(&format!("\n{:25}", ""))
}

//! What came of it, as data.

use muster_core::{EventKind, Level, View};
use muster_sim::FIRST_LOSS_S;
use serde::Serialize;

use super::room::Room;
use super::tape::{Line, Tape};

/// The whole demo. Seconds are of the story, after its first sign, unless they say otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Version of this document.
    pub schema: u32,
    /// Always true: nothing burned.
    pub simulation: bool,
    /// Same seed, same story.
    pub seed: u64,
    /// 480 less the second at which the last tier-1 workload was verified moved, in the room as recommended.
    pub lead_s: Option<f64>,
    /// Real milliseconds from the second vote to the first call of an evacuate hook, in the room as recommended.
    pub second_vote_to_first_evacuate_hook_ms: Option<f64>,
    /// Workloads of the room as recommended.
    pub workloads_total: usize,
    /// Of those, verified running elsewhere before the first loss of 2022.
    pub workloads_moved: usize,
    /// Steps whose effect the destination made more than once, over both rooms.
    pub effects_doubled: u64,
    /// Real seconds the demo took.
    pub wall_s: f64,
    /// Both rooms, as built first.
    pub rooms: Vec<RoomReport>,
}

/// One room.
#[derive(Clone, Debug, Serialize)]
pub struct RoomReport {
    /// `as built` or `recommended`.
    pub room: &'static str,
    /// First vote.
    pub first_vote_s: Option<f64>,
    /// Second vote from another group.
    pub second_vote_s: Option<f64>,
    /// First call of a `prepare` hook.
    pub first_prepare_hook_s: Option<f64>,
    /// Site level `evacuate`.
    pub evacuate_s: Option<f64>,
    /// First call of an `evacuate` hook.
    pub first_evacuate_hook_s: Option<f64>,
    /// Real milliseconds between the second vote and that call.
    pub second_vote_to_first_evacuate_hook_ms: Option<f64>,
    /// Last tier-1 workload verified running elsewhere; none if one was not.
    pub tier_1_moved_s: Option<f64>,
    /// Last workload verified safe, moved or stopped; none if one was not.
    pub all_safe_s: Option<f64>,
    /// 480 less `tier_1_moved_s`.
    pub lead_s: Option<f64>,
    /// All workloads.
    pub workloads_total: usize,
    /// Running elsewhere before the first loss.
    pub workloads_moved: usize,
    /// Stopped cleanly before the first loss.
    pub workloads_stopped: usize,
    /// Each of them.
    pub workloads: Vec<Saved>,
}

/// One workload.
#[derive(Clone, Debug, Serialize)]
pub struct Saved {
    /// Its id.
    pub id: String,
    /// Its tier.
    pub tier: u8,
    /// `moved`, `stopped`, or how far it got.
    pub state: String,
    /// When its probe said that it is safe.
    pub safe_s: Option<f64>,
}

impl RoomReport {
    /// What came of a room; `of` turns engine time into scenario milliseconds.
    #[must_use]
    pub(super) fn of(room: &Room, of: impl Fn(i64) -> i64) -> Self {
        let (tape, view) = (&room.tape, room.view());
        let workloads = saved(&view, of);
        let (second, call) = (tape.vote(1), tape.first_call("evacuate"));
        let tier_1 = workloads
            .iter()
            .filter(|w| w.tier == 1)
            .map(|w| w.safe_s.filter(|_| w.state == "moved"));
        let tier_1_moved_s = latest(tier_1);
        let in_time = |state: &str| {
            let safe = |w: &&Saved| w.state == state && w.safe_s.is_some_and(|s| s < FIRST_LOSS_S as f64);
            workloads.iter().filter(safe).count()
        };
        Self {
            room: room.name,
            first_vote_s: at(tape.vote(0)),
            second_vote_s: at(second.clone()),
            first_prepare_hook_s: at(tape.first_call("prepare")),
            evacuate_s: at(level(tape)),
            first_evacuate_hook_s: at(call.clone()),
            second_vote_to_first_evacuate_hook_ms: between(second, call),
            tier_1_moved_s,
            all_safe_s: latest(workloads.iter().map(|w| w.safe_s)),
            lead_s: tier_1_moved_s.map(|s| FIRST_LOSS_S as f64 - s),
            workloads_total: workloads.len(),
            workloads_moved: in_time("moved"),
            workloads_stopped: in_time("stopped"),
            workloads,
        }
    }
}

fn saved(view: &View, of: impl Fn(i64) -> i64) -> Vec<Saved> {
    let workloads = view.incident.as_ref().map_or(&[][..], |i| &i.workloads);
    let saved = workloads.iter().map(|w| Saved {
        id: w.id.clone(),
        tier: w.tier,
        state: w.state.clone(),
        safe_s: w.safe_at.map(|at| seconds(of(at))),
    });
    saved.collect()
}

fn level(tape: &Tape) -> Option<Line> {
    let levels = tape.lines().into_iter().filter(|l| l.event.kind == EventKind::Level);
    levels.into_iter().find(|l| l.event.level == Level::Evacuate)
}

fn at(line: Option<Line>) -> Option<f64> {
    line.map(|l| seconds(l.story_ms))
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

fn between(from: Option<Line>, to: Option<Line>) -> Option<f64> {
    let gap = to?.real.checked_sub(from?.real)?;
    Some(gap.as_secs_f64() * 1_000.0)
}

/// The latest of all; none if one is missing or there is none.
fn latest(times: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let times: Option<Vec<f64>> = times.collect();
    times?.into_iter().reduce(f64::max)
}

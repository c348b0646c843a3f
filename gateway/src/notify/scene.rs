//! How the site is while a message is written.

use muster_core::{Level, Millis, Mode, View};

use super::Context;
use crate::api;

/// How the site is.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) site: String,
    /// What must be said before anything else: SIMULATION, DISARMED, DRILL.
    pub(super) marks: Vec<&'static str>,
    pub(super) armed: bool,
    pub(super) simulated: bool,
    pub(super) level: Level,
    pub(super) why: String,
    pub(super) incident: Option<String>,
    pub(super) page: String,
    pub(super) next: Vec<String>,
    /// Engine time now.
    pub(super) now: Millis,
    /// Engine time of the view all this is from.
    pub(super) seen: Millis,
    pub(super) speed: Millis,
    /// Unix milliseconds now; a story's, in a simulation.
    pub(super) wall_ms: i64,
}

impl Scene {
    pub(super) fn now(context: &Context) -> Self {
        let view = context.view.borrow().clone();
        Self {
            now: context.clock.now(),
            speed: context.clock.speed().into(),
            wall_ms: context.clock.wall_ms(),
            ..Self::of(&view, context)
        }
    }

    fn of(view: &View, context: &Context) -> Self {
        let open = view.incident.as_ref().filter(|incident| incident.closed.is_none());
        let drill = view.armed && open.is_some_and(|incident| incident.mode == Mode::Drill);
        let marks = [
            (view.simulated, "SIMULATION"),
            // A fire at a disarmed site is a fire: "drill" would send people back to bed.
            (!view.armed, "DISARMED"),
            (drill, "DRILL"),
        ];
        Self {
            site: view.site.clone(),
            marks: marks.into_iter().filter(|(so, _)| *so).map(|(_, mark)| mark).collect(),
            armed: view.armed,
            simulated: view.simulated,
            level: view.level,
            why: view.why.clone(),
            incident: open.map(|incident| incident.id.clone()),
            page: context.here.page(),
            next: api::next(view, &context.clock, &context.here),
            now: view.now,
            seen: view.now,
            speed: 1,
            wall_ms: 0,
        }
    }

    /// What each mark means.
    pub(super) fn meanings(&self) -> impl Iterator<Item = &'static str> {
        self.marks.iter().map(|mark| match *mark {
            "SIMULATION" => "SIMULATION: nothing of this is real.",
            "DISARMED" => "DISARMED: the alarm is real; hooks are called as drills only, so Muster moves nothing.",
            _ => "DRILL: the way is walked, nothing is really moved.",
        })
    }
}

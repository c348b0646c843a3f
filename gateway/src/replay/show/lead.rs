//! What a room would have had before people, before the first loss and before the cut.

use muster_core::Millis;
use serde_json::{Value, json};

use crate::incident::Incident;
use crate::replay::play::Course;

/// One room's lead.
pub(super) struct Lead {
    pub(super) site: String,
    /// By version: its name, when people knew, and by how much the first vote and the first evacuate hook came before.
    pub(super) people: Vec<People>,
    /// The first loss, or the cut: what it is called, when, and what was saved by then.
    pub(super) clocks: Vec<Clock>,
}

pub(super) struct People {
    pub(super) version: String,
    pub(super) knew: Millis,
    pub(super) vote_before: Option<Millis>,
    pub(super) hook_before: Option<Millis>,
}

pub(super) struct Clock {
    pub(super) name: &'static str,
    pub(super) at: Millis,
    pub(super) hook_before: Option<Millis>,
    pub(super) moved: usize,
    pub(super) stopped: usize,
}

impl Lead {
    pub(super) fn of(incident: &Incident, course: &Course) -> Self {
        let before = |at: Millis, what: Option<Millis>| what.map(|what| at - what);
        let facts = &course.facts;
        let people = incident.versions.iter().filter_map(|version| {
            let knew = incident.knew(&version.name)?.at;
            Some(People {
                version: version.name.clone(),
                knew,
                vote_before: before(knew, facts.first_vote),
                hook_before: before(knew, facts.first_evacuate_hook),
            })
        });
        let clocks = [("first loss", incident.loss()), ("ordered cut", incident.cut())];
        let clocks = clocks.into_iter().filter_map(|(name, fact)| {
            let at = fact?.at;
            let by = facts.safe.iter().filter(|s| s.at <= at);
            let (moved, stopped): (Vec<_>, Vec<_>) = by.partition(|s| s.runs());
            Some(Clock {
                name,
                at,
                hook_before: before(at, facts.first_evacuate_hook),
                moved: moved.len(),
                stopped: stopped.len(),
            })
        });
        Self {
            site: course.site.clone(),
            people: people.collect(),
            clocks: clocks.collect(),
        }
    }

    pub(super) fn json(&self) -> Value {
        let people = self.people.iter().map(|p| {
            json!({
                "version": p.version, "lead_of_first_vote_min": minutes(p.vote_before),
                "lead_of_evacuate_hook_min": minutes(p.hook_before),
            })
        });
        let clocks = self.clocks.iter().map(|c| {
            json!({
                "clock": c.name, "lead_of_evacuate_hook_min": minutes(c.hook_before), "moved_by_then": c.moved,
                "stopped_by_then": c.stopped,
            })
        });
        json!({ "people": people.collect::<Vec<_>>(), "clocks": clocks.collect::<Vec<_>>() })
    }
}

/// Minutes with one decimal, rounded down.
pub(super) fn minutes(ms: Option<Millis>) -> Option<f64> {
    ms.map(|ms| (ms.div_euclid(6_000)) as f64 / 10.0)
}

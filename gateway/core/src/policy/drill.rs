//! Drills: what has been proven by them, and the one that is under way.

use alloc::{collections::BTreeMap, format, string::String, sync::Arc, vec::Vec};

use super::Policy;
use crate::{DrillOutcome, DrillResult, Millis, Rung, Site, Workload, clip::some_of, plan::Plan, state::in_reach};

/// What is known of drills.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Drills {
    /// Drills so far; the next is this plus one.
    pub(crate) held: u32,
    /// By workload id: the ladder with which a probe said that it would have been safe. With another rung, destination or hook
    /// the proof is of something else.
    pub(crate) proven: BTreeMap<String, String>,
    /// The last that ended.
    pub(crate) last: Option<Ended>,
}

/// A drill that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Ended {
    pub(crate) n: u32,
    pub(crate) at: Millis,
    pub(crate) outcome: DrillOutcome,
    pub(crate) why: String,
    pub(crate) results: Vec<DrillResult>,
}

/// The drill that is under way: a site of its own, in which the plan is carried out as in a fire. Nothing of it is in the
/// real plan, so that a vote finds that untouched.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Drill {
    pub(crate) n: u32,
    pub(crate) begun: Millis,
    /// Whoever is not safe by then has not passed.
    pub(crate) until: Millis,
    /// Only the workloads that are drilled, with the hooks of the real one.
    pub(crate) site: Arc<Site>,
    pub(crate) policy: Policy,
    pub(crate) plan: Plan,
}

impl Drill {
    /// The first thing that cannot be, if there is one.
    pub(crate) fn flaw(&self, real: &Site) -> Option<String> {
        let own = self
            .site
            .flaw()
            .or_else(|| self.policy.flaw(&self.site))
            .or_else(|| self.plan.flaw(&self.site));
        let sound = self.site.hooks == real.hooks && self.site.channels.is_empty() && self.site.id == real.id;
        if !sound || !in_reach(self.begun) || !in_reach(self.until) {
            return Some("its drill is not one of its site".into());
        }
        own
    }
}

impl Drills {
    /// Takes what came of a drill.
    pub(crate) fn end(&mut self, ended: Ended) {
        self.held = self.held.max(ended.n);
        if ended.outcome != DrillOutcome::Interrupted {
            ended.results.iter().for_each(|result| result.prove(&mut self.proven));
        }
        self.last = Some(ended);
    }

    /// Workloads that no drill has proven as their ladder is now.
    pub(crate) fn unproven<'a>(&'a self, site: &'a Site) -> impl Iterator<Item = &'a str> {
        let proven = |w: &Workload| {
            self.proven
                .get(&w.id)
                .is_some_and(|ladder| *ladder == ladder_words(site, w))
        };
        site.workloads.iter().filter(move |w| !proven(w)).map(|w| w.id.as_str())
    }

    /// A word for people who wonder why one is not enough.
    pub(crate) fn unproven_words(&self, site: &Site) -> Option<String> {
        const NAMED: usize = 3;
        let all: Vec<&str> = self.unproven(site).collect();
        (!all.is_empty()).then(|| some_of(&all, NAMED))
    }
}

/// A ladder in words: what each rung does, where to, and by which hook.
pub(crate) fn ladder_words(site: &Site, workload: &Workload) -> String {
    let rung = |rung: &Rung| {
        let (kind, hook) = (rung.kind, &site.hooks[rung.hook.at()].id);
        match &rung.to {
            Some(to) => format!("{kind} to {to} by {hook}"),
            None => format!("{kind} by {hook}"),
        }
    };
    let rungs: Vec<String> = workload.rungs.iter().map(rung).collect();
    rungs.join(", ")
}

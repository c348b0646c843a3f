//! What the model has found, for people and for programs.

use serde_json::{Value, json};

use super::wrong::Accused;

/// What was found in one scene.
pub(crate) struct Found {
    pub(crate) scene: &'static str,
    pub(crate) words: &'static str,
    pub(crate) states: usize,
    pub(crate) generated: usize,
    /// All of it was looked at.
    pub(crate) ended: bool,
    pub(crate) depth: usize,
    pub(crate) seconds: f64,
    /// Promises kept in every state.
    pub(crate) kept: usize,
    /// Promises broken, with the way there.
    pub(crate) broken: Vec<(String, Vec<String>)>,
    pub(crate) seen: Vec<&'static str>,
    /// Has to be seen, and was not.
    pub(crate) unseen: Vec<&'static str>,
}

/// How a wrong policy was found out.
pub(crate) struct Caught {
    pub(crate) accused: &'static Accused,
    pub(crate) states: usize,
    pub(crate) seconds: f64,
    /// The shortest way to the broken promise; none: it was not found out.
    pub(crate) way: Option<Vec<String>>,
}

/// All of it.
pub(crate) struct Report {
    pub(crate) found: Vec<Found>,
    pub(crate) caught: Vec<Caught>,
    pub(crate) seconds: f64,
}

impl Report {
    /// Every scene was looked at whole, every promise is kept, everything was seen, and every wrong policy is found out.
    pub(crate) fn is_as_promised(&self) -> bool {
        let is_well = |f: &Found| f.ended && f.broken.is_empty() && f.unseen.is_empty();
        let kept = self.found.iter().all(is_well);
        kept && self.caught.iter().all(|c| c.way.is_some())
    }

    pub(crate) fn json(&self) -> Value {
        let found = self.found.iter().map(|f| {
            let broken = f
                .broken
                .iter()
                .map(|(promise, way)| json!({ "promise": promise, "way": way }));
            json!({
                "scene": f.scene, "states": f.states, "generated": f.generated, "depth": f.depth, "ended": f.ended,
                "seconds": f.seconds,
                "kept": f.kept, "broken": broken.collect::<Vec<_>>(), "seen": f.seen, "unseen": f.unseen,
            })
        });
        let caught = self.caught.iter().map(|c| {
            json!({
                "policy": c.accused.words, "scene": c.accused.scene, "breaks": c.accused.breaks, "states": c.states,
                "seconds": c.seconds, "way": c.way,
            })
        });
        json!({
            "schema": 1,
            "seconds": self.seconds,
            "states": self.found.iter().map(|f| f.states).sum::<usize>(),
            "as_promised": self.is_as_promised(),
            "scenes": found.collect::<Vec<_>>(),
            "wrong": caught.collect::<Vec<_>>(),
        })
    }

    pub(crate) fn text(&self) -> String {
        let mut lines = vec!["The real policy and plan, in every order of what can happen:".to_owned()];
        for f in &self.found {
            lines.push(format!(
                "  {:<9} {:>8} states, {:>2} steps deep, {:>5.1} s: {} promises kept, {} of {} states seen; {}",
                f.scene,
                f.states,
                f.depth,
                f.seconds,
                f.kept,
                f.seen.len(),
                f.seen.len() + f.unseen.len(),
                f.words
            ));
            if !f.ended {
                lines.push(format!(
                    "    NOT ENDED: there is more than the {} states that were generated",
                    f.generated
                ));
            }
            lines.extend(f.unseen.iter().map(|what| format!("    NOT SEEN: {what}")));
            for (promise, way) in &f.broken {
                lines.push(format!("    BROKEN: {promise}"));
                lines.extend(way.iter().map(|line| format!("      {line}")));
            }
        }
        lines.push("Wrong policies, and the shortest way to find each out:".to_owned());
        for c in &self.caught {
            lines.push(format!("  {}", c.accused.words));
            match &c.way {
                Some(way) => {
                    lines.extend(way.iter().map(|line| format!("      {line}")));
                    lines.push(format!(
                        "      broken: {} ({} states, {:.1} s)",
                        c.accused.breaks, c.states, c.seconds
                    ));
                }
                None => lines.push(format!("      NOT FOUND OUT in {} states", c.states)),
            }
        }
        let states: usize = self.found.iter().map(|f| f.states).sum();
        lines.push(format!("{states} states in {:.1} s", self.seconds));
        lines.join("\n") + "\n"
    }
}

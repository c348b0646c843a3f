//! Every hook: does it answer, and has it been proven a short while ago?

use super::{Check, Facts, Finding};
use crate::api::Here;
use crate::hooks::preflight::Answer;

/// A proof is good for a day: passwords end, firewalls change and programs are updated overnight (issue 7).
const PROOF_MS: i64 = 86_400_000;

pub(super) fn checks(facts: &Facts<'_>) -> Vec<Check> {
    let hooks = facts.config.site.hooks.iter().enumerate();
    hooks
        .map(|(at, hook)| one(facts, at).of(&hook.id, facts.as_of.hooks_ms))
        .collect()
}

fn one(facts: &Facts<'_>, at: usize) -> Finding {
    let hook = &facts.config.site.hooks[at];
    let asked = facts.asked.get(at);
    for answer in asked.iter().flat_map(|asked| [&asked.reachable, &asked.rights]) {
        if let Answer::No { why, mend } = answer {
            return Finding::red(why.clone(), mend.clone());
        }
    }
    // Who has logged in and checked its rights a moment ago has been proven by that.
    if let Some(Answer::Yes { seen }) = asked.map(|asked| &asked.rights) {
        return Finding::green(seen.clone());
    }
    let since = facts
        .history
        .proofs
        .get(&hook.id)
        .map(|at| facts.now_ms.saturating_sub(*at));
    match since {
        Some(ms) if ms <= PROOF_MS => Finding::green(format!("carried out a step {} ago", ago(ms))),
        _ if !hook.accepts_drill => Finding::amber(
            "takes no drills, so nothing proves it before the fire",
            "make it take drills, and say so: accepts_drill = true",
        ),
        Some(ms) => Finding::amber(
            format!("last carried out a step {} ago; a proof is good for 24 h", ago(ms)),
            drill(facts),
        ),
        None => Finding::amber("has never carried out a step, not even as a drill", drill(facts)),
    }
}

/// The command, as it has to be typed for this very gateway.
pub(super) fn drill(facts: &Facts<'_>) -> String {
    let (http, store) = (&facts.config.http, &facts.config.store);
    let here = Here::new(http.listen, http.public_url.as_deref(), &store.path);
    format!("`{}`", here.drill(&facts.config.site.id))
}

pub(super) fn ago(ms: i64) -> String {
    crate::lines::shortly(ms.max(0).unsigned_abs())
}

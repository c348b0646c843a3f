//! Whether the bridges have been walked: the last drill of every workload, and how old it is.

use super::hooks::{ago, drill};
use super::{Check, Facts, Finding};
use crate::lines;

/// How old the last passed drill of a workload may be where no `[[drill]]` says so: a quarter of a year.
const USUAL_DAYS: u32 = 92;
const DAY_MS: i64 = 86_400_000;
/// Workloads that are named in one line.
const NAMED: usize = 5;

pub(super) fn checks(facts: &Facts<'_>) -> Vec<Check> {
    let ids: Vec<&str> = facts.config.site.workloads.iter().map(|w| w.id.as_str()).collect();
    if ids.is_empty() {
        return Vec::new();
    }
    let at = facts.as_of.looked_ms;
    vec![last(facts).of("last-drill", at), old(facts, &ids).of("drill-age", at)]
}

fn last(facts: &Facts<'_>) -> Finding {
    let Some(last) = facts.history.last() else {
        return Finding::amber("no drill has ever been held", drill(facts));
    };
    let when = ago(facts.now_ms.saturating_sub(last.at_ms));
    if last.passed {
        Finding::green(format!("the last drill, {when} ago, passed"))
    } else {
        let mend = format!("mend that, then {}", drill(facts));
        Finding::amber(format!("the last drill, {when} ago, did not pass: {}", last.why), mend)
    }
}

fn old(facts: &Facts<'_>, ids: &[&str]) -> Finding {
    let fresh = |id: &&&str| {
        let passed = facts.history.passed.get(**id);
        let days = i64::from(
            facts
                .config
                .drills
                .iter()
                .filter(|d| d.is_of(id))
                .map(|d| d.every_days)
                .min()
                .unwrap_or(USUAL_DAYS),
        );
        passed.is_some_and(|at| facts.now_ms.saturating_sub(*at) <= days * DAY_MS)
    };
    let stale: Vec<&str> = ids.iter().filter(|id| !fresh(id)).copied().collect();
    if stale.is_empty() {
        return Finding::green("every workload has passed a drill within its time");
    }
    let named = lines::some_of(&stale, NAMED);
    Finding::amber(format!("not drilled within their time: {named}"), drill(facts))
}

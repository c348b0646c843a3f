//! Which way a workload would go: the best rung whose hook answers, whose destination stands and has room.

use std::collections::BTreeMap;

use muster_core::{Rung, RungKind, Workload};

use super::column::words;
use super::{Facts, Finding};
use crate::hooks::preflight::Answer;
use crate::hooks::stock::Stock;

/// Room that is left at each destination while one workload after the other takes its own.
pub(super) struct Room {
    /// As declared, in units of its owner's choice.
    declared: BTreeMap<String, u32>,
    /// As each hook has found it, by the hook's index.
    found: Vec<Stock>,
}

/// The way of one workload.
pub(super) struct Way {
    /// Position in the ladder; none: no way is left, not even a clean stop.
    pub(super) rung: Option<usize>,
    /// In words.
    pub(super) words: Option<String>,
    pub(super) findings: Vec<Finding>,
}

/// Why a rung cannot be taken, and what would mend it.
struct Obstacle {
    why: String,
    mend: String,
}

impl Room {
    /// Before anything has come, with one site down already.
    pub(super) fn of(facts: &Facts<'_>, down: Option<&str>) -> Self {
        let declared = facts.config.site.destinations.iter();
        let found = facts.asked.iter().map(|asked| {
            let mut stock = asked.stock.clone();
            if let Some(down) = down {
                stock.lose(down);
            }
            stock
        });
        Self {
            declared: declared.filter_map(|d| Some((d.id.clone(), d.room?))).collect(),
            found: found.collect(),
        }
    }

    /// Takes it for one workload by one rung: all that it needs, or nothing.
    fn take(&mut self, (workload, rung, hook): (&Workload, &Rung, &str)) -> Result<(), Obstacle> {
        let Some(to) = rung.to.as_deref() else { return Ok(()) };
        let takes = workload.room;
        if let Some(left) = self.declared.get(to).filter(|left| **left < takes) {
            return Err(Obstacle {
                why: format!(
                    "{to} has no room left: it takes {takes} units of room, and {left} are left after what goes before"
                ),
                mend: format!("more units of room at {to}, or a rung to another site"),
            });
        }
        if let Some(stock) = self.found.get_mut(rung.hook.at()) {
            stock.take(to, &workload.id).map_err(|why| Obstacle {
                why: format!("{hook}: {to} has no room left after what goes before: {why}"),
                mend: format!("free or add room at {to}, or a rung to another site"),
            })?;
        }
        if let Some(left) = self.declared.get_mut(to) {
            *left = left.saturating_sub(takes);
        }
        Ok(())
    }

    /// Whether somebody has said how much there is.
    fn counts(&self, to: &str) -> bool {
        self.declared.contains_key(to)
    }
}

impl Way {
    pub(super) fn of(facts: &Facts<'_>, down: Option<&str>, at: usize, room: &mut Room) -> Self {
        let workload = &facts.config.site.workloads[at];
        let (mut findings, mut better) = (Vec::new(), Vec::new());
        for (nth, rung) in workload.rungs.iter().enumerate() {
            let hook = &facts.config.site.hooks[rung.hook.at()].id;
            let free = match obstacle(facts, down, (workload, rung, hook)) {
                Some(obstacle) => Err(obstacle),
                None => room.take((workload, rung, hook)),
            };
            if let Err(obstacle) = free {
                better.push((rung, obstacle));
                continue;
            }
            if let Some(to) = &rung.to {
                findings.extend(doubt(facts, rung, to, room));
            }
            findings.extend(missed(workload, rung, &better));
            return Self {
                rung: Some(nth),
                words: Some(words(rung)),
                findings,
            };
        }
        findings.extend(better.iter().map(|(rung, obstacle)| {
            let why = format!("{} is out: {}", words(rung), obstacle.why);
            Finding::red(why, obstacle.mend.clone())
        }));
        Self {
            rung: None,
            words: None,
            findings,
        }
    }
}

/// What is said of the rungs above the one that is left.
fn missed(workload: &Workload, rung: &Rung, better: &[(&Rung, Obstacle)]) -> Vec<Finding> {
    let stops = rung.kind == RungKind::Stop;
    if stops && better.is_empty() {
        let why = "it is only stopped, as its ladder says: it runs nowhere else";
        let mend = format!(
            "a rung that moves {} or fails it over, if it has to go on running",
            workload.id
        );
        return vec![Finding::amber(why, mend)];
    }
    let left = if stops {
        "only a clean stop is left"
    } else {
        "a lesser way is left"
    };
    let finding = |(out, obstacle): &(&Rung, Obstacle)| {
        let why = format!("{left}; {} is out: {}", words(out), obstacle.why);
        if stops {
            Finding::red(why, obstacle.mend.clone())
        } else {
            Finding::amber(why, obstacle.mend.clone())
        }
    };
    better.iter().map(finding).collect()
}

fn obstacle(
    facts: &Facts<'_>,
    down: Option<&str>,
    (workload, rung, hook): (&Workload, &Rung, &str),
) -> Option<Obstacle> {
    let to = rung.to.as_deref();
    if let Some(to) = to.filter(|to| down == Some(*to)) {
        return Some(Obstacle {
            why: format!("{to} is down"),
            mend: "a rung to a further site".to_owned(),
        });
    }
    let asked = facts.asked.get(rung.hook.at())?;
    let of_it = |answers: &'_ BTreeMap<String, Answer>| answers.get(&workload.id).cloned();
    let said = [Some(asked.reachable.clone()), Some(asked.rights.clone())]
        .into_iter()
        .chain([(rung.kind != RungKind::Stop).then(|| of_it(&asked.workloads)).flatten()])
        .chain([(rung.kind == RungKind::Move).then(|| of_it(&asked.moves)).flatten()])
        .chain([to.and_then(|to| asked.room.get(to).cloned())]);
    said.flatten().find_map(|answer| match answer {
        Answer::No { why, mend } => Some(Obstacle {
            why: format!("{hook}: {why}"),
            mend,
        }),
        Answer::Yes { .. } | Answer::Unknown { .. } => None,
    })
}

/// Whether there is room has to be known from somewhere.
fn doubt(facts: &Facts<'_>, rung: &Rung, to: &str, room: &Room) -> Option<Finding> {
    let said = facts.asked.get(rung.hook.at()).and_then(|asked| asked.room.get(to));
    let known = matches!(said, Some(Answer::Yes { .. })) || room.counts(to);
    (!known).then(|| {
        let why = format!("nobody has said whether {to} has room for it");
        let mend = format!("`room` in [[destination]] {to}, and in its [[workload]]");
        Finding::amber(why, mend)
    })
}

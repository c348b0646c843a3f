//! One column of the matrix: everything that has to go when this is lost.

use std::collections::BTreeMap;

use muster_core::{Millis, Rung, RungKind, Site, State, Workload};

use super::times::Times;
use super::ways::{Room, Way};
use super::{Cell, Colour, Facts, Finding, Lost, tools};

/// Every workload's cell, then every tool's.
pub(super) fn judge(facts: &Facts<'_>, lost: &Lost) -> Vec<Cell> {
    let site = &facts.config.site;
    let down = lost.also_down.as_deref();
    let mut room = Room::of(facts, down);
    let mut ways: Vec<Option<Way>> = site.workloads.iter().map(|_| None).collect();
    // Who goes first takes the room first.
    for at in in_order(site) {
        ways[at] = Some(Way::of(facts, down, at, &mut room));
    }
    let ways: Vec<Way> = ways.into_iter().flatten().collect();
    let times = Times::of(facts.ways);
    let gone = going(site, &ways, &times).forecast_ms();
    let cell = |((workload, way), gone_ms): ((&Workload, &Way), Millis)| {
        let by = way.rung.map(|rung| times.by(site, workload, &workload.rungs[rung]));
        cell(site, way, (gone_ms, by))
    };
    let mut cells: Vec<Cell> = site.workloads.iter().zip(&ways).zip(gone).map(cell).collect();
    lean_on(site, &mut cells);
    let tools = tools::cells(facts, down, &cells);
    cells.extend(tools);
    cells
}

/// Positions of the workloads in the order in which they are worked on: by tier.
fn in_order(site: &Site) -> Vec<usize> {
    let mut order: Vec<usize> = (0..site.workloads.len()).collect();
    order.sort_by_key(|at| site.workloads[*at].tier);
    order
}

/// The site with nothing but workloads, each with the way that it would take.
fn going(site: &Site, ways: &[Way], times: &Times<'_>) -> Site {
    let workload = |(workload, way): (&Workload, &Way)| {
        let mut rungs = left(workload, way.rung);
        for rung in &mut rungs {
            if let Some(measured) = times.measured(site, workload, rung) {
                rung.needs_ms = measured.needs_ms;
            }
        }
        Workload {
            rungs,
            ..workload.clone()
        }
    };
    Site {
        id: site.id.clone(),
        hooks: site.hooks.clone(),
        workloads: site.workloads.iter().zip(ways).map(workload).collect(),
        ..State::new().site().clone()
    }
}

fn left(workload: &Workload, rung: Option<usize>) -> Vec<Rung> {
    let from = rung.unwrap_or(workload.rungs.len().saturating_sub(1));
    workload.rungs[from..].to_vec()
}

fn cell(site: &Site, way: &Way, (gone_ms, time_by): (Millis, Option<String>)) -> Cell {
    let mut findings = way.findings.clone();
    findings.extend(too_late(site, gone_ms, time_by.as_deref().unwrap_or("declared")));
    Cell {
        way: way.words.clone(),
        gone_after_s: way.words.is_some().then_some(gone_ms / 1_000),
        time_by,
        ..Cell::of(findings)
    }
}

fn too_late(site: &Site, gone_ms: Millis, by: &str) -> Option<Finding> {
    let (earliest, likely) = (site.priors.loss_earliest_ms, site.priors.loss_likely_ms);
    if gone_ms <= earliest {
        return None;
    }
    let why = format!(
        "it would be gone after {} s (its own time: {by}), and power may be lost {} s after the first sign",
        gone_ms / 1_000,
        earliest / 1_000
    );
    let mend = "a faster rung, a higher tier, or more lanes (`max_parallel`) of its hook";
    Some(if gone_ms <= likely {
        Finding::amber(why, mend)
    } else {
        Finding::red(why, mend)
    })
}

/// What needs another workload is no better than that.
fn lean_on(site: &Site, cells: &mut [Cell]) {
    let red: BTreeMap<usize, bool> = cells.iter().map(|c| c.colour == Colour::Red).enumerate().collect();
    // Acyclic, so as many rounds as workloads settle it; a broken bridge mostly shows in one.
    let mut broken = red;
    for _ in 0..cells.len() {
        let before = broken.clone();
        for (at, workload) in site.workloads.iter().enumerate() {
            let leans = workload.after.iter().find(|needed| before[&needed.at()]);
            if let Some(needed) = leans.filter(|_| !before[&at]) {
                let id = &site.workloads[needed.at()].id;
                let finding = Finding::red(
                    format!("it needs {id}, whose bridge is broken"),
                    format!("mend the bridge of {id}"),
                );
                let mut findings = std::mem::take(&mut cells[at].findings);
                findings.push(finding);
                let judged = Cell::of(findings);
                (cells[at].colour, cells[at].findings) = (judged.colour, judged.findings);
                broken.insert(at, true);
            }
        }
        if broken == before {
            break;
        }
    }
}

/// A rung in words: `move to paris-1`.
pub(super) fn words(rung: &Rung) -> String {
    match (&rung.to, rung.kind) {
        (Some(to), kind) => format!("{kind} to {to}"),
        (None, RungKind::Stop) => "stop cleanly".to_owned(),
        (None, kind) => kind.to_string(),
    }
}

//! What an evacuation itself needs, and whether it is there when this is lost.

use super::{Cell, Colour, Facts, Finding};
use crate::config::{Config, Stands, Tool, ToolKind};
use crate::hooks::preflight::Answer;

/// What each row of a tool is called: first those that are declared, then kinds of which nobody has said anything.
pub(super) fn names(config: &Config) -> Vec<(&'static str, String)> {
    let tools = config
        .bridges
        .tools
        .iter()
        .map(|tool| (tool.kind.as_str(), tool.id.clone()));
    tools
        .chain(silent(config).map(|kind| (kind.as_str(), kind.as_str().to_owned())))
        .collect()
}

/// As [`names`].
pub(super) fn cells(facts: &Facts<'_>, down: Option<&str>, workloads: &[Cell]) -> Vec<Cell> {
    let tools = facts.config.bridges.tools.iter();
    let cells = tools.map(|tool| {
        Cell::of(
            vec![stands(facts, down, workloads, tool)]
                .into_iter()
                .chain(asked(facts, tool))
                .collect(),
        )
    });
    cells
        .chain(silent(facts.config).map(|kind| Cell::of(vec![unsaid(kind)])))
        .collect()
}

fn silent(config: &Config) -> impl Iterator<Item = ToolKind> + '_ {
    let known = |kind: &ToolKind| config.bridges.tools.iter().any(|tool| tool.kind == *kind);
    ToolKind::ALL.into_iter().filter(move |kind| !known(kind))
}

fn unsaid(kind: ToolKind) -> Finding {
    let what = match kind {
        ToolKind::Registry => "images come from",
        ToolKind::Monitoring => "monitoring stands",
        ToolKind::Dns => "names are answered",
        ToolKind::Secrets => "keys and passwords come from",
        ToolKind::Deploy => "things are started from",
    };
    let why = format!("nobody has said where {what}: it may burn with the rest");
    let mend = format!("a [[tool]] with kind = \"{}\", and where it stands", kind.as_str());
    Finding::amber(why, mend)
}

fn stands(facts: &Facts<'_>, down: Option<&str>, workloads: &[Cell], tool: &Tool) -> Finding {
    let site = &facts.config.site;
    match &tool.stands {
        Stands::At(sites) => {
            let left = sites.iter().find(|at| **at != site.id && Some(at.as_str()) != down);
            match left {
                Some(at) => Finding::green(format!("stands at {at}")),
                None => Finding::red(
                    format!("stands nowhere but at {}, and is lost with it", sites.join(" and ")),
                    format!("another {} at a site that is not lost", tool.kind.as_str()),
                ),
            }
        }
        Stands::Workload(id) => {
            let at = site.workloads.iter().position(|w| w.id == *id);
            let first = site.workloads.iter().map(|w| w.tier).min();
            match at.map(|at| (&workloads[at], &site.workloads[at])) {
                Some((cell, _)) if cell.colour == Colour::Red => Finding::red(
                    format!("it is the workload {id}, whose bridge is broken"),
                    format!("mend the bridge of {id}"),
                ),
                Some((_, workload)) if Some(workload.tier) != first => Finding::amber(
                    format!(
                        "it is the workload {id} of tier {}, and others go before it",
                        workload.tier
                    ),
                    format!("give {id} tier 1: what an evacuation needs goes first"),
                ),
                Some(_) => Finding::green(format!("goes first, as the workload {id}")),
                None => Finding::red(format!("there is no workload {id}"), "name a [[workload]]"),
            }
        }
    }
}

fn asked(facts: &Facts<'_>, tool: &Tool) -> Option<Finding> {
    match facts.tools.get(&tool.id)? {
        Answer::No { why, mend } => Some(Finding::red(format!("it does not answer now: {why}"), mend.clone())),
        Answer::Unknown { why } => Some(Finding::amber(
            format!("nobody knows whether it answers: {why}"),
            "ask again",
        )),
        Answer::Yes { seen } => Some(Finding::green(seen.clone())),
    }
}

//! Readiness: for every workload and every site that may be lost, is its bridge complete? It decides nothing about an
//! evacuation: [`judge`] is a pure function of what is known, [`gather`] asks for that.

mod column;
mod drills;
pub mod gather;
mod history;
mod hooks;
mod own;
mod times;
mod tools;
mod ways;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use muster_core::WayView;
use serde::Serialize;

use crate::config::Config;
use crate::hooks::preflight::{Answer, Preflight};
pub use history::{Drill, History};
pub use own::Disk;

/// How far a bridge can be relied on. The order is the order of gravity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// It would hold, by all that is known.
    #[default]
    Green,
    /// Something about it is not known, not proven, or worse than it could be.
    Amber,
    /// It is broken.
    Red,
}

impl Colour {
    /// The word on every screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Amber => "amber",
            Self::Red => "red",
        }
    }
}

/// One reason for a colour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its gravity.
    pub colour: Colour,
    /// What is so.
    pub why: String,
    /// What a person does about it; none where it is well.
    pub mend: Option<String>,
}

/// What is lost in a column of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// This site.
    pub site: String,
    /// The site that is down already; none: all others stand.
    pub also_down: Option<String>,
}

/// One bridge: a workload or a tool, when this is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The worst of its findings.
    pub colour: Colour,
    /// The best way there is: `move to paris-1`.
    pub way: Option<String>,
    /// When it would be gone if everything went at once. Seconds after the level has changed.
    pub gone_after_s: Option<i64>,
    /// What its own time was taken from: `declared`, or what was measured.
    pub time_by: Option<String>,
    /// Gravest first; empty where there is nothing to say.
    pub findings: Vec<Finding>,
}

/// A row of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `workload`, or the kind of a tool.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// When hooks were asked, or the tool. Unix milliseconds.
    pub as_of_ms: i64,
    /// As the columns.
    pub cells: Vec<Cell>,
}

/// Something that every bridge stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// A hook's id, or which part of Muster.
    pub id: String,
    /// When it was asked, or looked at. Unix milliseconds.
    pub as_of_ms: i64,
    /// What is so.
    #[serde(flatten)]
    pub finding: Finding,
}

/// The whole of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Version of this document.
    pub schema: u32,
    /// Site id.
    pub site: String,
    /// When it was found so. Unix milliseconds.
    pub at_ms: i64,
    /// The worst of everything.
    pub colour: Colour,
    /// What is lost in each column.
    pub columns: Vec<Lost>,
    /// Workloads, then tools.
    pub rows: Vec<Row>,
    /// Muster itself.
    pub muster: Vec<Check>,
    /// Every hook.
    pub hooks: Vec<Check>,
    /// Whether the bridges have been walked.
    pub drills: Vec<Check>,
}

/// All that is known when it is judged.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The config in force.
    pub config: &'a Config,
    /// What each hook said of itself, by its index.
    pub asked: &'a [Preflight],
    /// What each tool with a `url` said, by its id.
    pub tools: &'a BTreeMap<String, Answer>,
    /// What the journal knows.
    pub history: &'a History,
    /// What the journal lies on.
    pub disk: &'a Disk,
    /// What ways of saving workloads have been measured to take, as far as anybody knows.
    pub ways: &'a [WayView],
    /// When all of that was found out.
    pub as_of: AsOf,
    /// Unix milliseconds.
    pub now_ms: i64,
}

/// When everybody was last asked. Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf {
    /// Hooks.
    pub hooks_ms: i64,
    /// Tools.
    pub tools_ms: i64,
    /// The journal, its disk and the config.
    pub looked_ms: i64,
}

impl Finding {
    fn green(why: impl Into<String>) -> Self {
        Self {
            colour: Colour::Green,
            why: why.into(),
            mend: None,
        }
    }

    fn amber(why: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            colour: Colour::Amber,
            why: why.into(),
            mend: Some(mend.into()),
        }
    }

    fn red(why: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            colour: Colour::Red,
            ..Self::amber(why, mend)
        }
    }

    fn of(self, id: &str, as_of_ms: i64) -> Check {
        Check {
            id: id.to_owned(),
            as_of_ms,
            finding: self,
        }
    }
}

impl Cell {
    fn of(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.colour));
        Self {
            colour: findings.first().map_or(Colour::Green, |worst| worst.colour),
            findings,
            ..Self::default()
        }
    }
}

impl Report {
    /// Everything that is not green and stands for itself: where, and what.
    pub fn findings(&self) -> impl Iterator<Item = (String, &Finding)> {
        let checks = self.muster.iter().chain(&self.hooks).chain(&self.drills);
        let checks = checks.map(|check| (check.id.clone(), &check.finding));
        let cells = self.rows.iter().flat_map(|row| {
            let cells = row.cells.iter().zip(&self.columns);
            cells.flat_map(move |(cell, lost)| cell.findings.iter().map(move |f| (format!("{}, {lost}", row.id), f)))
        });
        checks
            .chain(cells)
            .filter(|(_, finding)| finding.colour > Colour::Green)
    }
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.also_down {
            None => write!(f, "{} lost", self.site),
            Some(down) => write!(f, "{} lost, {down} down", self.site),
        }
    }
}

/// Judges everything.
#[must_use]
pub fn judge(facts: &Facts<'_>) -> Report {
    let columns = columns(facts.config);
    let judged: Vec<_> = columns.iter().map(|lost| column::judge(facts, lost)).collect();
    let works = facts.config.site.workloads.iter();
    let ids = works.map(|w| ("workload", w.id.clone(), facts.as_of.hooks_ms));
    let tools = tools::names(facts.config).into_iter();
    let tools = tools.map(|(kind, id)| (kind, id, facts.as_of.tools_ms));
    let rows = ids.chain(tools).enumerate().map(|(nth, (kind, id, as_of_ms))| Row {
        kind,
        id,
        as_of_ms,
        cells: judged.iter().map(|cells| cells[nth].clone()).collect(),
    });
    let mut report = Report {
        schema: 1,
        site: facts.config.site.id.clone(),
        at_ms: facts.now_ms,
        colour: Colour::Green,
        rows: rows.collect(),
        columns,
        muster: own::checks(facts),
        hooks: hooks::checks(facts),
        drills: drills::checks(facts),
    };
    report.colour = report.findings().map(|(_, f)| f.colour).max().unwrap_or_default();
    report
}

/// This site is lost; and, where destinations are declared, it is lost while each of them is down.
fn columns(config: &Config) -> Vec<Lost> {
    let site = config.site.id.clone();
    let alone = Lost {
        site: site.clone(),
        also_down: None,
    };
    let also = |down: &muster_core::Destination| Lost {
        site: site.clone(),
        also_down: Some(down.id.clone()),
    };
    std::iter::once(alone)
        .chain(config.site.destinations.iter().map(also))
        .collect()
}

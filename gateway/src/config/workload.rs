//! `[[workload]]` and its ladder.

use std::collections::BTreeSet;

use muster_core::{HookIx, Millis, Rung, RungKind, Workload, WorkloadIx};

use super::Placed;
use super::destination;
use super::faults::{At, Faults, quoted};
use super::names::Index;
use super::site::SiteRow;
use super::table::Table;

/// Longest declared time of a rung: a day.
const MAX_NEEDS_S: i64 = 86_400;

/// `[[workload]]` as it stands in the file.
pub(super) struct WorkloadRow {
    pub(super) id: At<String>,
    pub(super) tier: u8,
    pub(super) runs_on: At<String>,
    object: Option<String>,
    pub(super) after: Vec<At<String>>,
    rungs: Vec<RungRow>,
    room: u32,
}

struct RungRow {
    kind: Option<At<RungKind>>,
    hook: At<String>,
    to: Option<At<String>>,
    needs_ms: Option<At<Millis>>,
    at: usize,
}

/// Reads all of them.
pub(super) fn read(root: &Table<'_>) -> Vec<WorkloadRow> {
    let tables = root.tables("workload", "[[workload]]");
    if tables.is_empty() {
        root.faults.warning(
            0,
            "there is no [[workload]]: nothing would be saved",
            "declare what is to be saved",
        );
    }
    tables.iter().map(read_one).collect()
}

fn read_one(table: &Table<'_>) -> WorkloadRow {
    if table.place("tier").is_none() {
        table.missing(
            "tier",
            "1 for what is saved first, such as registry, DNS and secrets; then 2, 3, …",
        );
    }
    let runs_on = table.need_text("runs_on", "the rack it stands on");
    if runs_on.at != table.at && !(1..=64).contains(&runs_on.value.len()) {
        table
            .faults
            .error(runs_on.at, "`runs_on` does not name a rack", "1 to 64 characters");
    }
    let rungs: Vec<_> = table
        .tables("rung", "[[workload.rung]]")
        .iter()
        .map(read_rung)
        .collect();
    if rungs.is_empty() {
        table.missing(
            "rung",
            "give at least one [[workload.rung]], the last one with kind = \"stop\"",
        );
    }
    let row = WorkloadRow {
        id: table.need_id("id"),
        tier: table.integer("tier", 1..=255).map_or(1, |t| t.value as u8),
        runs_on,
        object: object(table),
        after: table.texts("after"),
        room: destination::room(table),
        rungs,
    };
    table.finish();
    row
}

/// Longest name of an object: that of a DNS name, which is the longest that any orchestrator takes for one part, four times.
const MAX_OBJECT: usize = 1_012;

/// What the workload is called by what runs it. It is put into a path or a command line there, so nothing of a shell, a space
/// or a step upwards is in it.
fn object(table: &Table<'_>) -> Option<String> {
    let name = table.text("object")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=,".contains(c);
    let odd = !name.value.chars().all(plain) || name.value.split('/').any(|part| matches!(part, "" | "." | ".."));
    if odd || name.value.len() > MAX_OBJECT || name.value.starts_with('-') {
        let what = format!("`object` {} is no name that a target has", quoted(&name.value));
        let hint = "letters, digits and -_.:@=, in parts divided by /, such as \"prod/Deployment/shop\"";
        table.faults.error(name.at, what, hint);
        return None;
    }
    Some(name.value)
}

fn read_rung(table: &Table<'_>) -> RungRow {
    const KINDS: [RungKind; 3] = [RungKind::Move, RungKind::Failover, RungKind::Stop];
    if table.place("kind").is_none() {
        table.missing("kind", "`move`, `failover` or `stop`");
    }
    if table.place("needs_s").is_none() {
        table.missing(
            "needs_s",
            "the time it takes, in seconds, as the last drill measured it",
        );
    }
    let row = RungRow {
        kind: table.choice("kind", &KINDS.map(|k| (k.as_str(), k))),
        hook: table.need_text("hook", "the id of a [[hook]]"),
        to: table.id("to"),
        needs_ms: table.seconds("needs_s", 0..=MAX_NEEDS_S),
        at: table.at,
    };
    table.finish();
    row
}

/// A rung that calls a hook: what it does, where to, and where it stands in the file.
pub(super) struct Calls<'a> {
    pub(super) kind: Option<RungKind>,
    pub(super) to: Option<&'a At<String>>,
    pub(super) at: usize,
}

impl WorkloadRow {
    /// The rack it stands on.
    pub(super) fn rack(&self) -> &str {
        &self.runs_on.value
    }

    /// Whether a rung of it calls this hook.
    pub(super) fn calls(&self, hook: &str) -> bool {
        self.rungs_of(hook).next().is_some()
    }

    /// Its rungs that call this hook.
    pub(super) fn rungs_of<'a>(&'a self, hook: &'a str) -> impl Iterator<Item = Calls<'a>> {
        let calls = self.rungs.iter().filter(move |rung| rung.hook.value == hook);
        calls.map(|rung| Calls {
            kind: rung.kind.as_ref().map(|kind| kind.value),
            to: rung.to.as_ref(),
            at: rung.at,
        })
    }

    /// Its names.
    pub(super) fn placed(&self) -> (String, Placed) {
        let id = &self.id.value;
        let object = self.object.clone().unwrap_or_else(|| id.clone());
        let rack = self.runs_on.value.clone();
        (id.clone(), Placed { object, rack })
    }
}

/// What the rungs of every workload are checked against.
pub(super) struct Ladders<'a> {
    pub(super) site: &'a SiteRow,
    pub(super) hooks: &'a Index,
    pub(super) faults: &'a Faults<'a>,
}

impl Ladders<'_> {
    /// A workload whose dependencies have already been looked up.
    pub(super) fn lower(&self, row: &WorkloadRow, after: Vec<WorkloadIx>) -> Workload {
        self.check_ladder(row);
        let rungs = row.rungs.iter().map(|rung| self.rung(rung)).collect();
        Workload {
            id: row.id.value.clone(),
            tier: row.tier,
            runs_on: row.runs_on.value.clone(),
            after,
            rungs,
            room: row.room,
        }
    }

    fn rung(&self, row: &RungRow) -> Rung {
        let kind = row.kind.as_ref().map_or(RungKind::Stop, |k| k.value);
        self.check_destination(row);
        self.check_time(row);
        Rung {
            kind,
            hook: HookIx(self.hooks.find(&row.hook, self.faults).unwrap_or(0) as u16),
            to: row.to.as_ref().map(|to| to.value.clone()),
            needs_ms: row.needs_ms.as_ref().map_or(1, |n| n.value),
        }
    }

    fn check_destination(&self, row: &RungRow) {
        let Some(kind) = row.kind.as_ref().map(|k| k.value) else {
            return;
        };
        match (&row.to, kind) {
            (Some(to), RungKind::Stop) => {
                self.faults.error(
                    to.at,
                    "a workload that is stopped goes nowhere",
                    "remove `to`, or choose another kind",
                );
            }
            (None, RungKind::Move | RungKind::Failover) => {
                self.faults.error(
                    row.at,
                    format!("`to` is missing: a {kind} needs a destination"),
                    "the id of another site",
                );
            }
            (Some(to), _) if to.value == self.site.id.value && !to.value.is_empty() => {
                let what = format!("the destination {} is this very site", quoted(&to.value));
                self.faults
                    .error(to.at, what, "a bridge has to reach the other bank: name another site");
            }
            _ => {}
        }
    }

    fn check_time(&self, row: &RungRow) {
        let earliest_ms = self.site.priors.loss_earliest_ms;
        if let Some(needs) = row.needs_ms.as_ref().filter(|n| n.value > earliest_ms) {
            let (needs_s, earliest_s) = (needs.value / 1_000, earliest_ms / 1_000);
            let what =
                format!("this rung needs {needs_s} s, but power may be lost {earliest_s} s after the first sign");
            self.faults
                .warning(needs.at, what, "put a faster rung below it, or make it faster");
        }
    }

    fn check_ladder(&self, row: &WorkloadRow) {
        let mut kinds = row.rungs.iter().filter_map(|r| r.kind.as_ref());
        for (better, worse) in kinds.clone().zip(kinds.clone().skip(1)) {
            if worse.value < better.value {
                let what = format!("a {} stands below a {}", worse.value, better.value);
                self.faults
                    .error(worse.at, what, "best rung first: move, then failover, then stop");
            }
        }
        if let Some(last) = kinds.next_back().filter(|k| k.value != RungKind::Stop) {
            let what = format!("the last rung of {} is a {}", quoted(&row.id.value), last.value);
            self.faults.warning(
                last.at,
                what,
                "end with kind = \"stop\": a clean stop saves data when nothing else fits",
            );
        }
        let mut seen = BTreeSet::new();
        for rung in &row.rungs {
            let Some(kind) = &rung.kind else { continue };
            if !seen.insert((kind.value, rung.to.as_ref().map(|to| to.value.as_str()))) {
                let what = format!("a second {} to the same place", kind.value);
                self.faults
                    .error(rung.at, what, "both would be the same step; remove one");
            }
        }
    }
}

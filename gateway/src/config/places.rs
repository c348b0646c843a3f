//! `racks` and `destinations` of a `[[hook]]` that knows what it moves: where things stand, in the words of what runs them.

use std::collections::BTreeMap;

use muster_core::RungKind;

use super::Places;
use super::faults::{At, Faults, quoted};
use super::hook::HookRow;
use super::names::did_you_mean;
use super::table::Table;
use super::workload::{Calls, WorkloadRow};

/// What stands in them, and how one of these is told from a slip of the pen.
pub(super) struct Kind {
    /// What it is called there, such as `member`.
    pub(super) noun: &'static str,
    /// One, as an example.
    pub(super) example: &'static str,
    /// Reports what is wrong with one.
    pub(super) check: fn(&Table<'_>, &At<String>, &str),
}

/// Members of a cluster, by their names.
pub(super) const MEMBERS: Kind = Kind {
    noun: "member",
    example: "m1",
    check: check_name,
};

/// Nodes of a cluster, by their names.
pub(super) const NODES: Kind = Kind {
    noun: "node",
    example: "node-1",
    check: check_name,
};

/// Reads both.
pub(super) fn read(table: &Table<'_>, kind: &Kind) -> Places {
    for (key, what) in [("racks", "rack"), ("destinations", "site")] {
        if table.place(key).is_none() {
            let Kind { noun, example, .. } = kind;
            table.missing(
                key,
                &format!("the {noun}s by {what}: {key} = {{ {what}-1 = [\"{example}\"] }}"),
            );
        }
    }
    Places {
        racks: by_name(table, "racks", kind),
        destinations: by_name(table, "destinations", kind),
    }
}

/// Names of things there, by a name of ours; empty where the key is missing.
pub(super) fn by_name(
    table: &Table<'_>,
    key: &'static str,
    Kind { noun, check, .. }: &Kind,
) -> BTreeMap<String, Vec<String>> {
    let lists = table.lists(key);
    for (name, members) in &lists {
        if members.is_empty() {
            let what = format!("{} of `{key}` has no {noun}", quoted(&name.value));
            table
                .faults
                .error(name.at, what, format!("name its {noun}s, or remove it"));
        }
        members.iter().for_each(|member| check(table, member, noun));
    }
    let texts = |list: Vec<At<String>>| list.into_iter().map(|text| text.value).collect();
    lists
        .into_iter()
        .map(|(name, list)| (name.value, texts(list)))
        .collect()
}

/// It becomes part of a path or an argument.
fn check_name(table: &Table<'_>, member: &At<String>, noun: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name = &member.value;
    if name.is_empty() || name.len() > 253 || name.starts_with(['-', '.']) || !name.chars().all(plain) {
        let what = format!("{} is not the name of a {noun}", quoted(name));
        table.faults.error(member.at, what, "letters, digits, `-`, `_` and `.`");
    }
}

/// Every workload of such a hook stands in a rack it knows, and goes where it knows somebody.
pub(super) fn check(hooks: &[HookRow], workloads: &[WorkloadRow], faults: &Faults<'_>) {
    for (hook, places) in hooks.iter().filter_map(|hook| Some((hook, hook.native()?))) {
        for workload in workloads.iter().filter(|row| row.calls(&hook.id.value)) {
            check_rack(hook, places, workload, faults);
            for rung in workload.rungs_of(&hook.id.value) {
                check_rung(hook, places, &rung, faults);
            }
        }
    }
}

fn check_rack(hook: &HookRow, places: &Places, workload: &WorkloadRow, faults: &Faults<'_>) {
    let rack = &workload.runs_on;
    if !rack.value.is_empty() && !places.racks.contains_key(&rack.value) {
        let (id, hook) = (quoted(&workload.id.value), quoted(&hook.id.value));
        let what = format!("{id} stands on {}, of which {hook} knows nothing", quoted(&rack.value));
        let known = places.racks.keys().map(String::as_str);
        faults.error(
            rack.at,
            what,
            did_you_mean(&rack.value, known, "add it to the hook's `racks`"),
        );
    }
}

fn check_rung(hook: &HookRow, places: &Places, rung: &Calls<'_>, faults: &Faults<'_>) {
    if rung.kind == Some(RungKind::Failover) {
        let what = format!("{} knows no stand-by that could take over", quoted(&hook.id.value));
        faults.error(
            rung.at,
            what,
            "kind = \"move\" or \"stop\"; or a hook of your own for this rung",
        );
    }
    if let Some(to) = rung.to.filter(|to| !places.destinations.contains_key(&to.value)) {
        let what = format!("{} knows nobody at {}", quoted(&hook.id.value), quoted(&to.value));
        let known = places.destinations.keys().map(String::as_str);
        faults.error(
            to.at,
            what,
            did_you_mean(&to.value, known, "add it to the hook's `destinations`"),
        );
    }
}

//! `[[hook]]`: what every kind has, and webhooks. The other kinds have a file each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use muster_core::Hook;

use super::faults::{At, quoted};
use super::load::read_text;
use super::table::Table;
use super::{HookTarget, HookWay, Places, WebhookTarget};
use super::{hook_exec, hook_kubernetes, hook_libvirt, hook_lxd, hook_mqtt, hook_slurm, hook_url, secret};

/// Steps a hook carries out at a time if the file does not say.
const MAX_PARALLEL: i64 = 4;

/// `[[hook]]` as it stands in the file.
pub(super) struct HookRow {
    pub(super) id: At<String>,
    /// Where it says by what it is reached.
    pub(super) place: usize,
    /// Whether it is told to report progress by HTTP from another machine, as far as its URL says.
    pub(super) elsewhere: bool,
    /// None where it is faulty, which has been reported.
    way: Option<HookWay>,
    max_parallel: u16,
    accepts_drill: bool,
}

/// By what it is reached, and what its neighbours have to know of that.
pub(super) struct Reached {
    pub(super) way: HookWay,
    pub(super) place: usize,
    pub(super) elsewhere: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Webhook,
    Exec,
    Mqtt,
    Lxd,
    Libvirt,
    Kubernetes,
    Slurm,
}

const KINDS: [(&str, Kind); 8] = [
    ("webhook", Kind::Webhook),
    ("exec", Kind::Exec),
    ("mqtt", Kind::Mqtt),
    ("lxd", Kind::Lxd),
    ("incus", Kind::Lxd),
    ("libvirt", Kind::Libvirt),
    ("kubernetes", Kind::Kubernetes),
    ("slurm", Kind::Slurm),
];

impl HookRow {
    /// The places it knows, and what it cannot do; none of a hook that is handed every rung as it is.
    pub(super) fn native(&self) -> Option<&Places> {
        match self.way.as_ref()? {
            HookWay::Lxd(target) => Some(&target.places),
            HookWay::Libvirt(target) => Some(&target.places),
            // These have rules of their own, or none.
            HookWay::Webhook(_) | HookWay::Exec(_) | HookWay::Mqtt(_) | HookWay::Kubernetes(_) | HookWay::Slurm(_) => {
                None
            }
        }
    }

    /// No target where it is faulty.
    pub(super) fn lower(&self) -> (Hook, Option<HookTarget>) {
        let id = self.id.value.clone();
        let hook = Hook {
            id: id.clone(),
            max_parallel: self.max_parallel,
            accepts_drill: self.accepts_drill,
        };
        (
            hook,
            self.way.clone().map(|way| HookTarget {
                id,
                way,
                works: BTreeMap::new(),
            }),
        )
    }
}

/// Reads all of them.
pub(super) fn read(root: &Table<'_>, folder: &Path, simulated: bool) -> Vec<HookRow> {
    root.tables("hook", "[[hook]]")
        .iter()
        .map(|table| read_one(table, folder, simulated))
        .collect()
}

fn read_one(table: &Table<'_>, folder: &Path, simulated: bool) -> HookRow {
    if table.place("kind").is_none() {
        table.missing(
            "kind",
            "kind = \"webhook\", \"exec\", \"mqtt\", \"kubernetes\", \"lxd\" or \"slurm\"",
        );
    }
    let kind = table.choice("kind", &KINDS).map(|kind| kind.value);
    let id = table.need_id("id");
    let reached = match kind {
        // Of a kind that is not known a webhook's keys are checked: most hooks are.
        Some(Kind::Webhook) | None => Some(webhook(table, folder, simulated)),
        Some(Kind::Exec) => hook_exec::read(table, folder),
        Some(Kind::Mqtt) => hook_mqtt::read(table, folder, simulated),
        Some(Kind::Lxd) => hook_lxd::read(table, folder),
        Some(Kind::Libvirt) => hook_libvirt::read(table),
        Some(Kind::Kubernetes) => Some(hook_kubernetes::read(table, folder)),
        Some(Kind::Slurm) => Some(hook_slurm::read(table, folder)),
    };
    let row = HookRow {
        id,
        place: reached.as_ref().map_or(table.at, |r| r.place),
        elsewhere: reached.as_ref().is_some_and(|r| r.elsewhere),
        way: reached.map(|r| r.way),
        max_parallel: table
            .integer("max_parallel", 1..=1_024)
            .map_or(MAX_PARALLEL, |n| n.value) as u16,
        accepts_drill: accepts_drill(table, kind),
    };
    table.finish();
    row
}

/// A program that was written for something else does not look at MUSTER_MODE, and a drill of it would be no drill: it has
/// to be said that it does. A webhook cannot be one by accident.
fn accepts_drill(table: &Table<'_>, kind: Option<Kind>) -> bool {
    let is_program = matches!(kind, Some(Kind::Exec));
    if is_program && table.place("accepts_drill").is_none() {
        let what = "it is not said whether this program takes drills, so it is never called as one";
        let hint = "accepts_drill = true once it changes nothing where MUSTER_MODE is `drill`; false to keep it so";
        table.faults.warning(table.at, what, hint);
    }
    table.flag("accepts_drill", !is_program)
}

fn webhook(table: &Table<'_>, folder: &Path, simulated: bool) -> Reached {
    let allow_loopback = table.flag("allow_loopback", false);
    let url = table.need_text(
        "url",
        "where the steps are posted to, such as \"https://relocate.example/muster\"",
    );
    let missing = url.at == table.at;
    let ca = authorities(table, &url, folder);
    Reached {
        place: url.at,
        elsewhere: !missing && hook_url::check(&url, allow_loopback, table.faults),
        way: HookWay::Webhook(WebhookTarget {
            secret: secret::read(table, folder, simulated),
            url: url.value,
            allow_loopback,
            ca,
        }),
    }
}

/// A file of certificates that are PEM, as far as can be seen without TLS.
pub(super) fn authority_file(table: &Table<'_>, folder: &Path) -> Option<At<PathBuf>> {
    let name = table.text("ca")?;
    let path = folder.join(&name.value);
    let hint = "a PEM file; the path is relative to the folder of the config";
    match read_text(&path) {
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => {}
        Ok(_) => {
            let what = format!("`ca` {} holds no certificate", quoted(&name.value));
            table.faults.error(name.at, what, hint);
        }
        Err(cause) => {
            let what = format!("`ca` {} cannot be read: {cause}", quoted(&name.value));
            table.faults.error(name.at, what, cause.mend(hint));
        }
    }
    Some(At::new(path, name.at))
}

fn authorities(table: &Table<'_>, url: &At<String>, folder: &Path) -> Option<PathBuf> {
    let file = authority_file(table, folder)?;
    if url.value.starts_with("http://") {
        table
            .faults
            .error(file.at, "a `ca`, but the hook's URL is http://", "write https://");
    }
    Some(file.value)
}

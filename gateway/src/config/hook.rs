//! `[[hook]]`.

use std::path::Path;

use muster_core::Hook;

use super::faults::At;
use super::hook_url;
use super::secret;
use super::table::Table;
use super::{HookTarget, Secret};

/// Steps a hook carries out at a time if the file does not say.
const MAX_PARALLEL: i64 = 4;

/// `[[hook]]` as it stands in the file.
pub(super) struct HookRow {
    pub(super) id: At<String>,
    pub(super) url: At<String>,
    /// Whether it stands on another machine, as far as its URL says.
    pub(super) elsewhere: bool,
    secret: Secret,
    max_parallel: u16,
    allow_loopback: bool,
    accepts_drill: bool,
}

impl HookRow {
    pub(super) fn lower(&self) -> (Hook, HookTarget) {
        let id = self.id.value.clone();
        let hook = Hook {
            id: id.clone(),
            max_parallel: self.max_parallel,
            accepts_drill: self.accepts_drill,
        };
        let (url, secret) = (self.url.value.clone(), self.secret.clone());
        (
            hook,
            HookTarget {
                id,
                url,
                secret,
                allow_loopback: self.allow_loopback,
            },
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
        table.missing("kind", "kind = \"webhook\"");
    }
    table.choice("kind", &[("webhook", ())]);
    let allow_loopback = table.flag("allow_loopback", false);
    let url = table.need_text(
        "url",
        "where the steps are posted to, such as \"https://relocate.example/muster\"",
    );
    let missing = url.at == table.at;
    let row = HookRow {
        id: table.need_id("id"),
        elsewhere: !missing && hook_url::check(&url, allow_loopback, table.faults),
        url,
        secret: secret::read(table, folder, simulated),
        max_parallel: table
            .integer("max_parallel", 1..=1_024)
            .map_or(MAX_PARALLEL, |n| n.value) as u16,
        allow_loopback,
        accepts_drill: table.flag("accepts_drill", true),
    };
    table.finish();
    row
}

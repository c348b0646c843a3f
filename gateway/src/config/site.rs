//! `[site]`.

use muster_core::{Millis, OnBattery, Priors};

use super::faults::At;
use super::feeds;
use super::table::Table;

/// Longest prior: a week.
const MAX_PRIOR_S: i64 = 604_800;

/// `[site]` as it stands in the file.
pub(super) struct SiteRow {
    pub(super) id: At<String>,
    pub(super) armed: bool,
    pub(super) simulated: bool,
    /// Where it says that one group is enough.
    pub(super) single_group: Option<usize>,
    pub(super) priors: Priors,
    pub(super) generator_grace: Option<At<Millis>>,
    pub(super) on_battery: Option<At<OnBattery>>,
}

/// Reads it; without it the site has no id, which is a fault.
pub(super) fn read(root: &Table<'_>) -> SiteRow {
    let Some(table) = root.table("site", "[site]") else {
        root.missing("[site]", "begin the file with [site] and id = \"…\"");
        let id = At::new(String::new(), 0);
        return SiteRow {
            id,
            armed: false,
            simulated: false,
            single_group: None,
            priors: Priors::default(),
            generator_grace: None,
            on_battery: None,
        };
    };
    let single_group = table.flag("single_group", false);
    let row = SiteRow {
        id: table.need_id("id"),
        armed: table.flag("armed", false),
        simulated: table.flag("simulated", false),
        single_group: table.place("single_group").filter(|_| single_group),
        priors: priors(&table),
        generator_grace: feeds::grace(&table),
        on_battery: feeds::on_battery(&table),
    };
    table.finish();
    row
}

fn priors(table: &Table<'_>) -> Priors {
    let usual = Priors::default();
    let (loss_earliest_ms, loss_likely_ms) = pair(
        table,
        ["loss_earliest_s", "loss_likely_s"],
        (usual.loss_earliest_ms, usual.loss_likely_ms),
    );
    let (cut_earliest_ms, cut_likely_ms) = pair(
        table,
        ["cut_earliest_s", "cut_likely_s"],
        (usual.cut_earliest_ms, usual.cut_likely_ms),
    );
    Priors {
        loss_earliest_ms,
        loss_likely_ms,
        cut_earliest_ms,
        cut_likely_ms,
    }
}

/// Earliest and likely of one clock. One that is not given follows the other rather than contradict it.
fn pair(table: &Table<'_>, keys: [&'static str; 2], usual: (Millis, Millis)) -> (Millis, Millis) {
    let [earliest, likely] = keys.map(|key| table.seconds(key, 1..=MAX_PRIOR_S));
    match (earliest, likely) {
        (Some(e), Some(l)) if e.value > l.value => {
            let what = format!("`{}` is after `{}`", keys[0], keys[1]);
            table
                .faults
                .error(e.at, what, "the earliest time cannot be later than the likely one");
            usual
        }
        (Some(e), Some(l)) => (e.value, l.value),
        (Some(e), None) => (e.value, usual.1.max(e.value)),
        (None, Some(l)) => (usual.0.min(l.value), l.value),
        (None, None) => usual,
    }
}

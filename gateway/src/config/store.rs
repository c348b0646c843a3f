//! `[store]`.

use std::path::Path;

use muster_core::Millis;

use super::Store;
use super::table::Table;

/// Three years: an insurer or a court may ask that long after a fire. (The general period of limitation of German civil
/// law, BGB §195, is three years.)
const KEEP_DAYS: i64 = 3 * 365;
/// A hundred years.
const KEEP_DAYS_MAX: i64 = 36_500;
const DAY_MS: Millis = 86_400_000;

/// Reads it; by default the journal lies beside the config file.
pub(super) fn read(root: &Table<'_>, folder: &Path) -> Store {
    const USUAL: &str = "muster.db";
    let Some(table) = root.table("store", "[store]") else {
        return Store {
            path: folder.join(USUAL),
            keep_ms: KEEP_DAYS * DAY_MS,
        };
    };
    let path = table.text("path");
    if let Some(path) = path
        .as_ref()
        .filter(|p| p.value.is_empty() || p.value.ends_with('/') || p.value.contains('\0'))
    {
        table.faults.error(
            path.at,
            "`path` of [store] does not name a file",
            "such as \"muster.db\"",
        );
    }
    let days = table.integer("retention_days", 1..=KEEP_DAYS_MAX);
    table.finish();
    Store {
        path: folder.join(path.map_or(USUAL.to_owned(), |p| p.value)),
        keep_ms: days.map_or(KEEP_DAYS, |days| days.value) * DAY_MS,
    }
}

//! `[store]`.

use std::path::Path;

use muster_core::Millis;

use super::Store;
use super::table::Table;
use crate::recorder::Bounds;

/// Largest bound that can be given: 1 TiB.
const MOST_MIB: i64 = 1 << 20;

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
            recorder: Bounds::default(),
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
    let recorder = recorder(&table);
    table.finish();
    Store {
        path: folder.join(path.map_or(USUAL.to_owned(), |p| p.value)),
        keep_ms: days.map_or(KEEP_DAYS, |days| days.value) * DAY_MS,
        recorder,
    }
}

/// `recorder_mib`, `pinned_mib` and `segment_mib`. A ring needs a segment that is written and one that is whole.
fn recorder(table: &Table<'_>) -> Bounds {
    let usual = Bounds::default();
    let bytes = |key, least, usual: u64| {
        let given = table.integer(key, least..=MOST_MIB);
        let bytes = given.as_ref().map_or(usual, |mib| mib.value.unsigned_abs() << 20);
        (bytes, given.map(|mib| mib.at))
    };
    let (ring, ring_at) = bytes("recorder_mib", 0, usual.ring);
    let (pinned, pinned_at) = bytes("pinned_mib", 1, usual.pinned);
    let (segment, segment_at) = bytes("segment_mib", 1, usual.segment.min((ring / 4).max(1 << 20)));
    if let Some(at) = ring_at.or(segment_at).filter(|_| ring > 0 && ring < 2 * segment) {
        let what = "`recorder_mib` of [store] holds fewer than two segments";
        table
            .faults
            .error(at, what, "at least twice `segment_mib`, or 0 for no flight recorder");
    }
    if let Some(at) = pinned_at.or(segment_at).filter(|_| ring > 0 && pinned < 2 * segment) {
        let what = "`pinned_mib` of [store] holds fewer than two segments";
        table.faults.error(at, what, "at least twice `segment_mib`");
    }
    Bounds { ring, pinned, segment }
}

//! `[store]`.

use std::path::Path;

use super::Store;
use super::table::Table;

/// Reads it; by default the journal lies beside the config file.
pub(super) fn read(root: &Table<'_>, folder: &Path) -> Store {
    const USUAL: &str = "muster.db";
    let Some(table) = root.table("store", "[store]") else {
        return Store {
            path: folder.join(USUAL),
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
    table.finish();
    Store {
        path: folder.join(path.map_or(USUAL.to_owned(), |p| p.value)),
    }
}

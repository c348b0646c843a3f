//! The TLS files of a listener: whether they can be used, and for how long.

use super::TlsFiles;
use super::table::Table;
use crate::{certs, clock};

/// Names what is wrong with them, each at the key that names the file. A file that cannot be read has been reported.
pub(super) fn check(table: &Table<'_>, files: &TlsFiles) {
    let at = |which: certs::Which| table.place(which.as_str()).unwrap_or(table.at);
    match certs::load(files) {
        Err(certs::CertError::Read { .. }) => return,
        Err(error) => return table.faults.error(at(error.which()), error.to_string(), error.hint()),
        Ok(_) => {}
    }
    for (which, what, hint) in certs::concerns(files, clock::wall_now_ms() / 1_000).unwrap_or_default() {
        table.faults.warning(at(which), what, hint);
    }
}

//! Whose journal it is. Votes, cuts and incidents of one site must never go on in another, and two configs in one folder
//! have the same `[store] path` unless they say otherwise.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::{Journal, JournalError, Restored};

/// The table came after version 1 of the layout, and changes the meaning of nothing in it.
const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS site (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL) STRICT";

impl Journal {
    /// Takes the journal and what was restored of it for one site, for good. One without an owner, new or from before there
    /// were owners, becomes the site's; one that cannot be written now does when it can be.
    ///
    /// # Errors
    /// [`JournalError::OtherSite`]; no decision in it was changed.
    pub fn claim(&mut self, restored: &Restored, site: &str) -> Result<(), JournalError> {
        refuse_other(restored.site.as_deref(), &self.path, site)?;
        self.site = Some(site.into());
        self.store.as_ref().map_or(Ok(()), |store| self.take(&store.conn))
    }

    /// Writes the owner into a file that was just opened and has none. A disk that takes nothing now is told of by the
    /// first write.
    pub(super) fn take(&self, conn: &Connection) -> Result<(), JournalError> {
        let Some(site) = &self.site else { return Ok(()) };
        let found = read(conn);
        if found.is_none()
            && let Err(error) = write(conn, site)
        {
            tracing::warn!(%error, "the journal does not say yet which site it belongs to");
        }
        refuse_other(found.as_deref(), &self.path, site)
    }
}

/// Who the journal belongs to; none if it does not say.
pub(super) fn read(conn: &Connection) -> Option<String> {
    let id = conn.query_row("SELECT id FROM site", [], |row| row.get(0)).optional();
    // Without the table it belongs to nobody yet.
    id.ok().flatten()
}

pub(super) fn write(conn: &Connection, site: &str) -> rusqlite::Result<()> {
    conn.execute_batch(TABLE)?;
    let sql = "INSERT INTO site (one, id) VALUES (1, ?1) ON CONFLICT DO NOTHING";
    conn.execute(sql, [site]).map(drop)
}

fn refuse_other(found: Option<&str>, path: &Path, site: &str) -> Result<(), JournalError> {
    match found {
        Some(found) if found != site => Err(JournalError::OtherSite {
            path: path.into(),
            found: found.into(),
            site: site.into(),
        }),
        _ => Ok(()),
    }
}

//! What has to be looked after now and then: how much the journal keeps, and whether the disk has room.

use std::path::{Path, PathBuf};
use std::time::Duration;

use muster_core::Input;

use crate::clock::Clock;
use crate::journal::{Keeping, Prunable, Reader};
use crate::lanes::{Control, Lanes};

/// Looked after this often; real time.
const EVERY: Duration = Duration::from_secs(60);

/// At most so many slices leave at a look.
const SLICES: usize = 20;
/// Between two of them.
const BETWEEN_SLICES: Duration = Duration::from_secs(1);

/// With less room than this the disk is in trouble: the journal's log alone may take 16 MiB between two folds, a day of
/// lines for people about 50 MB. Bytes.
const ROOM_LEAST: u64 = 256 << 20;
/// It is well again with a quarter more, so that a disk at the edge is one trouble.
const ROOM_AGAIN: u64 = ROOM_LEAST / 4 * 5;

/// What it takes.
pub(super) struct Keeper {
    pub(super) journal: PathBuf,
    pub(super) keeping: Keeping,
    pub(super) clock: Clock,
    pub(super) lanes: Lanes,
}

impl Keeper {
    /// Until the engine is gone.
    pub(super) async fn run(self) {
        let mut full = false;
        let mut every = tokio::time::interval(EVERY);
        while !self.lanes.control.is_closed() {
            every.tick().await;
            full = self.look_at_room(full).await;
            self.prune().await;
        }
    }

    /// Has the oldest entries removed that are older than is kept. Nothing goes while an incident is open.
    pub(super) async fn prune(&self) {
        for _ in 0..SLICES {
            if !self.prune_slice().await {
                return;
            }
            // The next slice is looked for when this one has had time to go.
            tokio::time::sleep(BETWEEN_SLICES).await;
        }
    }

    /// Whether there are more.
    async fn prune_slice(&self) -> bool {
        let (journal, before) = (self.journal.clone(), self.clock.now().saturating_sub(self.keeping.ms()));
        let found = tokio::task::spawn_blocking(move || Reader::open(&journal)?.prunable(before)).await;
        let Prunable {
            through,
            hash,
            leftover,
            more,
        } = match found {
            Ok(Ok(Some(found))) => found,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the journal cannot be looked through for what is older than is kept");
                return false;
            }
            Ok(Ok(None)) | Err(_) => return false,
        };
        let prune = Input::Prune {
            through,
            hash,
            leftover,
        };
        self.lanes.control.send(Control::Input(prune)).await.is_ok() && more
    }

    async fn look_at_room(&self, was_full: bool) -> bool {
        let Some(room) = room(&self.journal) else {
            return was_full;
        };
        let full = room < if was_full { ROOM_AGAIN } else { ROOM_LEAST };
        if full != was_full {
            let line = || {
                format!(
                    "{} MiB are left where the journal is; steps go out even when nothing is",
                    room >> 20
                )
            };
            let own = Input::Own {
                part: "disk".into(),
                trouble: full.then(line),
            };
            // An engine that is gone has nobody to tell.
            let _ = self.lanes.control.send(Control::Input(own)).await;
        }
        full
    }
}

/// Bytes that are left to us where a file is; none if the system does not say.
fn room(file: &Path) -> Option<u64> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let stat = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))).ok()?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}

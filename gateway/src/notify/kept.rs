//! How far each place was told, in a small file beside the journal: what a restart finds untold is told then. Without it a
//! message may come twice, never not at all.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::counters::{Cause, Counters};

/// The file of a journal.
pub(super) fn beside(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_os_string();
    name.push(".told");
    name.into()
}

/// By place: the id of the last line up to which everything urgent is out.
type Through = BTreeMap<String, i64>;

/// The file and what it holds.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    through: Arc<Mutex<Through>>,
}

impl Kept {
    /// A file that is not there, or cannot be read, is as good as an empty one: what is open is told again.
    pub(super) fn open(path: PathBuf) -> Self {
        let text = std::fs::read(&path).unwrap_or_default();
        let through: Through = serde_json::from_slice(&text).unwrap_or_default();
        Self {
            path,
            through: Arc::new(Mutex::new(through)),
        }
    }

    /// How far a place was told; none if that is not known.
    pub(super) fn through(&self, place: &str) -> Option<i64> {
        let through = self.through.lock().unwrap_or_else(PoisonError::into_inner);
        through.get(place).copied()
    }

    /// Everything up to this id is out at a place. Returns once it is on the disk, or cannot be.
    pub(super) async fn told(&self, place: &str, id: i64, counters: &Counters) {
        let (path, through, of) = (self.path.clone(), self.through.clone(), place.to_owned());
        let write = move || {
            // Held while writing: an older state must not replace a newer one.
            let mut through = through.lock().unwrap_or_else(PoisonError::into_inner);
            through.insert(of, id);
            write(&path, &through)
        };
        let written = tokio::task::spawn_blocking(write).await;
        if let Ok(Err(e)) = written {
            let what = format!("how far it was told cannot be kept, it may be told twice: {e}");
            counters.count(Cause::NotifyFailed, place, &what);
        }
    }
}

/// Whole or not at all.
fn write(path: &Path, through: &Through) -> io::Result<()> {
    let mut fresh = path.as_os_str().to_os_string();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    let mut file = File::create(&fresh)?;
    file.write_all(&serde_json::to_vec(through)?)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_outlives_the_process_and_garbage_is_as_good_as_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = beside(&folder.path().join("muster.db"));
        let (kept, counters) = (Kept::open(path.clone()), Counters::default());
        assert_eq!(kept.through("duty"), None);
        kept.told("duty", 7, &counters).await;
        kept.told("chat", 9, &counters).await;
        let again = Kept::open(path.clone());
        assert_eq!((again.through("duty"), again.through("chat")), (Some(7), Some(9)));
        std::fs::write(&path, b"{\"duty\": ").unwrap();
        assert_eq!(Kept::open(path).through("duty"), None);
        assert_eq!(counters.get(Cause::NotifyFailed), 0);
        let nowhere = Kept::open(folder.path().join("no").join("such"));
        nowhere.told("duty", 1, &counters).await;
        assert_eq!(counters.get(Cause::NotifyFailed), 1);
    }
}

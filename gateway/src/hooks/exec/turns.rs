//! One attempt at a key at a time, also while the one before it is still ending.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

use super::group::GRACE;

/// The attempt before has been told to end, and is killed after its grace.
const WAIT: Duration = GRACE.saturating_add(Duration::from_secs(2));

/// Held for as long as an attempt may have a process.
pub(super) type Turn = OwnedMutexGuard<()>;

/// The locks of the keys under way.
#[derive(Debug, Default)]
pub(super) struct Turns {
    by_key: Mutex<BTreeMap<String, Weak<Lock<()>>>>,
}

impl Turns {
    /// Waits for the attempt before. None if it does not end.
    pub(super) async fn take(&self, key: &str) -> Option<Turn> {
        let lock = self.lock_of(key);
        tokio::time::timeout(WAIT, lock.lock_owned()).await.ok()
    }

    fn lock_of(&self, key: &str) -> Arc<Lock<()>> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        by_key.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = by_key.get(key).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(Lock::new(()));
        by_key.insert(key.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

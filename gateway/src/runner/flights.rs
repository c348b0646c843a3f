//! What is under way: at most one task a step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Incident and step.
pub(super) type Key = (String, String);

/// Steps under way at a time. The core keeps far below, by `max_parallel` of each hook.
pub(super) const MAX: usize = 4_096;

/// Too many steps under way.
#[derive(Debug, thiserror::Error)]
#[error("{MAX} steps are under way")]
pub(super) struct Full;

/// The tasks by step.
#[derive(Debug, Default)]
pub(super) struct Flights {
    tasks: Mutex<Tasks>,
}

#[derive(Debug, Default)]
struct Tasks {
    by_step: BTreeMap<Key, (u64, JoinHandle<()>)>,
    /// Tells a task from its successor for the same step.
    last: u64,
}

impl Flights {
    /// Starts a task for a step. One that is under way is stopped, and the new one begins when it has, so that two
    /// attempts at a step do not overlap. Never waits.
    ///
    /// Nothing is spawned or stopped under the lock: a runtime that is shutting down drops a new task at once, here, and a
    /// task that is dropped takes the lock to free its place.
    pub(super) fn begin(
        self: &Arc<Self>,
        runtime: &Handle,
        key: Key,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Full> {
        let (before, number) = self.next(&key);
        // Here and not in the new task, which may itself be stopped before it has run.
        before.iter().for_each(JoinHandle::abort);
        let place = Place {
            flights: Arc::clone(self),
            key: key.clone(),
            number: number?,
        };
        let (number, (known, is_known)) = (place.number, oneshot::channel());
        let task = runtime.spawn(async move {
            let _place = place;
            // It may not end before its place is taken.
            if is_known.await.is_err() {
                return;
            }
            if let Some(before) = before {
                let _ = before.await;
            }
            work.await;
        });
        let other = self.lock().by_step.insert(key, (number, task));
        other.iter().for_each(|(_, task)| task.abort());
        let _ = known.send(());
        Ok(())
    }

    /// The task that is under way for a step, and the number of the next one.
    fn next(&self, key: &Key) -> (Option<JoinHandle<()>>, Result<u64, Full>) {
        let mut tasks = self.lock();
        let before = tasks.by_step.remove(key).map(|(_, task)| task);
        if tasks.by_step.len() >= MAX {
            return (before, Err(Full));
        }
        tasks.last += 1;
        (before, Ok(tasks.last))
    }

    /// Stops the task of a step.
    pub(super) fn end(&self, key: &Key) {
        let task = self.lock().by_step.remove(key);
        if let Some((_, task)) = task {
            task.abort();
        }
    }

    /// Stops every task.
    pub(super) fn end_all(&self) {
        let tasks = std::mem::take(&mut self.lock().by_step);
        for (_, task) in tasks.into_values() {
            task.abort();
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().by_step.len()
    }

    fn lock(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Frees a task's place however the task ends, unless its successor has it.
struct Place {
    flights: Arc<Flights>,
    key: Key,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut tasks = self.flights.lock();
        if tasks
            .by_step
            .get(&self.key)
            .is_some_and(|(number, _)| *number == self.number)
        {
            tasks.by_step.remove(&self.key);
        }
    }
}

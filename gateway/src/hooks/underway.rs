//! An attempt that goes on by itself after it was accepted: a task that says what becomes of it, until it has ended or
//! nobody hears it any more.

use std::time::Duration;

use muster_core::HookOutcome;
use tokio::sync::mpsc;

use super::{Follow, Reply};
use crate::clock::Clock;

/// An attempt that has not ended after this has accepted its step.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// While it goes on the core hears of it this often: it calls a step again that it has not heard of for 30 s.
const ALIVE_EVERY: Duration = Duration::from_secs(8);

/// Words that wait to be heard; then the attempt itself waits.
const WAITING: usize = 8;

/// What a task has to say. Once it is closed the task tidies up and ends.
pub(super) type Say = mpsc::Sender<HookOutcome>;

/// Where the task is heard. Dropping it tells the task to end.
#[derive(Debug)]
pub struct Underway {
    said: mpsc::Receiver<HookOutcome>,
}

impl Underway {
    pub(super) fn spawn<F>(work: impl FnOnce(Say) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (say, said) = mpsc::channel(WAITING);
        tokio::spawn(work(say));
        Self { said }
    }

    /// The usual attempt: it is heard of while it goes on, and ends with its outcome. Once nobody hears it any more it is dropped
    /// where it stands.
    pub(super) fn carry<F>(clock: &Clock, work: impl FnOnce(Say) -> F) -> Self
    where
        F: Future<Output = HookOutcome> + Send + 'static,
    {
        let every = alive_every(clock);
        Self::spawn(|say: Say| {
            let carried = work(say.clone());
            async move {
                let outcome = tokio::select! {
                    outcome = carried => outcome,
                    () = say_alive(&say, every) => return,
                    () = say.closed() => return,
                };
                let _ = say.send(outcome).await;
            }
        })
    }

    /// The next word; none once there will be no other.
    pub async fn next(&mut self) -> Option<HookOutcome> {
        self.said.recv().await
    }

    /// The first word as the answer to an attempt, `Accepted` if there is none within `patience`.
    pub(super) async fn into_reply(mut self, patience: Duration) -> Reply {
        let outcome = match tokio::time::timeout(patience, self.next()).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => broken(),
            Err(_) => HookOutcome::Accepted,
        };
        let follow = (!is_end(&outcome)).then_some(Follow::Hear(self));
        Reply { outcome, follow }
    }
}

/// How often an attempt that goes on is heard of, in real time.
pub(super) fn alive_every(clock: &Clock) -> Duration {
    ALIVE_EVERY / clock.speed().max(1)
}

/// Says again and again that it goes on; never ends by itself.
pub(super) async fn say_alive(say: &Say, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let _ = say.send(HookOutcome::Running { percent: None }).await;
    }
}

/// Whether nothing comes after it.
#[must_use]
pub const fn is_end(outcome: &HookOutcome) -> bool {
    !matches!(outcome, HookOutcome::Accepted | HookOutcome::Running { .. })
}

/// A task that ended without a word: a fault of our own, and harmless, as the step is called again.
#[must_use]
pub fn broken() -> HookOutcome {
    HookOutcome::Retry {
        cause: "the attempt broke off on our side".into(),
    }
}

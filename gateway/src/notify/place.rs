//! The task of one place: carries out what waits at its desk until it is out. Each place has its own, so that a dead mail
//! server delays no webhook.

use std::sync::Arc;
use std::time::Duration;

use super::carrier::{Carrier, Failure};
use super::desk::Desk;
use super::kept::Kept;
use super::notice::Notice;
use super::queue::Queue;
use super::scene::Scene;
use super::trouble::Trouble;
use super::{Context, Limits};
use crate::clock::Stopwatch;

/// What is to be done now.
enum Due {
    Urgent,
    Trouble,
    Look,
}

/// One place's task.
pub(super) struct Task {
    desk: Arc<Desk>,
    carrier: Carrier,
    kept: Arc<Kept>,
    trouble: Trouble,
    context: Context,
    limits: Limits,
    /// Since trouble was last told.
    digested: Option<Stopwatch>,
    /// Since somebody last answered there.
    looked: Option<Stopwatch>,
}

impl Task {
    pub(super) fn new(
        desk: Arc<Desk>,
        carrier: Carrier,
        kept: Arc<Kept>,
        trouble: Trouble,
        context: Context,
        limits: Limits,
    ) -> Self {
        Self {
            desk,
            carrier,
            kept,
            trouble,
            context,
            limits,
            digested: None,
            looked: None,
        }
    }

    /// Runs until it is aborted.
    pub(super) async fn run(mut self) {
        loop {
            match self.due().await {
                Due::Urgent => self.urgent().await,
                Due::Trouble => self.digest().await,
                Due::Look => self.look().await,
            }
        }
    }

    async fn due(&self) -> Due {
        loop {
            let (more, trouble) = self.desk.with(|queue| (queue.has_more(), queue.has_trouble()));
            let until_trouble = trouble.then(|| left(self.digested, self.limits.digest_every));
            let until_look = left(self.looked, self.limits.look_every);
            if more {
                return Due::Urgent;
            } else if until_trouble.is_some_and(|left| left.is_zero()) {
                return Due::Trouble;
            } else if until_look.is_zero() {
                return Due::Look;
            }
            let pause = until_trouble.map_or(until_look, |left| left.min(until_look));
            // Past its time or rung: looked at again from the beginning.
            let _ = tokio::time::timeout(pause, self.desk.bell.notified()).await;
        }
    }

    /// Votes, levels and ends: tried until they are out, with the same id.
    async fn urgent(&mut self) {
        tokio::time::sleep(self.limits.gather).await;
        let lines = self.desk.with(Queue::fly);
        while let Some(notice) = Notice::of_lines(&lines, &Scene::now(&self.context)) {
            match self.carrier.send(&notice).await {
                Ok(warning) => {
                    self.answered();
                    let through = self.desk.with(Queue::landed);
                    self.kept(through).await;
                    return self.trouble.taken(warning).await;
                }
                Err(why) => self.failed(&why).await,
            }
        }
    }

    /// Trouble: given up at once for anything urgent, and told later.
    async fn digest(&mut self) {
        let quiet = tokio::time::timeout(self.limits.gather_trouble, self.desk.more())
            .await
            .is_err();
        let digest = self.desk.with(|queue| queue.digest()).filter(|_| quiet);
        let Some(digest) = digest else { return };
        let Some(notice) = Notice::of_digest(&digest, &Scene::now(&self.context)) else {
            return;
        };
        let sent = tokio::select! {
            biased;
            () = self.desk.more() => return,
            sent = self.carrier.send(&notice) => sent,
        };
        match sent {
            Ok(warning) => {
                self.answered();
                self.digested = Some(Stopwatch::start());
                self.desk.with(|queue| queue.digested(&digest));
                self.trouble.taken(warning).await;
            }
            Err(why) => self.failed(&why).await,
        }
    }

    /// Whether somebody is there at all.
    async fn look(&mut self) {
        let looked = tokio::select! {
            biased;
            () = self.desk.more() => return,
            looked = self.carrier.look() => looked,
        };
        match looked {
            Ok(()) => {
                self.answered();
                self.trouble.reached().await;
            }
            Err(why) => self.failed(&why).await,
        }
    }

    fn answered(&mut self) {
        self.looked = Some(Stopwatch::start());
    }

    async fn kept(&self, through: Option<i64>) {
        if let Some(through) = through {
            self.kept.told(&self.desk.id, through, &self.context.counters).await;
        }
    }

    /// Pauses longer after each failure; something new and urgent ends the pause.
    async fn failed(&mut self, why: &Failure) {
        let waiting = self.desk.with(|queue| queue.waiting().0);
        self.trouble.failed(why, waiting).await;
        let doublings = self.trouble.failed_in_a_row().saturating_sub(1).min(16);
        let pause = self.limits.backoff_min * (1 << doublings);
        tokio::time::sleep(self.limits.backoff_min).await;
        let rest = pause
            .min(self.limits.backoff_max)
            .saturating_sub(self.limits.backoff_min);
        let _ = tokio::time::timeout(rest, self.desk.alarm.notified()).await;
    }
}

/// What is left of a period; nothing if it has not begun.
fn left(since: Option<Stopwatch>, period: Duration) -> Duration {
    since.map_or(Duration::ZERO, |since| period.saturating_sub(since.elapsed()))
}

//! The heartbeat: it stops when nobody decides here any more, however alive the rest of the process is.

use std::sync::Arc;
use std::time::Duration;

use super::heartbeat::Heartbeat;
use super::trouble::Trouble;
use super::{Context, Figures};
use crate::api;
use crate::counters::Cause;

/// Beats until it is aborted. A missing beat means that nobody decides here, or that nothing gets out.
pub(super) async fn run(
    heartbeat: Heartbeat,
    every: Duration,
    context: Context,
    mut trouble: Trouble,
    figures: Arc<Figures>,
) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing_since = None;
    loop {
        ticks.tick().await;
        if let Err(silent) = api::pulse(&context.view, &context.clock) {
            context.counters.count(Cause::NotifyMissed, "heartbeat", &silent);
            continue;
        }
        let view = context.view.borrow().clone();
        match heartbeat.send(&view).await {
            Ok(()) => {
                failing_since = None;
                trouble.taken(None).await;
            }
            Err(why) => {
                failing_since = failing_since.or(Some(context.clock.now()));
                trouble.failed(&why, 0).await;
            }
        }
        figures.set_oldest(failing_since);
    }
}

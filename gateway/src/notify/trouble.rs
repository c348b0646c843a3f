//! A place that does not take what it is told is trouble of ours: on the page, in `/metrics`, and told elsewhere.

use std::sync::Arc;
use std::time::Duration;

use muster_core::Input;

use super::Context;
use super::carrier::Failure;
use super::figures::Figures;
use crate::config::{Place, Way};
use crate::counters::Cause;
use crate::lanes::Control;

/// Attempts in a row that fail before it is trouble: a single broken connection mends itself within a second.
const FAILED_MAX: u32 = 2;
/// For handing a line to the engine; the next attempt brings it again.
const HAND_OVER: Duration = Duration::from_secs(1);

/// How one place does.
#[derive(Debug)]
pub(super) struct Trouble {
    id: String,
    what: &'static str,
    context: Context,
    figures: Arc<Figures>,
    failed: u32,
    /// The engine was told.
    told: bool,
    /// Some of the people there cannot be told; that somebody is there does not mend it.
    half: bool,
}

impl Trouble {
    pub(super) fn new(place: &Place, context: Context, figures: Arc<Figures>) -> Self {
        Self {
            id: place.id.clone(),
            what: if matches!(place.way, Way::Heartbeat(_)) {
                "heartbeats do"
            } else {
                "what is told does"
            },
            context,
            figures,
            failed: 0,
            told: false,
            half: false,
        }
    }

    /// Attempts in a row that failed.
    pub(super) const fn failed_in_a_row(&self) -> u32 {
        self.failed
    }

    /// An attempt failed; so many lines wait.
    pub(super) async fn failed(&mut self, why: &Failure, waiting: usize) {
        self.failed = self.failed.saturating_add(1);
        self.figures.count_failed();
        self.context.counters.count(Cause::NotifyFailed, &self.id, why);
        if self.failed >= FAILED_MAX {
            let line = format!("{} not get out to {}: {why}{}", self.what, self.id, waits(waiting));
            self.tell(Some(line)).await;
        }
    }

    /// A message was taken, if with a warning not by everybody.
    pub(super) async fn taken(&mut self, warning: Option<String>) {
        self.figures.count_sent();
        self.half = warning.is_some();
        if let Some(why) = warning {
            self.context.counters.count(Cause::NotifyFailed, &self.id, &why);
            self.failed = 0;
            self.tell(Some(format!("not everybody is told by {}: {why}", self.id)))
                .await;
        } else {
            self.reached().await;
        }
    }

    /// Somebody answers there.
    pub(super) async fn reached(&mut self) {
        self.failed = 0;
        if self.told && !self.half {
            self.tell(None).await;
        }
    }

    async fn tell(&mut self, trouble: Option<String>) {
        let told = trouble.is_some();
        let part = format!("notify-{}", self.id);
        let input = Control::Input(Input::Own { part, trouble });
        let handed_over = tokio::time::timeout(HAND_OVER, self.context.lanes.control.send(input)).await;
        if handed_over.is_ok_and(|sent| sent.is_ok()) {
            self.told = told;
        }
    }
}

fn waits(lines: usize) -> String {
    match lines {
        0 => String::new(),
        1 => "; 1 line waits".into(),
        n => format!("; {n} lines wait"),
    }
}

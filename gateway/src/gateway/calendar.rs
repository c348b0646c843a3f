//! The calendar of drills: asks the core for one that is due. A site's first drill is ordered by a person.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use muster_core::View;
use tokio::sync::{oneshot, watch};

use crate::clock::wall_now_ms;
use crate::config::{Config, Drilled};
use crate::lanes::{Control, Lanes};
use crate::readiness::History;

/// Looked at this often; real time.
const EVERY: Duration = Duration::from_secs(60);
/// After a start nothing is drilled for so long: whoever has restarted it has something else in mind.
const AFTER_START: Duration = Duration::from_secs(600);
/// What was refused, or has not passed, is tried again after this: twice a day is enough to be a notice, and no noise.
const AGAIN_MS: i64 = 12 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// What it takes.
pub(super) struct Calendar {
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) view: watch::Receiver<Arc<View>>,
    pub(super) lanes: Lanes,
    /// When each row was last tried. Unix milliseconds.
    pub(super) tried: BTreeMap<Option<String>, i64>,
}

impl Calendar {
    /// Until the engine is gone.
    pub(super) async fn run(mut self) {
        tokio::time::sleep(AFTER_START).await;
        let mut every = tokio::time::interval(EVERY);
        while !self.lanes.control.is_closed() {
            every.tick().await;
            let config = self.config.borrow().clone();
            let quiet = self.view.borrow().drill.is_none();
            if quiet && !config.drills.is_empty() {
                self.look(&config).await;
            }
        }
    }

    async fn look(&mut self, config: &Arc<Config>) {
        let (path, site) = (config.store.path.clone(), config.site.clone());
        let read = tokio::task::spawn_blocking(move || History::read(&path, &site)).await;
        let Ok(Ok(history)) = read else { return };
        let now_ms = wall_now_ms();
        let ids: Vec<&str> = config.site.workloads.iter().map(|w| w.id.as_str()).collect();
        let lately = |drilled: &Drilled| {
            self.tried
                .get(&drilled.workload)
                .is_some_and(|at| now_ms - at < AGAIN_MS)
        };
        let mut rows = config.drills.iter().filter(|drilled| !lately(drilled));
        let Some(due) = rows.find(|drilled| is_due(drilled, &ids, &history, now_ms)) else {
            return;
        };
        // What has never passed is begun by a person, and keeps nobody else waiting.
        let passed = |id: &&&str| due.is_of(id) && history.passed.contains_key(**id);
        let workloads = ids.iter().filter(passed).map(|id| (*id).to_owned()).collect();
        self.tried.insert(due.workload.clone(), now_ms);
        let (answer, answered) = oneshot::channel();
        let order = Control::Drill {
            by: None,
            workloads,
            dry: false,
            answer,
        };
        if self.lanes.control.send(order).await.is_ok() {
            // The core has said it to everybody.
            drop(answered.await);
        }
    }
}

/// Whether a drill is due, and may be held at this time.
pub(super) fn is_due(drilled: &Drilled, ids: &[&str], history: &History, now_ms: i64) -> bool {
    let own = ids.iter().filter(|id| drilled.is_of(id));
    // None has ever passed: a person begins.
    let Some(oldest) = own.filter_map(|id| history.passed.get(*id).copied()).min() else {
        return false;
    };
    let old = now_ms - oldest > i64::from(drilled.every_days) * DAY_MS;
    old && !is_blocked(drilled, now_ms)
}

fn is_blocked(drilled: &Drilled, now_ms: i64) -> bool {
    let Ok(now) = Timestamp::from_millisecond(now_ms) else {
        return true;
    };
    drilled.is_blocked(now.to_zoned(TimeZone::system()).datetime())
}

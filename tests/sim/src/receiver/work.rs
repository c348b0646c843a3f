//! Work that takes its time.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::report::{self, Report};
use crate::noise::share_of;

/// A way to save a workload, as the contract words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// Goes on running elsewhere.
    Move,
    /// A stand-by takes over.
    Failover,
    /// Ends cleanly.
    Stop,
}

impl Rung {
    /// Shortest and longest time it takes here, scenario seconds. Assumed: a live migration over a campus link, a
    /// database switch-over, a clean stop.
    #[must_use]
    pub const fn takes_s(self) -> (u32, u32) {
        match self {
            Self::Move => (40, LONGEST_WORK_S),
            Self::Failover => (15, 30),
            Self::Stop => (10, 20),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Failover => "failover",
            Self::Stop => "stop",
        }
    }
}

/// No step takes longer than this, scenario seconds.
pub const LONGEST_WORK_S: u32 = 120;

/// How long a workload's rung takes here, scenario milliseconds; the same for the same seed.
#[must_use]
pub fn work_ms(seed: u64, workload: &str, rung: Rung) -> u64 {
    let (shortest_s, longest_s) = rung.takes_s();
    let share = share_of(seed, &format!("{workload}.{}", rung.as_str()));
    let span_ms = f64::from(longest_s - shortest_s) * 1_000.0;
    u64::from(shortest_s) * 1_000 + (share * span_ms) as u64
}

/// Does one step and reports every quarter of it. Reports never hold the work up; only the end is repeated.
pub(super) async fn carry_out(desk: Arc<Desk>, key: String, takes: Duration) {
    let quarter = takes / 4;
    tokio::time::sleep(quarter).await;
    for percent in [25, 50, 75] {
        let to = desk.ledger().advance(&key, percent);
        let report = Report::running(percent);
        let told = async {
            if desk.reports() {
                report::once(desk.client(), &to, &report).await;
            }
        };
        tokio::join!(tokio::time::sleep(quarter), told);
    }
    desk.ledger().advance(&key, 100);
    if desk.reports() {
        report::until_taken(&desk, &key, &Report::done()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_its_drawn_time() {
        for rung in [Rung::Move, Rung::Failover, Rung::Stop] {
            let (shortest_s, longest_s) = rung.takes_s();
            let all: Vec<u64> = (0..500).map(|i| work_ms(4, &format!("w-{i}"), rung)).collect();
            let inside = u64::from(shortest_s) * 1_000..=u64::from(longest_s) * 1_000;
            assert!(all.iter().all(|ms| inside.contains(ms)));
            assert_ne!(all[0], all[1]);
            assert_eq!(work_ms(4, "w-0", rung), all[0]);
        }
    }
}

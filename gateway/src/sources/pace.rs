//! When a polled device is asked, whatever it speaks.

use std::time::Duration;

/// How often signals that trip nothing are taken; as often as a person looks.
const REST_EVERY_MS: u64 = 1_000;
/// Faster than this nothing is polled, whatever the config says.
const FASTEST_MS: u64 = 10;
/// However rarely a device is asked, its first answer is not long in coming.
const LONGEST_STAGGER: Duration = Duration::from_secs(2);
/// First pause after a failure: a dropped connection is usually back at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause: a device that comes back is heard within it.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The turns of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// Time between two turns.
    pub(super) period: Duration,
    /// Signals that trip nothing are taken every so many turns; ≥ 1.
    pub(super) rest_every: u64,
}

impl Pace {
    /// The config's period, else the least that the profile allows; of a device on which nothing trips at most one a second.
    pub(super) fn of(poll_ms: Option<u64>, min_poll_ms: u64, trips: bool) -> Self {
        let trip_ms = poll_ms.unwrap_or(min_poll_ms).max(FASTEST_MS);
        let rest_ms = trip_ms.max(REST_EVERY_MS);
        let period_ms = if trips { trip_ms } else { rest_ms };
        Self {
            period: Duration::from_millis(period_ms),
            rest_every: rest_ms.div_ceil(period_ms).max(1),
        }
    }

    /// Spreads devices over a period, the same way at every start, so that a thousand of them do not ask in one instant.
    pub(super) fn stagger(self, index: usize) -> Duration {
        // Millionths of the golden section: neighbours fall far apart, and a thousand of them evenly.
        let share = (index as u64 % 1_000_000) * 618_034 % 1_000_000;
        self.period.min(LONGEST_STAGGER) * share as u32 / 1_000_000
    }
}

/// The pause after a failure, longer each time until the device is heard again: 100 ms to 5 s.
#[derive(Debug)]
pub(super) struct Pause(Duration);

impl Pause {
    pub(super) const fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    /// The device has been heard.
    pub(super) fn reset(&mut self) {
        self.0 = FIRST_PAUSE;
    }

    /// The pause now; the next one is longer.
    pub(super) fn take(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 2).min(LONGEST_PAUSE);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_the_config_then_the_profile() {
        let pace = |poll_ms, trips| {
            let pace = Pace::of(poll_ms, 100, trips);
            (pace.period.as_millis(), pace.rest_every)
        };
        assert_eq!(pace(None, true), (100, 10), "min_poll_ms");
        assert_eq!(pace(Some(300), true), (300, 4));
        assert_eq!(pace(Some(5_000), true), (5_000, 1));
        assert_eq!(pace(Some(0), true), (10, 100), "never a busy loop");
        assert_eq!(pace(None, false), (1_000, 1), "nothing trips");
        assert_eq!(pace(Some(2_000), false), (2_000, 1));
    }

    #[test]
    fn devices_are_spread_over_the_period() {
        let pace = Pace::of(None, 100, true);
        let mut tenths = [0_u32; 10];
        for index in 0..1_000 {
            let at = pace.stagger(index);
            assert!(at < pace.period);
            tenths[(at.as_millis() / 10) as usize] += 1;
        }
        assert!(tenths.iter().all(|n| (80..=120).contains(n)), "{tenths:?}");
        assert!(Pace::of(Some(3_600_000), 100, true).stagger(65_535) < LONGEST_STAGGER);
    }
}

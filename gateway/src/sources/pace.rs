//! When a polled device is asked, whatever it speaks.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};

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

    /// Begins the turns of the device with this index.
    pub(super) async fn begin(self, index: usize) -> Turns {
        sleep(self.stagger(index)).await;
        let mut ticks = interval(self.period);
        // A turn that is late keeps its place: after a stall a thousand devices must not go on in step.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Turns {
            period: self.period,
            ticks,
            last: None,
            places: Places {
                rest_every: self.rest_every,
                next: self.first_place(index),
                pardoned: 0,
            },
        }
    }

    /// Spreads also the turns at which everything is read: a device's first one counts from here.
    fn first_place(self, index: usize) -> u64 {
        index as u64 % self.rest_every
    }

    /// Spreads devices over a period, the same way at every start, so that a thousand of them do not ask in one instant.
    pub(super) fn stagger(self, index: usize) -> Duration {
        // Millionths of the golden section: neighbours fall far apart, and a thousand of them evenly.
        let share = (index as u64 % 1_000_000) * 618_034 % 1_000_000;
        self.period.min(LONGEST_STAGGER) * share as u32 / 1_000_000
    }
}

/// The turns of one device, once they have begun.
pub(super) struct Turns {
    period: Duration,
    ticks: Interval,
    /// When the last one was due.
    last: Option<Instant>,
    places: Places,
}

/// One turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Everything is read, and not only what trips something.
    pub(super) full: bool,
    /// Turns that were due before it and could not be made: the device, or Muster, was too slow.
    pub(super) missed: u64,
}

/// Which of the turns that are due it is.
struct Places {
    /// So many turns after a full one comes the next.
    rest_every: u64,
    next: u64,
    /// Turns that may follow a pause.
    pardoned: u8,
}

impl Turns {
    /// Waits for the next one; the first is full. Nothing is lost if this call is cancelled.
    pub(super) async fn next(&mut self) -> Turn {
        let due = self.ticks.tick().await;
        let last = self.last.replace(due);
        self.places.turn(last.map(|last| periods(due - last, self.period)))
    }

    /// There was a pause on purpose: what it made impossible was not missed.
    pub(super) fn pardon(&mut self) {
        // Of the turn that was due meanwhile, and of those between it and the next.
        self.places.pardoned = 2;
    }
}

impl Places {
    /// So many periods after the last; none before the first.
    fn turn(&mut self, periods: Option<u64>) -> Turn {
        let before = self.next;
        self.next += periods.unwrap_or_default();
        let full = periods.is_none() || before / self.rest_every != self.next / self.rest_every;
        let missed = periods.unwrap_or_default().saturating_sub(1);
        let pardoned = self.pardoned > 0;
        self.pardoned = self.pardoned.saturating_sub(1);
        Turn {
            full,
            missed: if pardoned { 0 } else { missed },
        }
    }
}

/// How many periods, to the nearest: both ends are due times.
fn periods(time: Duration, period: Duration) -> u64 {
    let nearest = (time + period / 2).as_nanos() / period.as_nanos().max(1);
    u64::try_from(nearest).unwrap_or(u64::MAX)
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
    fn full_turns_are_as_far_apart_as_they_are_due_and_what_is_missed_is_told() {
        let mut places = Places {
            rest_every: 10,
            next: 3,
            pardoned: 0,
        };
        let turn = |full, missed| Turn { full, missed };
        assert_eq!(places.turn(None), turn(true, 0), "the first is full");
        for _ in 4..10 {
            assert_eq!(places.turn(Some(1)), turn(false, 0));
        }
        assert_eq!(places.turn(Some(1)), turn(true, 0), "the tenth place");
        assert_eq!(places.turn(Some(4)), turn(false, 3));
        assert_eq!(places.turn(Some(25)), turn(true, 24), "no full turn is left out");
        places.pardoned = 2;
        assert_eq!(places.turn(Some(1)), turn(true, 0));
        assert_eq!(places.turn(Some(50)), turn(true, 0), "a pause is no miss");
        assert_eq!(places.turn(Some(2)), turn(false, 1));
    }

    #[tokio::test]
    async fn a_late_turn_keeps_its_place() {
        let mut turns = Pace::of(Some(20), 20, true).begin(0).await;
        let first = (turns.next().await, turns.last);
        sleep(Duration::from_millis(70)).await;
        let mut missed = first.0.missed;
        for _ in 0..3 {
            missed += turns.next().await.missed;
            let since = turns
                .last
                .zip(first.1)
                .map(|(now, then)| now - then)
                .unwrap_or_default();
            assert_eq!(since.as_millis() % 20, 0, "{since:?}");
        }
        assert!(missed >= 2, "{missed}");
    }

    #[test]
    fn full_turns_are_spread_over_their_second() {
        let pace = Pace::of(None, 100, true);
        let mut slots = [0_u32; 20];
        for index in 0..1_000 {
            let before = (pace.rest_every - pace.first_place(index)) % pace.rest_every;
            let at = pace.stagger(index) + pace.period * before as u32;
            slots[(at.as_millis() / 50) as usize] += 1;
        }
        assert!(slots.iter().all(|n| (40..=60).contains(n)), "{slots:?}");
        assert_eq!(Pace::of(None, 1_000, true).first_place(7), 0);
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

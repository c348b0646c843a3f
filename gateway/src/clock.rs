//! The only reader of a clock (a lint bans the others elsewhere).
//!
//! Engine time is monotonic and goes on across restarts; wall-clock time is for people and for outside contracts only.
//! In a simulation engine time may run faster than the wall clock; transport time-outs stay in real time.
#![expect(clippy::disallowed_methods, reason = "this is the one place that may read a clock")]

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use muster_core::Millis;

/// Reads engine time and wall time. Cheap to clone; all clones share one time line.
#[derive(Clone, Debug)]
pub struct Clock {
    line: Arc<RwLock<Line>>,
}

/// A stretch of engine time at one speed.
#[derive(Clone, Copy, Debug)]
struct Line {
    began: Instant,
    engine_ms: Millis,
    wall_ms: i64,
    speed: u32,
}

impl Clock {
    /// A clock whose engine time is `engine_ms` now, at real speed.
    #[must_use]
    pub fn starting_at(engine_ms: Millis) -> Self {
        Self {
            line: Arc::new(RwLock::new(Line {
                began: Instant::now(),
                engine_ms,
                wall_ms: wall_now_ms(),
                speed: 1,
            })),
        }
    }

    /// Engine time in milliseconds. Never falls.
    #[must_use]
    pub fn now(&self) -> Millis {
        let line = self.line();
        line.engine_ms + line.elapsed_ms()
    }

    /// Wall-clock time that belongs to an engine time, in Unix milliseconds: the real one at speed 1, the story's otherwise.
    #[must_use]
    pub fn wall_of(&self, engine: Millis) -> i64 {
        let line = self.line();
        if line.speed == 1 {
            wall_now_ms() + (engine - self.now())
        } else {
            line.wall_ms + (engine - line.engine_ms)
        }
    }

    /// Engine time that belongs to a wall-clock time; the one conversion of "16:52" (design §4).
    #[must_use]
    pub fn engine_of(&self, wall_ms: i64) -> Millis {
        self.now() + (wall_ms - self.wall_of(self.now()))
    }

    /// Unix milliseconds now.
    #[must_use]
    pub fn wall_ms(&self) -> i64 {
        self.wall_of(self.now())
    }

    /// Unix milliseconds now by the machine's own clock: what the journal keeps, so that a restart can tell how long it was.
    #[must_use]
    pub fn real_wall_ms(&self) -> i64 {
        wall_now_ms()
    }

    /// Unix seconds of the real wall clock, in a simulation too: outsiders check signatures against their own clocks.
    #[must_use]
    pub fn real_unix_s(&self) -> i64 {
        wall_now_ms() / 1_000
    }

    /// How many times faster than real time engine time runs; 1 outside simulations.
    #[must_use]
    pub fn speed(&self) -> u32 {
        self.line().speed
    }

    /// Changes the speed from here on; for simulations only. The first change makes the wall time the story's.
    pub fn set_speed(&self, speed: u32) {
        let (engine_ms, wall_ms) = (self.now(), self.wall_ms());
        let line = Line {
            began: Instant::now(),
            engine_ms,
            wall_ms,
            speed: speed.max(1),
        };
        *self.line.write().unwrap_or_else(std::sync::PoisonError::into_inner) = line;
    }

    /// Lets engine time leap by `ms` (at least 0), and a story's wall time with it; for simulations and benchmarks only, which
    /// cannot wait for the 30 min after which a vote returns. The engine notices with its next input.
    pub fn advance_ms(&self, ms: Millis) {
        let mut line = self.line.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        line.engine_ms = line.engine_ms.saturating_add(ms.max(0));
        line.wall_ms = line.wall_ms.saturating_add(ms.max(0));
    }

    /// Makes the story's wall clock show `wall_ms` now; for simulations only.
    pub fn set_story_wall(&self, wall_ms: i64) {
        let engine_ms = self.now();
        let mut line = self.line.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        line.wall_ms = wall_ms - (engine_ms - line.engine_ms);
    }

    /// Real time until an engine time; zero if it has passed.
    #[must_use]
    pub fn real_until(&self, engine: Millis) -> Duration {
        let left_ms = (engine - self.now()).max(0);
        Duration::from_micros(left_ms.unsigned_abs() * 1_000 / u64::from(self.speed()))
    }

    fn line(&self) -> Line {
        *self.line.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Line {
    fn elapsed_ms(&self) -> Millis {
        let real_us = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX / 1_000_000);
        real_us.saturating_mul(i64::from(self.speed)) / 1_000
    }
}

/// Unix milliseconds of the machine's own clock, whatever a story says.
#[must_use]
pub fn wall_now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// Microseconds of this machine's monotonic clock: all its processes have the same origin, so that one can tell what has
/// passed since another's stamp. For measuring only.
#[must_use]
pub fn machine_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    // It has counted from the machine's start, upwards.
    let (s, ns) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    s * 1_000_000 + ns / 1_000
}

/// A stop-watch in real time, for deadlines of outside calls and for measuring.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Real time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_takes_engine_time_and_a_story_along_but_not_the_real_wall() {
        let clock = Clock::starting_at(0);
        clock.advance_ms(31 * 60_000);
        assert!((31 * 60_000..32 * 60_000).contains(&clock.now()));
        assert!((clock.wall_ms() - wall_now_ms()).abs() < 10_000);
        clock.set_speed(2);
        let before = clock.wall_ms();
        clock.advance_ms(3_600_000);
        assert!((3_600_000..3_700_000).contains(&(clock.wall_ms() - before)));
        let now = clock.now();
        clock.advance_ms(-5_000);
        assert!(clock.now() >= now, "engine time never falls");
    }
}

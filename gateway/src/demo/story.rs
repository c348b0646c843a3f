//! The story's time: what the simulated devices see, from the gateway's own clock.

use muster_sim::StoryTime;

use crate::clock::Clock;

/// Scenario time: engine time less what passes before the first sign.
#[derive(Clone, Debug)]
pub struct Story {
    clock: Clock,
    first_sign_ms: i64,
}

impl Story {
    /// A story whose first sign comes `quiet_ms` from now, by this clock.
    #[must_use]
    pub fn new(clock: Clock, quiet_ms: i64) -> Self {
        let first_sign_ms = clock.now() + quiet_ms;
        Self { clock, first_sign_ms }
    }

    /// Scenario milliseconds of an engine time.
    #[must_use]
    pub fn of(&self, engine_ms: i64) -> i64 {
        engine_ms - self.first_sign_ms
    }

    /// Engine time of a scenario second.
    #[must_use]
    pub fn engine_at_s(&self, scenario_s: i64) -> i64 {
        self.first_sign_ms + scenario_s * 1_000
    }

    /// The clock it runs by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl StoryTime for Story {
    fn now_ms(&self) -> i64 {
        self.of(self.clock.now())
    }

    fn speed(&self) -> u32 {
        self.clock.speed()
    }
}

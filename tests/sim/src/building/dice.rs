//! Numbers drawn one after another from a seed.

use crate::noise::mix;

/// A stream of draws; the same seed gives the same stream on every machine.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Two numbers make a stream of their own: a run's seed and the number of the course.
    #[must_use]
    pub fn new(seed: u64, course: u64) -> Self {
        Self(mix(seed ^ mix(course)))
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// In [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Evenly between two numbers.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Evenly in the logarithm: as often from 1 to 10 as from 10 to 100.
    pub fn decades(&mut self, low: f64, high: f64) -> f64 {
        low * libm::pow(high / low, self.unit())
    }

    /// True as often as this share says.
    pub fn share(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// One of the list's positions; 0 of an empty one.
    pub fn below(&mut self, count: usize) -> usize {
        ((self.unit() * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// One of them.
    pub fn pick<T: Copy, const N: usize>(&mut self, all: [T; N]) -> T {
        all[self.below(N)]
    }

    /// Time to the next of events that come by chance, this many a year on average. Seconds.
    pub fn wait_s(&mut self, a_year: f64) -> f64 {
        -libm::log(1.0 - self.unit()) * 365.25 * 86_400.0 / a_year
    }
}

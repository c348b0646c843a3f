//! How long to wait before the next attempt to connect.

/// First pause. Milliseconds.
const SHORTEST_MS: u64 = 100;
/// Longest pause. Milliseconds.
const LONGEST_MS: u64 = 10_000;

/// Pauses that double up to 10 s, each drawn from its upper half: after a power cut a room full of nodes must not come
/// back in one instant.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    next_ms: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next_ms: SHORTEST_MS }
    }
}

impl Backoff {
    /// The next pause in milliseconds; `chance` is any random number.
    pub fn pause_ms(&mut self, chance: u32) -> u64 {
        let longest = self.next_ms;
        self.next_ms = (longest * 2).min(LONGEST_MS);
        longest / 2 + u64::from(chance) % (longest / 2 + 1)
    }

    /// Connected: the next pause is a short one again.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_within_their_bounds_and_differ_by_chance() {
        let (mut low, mut high) = (Backoff::default(), Backoff::default());
        for expected in [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000] {
            assert_eq!(low.pause_ms(0), expected / 2);
            let most = u32::try_from(expected / 2).unwrap_or(0);
            assert_eq!(high.pause_ms(most), expected);
        }
        low.reset();
        assert_eq!(low.pause_ms(0), 50);
    }
}

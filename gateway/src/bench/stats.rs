//! What a row of measurements comes to.

use serde::Serialize;

/// Quantiles of measured times, by nearest rank: each is a time that was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    /// How many were measured.
    pub n: usize,
    /// Half were at most this. Microseconds, as all of them.
    pub p50: u64,
    /// Nine of ten.
    pub p90: u64,
    /// 99 of 100.
    pub p99: u64,
    /// 999 of 1,000.
    pub p999: u64,
    /// All.
    pub max: u64,
}

impl Quantiles {
    /// Of times in microseconds, in any order; all 0 without any.
    #[must_use]
    pub fn of(times_us: impl IntoIterator<Item = u64>) -> Self {
        let mut sorted: Vec<u64> = times_us.into_iter().collect();
        sorted.sort_unstable();
        let rank = |per_mille: usize| {
            let rank = (sorted.len() * per_mille).div_ceil(1_000);
            sorted.get(rank.max(1) - 1).copied().unwrap_or_default()
        };
        Self {
            n: sorted.len(),
            p50: rank(500),
            p90: rank(900),
            p99: rank(990),
            p999: rank(999),
            max: rank(1_000),
        }
    }

    /// The 99th percentile, if enough were measured for one to lie beyond it.
    #[must_use]
    pub fn p99(&self) -> Option<u64> {
        (self.n >= 100).then_some(self.p99)
    }

    /// The 99.9th percentile, if enough were measured for one to lie beyond it.
    #[must_use]
    pub fn p999(&self) -> Option<u64> {
        (self.n >= 1_000).then_some(self.p999)
    }
}

/// Several rounds of one rate: a shared machine disturbs single rounds, so both are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rounds {
    /// The middle round (the lower of two).
    pub median: f64,
    /// The best round.
    pub best: f64,
    /// How many.
    pub rounds: usize,
}

impl Rounds {
    /// Of rates, in any order; all 0 without any.
    #[must_use]
    pub fn of(mut rates: Vec<f64>) -> Self {
        rates.sort_unstable_by(f64::total_cmp);
        Self {
            median: rates
                .get(rates.len().saturating_sub(1) / 2)
                .copied()
                .unwrap_or_default(),
            best: rates.last().copied().unwrap_or_default(),
            rounds: rates.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let of = Quantiles::of((1..=200).rev());
        let expected = Quantiles {
            n: 200,
            p50: 100,
            p90: 180,
            p99: 198,
            p999: 200,
            max: 200,
        };
        assert_eq!(of, expected);
    }

    #[test]
    fn few_and_none_have_quantiles_too() {
        assert_eq!(Quantiles::of([]), Quantiles::default());
        let one = Quantiles::of([7]);
        assert_eq!((one.n, one.p50, one.p90, one.p99, one.max), (1, 7, 7, 7, 7));
        let two = Quantiles::of([9, 3]);
        assert_eq!((two.p50, two.p99), (3, 9));
        // One slow trial of a hundred is the maximum, not the 99th of a hundred.
        let hundred = Quantiles::of((0..99).map(|_| 1).chain([1_000]));
        assert_eq!((hundred.p99, hundred.max), (1, 1_000));
        let thousand = Quantiles::of((0..999).map(|_| 1).chain([7]));
        assert_eq!((thousand.p999, thousand.max), (1, 7));
    }

    #[test]
    fn a_quantile_that_nothing_could_lie_beyond_is_none() {
        let of = |n| Quantiles::of((0..n).map(|_| 5));
        assert_eq!((of(99).p99(), of(100).p99()), (None, Some(5)));
        assert_eq!((of(999).p999(), of(1_000).p999()), (None, Some(5)));
    }

    #[test]
    fn rounds_tell_the_middle_and_the_best() {
        let of = Rounds::of(vec![3.0, 1.0, 9.0]);
        assert_eq!((of.median, of.best, of.rounds), (3.0, 9.0, 3));
        assert_eq!(Rounds::of(vec![2.0, 4.0]).median, 2.0);
        assert_eq!(Rounds::of(Vec::new()), Rounds::default());
    }
}

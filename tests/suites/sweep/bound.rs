//! What so many trials allow to be said of a rate (Clopper and Pearson 1934): exact, and never too small.

/// The one-sided upper 95 % bound of a share of which `seen` of `trials` were seen.
pub(crate) fn upper(seen: u64, trials: u64) -> f64 {
    if seen >= trials {
        return 1.0;
    }
    solve(0.0, 1.0, |p| at_most(seen, trials, p) > 0.05)
}

/// The one-sided upper 95 % bound of a rate per unit, of which `seen` came in `units`; the same for counts without a limit.
pub(crate) fn upper_rate(seen: u64, units: f64) -> f64 {
    let mean = solve(0.0, 20.0 + 4.0 * seen as f64, |mean| poisson_at_most(seen, mean) > 0.05);
    mean / units
}

/// Where `is_below` turns false, between two numbers.
fn solve(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if is_below(middle) { low = middle } else { high = middle }
    }
    high
}

/// Binomial distribution: P(at most `seen` of `trials`), by terms in logarithms.
fn at_most(seen: u64, trials: u64, p: f64) -> f64 {
    let (mut sum, mut ln_choose) = (0.0, 0.0);
    for k in 0..=seen {
        if k > 0 {
            ln_choose += libm::log((trials - k + 1) as f64 / k as f64);
        }
        sum += libm::exp(ln_choose + k as f64 * libm::log(p) + (trials - k) as f64 * libm::log1p(-p));
    }
    sum
}

fn poisson_at_most(seen: u64, mean: f64) -> f64 {
    let (mut sum, mut ln_term) = (0.0, -mean);
    for k in 0..=seen {
        if k > 0 {
            ln_term += libm::log(mean / k as f64);
        }
        sum += libm::exp(ln_term);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_seen_is_the_rule_of_three() {
        // 1 − 0.05^(1/n), and −ln 0.05 = 2.9957.
        assert!((upper(0, 100_000) - 2.9957e-5).abs() < 1e-8);
        assert!((upper(0, 10) - 0.258_866).abs() < 1e-5);
        assert!((upper_rate(0, 10_000.0) - 2.9957e-4).abs() < 1e-7);
    }

    #[test]
    fn some_seen_are_as_in_the_tables() {
        // R: binom.test(3, 20, alternative = "less"), poisson.test(5, 1, alternative = "less").
        assert!((upper(3, 20) - 0.343_664).abs() < 1e-4);
        assert!((upper_rate(5, 1.0) - 10.513_03).abs() < 1e-3);
        assert!((upper(20, 20) - 1.0).abs() < 1e-12);
    }
}

//! How fast a channel rises: the median of at most eight differences between points half a window apart, so that three
//! wild samples in a row change nothing.

use muster_wire::Micro;

use crate::Millis;

/// Points of a window.
const POINTS: usize = 16;
/// How far apart the two points of a difference lie.
const HALF: usize = POINTS / 2;
/// Differences that decide at least.
const ENOUGH: usize = 5;
/// A point that nothing was heard for.
const HOLE: u32 = u32::MAX;

/// The last 16 points of a channel on a grid of equal steps, the newest last. 72 bytes: a site may have 100,000 of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Slope {
    /// Above the range's lower end, shifted to fit.
    points: [u32; POINTS],
    /// Step of the newest point, counted from the beginning of time.
    step: i64,
}

impl Slope {
    pub(crate) const fn new() -> Self {
        Self {
            points: [HOLE; POINTS],
            step: i64::MIN,
        }
    }

    /// Takes the first sample of each step; whether it was one.
    pub(crate) fn take(&mut self, now: Millis, step_ms: Millis, range: (Micro, Micro), value: Micro) -> bool {
        let step = now.div_euclid(step_ms.max(1));
        if step <= self.step {
            return false;
        }
        let gone = usize::try_from(step.saturating_sub(self.step)).map_or(POINTS, |n| n.min(POINTS));
        self.points.copy_within(gone.., 0);
        self.points[POINTS - gone..].fill(HOLE);
        let above = u64::try_from(value.0.saturating_sub(range.0.0)).unwrap_or(0) >> shift(range);
        self.points[POINTS - 1] = u32::try_from(above).unwrap_or(HOLE - 1).min(HOLE - 1);
        self.step = step;
        true
    }

    /// Rise over half a window, in micro-units; none while too little is known.
    pub(crate) fn rise(&self, range: (Micro, Micro)) -> Option<i64> {
        let mut rises = [0i64; HALF];
        let mut known = 0;
        for (early, late) in self.points.iter().zip(&self.points[HALF..]) {
            if *early != HOLE && *late != HOLE {
                rises[known] = i64::from(*late) - i64::from(*early);
                known += 1;
            }
        }
        if known < ENOUGH {
            return None;
        }
        let rises = &mut rises[..known];
        rises.sort_unstable();
        // Of an even number the lower one: a rise is never made up.
        Some(rises[(known - 1) / 2] << shift(range))
    }

    /// What a rise over half a window is in `per_ms`. Steps are what `take` was given.
    pub(crate) fn per(rise: i64, step_ms: Millis, per_ms: Millis) -> i64 {
        let over_ms = step_ms.max(1).saturating_mul(HALF as i64);
        let wide = i128::from(rise) * i128::from(per_ms) / i128::from(over_ms);
        i64::try_from(wide).unwrap_or(i64::MAX)
    }
}

/// By how much values are shifted so that the whole range fits 32 bits: what is lost is less than a 4,000,000,000th of it.
fn shift(range: (Micro, Micro)) -> u32 {
    let span = u64::try_from(range.1.0.saturating_sub(range.0.0)).unwrap_or(0);
    (64 - span.leading_zeros()).saturating_sub(31)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const RANGE: (Micro, Micro) = (Micro(-40_000_000), Micro(200_000_000));

    fn fed(values: &[(i64, i64)]) -> Slope {
        let mut slope = Slope::new();
        for (s, milli) in values {
            slope.take(s * 1_000, 5_000, RANGE, Micro(milli * 1_000));
        }
        slope
    }

    #[test]
    fn a_line_has_its_slope() {
        let line: Vec<(i64, i64)> = (0..16).map(|i| (i * 5, 20_000 + i * 500)).collect();
        let rise = fed(&line).rise(RANGE).expect("a slope");
        assert_eq!(Slope::per(rise, 5_000, 60_000), 6_000_000, "0.5 K in 5 s is 6 K/min");
        let falling: Vec<(i64, i64)> = line.iter().map(|(t, v)| (*t, -*v)).collect();
        let rise = fed(&falling).rise(RANGE).expect("a slope");
        assert!(rise <= -3_999_000, "{rise}");
    }

    #[test]
    fn three_wild_points_change_nothing() {
        let flat: Vec<(i64, i64)> = (0..16).map(|i| (i * 5, 20_000)).collect();
        for at in 0..14 {
            let mut wild = flat.clone();
            wild[at..(at + 3).min(16)].iter_mut().for_each(|p| p.1 = 190_000);
            assert_eq!(fed(&wild).rise(RANGE), Some(0), "at {at}");
        }
    }

    #[test]
    fn too_little_is_nothing() {
        let few: Vec<(i64, i64)> = (0..12).map(|i| (i * 5, 20_000 + i * 9_000)).collect();
        assert_eq!(fed(&few).rise(RANGE), None);
        let mut long_ago = few;
        long_ago.push((10_000, 20_000));
        assert_eq!(fed(&long_ago).rise(RANGE), None, "a gap is a gap");
    }

    #[test]
    fn a_wide_range_fits() {
        let range = (Micro(-100_000_000_000_000), Micro(100_000_000_000_000));
        let mut slope = Slope::new();
        for i in 0..16 {
            slope.take(i * 1_000, 1_000, range, Micro(i * 1_000_000_000));
        }
        let rise = slope.rise(range).expect("a slope");
        assert!((rise - 8_000_000_000).abs() < 200_000, "{rise}");
    }
}

//! Fixed-point values: no float ever reaches a threshold or a vote.

/// Micro-units in one unit.
pub const MICRO: i64 = 1_000_000;

/// A value in millionths of its quantity's unit: `Micro(25_100_000)` of temperature is 25.1 °C.
///
/// The range is ±9.2e12 units, wide enough for every quantity here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Micro(pub i64);

impl Micro {
    /// Whole units; `None` where the value does not fit.
    #[must_use]
    pub const fn from_units(units: i64) -> Option<Self> {
        match units.checked_mul(MICRO) {
            Some(v) => Some(Self(v)),
            None => None,
        }
    }

    /// Nearest micro-unit of a float; `None` for NaN, infinities and what does not fit.
    ///
    /// The only place where a float becomes a value, so that it happens in one way.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        let scaled = value * MICRO as f64;
        // Half away from zero without `std`: the cast truncates. The bound is just below 2^63.
        if !scaled.is_finite() || scaled.abs() >= 9.2e18 {
            return None;
        }
        let half = if scaled < 0.0 { -0.5 } else { 0.5 };
        Some(Self((scaled + half) as i64))
    }

    /// `mantissa × 10^exponent` units, exactly rounded towards zero; `None` where it does not fit.
    #[must_use]
    pub fn from_decimal(mantissa: i64, exponent: i64) -> Option<Self> {
        let shift = exponent.checked_add(6)?;
        if !(-18..=18).contains(&shift) {
            return (mantissa == 0).then_some(Self(0));
        }
        let factor = 10_i64.pow(shift.unsigned_abs() as u32);
        if shift < 0 {
            Some(Self(mantissa / factor))
        } else {
            mantissa.checked_mul(factor).map(Self)
        }
    }
}

/// `25.1`, `-0.05`, `3`: at most six decimals, none that are zero at the end.
impl core::fmt::Display for Micro {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (whole, mut frac) = (
            self.0.unsigned_abs() / MICRO as u64,
            self.0.unsigned_abs() % MICRO as u64,
        );
        let sign = if self.0 < 0 { "-" } else { "" };
        if frac == 0 {
            return write!(f, "{sign}{whole}");
        }
        let mut digits = 6;
        while frac.is_multiple_of(10) {
            frac /= 10;
            digits -= 1;
        }
        write!(f, "{sign}{whole}.{frac:0digits$}")
    }
}

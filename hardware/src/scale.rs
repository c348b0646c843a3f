//! From a register's number to a quantity's unit, exactly.

use muster_wire::Micro;

/// An exact factor from a raw number to micro-units, as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    numerator: i64,
    denominator: i64,
}

impl Scale {
    /// One raw step is one unit.
    pub const ONE: Self = Self {
        numerator: muster_wire::MICRO,
        denominator: 1,
    };

    /// `multiply / divide` units a raw step; `None` where `divide` is not above 0 or the factor does not fit.
    #[must_use]
    pub fn fraction(multiply: i64, divide: i64) -> Option<Self> {
        let numerator = multiply.checked_mul(muster_wire::MICRO)?;
        (divide > 0 && multiply != 0).then_some(Self {
            numerator,
            denominator: divide,
        })
    }

    /// A decimal such as `0.1`, `-2` or `0.0078125`: at most 12 digits, no exponent, not zero; `None` for anything else.
    #[must_use]
    pub fn decimal(text: &str) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let both = format!("{whole}{decimals}");
        let plain = !whole.is_empty() && both.len() <= 12 && both.bytes().all(|b| b.is_ascii_digit());
        if !plain || digits.ends_with('.') {
            return None;
        }
        let divide = 10_i64.checked_pow(u32::try_from(decimals.len()).ok()?)?;
        Self::fraction(sign * both.parse::<i64>().ok()?, divide)
    }

    /// Micro-units a raw step, as (numerator, denominator above 0); for a decoder made at build time.
    #[must_use]
    pub const fn ratio(self) -> (i64, i64) {
        (self.numerator, self.denominator)
    }

    /// This factor times a power of ten; `None` where it does not fit.
    pub(crate) fn times(self, exponent: i16) -> Option<Self> {
        let power = 10_i64.checked_pow(u32::from(exponent.unsigned_abs()))?;
        let (numerator, denominator) = if exponent < 0 { (1, power) } else { (power, 1) };
        Some(Self {
            numerator: self.numerator.checked_mul(numerator)?,
            denominator: self.denominator.checked_mul(denominator)?,
        })
    }

    /// The value of a raw number, rounded to the nearest micro-unit, half away from zero; `None` where it does not fit.
    pub(crate) fn apply(self, raw: Micro) -> Option<Micro> {
        let exact = i128::from(raw.0) * i128::from(self.numerator);
        let denominator = i128::from(self.denominator) * i128::from(muster_wire::MICRO);
        let half = if exact < 0 { -(denominator / 2) } else { denominator / 2 };
        i64::try_from((exact + half) / denominator).ok().map(Micro)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str, raw: i64) -> Option<i64> {
        Scale::decimal(text)
            .and_then(|s| s.apply(Micro::from_units(raw)?))
            .map(|m| m.0)
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(decimal("0.1", 251), Some(25_100_000));
        assert_eq!(decimal("-0.1", 251), Some(-25_100_000));
        assert_eq!(decimal("0.0078125", 3_210), Some(25_078_125));
        assert_eq!(decimal("100", 7), Some(700_000_000));
        assert_eq!(decimal("0.000000001", 499), Some(0), "rounds to the nearest");
        assert_eq!(decimal("0.000000001", 500), Some(1), "half away from zero");
        assert_eq!(decimal("0.000000001", -500), Some(-1));
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused() {
        for text in [
            "", "-", ".", ".5", "1.", "1e3", "+1", "0", "0.00", "1,5", "0x10", "NaN", " 1", "1.2.3", "--1",
        ] {
            assert_eq!(Scale::decimal(text), None, "{text:?}");
        }
        assert_eq!(Scale::decimal("1234567890123"), None, "too long");
    }

    #[test]
    fn binary_fractions_are_exact() {
        let apply = |multiply, divide, raw| {
            let raw = Micro::from_units(raw).unwrap();
            Scale::fraction(multiply, divide).unwrap().apply(raw).unwrap().0
        };
        assert_eq!(apply(1, 128, 3_210), 25_078_125);
        assert_eq!(apply(1, 51_200, 51_200), 1_000_000);
        assert_eq!(apply(1, 3, 1), 333_333);
        assert_eq!(apply(1, 3, 2), 666_667);
        assert_eq!(apply(-2, 3, 1), -666_667);
    }

    #[test]
    fn nothing_divides_by_zero_or_wraps() {
        assert_eq!(Scale::fraction(1, 0), None);
        assert_eq!(Scale::fraction(1, -1), None);
        assert_eq!(Scale::fraction(0, 1), None);
        assert_eq!(Scale::fraction(i64::MAX, 1), None);
        let large = Scale::fraction(1_000_000_000, 1).unwrap();
        assert_eq!(large.apply(Micro::from_units(i64::from(u32::MAX)).unwrap()), None);
    }
}

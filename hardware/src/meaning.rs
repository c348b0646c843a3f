//! What an answer in text or as a number means: NUT and SNMP name their values instead of packing them into registers.

use muster_wire::{Absence, MICRO, Micro, Quantity, Unit};

use crate::Scale;

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A number.
    Number {
        /// What one step of it is worth.
        scale: Scale,
        /// Numbers, as the device says them, that mean "no value".
        absent: Vec<i64>,
    },
    /// Words between blanks: 1 while one of `any_of` is said, one of `with` too (where there are any), and none of `unless`.
    /// What else is said is nobody's business: NUT adds words as it likes.
    Words {
        /// What makes it 1.
        any_of: Vec<String>,
        /// What has to be said beside it.
        with: Vec<String>,
        /// What takes its meaning away.
        unless: Vec<String>,
        /// What makes it 0. Where there are any, a text with none of these and none of `any_of` is no value.
        otherwise: Vec<String>,
    },
    /// A whole number out of a list of states: 1 while it is one of these.
    OneOf(Vec<i64>),
    /// A number: 1 while it is none of these, such as a count of what is bad and 0.
    NoneOf(Vec<i64>),
}

impl Meaning {
    /// What a text means to a quantity. Numbers are plain decimals, as `54.30`; exponents and units are none.
    ///
    /// # Errors
    /// [`Absence::Bus`] for what cannot be read or means "no value", [`Absence::Range`] for a value that the quantity
    /// cannot have.
    pub fn of_text(&self, text: &str, quantity: Quantity) -> Result<Micro, Absence> {
        match self {
            Self::Words { any_of, otherwise, .. }
                if !otherwise.is_empty() && !said(text, any_of) && !said(text, otherwise) =>
            {
                Err(Absence::Bus)
            }
            Self::Words {
                any_of, with, unless, ..
            } => Ok(Micro(
                i64::from(holds(text, any_of, with) && !said(text, unless)) * MICRO,
            )),
            Self::Number { .. } | Self::OneOf(_) | Self::NoneOf(_) => {
                self.of_micro(decimal(text.trim()).ok_or(Absence::Bus)?, quantity)
            }
        }
    }

    /// Whether words make it 1, whatever is said that takes the meaning away.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        matches!(self, Self::Words { any_of, with, .. } if holds(text, any_of, with))
    }

    /// Whether a word is said that takes the meaning away.
    #[must_use]
    pub fn is_excused(&self, text: &str) -> bool {
        matches!(self, Self::Words { unless, .. } if said(text, unless))
    }

    /// What a whole number means to a quantity.
    ///
    /// # Errors
    /// As [`Meaning::of_text`].
    pub fn of_number(&self, raw: i64, quantity: Quantity) -> Result<Micro, Absence> {
        self.of_micro(Micro::from_units(raw).ok_or(Absence::Range)?, quantity)
    }

    fn of_micro(&self, raw: Micro, quantity: Quantity) -> Result<Micro, Absence> {
        let is = |number: &i64| Micro::from_units(*number) == Some(raw);
        match self {
            Self::Number { absent, .. } if absent.iter().any(is) => Err(Absence::Bus),
            Self::Number { scale, .. } => {
                let value = scale.apply(raw).ok_or(Absence::Range)?;
                credible(quantity, value).then_some(value).ok_or(Absence::Range)
            }
            Self::OneOf(numbers) => Ok(Micro(i64::from(numbers.iter().any(is)) * MICRO)),
            Self::NoneOf(numbers) => Ok(Micro(i64::from(!numbers.iter().any(is)) * MICRO)),
            Self::Words { .. } => Err(Absence::Bus),
        }
    }
}

fn said(text: &str, words: &[String]) -> bool {
    text.split_whitespace().any(|word| words.iter().any(|w| w == word))
}

fn holds(text: &str, any_of: &[String], with: &[String]) -> bool {
    said(text, any_of) && (with.is_empty() || said(text, with))
}

/// Whether a quantity can have a value. A contact is 0 or 1 and nothing between.
pub(crate) fn credible(quantity: Quantity, value: Micro) -> bool {
    let (min, max) = quantity.range_units();
    let whole = quantity.unit() != Unit::Contact || value.0 % MICRO == 0;
    whole && Micro::from_units(min).is_some_and(|m| value >= m) && Micro::from_units(max).is_some_and(|m| value <= m)
}

/// A plain decimal of at most 12 digits before the point; digits beyond a millionth are dropped.
fn decimal(text: &str) -> Option<Micro> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || !plain(whole) || !plain(decimals) || digits.ends_with('.') {
        return None;
    }
    let millionths = format!("{whole}{:0<6.6}", decimals).parse::<i64>().ok()?;
    Some(Micro(if negative { -millionths } else { millionths }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(scale: &str, absent: &[i64]) -> Meaning {
        Meaning::Number {
            scale: Scale::decimal(scale).unwrap(),
            absent: absent.to_vec(),
        }
    }

    fn words(any_of: &[&str], with: &[&str], unless: &[&str]) -> Meaning {
        let own = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        Meaning::Words {
            any_of: own(any_of),
            with: own(with),
            unless: own(unless),
            otherwise: Vec::new(),
        }
    }

    #[test]
    fn decimals_are_exact_and_nothing_else_is_a_number() {
        let volt = |text: &str| number("1", &[]).of_text(text, Quantity::Voltage);
        assert_eq!(volt("54.30"), Ok(Micro(54_300_000)));
        assert_eq!(volt("-0.1234567"), Ok(Micro(-123_456)));
        assert_eq!(volt("0230"), Ok(Micro(230_000_000)));
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "1e3",
            "+1",
            "0x10",
            "NaN",
            "12 V",
            "1.2.3",
            "--1",
            "9999999999999",
            "1,5",
        ] {
            assert_eq!(volt(text), Err(Absence::Bus), "{text:?}");
        }
    }

    #[test]
    fn percent_becomes_a_ratio_and_what_it_cannot_be_is_out_of_range() {
        let charge = |text: &str| number("0.01", &[]).of_text(text, Quantity::Charge);
        assert_eq!(charge("87.5"), Ok(Micro(875_000)));
        assert_eq!(charge("100"), Ok(Micro(1_000_000)));
        assert_eq!(charge("101"), Err(Absence::Range));
        assert_eq!(charge("-1"), Err(Absence::Range));
    }

    #[test]
    fn a_number_that_means_nothing_is_no_value() {
        let minutes = number("60", &[-1, 65_535]);
        assert_eq!(minutes.of_number(10, Quantity::Runtime), Ok(Micro(600_000_000)));
        assert_eq!(minutes.of_number(-1, Quantity::Runtime), Err(Absence::Bus));
        assert_eq!(minutes.of_text("65535", Quantity::Runtime), Err(Absence::Bus));
        assert_eq!(minutes.of_number(i64::MAX, Quantity::Runtime), Err(Absence::Range));
    }

    #[test]
    fn words_are_whole_words_and_unknown_ones_change_nothing() {
        let on_battery = words(&["OB"], &[], &["CAL"]);
        let of = |meaning: &Meaning, text| meaning.of_text(text, Quantity::OnBattery).unwrap().0 / MICRO;
        for (text, holds) in [
            ("OB", 1),
            ("ALARM OB DISCHRG", 1),
            ("OL CHRG", 0),
            ("OBX", 0),
            ("", 0),
            ("OB CAL", 0),
            ("ob", 0),
        ] {
            assert_eq!(of(&on_battery, text), holds, "{text:?}");
        }
        let low = words(&["LB"], &["OB"], &[]);
        assert_eq!((of(&low, "OL LB"), of(&low, "OB LB")), (0, 1), "LB counts only with OB");
        assert!(on_battery.is_excused("OB CAL") && on_battery.holds("OB CAL"));
        assert!(!on_battery.is_excused("OB") && !on_battery.holds("CAL") && !low.is_excused("OB LB"));
        assert_eq!(
            low.of_number(1, Quantity::Contact),
            Err(Absence::Bus),
            "a number has no words"
        );
    }

    #[test]
    fn a_text_that_is_neither_of_two_is_no_value() {
        let contact = Meaning::Words {
            any_of: vec!["active".into()],
            with: Vec::new(),
            unless: Vec::new(),
            otherwise: vec!["inactive".into()],
        };
        let of = |text| contact.of_text(text, Quantity::Contact);
        assert_eq!((of("active"), of("inactive")), (Ok(Micro(MICRO)), Ok(Micro(0))));
        assert_eq!(
            (of("closed"), of("bad"), of("")),
            (Err(Absence::Bus), Err(Absence::Bus), Err(Absence::Bus))
        );
    }

    #[test]
    fn a_count_of_what_is_bad_is_a_fault_unless_it_is_zero() {
        let bad = Meaning::NoneOf(vec![0]);
        let of = |text| bad.of_text(text, Quantity::Fault);
        assert_eq!(
            (of("0"), of("2"), of("")),
            (Ok(Micro(0)), Ok(Micro(MICRO)), Err(Absence::Bus))
        );
        assert_eq!(bad.of_number(7, Quantity::Fault), Ok(Micro(MICRO)));
    }

    #[test]
    fn a_state_is_one_of_a_list() {
        let source = Meaning::OneOf(vec![5]);
        assert_eq!(source.of_number(5, Quantity::OnBattery), Ok(Micro(MICRO)));
        assert_eq!(source.of_number(3, Quantity::OnBattery), Ok(Micro(0)));
        assert_eq!(source.of_text("5", Quantity::OnBattery), Ok(Micro(MICRO)));
        assert_eq!(source.of_text("battery", Quantity::OnBattery), Err(Absence::Bus));
    }
}

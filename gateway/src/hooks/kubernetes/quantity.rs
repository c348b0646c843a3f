//! Amounts as Kubernetes writes them: `250m`, `2`, `1.5`, `64Mi`, `1e3`. In thousandths, so that a hundredth of a processor
//! and an exbibyte fit into the same number.

/// Suffixes and what they multiply by, in thousandths.
const SUFFIXES: [(&str, i128); 15] = [
    ("Ki", 1_000 << 10),
    ("Mi", 1_000 << 20),
    ("Gi", 1_000 << 30),
    ("Ti", 1_000 << 40),
    ("Pi", 1_000 << 50),
    ("Ei", 1_000 << 60),
    ("m", 1),
    ("k", 1_000_000),
    ("M", 1_000_000_000),
    ("G", 1_000_000_000_000),
    ("T", 1_000_000_000_000_000),
    ("P", 1_000_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000_000),
    ("u", 0),
    ("n", 0),
];

/// Thousandths; smaller parts are dropped. None where it is no amount.
pub(super) fn thousandths(text: &str) -> Option<i128> {
    if let Some((number, exponent)) = text.split_once(['e', 'E']).filter(|(_, e)| e.parse::<u8>().is_ok()) {
        let power = exponent.parse::<u32>().ok().filter(|e| *e <= 18)?;
        return times(number, 1_000 * 10i128.pow(power));
    }
    let suffix = SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix));
    match suffix {
        Some((suffix, factor)) => times(text.strip_suffix(suffix)?, *factor),
        None => times(text, 1_000),
    }
}

/// A decimal number times a factor.
fn times(number: &str, factor: i128) -> Option<i128> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) {
        return None;
    }
    let scale = 10i128.pow(u32::try_from(part.len()).ok()?);
    let value: i128 = format!("{whole}{part}").parse().ok()?;
    value.checked_mul(factor).map(|v| v / scale)
}

#[cfg(test)]
mod tests {
    use super::thousandths;

    #[test]
    fn reads_every_form() {
        for (text, amount) in [
            ("250m", 250),
            ("2", 2_000),
            ("1.5", 1_500),
            ("64Mi", 64 * 1_048_576 * 1_000),
            ("1.5Gi", 1_610_612_736_000),
            ("1e3", 1_000_000),
            ("12E6", 12_000_000_000),
            ("500M", 500_000_000_000),
            ("1E", 1_000_000_000_000_000_000_000),
            ("100n", 0),
        ] {
            assert_eq!(thousandths(text), Some(amount), "{text}");
        }
        for none in ["", "Mi", "-1", "1.2.3", "x", "1e99", "9999999999999999999999"] {
            assert_eq!(thousandths(none), None, "{none}");
        }
    }
}

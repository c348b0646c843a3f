//! Keys that signals of every kind have.

use muster_wire::Quantity;

use crate::Scale;
use crate::fault::{Faults, nearest};
use crate::keys::Keys;

/// `[a-z0-9_-]{1,32}`.
pub(super) fn name(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<String> {
    let name: String = keys.must("name", faults)?;
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if (1..=32).contains(&name.len()) && name.bytes().all(fits) {
        return Some(name);
    }
    faults.add(
        keys.place("name"),
        format!("name {name:?} is no name"),
        "1 to 32 of a-z, 0-9, - and _",
    );
    None
}

pub(super) fn quantity(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Quantity> {
    let word: String = keys.must("quantity", faults)?;
    let found = Quantity::from_word(&word);
    if found.is_none() {
        let words: Vec<&str> = Quantity::ALL.iter().map(|q| q.as_str()).collect();
        faults.add(
            keys.place("quantity"),
            format!("quantity {word:?} is unknown"),
            nearest(&word, &words),
        );
    }
    found
}

/// `scale`, or `multiply` and `divide`.
pub(super) fn scale(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Scale> {
    let text: Option<String> = keys.option("scale", faults);
    let multiply: Option<i64> = keys.option("multiply", faults);
    let divide: Option<i64> = keys.option("divide", faults);
    let (place, found) = match (&text, multiply, divide) {
        (None, None, None) => return Some(Scale::ONE),
        (Some(text), None, None) => (keys.place("scale"), Scale::decimal(text)),
        (None, ..) => {
            let fits = |n: i64| n.unsigned_abs() <= 1_000_000_000;
            let (m, d) = (multiply.unwrap_or(1), divide.unwrap_or(1));
            let place = keys.place(if divide.is_some() { "divide" } else { "multiply" });
            (place, Scale::fraction(m, d).filter(|_| fits(m) && fits(d)))
        }
        (Some(_), ..) => (keys.place("scale"), None),
    };
    if found.is_none() {
        let hint =
            "scale = \"0.1\" (up to 12 digits, not 0), or multiply and divide (up to 1e9, not 0, divide above 0)";
        faults.add(place, "no usable scale", hint);
    }
    found
}

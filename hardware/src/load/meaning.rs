//! What the answers of NUT and SNMP mean.

use muster_wire::{Quantity, Unit};

use super::names::scale;
use crate::Meaning;
use crate::fault::Faults;
use crate::keys::Keys;

/// `scale` and `absent` of a number, or `values` of a state, or `words`, `with` and `unless`.
pub(super) fn read(keys: &mut Keys<'_, '_>, quantity: Option<Quantity>, faults: &mut Faults<'_>) -> Option<Meaning> {
    let absent: Option<Vec<i64>> = keys.option("absent", faults);
    let values: Option<Vec<i64>> = keys.option("values", faults);
    let words: Option<Vec<String>> = keys.option("words", faults);
    let with: Option<Vec<String>> = keys.option("with", faults);
    let unless: Option<Vec<String>> = keys.option("unless", faults);
    let place = |faults: &mut Faults<'_>, what: &str, hint: &str| faults.add(keys.at, what, hint);
    if words.is_none() && (with.is_some() || unless.is_some()) {
        place(faults, "with and unless say more of words", "words = [\"OB\"]");
    }
    if words.is_some() && values.is_some() || (words.is_some() || values.is_some()) && absent.is_some() {
        place(
            faults,
            "one of words, values and absent",
            "words of a text, values of a state, absent of a number",
        );
    }
    let scaled = ["scale", "multiply", "divide"].iter().any(|key| keys.has(key));
    if scaled && (words.is_some() || values.is_some()) {
        place(faults, "a state has no scale", "leave scale, multiply and divide out");
    }
    if [&words, &with, &unless]
        .iter()
        .any(|list| list.as_ref().is_some_and(|list| !all_words(list)))
    {
        place(faults, "not words", "at least one, none empty, no blanks inside");
    }
    if values.as_ref().is_some_and(Vec::is_empty) {
        place(
            faults,
            "values is empty",
            "the numbers that make it 1, such as values = [5]",
        );
    }
    let state = words.is_some() || values.is_some();
    if quantity.is_some_and(|q| state != (q.unit() == Unit::Contact)) {
        let hint = "words or values make contacts (on_battery, fault, contact …); every other quantity is a number";
        place(faults, "quantity and meaning do not fit", hint);
    }
    let scale = scale(keys, faults)?;
    Some(match (words, values) {
        (Some(any_of), _) => Meaning::Words {
            any_of,
            with: with.unwrap_or_default(),
            unless: unless.unwrap_or_default(),
        },
        (None, Some(values)) => Meaning::OneOf(values),
        (None, None) => Meaning::Number {
            scale,
            absent: absent.unwrap_or_default(),
        },
    })
}

fn all_words(list: &[String]) -> bool {
    let word = |text: &String| !text.is_empty() && !text.contains(char::is_whitespace);
    !list.is_empty() && list.iter().all(word)
}

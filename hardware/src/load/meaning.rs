//! What the answers of NUT and SNMP mean.

use muster_wire::{Quantity, Unit};

use super::names::scale;
use crate::Meaning;
use crate::fault::Faults;
use crate::keys::Keys;

/// What stands in the file.
struct Row {
    absent: Option<Vec<i64>>,
    values: Option<Vec<i64>>,
    words: Option<Vec<String>>,
    with: Option<Vec<String>>,
    unless: Option<Vec<String>>,
    otherwise: Option<Vec<String>>,
    none_of: Option<Vec<i64>>,
}

/// `scale` and `absent` of a number, or `values` or `none_of` of a state, or `words`, `with`, `unless` and `otherwise`.
pub(super) fn read(keys: &mut Keys<'_, '_>, quantity: Option<Quantity>, faults: &mut Faults<'_>) -> Option<Meaning> {
    let row = Row {
        absent: keys.option("absent", faults),
        values: keys.option("values", faults),
        words: keys.option("words", faults),
        with: keys.option("with", faults),
        unless: keys.option("unless", faults),
        otherwise: keys.option("otherwise", faults),
        none_of: keys.option("none_of", faults),
    };
    for (what, hint) in row.faults(keys, quantity) {
        faults.add(keys.at, what, hint);
    }
    let scale = scale(keys, faults)?;
    Some(match (row.words, row.values, row.none_of) {
        (Some(any_of), ..) => Meaning::Words {
            any_of,
            with: row.with.unwrap_or_default(),
            unless: row.unless.unwrap_or_default(),
            otherwise: row.otherwise.unwrap_or_default(),
        },
        (None, Some(values), _) => Meaning::OneOf(values),
        (None, None, Some(numbers)) => Meaning::NoneOf(numbers),
        (None, None, None) => Meaning::Number {
            scale,
            absent: row.absent.unwrap_or_default(),
        },
    })
}

impl Row {
    fn is_state(&self) -> bool {
        self.words.is_some() || self.values.is_some() || self.none_of.is_some()
    }

    /// What is wrong, and how to mend it.
    fn faults(&self, keys: &Keys<'_, '_>, quantity: Option<Quantity>) -> Vec<(&'static str, &'static str)> {
        let scaled = ["scale", "multiply", "divide"].iter().any(|key| keys.has(key));
        let mut faults = self.mixed();
        if scaled && self.is_state() {
            faults.push(("a state has no scale", "leave scale, multiply and divide out"));
        }
        if quantity.is_some_and(|q| self.is_state() != (q.unit() == Unit::Contact)) {
            let hint = "words or values make contacts (on_battery, fault, contact …); every other quantity is a number";
            faults.push(("quantity and meaning do not fit", hint));
        }
        faults
    }

    /// Of the lists among themselves.
    fn mixed(&self) -> Vec<(&'static str, &'static str)> {
        let lists = [&self.words, &self.with, &self.unless, &self.otherwise];
        let beside = [&self.with, &self.unless, &self.otherwise];
        let states = [self.words.is_some(), self.values.is_some(), self.none_of.is_some()];
        let mut faults = Vec::new();
        if self.words.is_none() && beside.iter().any(|list| list.is_some()) {
            faults.push(("with, unless and otherwise say more of words", "words = [\"OB\"]"));
        }
        if states.iter().filter(|is| **is).count() > 1 || self.is_state() && self.absent.is_some() {
            let hint = "words of a text, values or none_of of a state, absent of a number";
            faults.push(("one of words, values, none_of and absent", hint));
        }
        if lists
            .iter()
            .any(|list| list.as_ref().is_some_and(|list| !all_words(list)))
        {
            faults.push(("not words", "at least one, none empty, no blanks inside"));
        }
        if [&self.values, &self.none_of]
            .iter()
            .any(|list| list.as_ref().is_some_and(Vec::is_empty))
        {
            let hint = "the numbers that make it 1, such as values = [5], or 0, such as none_of = [0]";
            faults.push(("values or none_of is empty", hint));
        }
        faults
    }
}

fn all_words(list: &[String]) -> bool {
    let word = |text: &String| !text.is_empty() && !text.contains(char::is_whitespace);
    !list.is_empty() && list.iter().all(word)
}

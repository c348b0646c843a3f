//! Reads the keys of one table. A fault is noted and a harmless value taken in its place, so that reading goes on.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::RangeInclusive;

use muster_core::Millis;
use muster_wire::Micro;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::faults::{At, Faults, quoted};
use super::later;
use super::names::{did_you_mean, is_id, most_entries};
use super::sensor::Word;

/// One table of the file, and which of its keys have been asked for.
pub(super) struct Table<'a> {
    /// As people write it: `[[source]]`.
    pub(super) name: &'static str,
    /// Where it begins.
    pub(super) at: usize,
    pub(super) faults: &'a Faults<'a>,
    entries: &'a DeTable<'a>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    pub(super) fn new(name: &'static str, at: usize, entries: &'a DeTable<'a>, faults: &'a Faults<'a>) -> Self {
        Self {
            name,
            at,
            entries,
            faults,
            known: RefCell::default(),
        }
    }

    /// Whether the key stands there, and where.
    pub(super) fn place(&self, key: &'static str) -> Option<usize> {
        self.value(key).map(|v| v.span().start)
    }

    fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        drop(known);
        self.entries.get(key)
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let what = format!("`{key}` of {} is of the type {}", self.name, value.get_ref().type_str());
        self.faults.error(value.span().start, what, format!("write {wanted}"));
    }

    /// A missing key that has no default.
    pub(super) fn missing(&self, key: &str, hint: &str) {
        self.faults
            .error(self.at, format!("`{key}` is missing in {}", self.name), hint);
    }

    pub(super) fn text(&self, key: &'static str) -> Option<At<String>> {
        let value = self.value(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, value, &format!("a string: {key} = \"…\""));
        }
        text.map(|t| At::new(t.to_owned(), value.span().start))
    }

    /// Empty where it is missing or no string, which has then been reported.
    pub(super) fn need_text(&self, key: &'static str, hint: &str) -> At<String> {
        if !self.entries.contains_key(key) {
            self.missing(key, hint);
        }
        self.text(key).unwrap_or_else(|| At::new(String::new(), self.at))
    }

    /// An id of our own making; empty where it is faulty.
    pub(super) fn need_id(&self, key: &'static str) -> At<String> {
        const HINT: &str = "1 to 32 of a-z, 0-9 and `-`";
        let id = self.need_text(key, HINT);
        self.checked_id(id)
    }

    /// As [`Self::need_id`], for a key that may be left out.
    pub(super) fn id(&self, key: &'static str) -> Option<At<String>> {
        self.text(key).map(|id| self.checked_id(id))
    }

    fn checked_id(&self, id: At<String>) -> At<String> {
        // A missing id stands at the table itself and has been reported.
        if is_id(&id.value) || id.at == self.at {
            return id;
        }
        self.faults.error(
            id.at,
            format!("{} is not an id", quoted(&id.value)),
            "use 1 to 32 of a-z, 0-9 and `-`",
        );
        At::new(String::new(), id.at)
    }

    pub(super) fn flag(&self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.value(key) else { return default };
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(key, value, "true or false, without quotes");
        }
        flag.unwrap_or(default)
    }

    /// A whole number in a range.
    pub(super) fn integer(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<At<i64>> {
        let value = self.value(key)?;
        let (low, high) = (range.start(), range.end());
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_type(key, value, &format!("a whole number from {low} to {high}"));
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .filter(|n| range.contains(n));
        if number.is_none() {
            let what = format!("`{key}` = {} is out of range", quoted(integer.as_str()));
            self.faults
                .error(value.span().start, what, format!("from {low} to {high}"));
        }
        number.map(|n| At::new(n, value.span().start))
    }

    /// A number in whole units or with decimals.
    pub(super) fn number(&self, key: &'static str) -> Option<At<Micro>> {
        let value = self.value(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix())
                .ok()
                .and_then(Micro::from_units),
            DeValue::Float(f) => f.as_str().parse().ok().and_then(Micro::from_f64),
            _ => {
                self.wrong_type(key, value, "a number, without quotes");
                return None;
            }
        };
        if number.is_none() {
            let what = format!("`{key}` is not a number that can be measured");
            self.faults.error(value.span().start, what, "write a finite number");
        }
        number.map(|n| At::new(n, value.span().start))
    }

    /// Where the key says `false`.
    pub(super) fn is_false(&self, key: &'static str) -> Option<usize> {
        let value = self.value(key)?;
        (value.get_ref().as_bool() == Some(false)).then(|| value.span().start)
    }

    /// A number, or `false` for none.
    pub(super) fn number_or_false(&self, key: &'static str) -> Option<At<Option<Micro>>> {
        match self.is_false(key) {
            Some(at) => Some(At::new(None, at)),
            None => self.number(key).map(|n| n.map(Some)),
        }
    }

    /// A time in seconds, decimals allowed, in milliseconds.
    pub(super) fn seconds(&self, key: &'static str, range_s: RangeInclusive<i64>) -> Option<At<Millis>> {
        let number = self.number(key)?;
        let ms = number.value.0 / 1_000;
        if ms >= range_s.start() * 1_000 && ms <= range_s.end() * 1_000 && ms > 0 {
            return Some(At::new(ms, number.at));
        }
        let what = format!("`{key}` = {} s is out of range", number.value);
        let low = range_s.start();
        let low = if *low == 0 {
            "more than 0".to_owned()
        } else {
            format!("from {low}")
        };
        self.faults
            .error(number.at, what, format!("{low} to {} seconds", range_s.end()));
        None
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, words: &[(&'static str, T)]) -> Option<At<T>> {
        let text = self.text(key)?;
        self.chosen(key, &text, words)
    }

    fn chosen<T: Copy>(&self, key: &'static str, text: &At<String>, words: &[(&'static str, T)]) -> Option<At<T>> {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(At::new(*value, text.at));
        }
        let what = format!("`{key}` of {} cannot be {}", self.name, quoted(&text.value));
        let hint = if later::is_word(self.name, key, &text.value) {
            later::HINT.to_owned()
        } else {
            let all: Vec<_> = words.iter().map(|(w, _)| format!("`{w}`")).collect();
            did_you_mean(
                &text.value,
                words.iter().map(|(w, _)| *w),
                &format!("one of {}", all.join(", ")),
            )
        };
        self.faults.error(text.at, what, hint);
        None
    }

    /// Several of several words.
    pub(super) fn choices<T: Copy>(&self, key: &'static str, words: &[(&'static str, T)]) -> Vec<At<T>> {
        self.texts(key)
            .iter()
            .filter_map(|text| self.chosen(key, text, words))
            .collect()
    }

    /// A string, true or false, or a whole number: a value as it stands in somebody else's message.
    pub(super) fn word(&self, key: &'static str) -> Option<At<Word>> {
        let value = self.value(key)?;
        let word = match value.get_ref() {
            DeValue::String(text) => Some(Word::Text(text.to_string())),
            DeValue::Boolean(flag) => Some(Word::Flag(*flag)),
            DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix()).ok().map(Word::Number),
            _ => None,
        };
        if word.is_none() {
            self.wrong_type(key, value, "a string, true or false, or a whole number");
        }
        word.map(|w| At::new(w, value.span().start))
    }

    /// A list of strings; none where the key is missing.
    pub(super) fn texts(&self, key: &'static str) -> Vec<At<String>> {
        self.value(key).map_or_else(Vec::new, |value| self.strings(key, value))
    }

    fn strings(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Vec<At<String>> {
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(key, value, &format!("a list of strings: {key} = [\"…\"]"));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for entry in list.iter() {
            match entry.get_ref().as_str() {
                Some(text) => texts.push(At::new(text.to_owned(), entry.span().start)),
                None => self.wrong_type(key, entry, "only strings in this list"),
            }
        }
        texts
    }

    /// Lists of words by name: `racks = { rack-1 = ["m1", "m2"] }`. Empty where the key is missing.
    pub(super) fn lists(&self, key: &'static str) -> Vec<(At<String>, Vec<At<String>>)> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let Some(entries) = value.get_ref().as_table() else {
            self.wrong_type(key, value, &format!("lists by name: {key} = {{ name = [\"…\"] }}"));
            return Vec::new();
        };
        let one = |(name, list): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
            let name = At::new(name.get_ref().to_string(), name.span().start);
            (name, self.strings(key, list))
        };
        entries.iter().map(one).collect()
    }

    /// The one table `[key]`.
    pub(super) fn table(&self, key: &'static str, name: &'static str) -> Option<Self> {
        let value = self.value(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(key, value, &format!("one table: {name}"));
        }
        table.map(|t| Self::new(name, value.span().start, t, self.faults))
    }

    /// The tables `[[key]]`, in order. A single `[key]` is a fault, but read.
    pub(super) fn tables(&self, key: &'static str, name: &'static str) -> Vec<Self> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let entries = value
            .get_ref()
            .as_array()
            .map_or(std::slice::from_ref(value), |list| list);
        if value.get_ref().is_table() {
            self.wrong_type(key, value, &format!("{name}, with two brackets"));
        }
        let most = most_entries(key);
        if entries.len() > most {
            let what = format!("{} tables {name}", entries.len());
            self.faults.error(value.span().start, what, format!("at most {most}"));
        }
        let as_table = |entry: &'a Spanned<DeValue<'a>>| {
            let table = entry.get_ref().as_table();
            if table.is_none() {
                self.wrong_type(key, entry, &format!("a table: {name}"));
            }
            table.map(|t| Self::new(name, entry.span().start, t, self.faults))
        };
        entries.iter().take(most).filter_map(as_table).collect()
    }

    /// Reports every key nobody asked for. Call it last.
    pub(super) fn finish(&self) {
        let known = self.known.borrow();
        for key in self.entries.keys().filter(|k| !known.contains(&k.get_ref().as_ref())) {
            let word = key.get_ref().as_ref();
            let what = format!("{} has no key {}", self.name, quoted(word));
            let hint = if later::is_key(self.name, word) {
                later::HINT.to_owned()
            } else {
                did_you_mean(
                    word,
                    known.iter().copied(),
                    &format!("remove it; known are {}", known.join(", ")),
                )
            };
            self.faults.error(key.span().start, what, hint);
        }
    }
}

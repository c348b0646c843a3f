//! Takes the keys of one TOML table, and notes every fault instead of stopping at the first.

use std::ops::RangeInclusive;

use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::{Faults, nearest};

/// The keys of one table that have been asked for.
pub(crate) struct Keys<'a, 'i> {
    table: &'a DeTable<'i>,
    /// Byte where the table begins.
    pub(crate) at: usize,
    asked: Vec<&'static str>,
}

impl<'a, 'i> Keys<'a, 'i> {
    pub(crate) fn new(table: &'a DeTable<'i>, at: usize) -> Self {
        Self {
            table,
            at,
            asked: Vec::new(),
        }
    }

    /// The raw value of a key.
    pub(crate) fn raw(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.asked.push(key);
        self.table.get(key)
    }

    /// Whether the key stands there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Byte of a key's value; the table's own where there is none.
    pub(crate) fn place(&self, key: &str) -> usize {
        self.table.get(key).map_or(self.at, |v| v.span().start)
    }

    /// A key that may be missing. A value of the wrong type is a fault.
    pub(crate) fn option<T: DeserializeOwned>(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Option<T> {
        let value = self.raw(key)?;
        T::deserialize(value.clone().into_deserializer())
            .map_err(|e| faults.add(value.span().start, format!("{key}: {}", e.message()), hint_of(key)))
            .ok()
    }

    /// A key that has to be there.
    pub(crate) fn must<T: DeserializeOwned>(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Option<T> {
        if !self.table.contains_key(key) {
            self.asked.push(key);
            faults.add(self.at, format!("{key} is missing"), hint_of(key));
            return None;
        }
        self.option(key, faults)
    }

    /// A number with a default and limits.
    pub(crate) fn within(
        &mut self,
        key: &'static str,
        limits: RangeInclusive<u64>,
        faults: &mut Faults<'_>,
    ) -> Option<u64> {
        let value: u64 = self.option(key, faults)?;
        if limits.contains(&value) {
            return Some(value);
        }
        let what = format!("{key} = {value} is out of range");
        faults.add(self.place(key), what, format!("{} to {}", limits.start(), limits.end()));
        None
    }

    /// Every key that nobody asked for is a fault.
    pub(crate) fn finish(self, faults: &mut Faults<'_>) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !self.asked.contains(&name) {
                faults.add(
                    key.span().start,
                    format!("unknown key {name}"),
                    nearest(name, &self.asked),
                );
            }
        }
    }
}

/// What a key wants, for the hint of its faults.
fn hint_of(key: &str) -> &'static str {
    match key {
        "kind" => "kind = \"modbus\", \"snmp\" or \"nut\"",
        "proven_by" => "captured, simulated or document-only",
        "table" => "holding, input, coil or discrete",
        "type" => "u16, i16, u32, i32 or f32",
        "word_order" => "big or little",
        "scale" => "an exact decimal in quotes, such as \"0.1\"",
        "address" => "0 to 65535, counted from 0 as on the wire: 40001 or 400001 in a manual is holding 0",
        "expect" => "a value, \"nonzero\", \"ascii\" or \"moving\"",
        "sentinels" => "a list of register values, such as [0xFFFF]",
        "trip" | "invert" | "join_gaps" | "check_singly" | "pair" => "true or false",
        "absent" | "values" | "none_of" | "warmup" | "inhibited" | "inhibited_bits" => {
            "a list of whole numbers, such as [-1]"
        }
        "words" | "with" | "unless" | "otherwise" => "a list of words, such as [\"OB\"]",
        "unless_signals" => "a list of signals of this profile, such as [\"self_test\"]",
        "sys_object_ids" => "a list of texts, such as [\"1.3.6.1.4.1.318\"]",
        "variable" | "why" | "oid" | "column" | "holds" | "sys_object_id" => "a text in quotes",
        "ticks" | "means_nothing" => "true or false",
        "bit" => "0 is the lowest bit",
        "quirks" => "a list of texts",
        "vendor" | "model" | "document" | "name" | "quantity" => "a text in quotes",
        _ => "a whole number",
    }
}

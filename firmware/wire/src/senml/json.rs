//! Records out of JSON, borrowed from the payload. Allocates one flat list: `{},` costs a sender 3 bytes and us one entry of
//! 40 bytes at most, so 4 KiB cost at most 55 KiB, for as long as the pack is read.

use alloc::vec::Vec;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::PackFault;
use super::fields::{Fields, Label, Raw};

/// A field, or the end of a record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item<'a> {
    Field(Label, Raw<'a>),
    End,
}

/// Reads a whole pack; nothing of it is used unless all of it is well formed.
pub(super) fn items(payload: &[u8]) -> Result<Vec<Item<'_>>, PackFault> {
    let mut sink = Sink::default();
    let mut json = serde_json::Deserializer::from_slice(payload);
    let read = json.deserialize_seq(Array(&mut sink)).and_then(|()| json.end());
    match (read, sink.fault) {
        (_, Some(fault)) => Err(fault),
        (Err(_), None) => Err(PackFault::Malformed),
        (Ok(()), None) => Ok(sink.items),
    }
}

/// Walks the records of a list.
#[derive(Clone, Debug)]
pub(super) struct JsonReader<'s, 'a>(pub(super) core::slice::Iter<'s, Item<'a>>);

impl<'a> JsonReader<'_, 'a> {
    /// Reads the next record; false after the last.
    pub(super) fn next(&mut self, fields: &mut Fields<'a>) -> Result<bool, PackFault> {
        if self.0.as_slice().is_empty() {
            return Ok(false);
        }
        while let Some(Item::Field(label, raw)) = self.0.next() {
            fields.put(*label, *raw)?;
        }
        Ok(true)
    }
}

#[derive(Default)]
struct Sink<'a> {
    items: Vec<Item<'a>>,
    /// The fault that a serde error cannot carry.
    fault: Option<PackFault>,
}

impl Sink<'_> {
    fn refuse<E: serde::de::Error>(&mut self, fault: PackFault) -> E {
        self.fault = Some(fault);
        E::custom(fault)
    }
}

struct Array<'s, 'a>(&'s mut Sink<'a>);

impl<'a> Visitor<'a> for Array<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Object(self.0))?.is_some() {}
        Ok(())
    }
}

struct Object<'s, 'a>(&'s mut Sink<'a>);

impl<'a> DeserializeSeed<'a> for Object<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Object<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(label) = map.next_key_seed(Key)? {
            match label.map_err(|fault| self.0.refuse(fault))? {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(label) => {
                    let raw = map.next_value_seed(Any)?;
                    let raw = raw.map_err(|fault| self.0.refuse(fault))?;
                    self.0.items.push(Item::Field(label, raw));
                }
            }
        }
        self.0.items.push(Item::End);
        Ok(())
    }
}

struct Key;

impl<'a> DeserializeSeed<'a> for Key {
    type Value = Result<Option<Label>, PackFault>;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Result<Option<Label>, PackFault>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a label")
    }

    fn visit_str<E>(self, word: &str) -> Result<Self::Value, E> {
        Ok(Label::from_word(word))
    }
}

struct Any;

impl<'a> DeserializeSeed<'a> for Any {
    type Value = Result<Raw<'a>, PackFault>;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Any {
    type Value = Result<Raw<'a>, PackFault>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Ok(Raw::Int(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Ok(i64::try_from(value).map_or(Raw::Unrepresentable, Raw::Int)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Ok(Raw::from_f64(value)))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Ok(Raw::Bool(value)))
    }

    fn visit_borrowed_str<E>(self, value: &'a str) -> Result<Self::Value, E> {
        Ok(Ok(Raw::Text(value)))
    }

    /// Only a string with an escape comes here: it has no bytes of its own to borrow.
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Err(PackFault::Escape))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Ok(Raw::Other))
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Ok(Raw::Other))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Ok(Raw::Other))
    }
}

//! A payload in either encoding, read again and again record by record.

use super::PackFault;
use super::cbor::CborReader;
use super::fields::Fields;
#[cfg(feature = "json")]
use super::json::{Item, JsonReader, items};

#[derive(Clone, Debug)]
pub(super) enum Body<'a> {
    Cbor(CborReader<'a>),
    #[cfg(feature = "json")]
    Json(alloc::vec::Vec<Item<'a>>),
}

impl<'a> Body<'a> {
    /// Told apart by the first byte: `[` and JSON's white space begin no CBOR array.
    pub(super) fn open(payload: &'a [u8]) -> Result<Self, PackFault> {
        match payload.first() {
            #[cfg(feature = "json")]
            Some(b'[' | b' ' | b'\t' | b'\n' | b'\r') => items(payload).map(Self::Json),
            _ => CborReader::open(payload).map(Self::Cbor),
        }
    }

    pub(super) fn reader(&self) -> Reader<'_, 'a> {
        match self {
            Self::Cbor(reader) => Reader::Cbor(reader.clone(), core::marker::PhantomData),
            #[cfg(feature = "json")]
            Self::Json(items) => Reader::Json(JsonReader(items.iter())),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Reader<'s, 'a> {
    Cbor(CborReader<'a>, core::marker::PhantomData<&'s ()>),
    #[cfg(feature = "json")]
    Json(JsonReader<'s, 'a>),
}

impl<'a> Reader<'_, 'a> {
    /// Reads the next record into `fields`, which it clears first; false after the last.
    ///
    /// In place, because handing records out by value was a third of the time it takes to decode them.
    pub(super) fn next(&mut self, fields: &mut Fields<'a>) -> Result<bool, PackFault> {
        *fields = Fields::default();
        match self {
            Self::Cbor(reader, _) => reader.next(fields),
            #[cfg(feature = "json")]
            Self::Json(reader) => reader.next(fields),
        }
    }
}

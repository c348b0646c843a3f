//! What makes two moments the same: everything that can still change a decision, with times counted from now. Texts for
//! people, numbers of entries that the disk holds already and samples of long ago are left out.

use std::hash::Hasher;

use muster_core::Millis;
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// Further back than this, nothing in the core looks: the repair limit of 8 h is the longest time that it waits.
const LONG_AGO_MS: Millis = 9 * 3_600_000;
/// Texts; what follows from the site alone; what is only shown.
const LEFT_OUT: &[&str] = &[
    "site",
    "named",
    "why",
    "note",
    "reason",
    "percent",
    "troubles",
    "earlier",
    "value_since",
    "clear_from",
    "stored",
    "by_source",
    "by_id",
    "voters",
    "runtimes",
    "queue",
    // What follows from it is in `times`.
    "lessons",
    "now",
];
/// Of what rungs take.
const DURATIONS: &[&str] = &["needs", "stuck_after"];
/// Samples in a row below clear; channels here ask for two.
const CLEAR_RUN: u8 = 2;

/// Feeds a hasher.
pub(crate) struct Canonical<'a, H> {
    pub(crate) into: &'a mut H,
    /// Engine time that times are counted from.
    pub(crate) now: Millis,
    /// Entries up to this are on disk: which number they have changes nothing.
    pub(crate) stored: u64,
    pub(crate) field: &'static str,
}

/// Nothing can go wrong while hashing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Never(String);

impl serde::ser::Error for Never {
    fn custom<T: std::fmt::Display>(what: T) -> Self {
        Self(what.to_string())
    }
}

impl<H: Hasher> Canonical<'_, H> {
    fn number(&mut self, n: u64) -> Result<(), Never> {
        self.into.write_u64(n);
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Never> {
        if LEFT_OUT.contains(&name) {
            return Ok(());
        }
        let outer = std::mem::replace(&mut self.field, name);
        value.serialize(&mut *self)?;
        self.field = outer;
        Ok(())
    }
}

impl<H: Hasher> Serializer for &mut Canonical<'_, H> {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fn serialize_bool(self, v: bool) -> Result<(), Never> {
        self.number(v.into())
    }
    fn serialize_i8(self, v: i8) -> Result<(), Never> {
        self.number(v.cast_unsigned().into())
    }
    fn serialize_i16(self, v: i16) -> Result<(), Never> {
        self.number(v.cast_unsigned().into())
    }
    fn serialize_i32(self, v: i32) -> Result<(), Never> {
        self.number(v.cast_unsigned().into())
    }
    /// Whatever is no measured value (see below) and no duration is a time.
    fn serialize_i64(self, v: i64) -> Result<(), Never> {
        if DURATIONS.contains(&self.field) {
            return self.number(v.cast_unsigned());
        }
        let ago = v.saturating_sub(self.now).max(-LONG_AGO_MS);
        self.number(ago.cast_unsigned())
    }
    fn serialize_u8(self, v: u8) -> Result<(), Never> {
        let v = if self.field == "clear_run" { v.min(CLEAR_RUN) } else { v };
        self.number(v.into())
    }
    fn serialize_u16(self, v: u16) -> Result<(), Never> {
        self.number(v.into())
    }
    fn serialize_u32(self, v: u32) -> Result<(), Never> {
        self.number(v.into())
    }
    fn serialize_u64(self, v: u64) -> Result<(), Never> {
        let v = if self.field == "seq" {
            v.saturating_sub(self.stored)
        } else {
            v
        };
        self.number(v)
    }
    fn serialize_f32(self, v: f32) -> Result<(), Never> {
        self.number(v.to_bits().into())
    }
    fn serialize_f64(self, v: f64) -> Result<(), Never> {
        self.number(v.to_bits())
    }
    fn serialize_char(self, v: char) -> Result<(), Never> {
        self.number(u32::from(v).into())
    }
    fn serialize_str(self, v: &str) -> Result<(), Never> {
        self.into.write(v.as_bytes());
        self.number(v.len() as u64)
    }
    fn serialize_bytes(self, v: &[u8]) -> Result<(), Never> {
        self.into.write(v);
        self.number(v.len() as u64)
    }
    fn serialize_none(self) -> Result<(), Never> {
        self.number(0)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Never> {
        self.number(1)?;
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), Never> {
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Never> {
        Ok(())
    }
    fn serialize_unit_variant(self, _: &'static str, ix: u32, _: &'static str) -> Result<(), Never> {
        self.number(ix.into())
    }
    /// A measured value is the only signed number that is no time.
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), Never> {
        let now = if name == "Micro" {
            std::mem::take(&mut self.now)
        } else {
            self.now
        };
        value.serialize(&mut *self)?;
        self.now = now;
        Ok(())
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        ix: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        self.number(ix.into())?;
        value.serialize(self)
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Never> {
        self.number(len.unwrap_or(0) as u64)?;
        Ok(self)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self, Never> {
        Ok(self)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Never> {
        Ok(self)
    }
    fn serialize_tuple_variant(self, _: &'static str, ix: u32, _: &'static str, _: usize) -> Result<Self, Never> {
        self.number(ix.into())?;
        Ok(self)
    }
    fn serialize_map(self, len: Option<usize>) -> Result<Self, Never> {
        self.serialize_seq(len)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Never> {
        Ok(self)
    }
    fn serialize_struct_variant(self, _: &'static str, ix: u32, _: &'static str, _: usize) -> Result<Self, Never> {
        self.number(ix.into())?;
        Ok(self)
    }
}

/// Elements of these kinds are hashed one after the other.
macro_rules! in_order {
    ($($kind:ident::$method:ident),*) => {$(
        impl<H: Hasher> $kind for &mut Canonical<'_, H> {
            type Ok = ();
            type Error = Never;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
                value.serialize(&mut **self)
            }
            fn end(self) -> Result<(), Never> {
                Ok(())
            }
        }
    )*};
}

in_order!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

impl<H: Hasher> SerializeMap for &mut Canonical<'_, H> {
    type Ok = ();
    type Error = Never;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Never> {
        key.serialize(&mut **self)
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        value.serialize(&mut **self)
    }
    fn end(self) -> Result<(), Never> {
        Ok(())
    }
}

/// Fields have names, by which some are left out.
macro_rules! by_name {
    ($($kind:ident),*) => {$(
        impl<H: Hasher> $kind for &mut Canonical<'_, H> {
            type Ok = ();
            type Error = Never;
            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Never> {
                self.field(name, value)
            }
            fn end(self) -> Result<(), Never> {
                Ok(())
            }
        }
    )*};
}

by_name!(SerializeStruct, SerializeStructVariant);

//! Records out of CBOR, without a copy.

use minicbor::data::{IanaTag, Type};
use minicbor::decode::{Decoder, Error};

use super::PackFault;
use super::fields::{Fields, Label, Raw};
use crate::Micro;

impl From<Error> for PackFault {
    fn from(_: Error) -> Self {
        Self::Malformed
    }
}

/// Walks the records of a CBOR array.
#[derive(Clone, Debug)]
pub(super) struct CborReader<'a> {
    decoder: Decoder<'a>,
    /// Items still to come; `None` until a break.
    left: Option<u64>,
}

impl<'a> CborReader<'a> {
    pub(super) fn open(payload: &'a [u8]) -> Result<Self, PackFault> {
        let mut decoder = Decoder::new(payload);
        let left = decoder.array()?;
        Ok(Self { decoder, left })
    }

    /// Reads the next record; false at the end of the array, which is the end of the payload too.
    pub(super) fn next(&mut self, fields: &mut Fields<'a>) -> Result<bool, PackFault> {
        if more(&mut self.decoder, &mut self.left)? {
            return record(&mut self.decoder, fields).map(|()| true);
        }
        self.left = Some(0);
        let whole = self.decoder.position() == self.decoder.input().len();
        if whole { Ok(false) } else { Err(PackFault::Malformed) }
    }
}

/// Whether another item of an array or map follows; takes the break that ends one of unknown length.
fn more(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, PackFault> {
    match left {
        Some(0) => Ok(false),
        Some(n) => {
            *n -= 1;
            Ok(true)
        }
        None if decoder.datatype()? == Type::Break => {
            decoder.set_position(decoder.position() + 1);
            Ok(false)
        }
        None => Ok(true),
    }
}

fn record<'a>(decoder: &mut Decoder<'a>, fields: &mut Fields<'a>) -> Result<(), PackFault> {
    let mut left = decoder.map()?;
    while more(decoder, &mut left)? {
        match label(decoder)? {
            Some(label) => fields.put(label, raw(decoder)?)?,
            None => drop(other(decoder)?),
        }
    }
    Ok(())
}

fn label(decoder: &mut Decoder<'_>) -> Result<Option<Label>, PackFault> {
    if let Some(short) = short_int(decoder) {
        return Ok(Label::from_int(short));
    }
    if decoder.datatype()? == Type::String {
        return Label::from_word(decoder.str()?);
    }
    Ok(i64::try_from(decoder.int()?).ok().and_then(Label::from_int))
}

/// A whole number in one byte, as nearly every label is: asking the decoder for its type first takes far longer.
fn short_int(decoder: &mut Decoder<'_>) -> Option<i64> {
    let at = decoder.position();
    let short = match *decoder.input().get(at)? {
        byte @ 0x00..=0x17 => i64::from(byte),
        byte @ 0x20..=0x37 => -1 - i64::from(byte - 0x20),
        _ => return None,
    };
    decoder.set_position(at + 1);
    Some(short)
}

fn raw<'a>(decoder: &mut Decoder<'a>) -> Result<Raw<'a>, PackFault> {
    if let Some(short) = short_int(decoder) {
        return Ok(Raw::Int(short));
    }
    Ok(match decoder.datatype()? {
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => int(decoder)?,
        Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::Int => int(decoder)?,
        Type::String => Raw::Text(decoder.str()?),
        Type::Bool => Raw::Bool(decoder.bool()?),
        Type::F16 => Raw::from_f64(f16(decoder)?),
        Type::F32 | Type::F64 => Raw::from_f64(float(decoder)?),
        Type::Tag => decimal(decoder)?,
        _ => other(decoder)?,
    })
}

fn int<'a>(decoder: &mut Decoder<'a>) -> Result<Raw<'a>, PackFault> {
    Ok(i64::try_from(decoder.int()?).map_or(Raw::Unrepresentable, Raw::Int))
}

fn float(decoder: &mut Decoder<'_>) -> Result<f64, PackFault> {
    match decoder.datatype()? {
        Type::F32 => Ok(f64::from(decoder.f32()?)),
        _ => Ok(decoder.f64()?),
    }
}

/// A half, after RFC 8949 appendix D; written out, because it spares nodes and gateways a dependency.
fn f16(decoder: &mut Decoder<'_>) -> Result<f64, PackFault> {
    let at = decoder.position();
    let Some(&[_, high, low]) = decoder.input().get(at..at + 3) else {
        return Err(PackFault::Malformed);
    };
    decoder.set_position(at + 3);
    let bits = u16::from_be_bytes([high, low]);
    let (exponent, mantissa) = (bits >> 10 & 0x1f, f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => mantissa / f64::from(1_u32 << 24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        // (1024 + mantissa) × 2^(exponent − 25)
        e => (1024.0 + mantissa) * f64::from(1_u32 << e) / f64::from(1_u32 << 25),
    };
    Ok(if bits >> 15 == 1 { -magnitude } else { magnitude })
}

/// Tag 4, `[exponent, mantissa]`; any other tag, or one with other contents, is nothing we read.
fn decimal<'a>(decoder: &mut Decoder<'a>) -> Result<Raw<'a>, PackFault> {
    let mut ahead = decoder.clone();
    if ahead.tag()? != IanaTag::Decimal.tag() || ahead.array().ok() != Some(Some(2)) {
        return other(decoder);
    }
    let (Ok(exponent), Ok(mantissa)) = (ahead.int(), ahead.int()) else {
        return other(decoder);
    };
    *decoder = ahead;
    let micro = match (i64::try_from(exponent), i64::try_from(mantissa)) {
        (Ok(exponent), Ok(mantissa)) => Micro::from_decimal(mantissa, exponent),
        _ => None,
    };
    Ok(micro.map_or(Raw::Unrepresentable, Raw::Decimal))
}

/// Deepest value stepped over: far beyond any field that is known, and no depth of stack to speak of.
const MAX_DEPTH: u8 = 8;

/// Steps over one well-formed value of any kind.
fn other<'a>(decoder: &mut Decoder<'a>) -> Result<Raw<'a>, PackFault> {
    skip(decoder, MAX_DEPTH).map(|()| Raw::Other)
}

/// The decoder's own `skip` takes a stray break for a value, and without an allocator knows only some nestings.
fn skip(decoder: &mut Decoder<'_>, depth: u8) -> Result<(), PackFault> {
    let deeper = depth.checked_sub(1).ok_or(PackFault::Malformed)?;
    match decoder.datatype()? {
        Type::Tag => decoder.tag().map(drop)?,
        Type::Array | Type::ArrayIndef => {
            let mut left = decoder.array()?;
            while more(decoder, &mut left)? {
                skip(decoder, deeper)?;
            }
            return Ok(());
        }
        Type::Map | Type::MapIndef => {
            let mut left = decoder.map()?;
            while more(decoder, &mut left)? {
                skip(decoder, deeper)?;
                skip(decoder, deeper)?;
            }
            return Ok(());
        }
        Type::Break => return Err(PackFault::Malformed),
        _ => return Ok(decoder.skip()?),
    }
    skip(decoder, deeper)
}

//! A whole pack: validated first, acted on after.

use super::body::{Body, Reader};
use super::fields::{Fields, Label, Raw};
use super::resolve::{Base, Record, Refused};
use super::{BOOT, MAX_PACK_BYTES, SEQ};
use crate::Mark;

/// Who speaks, and whether it may be heard. To be checked before any record is acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The node of `bn`; an id. Must match the topic's.
    pub node: &'a str,
    /// Out of the first two records; `None` where the first is not `boot` (other people's sensors).
    pub mark: Option<Mark>,
    /// Every reading of the pack is from a simulation or an injected drill (`sim_`).
    pub simulated: bool,
}

/// Why a pack was refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackFault {
    /// More than [`MAX_PACK_BYTES`].
    #[error("larger than 4 KiB")]
    Oversized,
    /// Truncated, trailed by something, neither CBOR nor JSON, a field twice, or a base field of the wrong type.
    #[error("not a SenML pack, or a truncated one")]
    Malformed,
    /// A JSON string with an escape in a field we read.
    #[error("a JSON string with an escape; ids, units and words are written plainly")]
    Escape,
    /// A field that ends in `_` and is unknown here, or `sim_` that is not a bool in the first record.
    #[error("a field that must be understood and is not")]
    MustUnderstand,
    /// `bver` is not 10.
    #[error("SenML version is not 10")]
    Version,
    /// `bn` is missing in the first record, is not `{node}:`, or changes.
    #[error("`bn` is not `{{node}}:` throughout")]
    BaseName,
    /// `boot` without `seq`, or one that is not a whole number ≥ 0.
    #[error("`boot` and `seq` are not two whole numbers")]
    Mark,
}

/// A pack that is well formed to its last byte.
#[derive(Clone, Debug)]
pub struct Pack<'a> {
    header: Header<'a>,
    body: Body<'a>,
}

impl<'a> Pack<'a> {
    /// Reads a payload in either encoding to its end, so that nothing of a malformed pack is ever acted on.
    ///
    /// # Errors
    /// Why the whole pack is refused. A fault of a single record is its own, see [`Pack::records`].
    pub fn parse(payload: &'a [u8]) -> Result<Self, PackFault> {
        if payload.len() > MAX_PACK_BYTES {
            return Err(PackFault::Oversized);
        }
        let body = Body::open(payload)?;
        let header = header(body.reader())?;
        Ok(Self { header, body })
    }

    /// Who speaks.
    #[must_use]
    pub const fn header(&self) -> Header<'a> {
        self.header
    }

    /// The records after `boot` and `seq`, in order.
    #[must_use]
    pub fn records(&self) -> Records<'_, 'a> {
        Records {
            reader: self.body.reader(),
            base: Base::default(),
            skip: if self.header.mark.is_some() { 2 } else { 0 },
        }
    }
}

fn header<'a>(mut reader: Reader<'_, 'a>) -> Result<Header<'a>, PackFault> {
    let (mut base, mut fields) = (Base::default(), Fields::default());
    if !reader.next(&mut fields)? {
        return Err(PackFault::BaseName);
    }
    base.absorb(&fields)?;
    let node = base.node().ok_or(PackFault::BaseName)?;
    let simulated = simulated(&fields)?;
    let boot = base.counter(&fields, BOOT)?;
    let mut mark = None;
    while reader.next(&mut fields)? {
        base.absorb(&fields)?;
        if fields.get(Label::Simulated).is_some() {
            return Err(PackFault::MustUnderstand);
        }
        if let (Some(boot), None) = (boot, mark) {
            let seq = base.counter(&fields, SEQ)?.ok_or(PackFault::Mark)?;
            mark = Some(Mark { boot, seq });
        }
    }
    if boot.is_some() && mark.is_none() {
        return Err(PackFault::Mark);
    }
    Ok(Header { node, mark, simulated })
}

fn simulated(first: &Fields<'_>) -> Result<bool, PackFault> {
    match first.get(Label::Simulated) {
        None => Ok(false),
        Some(Raw::Bool(simulated)) => Ok(simulated),
        Some(_) => Err(PackFault::MustUnderstand),
    }
}

/// The records of a [`Pack`]; one that cannot be used is handed out as [`Refused`], and the next ones follow.
#[derive(Clone, Debug)]
pub struct Records<'s, 'a> {
    reader: Reader<'s, 'a>,
    base: Base<'a>,
    skip: u8,
}

impl<'a> Iterator for Records<'_, 'a> {
    type Item = Result<Record<'a>, Refused<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut fields = Fields::default();
        // The pack was read to its end once already: an error here cannot be, and would end the records.
        while self.reader.next(&mut fields).unwrap_or(false) {
            self.base.absorb(&fields).ok()?;
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            if let Some(record) = self.base.resolve(&fields) {
                return Some(record);
            }
        }
        None
    }
}

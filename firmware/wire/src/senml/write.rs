//! Packs as nodes send them: CBOR, no allocation, exact numbers, never a float.

use minicbor::data::IanaTag;
use minicbor::encode::write::{Cursor, EndOfSlice};
use minicbor::encode::{Encoder, Error};

use super::{BOOT, MAX_PACK_BYTES, Record, SEQ, Value};
use crate::{MICRO, Mark, Micro};

/// The buffer cannot take one more record; what was written before stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room left in the pack")]
pub struct Full;

type Cbor<'b> = Encoder<Cursor<&'b mut [u8]>>;
type Written = Result<(), Error<EndOfSlice>>;

/// Writes one pack. Without a record it is what an `ack` carries.
#[derive(Debug)]
pub struct PackWriter<'b> {
    cbor: Cbor<'b>,
    /// One byte less than the buffer: the break that ends the array always fits.
    limit: usize,
}

impl<'b> PackWriter<'b> {
    /// Begins a pack of `node` in `buf`, of which at most [`MAX_PACK_BYTES`] are used.
    ///
    /// # Errors
    /// [`Full`] where not even `boot` and `seq` fit; 96 bytes always do.
    pub fn new(buf: &'b mut [u8], node: &str, mark: Mark, simulated: bool) -> Result<Self, Full> {
        let limit = buf.len().min(MAX_PACK_BYTES).saturating_sub(1);
        let mut writer = Self {
            cbor: Encoder::new(Cursor::new(buf)),
            limit,
        };
        writer.whole(|cbor| first(cbor, node, mark, simulated))?;
        Ok(writer)
    }

    /// Adds a record.
    ///
    /// # Errors
    /// [`Full`]: the record is not in the pack, all earlier ones are.
    pub fn push(&mut self, record: &Record<'_>) -> Result<(), Full> {
        self.whole(|cbor| later(cbor, record))
    }

    /// Ends the pack.
    #[must_use]
    pub fn finish(self) -> &'b [u8] {
        let cursor = self.cbor.into_writer();
        let end = cursor.position();
        let buf = cursor.into_inner();
        match buf.get_mut(end) {
            Some(byte) => *byte = BREAK,
            None => return &[],
        }
        &buf[..=end]
    }

    /// All of it or nothing.
    fn whole(&mut self, write: impl FnOnce(&mut Cbor<'b>) -> Written) -> Result<(), Full> {
        let before = self.cbor.writer().position();
        let written = write(&mut self.cbor).is_ok();
        if written && self.cbor.writer().position() <= self.limit {
            return Ok(());
        }
        self.cbor.writer_mut().set_position(before);
        Err(Full)
    }
}

/// Ends an array of unknown length.
const BREAK: u8 = 0xff;

fn first(cbor: &mut Cbor<'_>, node: &str, mark: Mark, simulated: bool) -> Written {
    cbor.begin_array()?.map(if simulated { 4 } else { 3 })?;
    cbor.i8(-2)?.str_len(node.len() as u64 + 1)?;
    raw(cbor, node.as_bytes())?;
    raw(cbor, b":")?;
    if simulated {
        cbor.str("sim_")?.bool(true)?;
    }
    cbor.u8(0)?.str(BOOT)?.u8(2)?.u64(mark.boot)?;
    cbor.map(2)?.u8(0)?.str(SEQ)?.u8(2)?.u64(mark.seq)?.ok()
}

fn raw(cbor: &mut Cbor<'_>, bytes: &[u8]) -> Written {
    minicbor::encode::Write::write_all(cbor.writer_mut(), bytes).map_err(Error::write)
}

fn later(cbor: &mut Cbor<'_>, record: &Record<'_>) -> Written {
    let fields = 2 + u64::from(record.unit.is_some()) + u64::from(record.age_ms > 0);
    cbor.map(fields)?.u8(0)?.str(record.name)?;
    if let Some(unit) = record.unit {
        cbor.u8(1)?.str(unit)?;
    }
    match record.value {
        Value::Micro(value) => number(cbor.u8(2)?, value)?,
        Value::Absent(reason) => cbor.u8(3)?.str(reason.as_str())?.ok()?,
        Value::Text(word) => cbor.u8(3)?.str(word)?.ok()?,
        Value::Bool(value) => cbor.u8(4)?.bool(value)?.ok()?,
    }
    if record.age_ms > 0 {
        number(cbor.u8(6)?, Micro(-1000 * i64::from(record.age_ms)))?;
    }
    Ok(())
}

/// Whole units as an integer, anything else as a decimal fraction (tag 4) without zeros at its end.
fn number(cbor: &mut Cbor<'_>, Micro(value): Micro) -> Written {
    if value % MICRO == 0 {
        return cbor.i64(value / MICRO)?.ok();
    }
    let (mut mantissa, mut exponent) = (value, -6_i8);
    while mantissa % 10 == 0 {
        mantissa /= 10;
        exponent += 1;
    }
    cbor.tag(IanaTag::Decimal)?.array(2)?.i8(exponent)?.i64(mantissa)?.ok()
}

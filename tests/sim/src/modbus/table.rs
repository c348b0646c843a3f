//! The four tables of a Modbus device, and how a device answers a read of them.

use std::collections::BTreeMap;

use tokio_modbus::{ExceptionCode, Request, Response};

use super::recorded::Cells;

/// Largest read of registers by the standard (Application Protocol 1.1b3, §6.3).
const MAX_REGISTERS: u16 = 125;
/// Largest read of discrete inputs (§6.2).
const MAX_INPUTS: u16 = 2_000;

/// What a device's registers hold at one moment. A table without entries does not exist in the device.
#[derive(Default)]
pub(super) struct Table {
    pub(super) holding: BTreeMap<u16, u16>,
    pub(super) input: BTreeMap<u16, u16>,
    pub(super) coil: BTreeMap<u16, bool>,
    pub(super) discrete: BTreeMap<u16, bool>,
}

impl Table {
    /// The answer to a request. Only reads exist: everything else is exception 1.
    pub(super) fn answer(&self, request: &Request<'_>) -> Result<Response, ExceptionCode> {
        match *request {
            Request::ReadHoldingRegisters(at, count) => {
                read(&self.holding, at, count, MAX_REGISTERS).map(Response::ReadHoldingRegisters)
            }
            Request::ReadInputRegisters(at, count) => {
                read(&self.input, at, count, MAX_REGISTERS).map(Response::ReadInputRegisters)
            }
            Request::ReadCoils(at, count) => read(&self.coil, at, count, MAX_INPUTS).map(Response::ReadCoils),
            Request::ReadDiscreteInputs(at, count) => {
                read(&self.discrete, at, count, MAX_INPUTS).map(Response::ReadDiscreteInputs)
            }
            _ => Err(ExceptionCode::IllegalFunction),
        }
    }

    /// With what was recorded.
    pub(super) fn of(cells: &[(Cells, u16, u16)]) -> Self {
        let mut table = Self::default();
        for &(cell, at, word) in cells {
            match cell {
                Cells::Holding => drop(table.holding.insert(at, word)),
                Cells::Input => drop(table.input.insert(at, word)),
                Cells::Coil => drop(table.coil.insert(at, word != 0)),
                Cells::Discrete => drop(table.discrete.insert(at, word != 0)),
            }
        }
        table
    }

    /// Writes a 32-bit value into two holding registers, high word first.
    pub(super) fn put_u32(&mut self, at: u16, value: u32) {
        self.holding.insert(at, (value >> 16) as u16);
        self.holding.insert(at + 1, value as u16);
    }

    /// Writes text into `words` holding registers, two letters each, high byte first, filled with blanks.
    pub(super) fn put_text(&mut self, at: u16, words: u16, text: &str) {
        let mut letters = text.bytes().chain(std::iter::repeat(b' '));
        for register in at..at + words {
            let pair = [letters.next().unwrap_or(b' '), letters.next().unwrap_or(b' ')];
            self.holding.insert(register, u16::from_be_bytes(pair));
        }
    }
}

/// As Schneider describes it (990-6447J): a read of one undefined register is an error, a block read gives zero for
/// every undefined one. So a zero out of a block proves nothing.
fn read<T: Copy + Default>(cells: &BTreeMap<u16, T>, at: u16, count: u16, max: u16) -> Result<Vec<T>, ExceptionCode> {
    if cells.is_empty() {
        return Err(ExceptionCode::IllegalFunction);
    }
    if count == 0 || count > max {
        return Err(ExceptionCode::IllegalDataValue);
    }
    let last = at.checked_add(count - 1).ok_or(ExceptionCode::IllegalDataAddress)?;
    if count == 1 && !cells.contains_key(&at) {
        return Err(ExceptionCode::IllegalDataAddress);
    }
    Ok((at..=last)
        .map(|a| cells.get(&a).copied().unwrap_or_default())
        .collect())
}

/// A value as a binary or decimal fraction in a register: nearest, and held at the ends of what fits.
pub(super) fn scaled(value: f64, per_unit: f64) -> u16 {
    (value * per_unit).round() as u16
}

/// As [`scaled`], in two's complement.
pub(super) fn scaled_signed(value: f64, per_unit: f64) -> u16 {
    ((value * per_unit).round() as i16).cast_unsigned()
}

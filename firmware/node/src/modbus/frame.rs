//! One question and its answer, as bytes (Modbus over Serial Line 1.02; Modbus Application Protocol 1.1b3).

use heapless::Vec;
use rmodbus::client::ModbusRequest;
use rmodbus::{ErrorKind, ModbusProto};

use super::map::{Read, Table};

/// Longest answer: 125 registers, address, function, length and check sum. Bytes.
pub(super) const ANSWER_BYTES: usize = 255;
/// Registers, or bits, of the longest answer that is asked for here. No profile asks for more bits than that.
pub(super) const MOST_WORDS: usize = 125;
/// Address, function, and length or exception.
pub(super) const HEAD_BYTES: usize = 3;
const CHECK_BYTES: usize = 2;
/// Set in the function of an answer that is an exception.
const EXCEPTION: u8 = 0x80;

/// What came, register by register, or bit by bit.
pub(super) type Words = Vec<u16, MOST_WORDS>;

/// A question that has been asked.
pub(super) struct Question {
    request: ModbusRequest,
    read: Read,
}

/// Why an answer is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadAnswer {
    /// From another device.
    Unit,
    /// To another question.
    Function,
    /// To another question, or none.
    Length,
    /// Noise.
    Checksum,
    /// The device refuses.
    Refused,
}

impl Question {
    /// The question, and its bytes. There is no other kind than these four.
    pub(super) fn new(unit: u8, read: Read) -> (Self, Vec<u8, 8>) {
        let mut request = ModbusRequest::new(unit, ModbusProto::Rtu);
        let mut bytes = Vec::new();
        let Read { table, start, count } = read;
        // Eight bytes always fit.
        let _ = match table {
            Table::Coil => request.generate_get_coils(start, count, &mut bytes),
            Table::Discrete => request.generate_get_discretes(start, count, &mut bytes),
            Table::Holding => request.generate_get_holdings(start, count, &mut bytes),
            Table::Input => request.generate_get_inputs(start, count, &mut bytes),
        };
        (Self { request, read }, bytes)
    }

    /// Bytes of values in its answer.
    fn value_bytes(&self) -> usize {
        let count = usize::from(self.read.count);
        match self.read.table {
            Table::Coil | Table::Discrete => count.div_ceil(8),
            Table::Holding | Table::Input => 2 * count,
        }
    }

    /// Bytes of its answer.
    pub(super) fn answer_bytes(&self) -> usize {
        HEAD_BYTES + self.value_bytes() + CHECK_BYTES
    }

    /// Whether what begins so can be the answer, and its whole length.
    pub(super) fn judge(&self, head: [u8; HEAD_BYTES]) -> Result<usize, BadAnswer> {
        let [unit, function, length] = head;
        let asked = self.request.func.byte();
        match () {
            () if unit != self.request.unit_id => Err(BadAnswer::Unit),
            () if function == asked | EXCEPTION => Ok(HEAD_BYTES + CHECK_BYTES),
            () if function != asked => Err(BadAnswer::Function),
            () if usize::from(length) != self.value_bytes() => Err(BadAnswer::Length),
            () => Ok(self.answer_bytes()),
        }
    }

    /// The values of a whole answer that [`Self::judge`] has let pass.
    pub(super) fn parse(&self, answer: &[u8]) -> Result<Words, BadAnswer> {
        let mut words = Words::new();
        let parsed = match self.read.table {
            Table::Holding | Table::Input => self.request.parse_u16(answer, &mut words),
            Table::Coil | Table::Discrete => {
                let mut bits = Vec::<bool, MOST_WORDS>::new();
                let parsed = self.request.parse_bool(answer, &mut bits);
                words.extend(bits.iter().map(|bit| u16::from(*bit)));
                parsed
            }
        };
        match parsed {
            Ok(()) if words.len() == usize::from(self.read.count) => Ok(words),
            Ok(()) => Err(BadAnswer::Length),
            Err(ErrorKind::FrameCRCError) => Err(BadAnswer::Checksum),
            Err(_) => Err(BadAnswer::Refused),
        }
    }
}

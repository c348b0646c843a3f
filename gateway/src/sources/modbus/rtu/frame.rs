//! Questions and answers on a serial line, as bytes (Modbus over Serial Line 1.02, 2.5.1; Application Protocol 1.1b3).

use crc::{CRC_16_MODBUS, Crc};
use muster_profiles::{Block, Table};

const CHECK: Crc<u16> = Crc::<u16>::new(&CRC_16_MODBUS);
/// Bytes of the check sum.
const CHECK_BYTES: usize = 2;
/// Unit, function, and length or exception.
const HEAD_BYTES: usize = 3;
/// Set in the function of an answer that is an exception.
const EXCEPTION: u8 = 0x80;
/// Read device identification: function, MEI type.
const IDENTITY: [u8; 2] = [0x2B, 0x0E];
/// No frame is longer (Serial Line 1.02, 2.3).
pub(super) const LONGEST: usize = 256;

/// A question of one unit. There are no others, and none that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    Read(Block),
    Identity,
}

/// What can be seen of an answer without knowing its question: whatever else it is an answer to looks the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) function: u8,
    /// Bytes of values; an identity is as long as it is.
    pub(super) bytes: Option<u8>,
}

impl Question {
    pub(super) const fn function(self) -> u8 {
        match self {
            Self::Read(block) => match block.table {
                Table::Coil => 1,
                Table::Discrete => 2,
                Table::Holding => 3,
                Table::Input => 4,
            },
            Self::Identity => IDENTITY[0],
        }
    }

    pub(super) fn shape(self) -> Shape {
        let bytes = match self {
            Self::Read(block) if block.table.is_bits() => u8::try_from(block.count.div_ceil(8)).ok(),
            Self::Read(block) => u8::try_from(block.count * 2).ok(),
            Self::Identity => None,
        };
        Shape {
            function: self.function(),
            bytes,
        }
    }

    /// As it goes over the line.
    pub(super) fn bytes(self, unit: u8) -> Vec<u8> {
        let mut bytes = vec![unit, self.function()];
        match self {
            Self::Read(block) => {
                bytes.extend(block.start.to_be_bytes());
                bytes.extend(block.count.to_be_bytes());
            }
            // Basic, from the first object on.
            Self::Identity => bytes.extend([IDENTITY[1], 1, 0]),
        }
        bytes.extend(CHECK.checksum(&bytes).to_le_bytes());
        bytes
    }

    /// Bytes of its answer; of one that has no fixed length the most.
    pub(super) fn answer_bytes(self) -> usize {
        match self.shape().bytes {
            Some(bytes) => HEAD_BYTES + usize::from(bytes) + CHECK_BYTES,
            None => LONGEST,
        }
    }
}

/// What stands at the beginning of what has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Not yet a whole frame.
    More,
    /// A frame of so many bytes, whose check sum holds.
    Frame(usize),
    /// So many bytes that would be a frame, if its check sum held.
    Broken(usize),
    /// No answer begins so.
    Noise,
}

/// Finds the frame at the beginning of bytes by its own length: a pause between two bytes says nothing, because adapters
/// deliver in pieces.
pub(super) fn cut(bytes: &[u8]) -> Cut {
    let length = match bytes {
        [_, function, ..] if !is_answer(*function) => return Cut::Noise,
        [_, 0x2B, rest @ ..] => match identity_bytes(rest) {
            Some(length) => 2 + length,
            None if bytes.len() >= LONGEST => return Cut::Noise,
            None => return Cut::More,
        },
        [_, function, ..] if function & EXCEPTION != 0 => HEAD_BYTES,
        [_, _, length, ..] => HEAD_BYTES + usize::from(*length),
        _ => return Cut::More,
    };
    let whole = length + CHECK_BYTES;
    match (bytes.get(..length), bytes.get(length..whole)) {
        (Some(frame), Some(sum)) if CHECK.checksum(frame).to_le_bytes() == *sum => Cut::Frame(whole),
        (Some(_), Some(_)) => Cut::Broken(whole),
        _ if whole > LONGEST => Cut::Noise,
        _ => Cut::More,
    }
}

fn is_answer(function: u8) -> bool {
    matches!(function & !EXCEPTION, 1..=4 | 0x2B)
}

/// Bytes behind the function of an answer that says who a device is; none while they have not all come.
fn identity_bytes(rest: &[u8]) -> Option<usize> {
    const FIXED: usize = 6;
    let mut length = FIXED;
    for _ in 0..*rest.get(FIXED - 1)? {
        length += 2 + usize::from(*rest.get(length + 1)?);
    }
    (rest.len() >= length).then_some(length)
}

/// A whole frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) unit: u8,
    /// Function and what follows it, without the check sum.
    pub(super) pdu: Vec<u8>,
}

impl Frame {
    /// Of the bytes that [`cut`] has found to be one.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let (unit, rest) = bytes.split_first()?;
        let pdu = rest.get(..rest.len().checked_sub(CHECK_BYTES)?)?.to_vec();
        Some(Self { unit: *unit, pdu })
    }

    /// The exception's code, if it is one to this function.
    pub(super) fn exception(&self, function: u8) -> Option<u8> {
        match self.pdu[..] {
            [given, code] if given == function | EXCEPTION => Some(code),
            _ => None,
        }
    }

    /// What it looks like; an exception has the shape of nothing that was asked for.
    pub(super) fn shape(&self) -> Shape {
        let function = self.pdu.first().copied().unwrap_or_default();
        let bytes = self.pdu.get(1).copied().filter(|_| function != IDENTITY[0]);
        Shape { function, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holding(start: u16, count: u16) -> Question {
        let table = Table::Holding;
        Question::Read(Block { table, start, count })
    }

    fn framed(body: &[u8]) -> Vec<u8> {
        let mut bytes = body.to_vec();
        bytes.extend(CHECK.checksum(body).to_le_bytes());
        bytes
    }

    #[test]
    fn a_question_is_as_the_documents_say() {
        // The example of the Application Protocol, 6.3, with the sum that every RTU calculator gives.
        assert_eq!(
            holding(0x006B, 3).bytes(0x11),
            [0x11, 0x03, 0x00, 0x6B, 0x00, 0x03, 0x76, 0x87]
        );
        assert_eq!(holding(0, 3).answer_bytes(), 11);
    }

    #[test]
    fn a_frame_is_found_by_its_own_length_and_its_sum() {
        let words = framed(&[7, 3, 4, 1, 2, 3, 4]);
        for n in 0..words.len() {
            assert_eq!(cut(&words[..n]), Cut::More, "{n}");
        }
        assert_eq!(cut(&words), Cut::Frame(9));
        let mut two = words.clone();
        two.extend(&words);
        assert_eq!(cut(&two), Cut::Frame(9));
        let mut broken = words;
        broken[4] ^= 1;
        assert_eq!(cut(&broken), Cut::Broken(9));
        assert_eq!(cut(&framed(&[7, 0x83, 2])), Cut::Frame(5));
        assert_eq!(cut(&[7, 6, 0, 0]), Cut::Noise, "an answer to a write is none of ours");
    }

    #[test]
    fn who_a_device_is_may_be_of_any_length() {
        let said = framed(&[7, 0x2B, 0x0E, 1, 1, 0, 0, 2, 0, 2, b'A', b'B', 1, 1, b'C']);
        for n in 2..said.len() {
            assert_eq!(cut(&said[..n]), Cut::More, "{n}");
        }
        assert_eq!(cut(&said), Cut::Frame(said.len()));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_cut_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            match cut(&bytes) {
                Cut::Frame(n) => prop_assert!(n <= bytes.len() && Frame::of(&bytes[..n]).is_some()),
                Cut::Broken(n) => prop_assert!(n <= bytes.len()),
                Cut::More => prop_assert!(bytes.len() < LONGEST + 4),
                Cut::Noise => {}
            }
        }

        #[test]
        fn a_changed_byte_is_never_a_frame_of_the_same_length(at in 3usize..11, flip in 1u8..) {
            let mut bytes = framed(&[7, 3, 6, 1, 2, 3, 4, 5, 6]);
            bytes[at] ^= flip;
            prop_assert_eq!(cut(&bytes), Cut::Broken(11));
        }
    }
}

//! Frames: length and CRC-32 of the content before it, both little-endian. A frame that a kill or a sick disk has torn is
//! told from a whole one, and everything before it stands.

use serde::Serialize;

/// Bytes before the content.
const HEADER: usize = 8;

/// Appends a frame with this content.
///
/// # Errors
/// Something that CBOR cannot write, or more than 4 GiB of it.
pub(super) fn append(buffer: &mut Vec<u8>, content: &impl Serialize) -> std::io::Result<()> {
    let start = buffer.len();
    buffer.extend([0; HEADER]);
    ciborium::into_writer(content, &mut *buffer).map_err(std::io::Error::other)?;
    let content = &buffer[start + HEADER..];
    let length = u32::try_from(content.len()).map_err(std::io::Error::other)?;
    let sum = crc32fast::hash(content);
    buffer[start..start + 4].copy_from_slice(&length.to_le_bytes());
    buffer[start + 4..start + HEADER].copy_from_slice(&sum.to_le_bytes());
    Ok(())
}

/// A frame read, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cut<'a> {
    /// Content, and where the next frame begins.
    Frame(&'a [u8], usize),
    /// Nothing more.
    End,
    /// The file ends in the middle of a frame.
    Torn,
    /// The content is not what was written.
    Spoilt,
}

/// The frame at `at`.
pub(super) fn cut(bytes: &[u8], at: usize) -> Cut<'_> {
    let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else {
        return Cut::End;
    };
    let Some((header, rest)) = rest.split_first_chunk::<HEADER>() else {
        return Cut::Torn;
    };
    let [l0, l1, l2, l3, s0, s1, s2, s3] = *header;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    let Some(content) = rest.get(..length) else {
        return Cut::Torn;
    };
    if crc32fast::hash(content) != u32::from_le_bytes([s0, s1, s2, s3]) {
        return Cut::Spoilt;
    }
    Cut::Frame(content, at + HEADER + length)
}

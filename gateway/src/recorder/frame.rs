//! Frames: length and CRC-32 of the content before it, both little-endian. A frame that a kill or a sick disk has torn is
//! told from a whole one, and everything before it stands.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write};

use serde::Serialize;

/// Bytes before the content.
const HEADER: usize = 8;

/// Appends a frame with this content.
///
/// # Errors
/// Something that CBOR cannot write, or more than 4 GiB of it.
pub(super) fn append(buffer: &mut Vec<u8>, content: &impl Serialize) -> io::Result<()> {
    let start = buffer.len();
    buffer.extend([0; HEADER]);
    ciborium::into_writer(content, &mut *buffer).map_err(io::Error::other)?;
    let content = &buffer[start + HEADER..];
    let length = u32::try_from(content.len()).map_err(io::Error::other)?;
    let header = header(length, crc32fast::hash(content));
    buffer[start..start + HEADER].copy_from_slice(&header);
    Ok(())
}

/// What is streamed goes to the file in pieces of this many bytes.
const PIECE: usize = 64 << 10;
/// The header of a frame whose end has not been written: longer than any file, so it reads as torn.
const UNFINISHED: [u8; HEADER] = [0xff; HEADER];

/// Writes a frame with this content at the end of a file without holding it in memory; how many bytes it took.
///
/// # Errors
/// The disk's; something that CBOR cannot write, or more than 4 GiB of it.
pub(super) fn stream(file: &mut File, content: &impl Serialize) -> io::Result<u64> {
    let start = file.stream_position()?;
    file.write_all(&UNFINISHED)?;
    let mut pieces = Pieces::new(file);
    ciborium::into_writer(content, &mut pieces).map_err(io::Error::other)?;
    let (length, sum) = pieces.end()?;
    file.seek(SeekFrom::Start(start))?;
    file.write_all(&header(length, sum))?;
    file.seek(SeekFrom::End(0))?;
    Ok(HEADER as u64 + u64::from(length))
}

fn header(length: u32, sum: u32) -> [u8; HEADER] {
    (u64::from(sum) << 32 | u64::from(length)).to_le_bytes()
}

/// Counts and sums what goes by.
struct Pieces<'f> {
    file: &'f mut File,
    piece: Vec<u8>,
    sum: crc32fast::Hasher,
    length: u64,
}

impl<'f> Pieces<'f> {
    fn new(file: &'f mut File) -> Self {
        Self {
            file,
            piece: Vec::with_capacity(PIECE),
            sum: crc32fast::Hasher::new(),
            length: 0,
        }
    }

    /// Length and sum of it all.
    fn end(mut self) -> io::Result<(u32, u32)> {
        self.flush()?;
        let length = u32::try_from(self.length).map_err(io::Error::other)?;
        Ok((length, self.sum.finalize()))
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sum.update(&self.piece);
        self.length += self.piece.len() as u64;
        self.file.write_all(&self.piece)?;
        self.piece.clear();
        Ok(())
    }
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

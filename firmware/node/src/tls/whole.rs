//! Whole records below TLS, so that a read may be given up at any time.
//!
//! embedded-tls reads a record's header into a variable of its own and then waits for the rest: who stops waiting there
//! loses the header, and with it the connection. A node stops waiting all the time, because an alarm goes out at once.
//! Here a record is collected first; TLS then takes it without waiting. What TLS writes is taken at once, too, and goes
//! out with the next read or flush.

use embedded_io_async::{ErrorKind, ErrorType, Read, Write};

/// A record's header.
const HEADER_BYTES: usize = 5;
/// The largest record that is taken: 4 KiB of content and what TLS adds (RFC 8446, 5.2), with its header.
pub const RECORD_BYTES: usize = HEADER_BYTES + 4_096 + 256;

/// The stream can be used no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenStream {
    /// The stream below failed.
    #[error("the stream failed")]
    Below(ErrorKind),
    /// A record is larger than a node has room for.
    #[error("a record is too large")]
    Oversized,
    /// The peer takes nothing, and there is no more room for what is to be sent.
    #[error("the peer takes nothing")]
    Stalled,
}

impl embedded_io_async::Error for BrokenStream {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Below(kind) => *kind,
            Self::Oversized => ErrorKind::InvalidData,
            Self::Stalled => ErrorKind::OutOfMemory,
        }
    }
}

/// A stream of whole TLS records.
#[derive(Debug)]
pub struct Whole<'b, S> {
    stream: S,
    received: &'b mut [u8; RECORD_BYTES],
    /// Bytes of the record that have come.
    come: usize,
    /// Bytes of it that have been taken; it is complete as soon as this is not 0.
    taken: usize,
    sending: &'b mut [u8],
    /// Bytes that wait to go out.
    waiting: usize,
}

impl<'b, S: Read + Write> Whole<'b, S> {
    pub(super) fn new(stream: S, received: &'b mut [u8; RECORD_BYTES], sending: &'b mut [u8]) -> Self {
        Self {
            stream,
            received,
            come: 0,
            taken: 0,
            sending,
            waiting: 0,
        }
    }

    /// How long the record is, once its header is there.
    fn record_bytes(&self) -> Result<Option<usize>, BrokenStream> {
        if self.come < HEADER_BYTES {
            return Ok(None);
        }
        let content = usize::from(u16::from_be_bytes([self.received[3], self.received[4]]));
        if HEADER_BYTES + content > self.received.len() {
            return Err(BrokenStream::Oversized);
        }
        Ok(Some(HEADER_BYTES + content))
    }

    /// Waits until a whole record is there; `false` at the end of the stream. May be given up at any await.
    async fn collect(&mut self) -> Result<bool, BrokenStream> {
        loop {
            let until = match self.record_bytes()? {
                Some(bytes) if self.come == bytes => return Ok(true),
                Some(bytes) => bytes,
                None => HEADER_BYTES,
            };
            let room = &mut self.received[self.come..until];
            let read = self.stream.read(room).await.map_err(below)?;
            if read == 0 {
                return Ok(false);
            }
            self.come += read;
        }
    }

    /// Sends what waits. May be given up at any await.
    async fn drain(&mut self) -> Result<(), BrokenStream> {
        while self.waiting > 0 {
            let sent = self.stream.write(&self.sending[..self.waiting]).await.map_err(below)?;
            if sent == 0 {
                return Err(BrokenStream::Stalled);
            }
            self.sending.copy_within(sent..self.waiting, 0);
            self.waiting -= sent;
        }
        Ok(())
    }
}

fn below(error: impl embedded_io_async::Error) -> BrokenStream {
    BrokenStream::Below(error.kind())
}

impl<S: ErrorType> ErrorType for Whole<'_, S> {
    type Error = BrokenStream;
}

impl<S: Read + Write> Read for Whole<'_, S> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, BrokenStream> {
        if self.taken == 0 {
            self.drain().await?;
            self.stream.flush().await.map_err(below)?;
            if !self.collect().await? {
                return Ok(0);
            }
        }
        let left = &self.received[self.taken..self.come];
        let bytes = left.len().min(buf.len());
        buf[..bytes].copy_from_slice(&left[..bytes]);
        self.taken += bytes;
        if self.taken == self.come {
            (self.taken, self.come) = (0, 0);
        }
        Ok(bytes)
    }
}

impl<S: Read + Write> Write for Whole<'_, S> {
    /// Takes everything or nothing, and never waits.
    async fn write(&mut self, buf: &[u8]) -> Result<usize, BrokenStream> {
        let room = self
            .sending
            .get_mut(self.waiting..self.waiting + buf.len())
            .ok_or(BrokenStream::Stalled)?;
        room.copy_from_slice(buf);
        self.waiting += buf.len();
        Ok(buf.len())
    }

    async fn flush(&mut self) -> Result<(), BrokenStream> {
        self.drain().await?;
        self.stream.flush().await.map_err(below)
    }
}

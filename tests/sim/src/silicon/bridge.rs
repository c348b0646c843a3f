//! I2C transactions over a serial line, between an emulated board and the chips here.
//!
//! Request: `A5`, address, number of operations, then of each `01` and a length (read) or `00`, a length and bytes (write).
//! Answer: `5A`, status (0 done, 1 no such address, 2 data not taken), and all that was read. Lengths are one byte.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{Bus, Nack, Operation};

const REQUEST: u8 = 0xA5;
const ANSWER: u8 = 0x5A;

/// Why a bridge ended.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The line ended.
    #[error("the serial line ended")]
    Line(#[source] std::io::Error),
    /// A byte that belongs to no request.
    #[error("{0:#04x} is no request")]
    NoRequest(u8),
}

/// One end of the line: the chips.
#[derive(Debug)]
pub struct Bridge<S> {
    line: S,
    bus: Bus,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Bridge<S> {
    /// These chips, on this line.
    pub fn new(line: S, bus: Bus) -> Self {
        Self { line, bus }
    }

    /// Answers until the line ends.
    ///
    /// # Errors
    /// Always: why it ended.
    pub async fn serve(mut self) -> Result<std::convert::Infallible, BridgeError> {
        loop {
            match self.byte().await? {
                REQUEST => self.answer().await?,
                other => return Err(BridgeError::NoRequest(other)),
            }
        }
    }

    async fn answer(&mut self) -> Result<(), BridgeError> {
        let address = self.byte().await?;
        let mut operations = Vec::new();
        for _ in 0..self.byte().await? {
            let reads = self.byte().await? == 1;
            let bytes = usize::from(self.byte().await?);
            operations.push(if reads {
                Operation::Read(bytes)
            } else {
                let mut written = vec![0; bytes];
                self.line.read_exact(&mut written).await.map_err(BridgeError::Line)?;
                Operation::Write(written)
            });
        }
        let (status, read) = match self.bus.transact(address, &operations) {
            Ok(read) => (0, read),
            Err(Nack::Address) => (1, Vec::new()),
            Err(Nack::Data) => (2, Vec::new()),
        };
        let mut answer = vec![ANSWER, status];
        answer.extend(read);
        self.line.write_all(&answer).await.map_err(BridgeError::Line)
    }

    async fn byte(&mut self) -> Result<u8, BridgeError> {
        self.line.read_u8().await.map_err(BridgeError::Line)
    }
}

//! One connection to a device. It can read; there is nothing here that writes.

use std::time::Duration;

use muster_profiles::{Block, Table};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_modbus::client::{Client, Context, tcp};
use tokio_modbus::prelude::{DeviceIdObject, ReadCode};
use tokio_modbus::{ExceptionCode, Request, Response, Slave};

use super::failure::Failure;
use crate::sources::names;

/// A device in the same building answers a SYN within milliseconds; TCP repeats a lost one after 1 s.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// What a device answered to one read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// As many registers as were asked for; of bits 0 or 1 each.
    Words(Vec<u16>),
    /// The device says it cannot. The connection is sound.
    Refused(ExceptionCode),
}

/// A connection that is in step: every request had its answer.
pub(super) struct Link {
    context: Context,
    within: Duration,
}

impl Link {
    /// Connects within 3 s to `host:port`. An answer later than `within` is none.
    pub(super) async fn open(at: &str, unit: u8, within: Duration) -> Result<Self, Failure> {
        let address = || at.to_owned();
        let connect = async { TcpStream::connect(&names::find(at).await?[..]).await };
        let connected = timeout(CONNECT_WITHIN, connect).await;
        let stream = connected
            .map_err(|_| Failure::ConnectTimeout {
                address: address(),
                within: CONNECT_WITHIN,
            })?
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
            .map_err(|source| Failure::Connect {
                address: address(),
                source,
            })?;
        Ok(Self {
            context: tcp::attach_slave(stream, Slave(unit)),
            within,
        })
    }

    /// One read. The link comes back only with a proper answer: after a time-out, any failure, or when this call is
    /// cancelled, it is gone, so that no late answer can meet a later request.
    pub(super) async fn read(mut self, block: Block) -> Result<(Self, Answer), Failure> {
        let answer = match self.call(request(block)).await? {
            Ok(response) => Answer::Words(words(block, response)?),
            Err(code) => Answer::Refused(code),
        };
        Ok((self, answer))
    }

    /// Who it says it is (function 43, MEI type 14): maker, product code and revision, as far as it says. Most devices
    /// refuse, and say nothing. The link comes back as of [`Link::read`].
    pub(super) async fn identity(mut self) -> Result<(Self, Vec<String>), Failure> {
        let said = match self.call(Request::ReadDeviceIdentification(ReadCode::Basic, 0)).await? {
            Ok(Response::ReadDeviceIdentification(said)) => said.device_id_objects,
            Ok(other) => return Err(Failure::Header(format!("unexpected {}", other.function_code()))),
            Err(_) => Vec::new(),
        };
        let text = |object: &DeviceIdObject| String::from_utf8_lossy(&object.value).trim().to_owned();
        Ok((self, said.iter().map(text).collect()))
    }

    async fn call(&mut self, request: Request<'static>) -> Result<Result<Response, ExceptionCode>, Failure> {
        let called = timeout(self.within, self.context.call(request)).await;
        let answered = called.map_err(|_| Failure::Timeout { within: self.within })?;
        answered.map_err(Failure::of_call)
    }
}

/// The only requests for values that there are: the four reads.
fn request(block: Block) -> Request<'static> {
    match block.table {
        Table::Holding => Request::ReadHoldingRegisters(block.start, block.count),
        Table::Input => Request::ReadInputRegisters(block.start, block.count),
        Table::Coil => Request::ReadCoils(block.start, block.count),
        Table::Discrete => Request::ReadDiscreteInputs(block.start, block.count),
    }
}

/// Exactly as many as were asked for. Bits come in whole bytes; the rest of the last one is dropped.
fn words(block: Block, response: Response) -> Result<Vec<u16>, Failure> {
    let count = usize::from(block.count);
    let (full, mut words) = match (block.table, response) {
        (Table::Holding, Response::ReadHoldingRegisters(words)) => (count, words),
        (Table::Input, Response::ReadInputRegisters(words)) => (count, words),
        (Table::Coil, Response::ReadCoils(bits)) | (Table::Discrete, Response::ReadDiscreteInputs(bits)) => {
            (count.next_multiple_of(8), bits.into_iter().map(u16::from).collect())
        }
        (_, other) => return Err(Failure::Header(format!("unexpected {}", other.function_code()))),
    };
    if words.len() != full {
        return Err(Failure::Length {
            asked: block.count,
            got: words.len(),
        });
    }
    words.truncate(count);
    Ok(words)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn block(table: Table, count: u16) -> Block {
        Block { table, start: 0, count }
    }

    #[test]
    fn only_an_answer_of_the_right_length_counts() {
        let holding = |n| words(block(Table::Holding, 2), Response::ReadHoldingRegisters(vec![7; n]));
        assert_eq!(holding(2).unwrap(), [7, 7]);
        for n in [0, 1, 3, 125] {
            assert!(matches!(holding(n), Err(Failure::Length { asked: 2, .. })), "{n}");
        }
        let bits = |n| words(block(Table::Discrete, 9), Response::ReadDiscreteInputs(vec![true; n]));
        assert_eq!(bits(16).unwrap(), [1; 9]);
        assert!(bits(8).is_err() && bits(24).is_err() && bits(9).is_err());
    }

    #[test]
    fn an_answer_from_another_table_does_not_count() {
        let answer = words(block(Table::Input, 1), Response::ReadHoldingRegisters(vec![7]));
        assert!(matches!(answer, Err(Failure::Header(_))));
    }
}

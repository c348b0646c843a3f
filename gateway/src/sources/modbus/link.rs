//! The way to the devices of one port. It can read; there is nothing here that writes.

use std::time::Duration;

use muster_profiles::{Block, Table};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_modbus::client::{Client, Context, tcp};
use tokio_modbus::prelude::{DeviceIdObject, ReadCode, SlaveContext};
use tokio_modbus::{ExceptionCode, Request, Response, Slave};

use super::failure::Failure;
use crate::config::Port;
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

/// What a device says to one request: an answer, or an exception.
pub(super) type Said = Result<Response, ExceptionCode>;

/// Whom to ask, and how long an answer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct To {
    /// Unit id.
    pub(super) unit: u8,
    /// An answer later than this is none.
    pub(super) within: Duration,
}

/// A port: it is opened with the first request, and whenever it is not open.
pub(super) struct Link {
    port: Port,
    open: Option<Context>,
    opened: u64,
}

impl Link {
    /// Nothing is opened yet.
    pub(super) fn new(port: Port) -> Self {
        Self {
            port,
            open: None,
            opened: 0,
        }
    }

    /// How many times it has been opened: what was found over an earlier connection may be another device's.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    /// What has come is out of step with what was asked.
    pub(super) fn distrust(&mut self) {
        self.open = None;
    }

    /// One read. A connection stays only with a proper answer: after a time-out, any failure, or when this call is
    /// cancelled, it is gone, so that no late answer can meet a later request.
    pub(super) async fn read(&mut self, to: To, block: Block) -> Result<Answer, Failure> {
        Ok(match self.call(to, request(block)).await? {
            Ok(response) => Answer::Words(self.words(block, response)?),
            Err(code) => Answer::Refused(code),
        })
    }

    /// Who it says it is (function 43, MEI type 14): maker, product code and revision, as far as it says. Most devices
    /// refuse, and say nothing.
    pub(super) async fn identity(&mut self, to: To) -> Result<Vec<String>, Failure> {
        let said = match self
            .call(to, Request::ReadDeviceIdentification(ReadCode::Basic, 0))
            .await?
        {
            Ok(Response::ReadDeviceIdentification(said)) => said.device_id_objects,
            Ok(other) => {
                self.distrust();
                return Err(Failure::Header(format!("unexpected {}", other.function_code())));
            }
            Err(_) => Vec::new(),
        };
        let text = |object: &DeviceIdObject| String::from_utf8_lossy(&object.value).trim().to_owned();
        Ok(said.iter().map(text).collect())
    }

    fn words(&mut self, block: Block, response: Response) -> Result<Vec<u16>, Failure> {
        words(block, response).inspect_err(|_| self.distrust())
    }

    async fn call(&mut self, to: To, request: Request<'static>) -> Result<Said, Failure> {
        let mut context = match self.open.take() {
            Some(context) => context,
            None => self.connect().await?,
        };
        context.set_slave(Slave(to.unit));
        let called = timeout(to.within, context.call(request)).await;
        let said = called
            .map_err(|_| Failure::Timeout { within: to.within })?
            .map_err(Failure::of_call)?;
        self.open = Some(context);
        Ok(said)
    }

    async fn connect(&mut self) -> Result<Context, Failure> {
        let Port::Tcp(at) = &self.port;
        let context = tcp::attach(connect(at).await?);
        self.opened += 1;
        Ok(context)
    }
}

/// Connects within 3 s to `host:port`.
async fn connect(at: &str) -> Result<TcpStream, Failure> {
    let address = || at.to_owned();
    let connect = async { TcpStream::connect(&names::find(at).await?[..]).await };
    let connected = timeout(CONNECT_WITHIN, connect).await;
    connected
        .map_err(|_| Failure::ConnectTimeout {
            address: address(),
            within: CONNECT_WITHIN,
        })?
        .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        .map_err(|source| Failure::Connect {
            address: address(),
            source,
        })
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

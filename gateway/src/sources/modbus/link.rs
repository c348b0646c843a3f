//! The way to the devices of one port. It can read; there is nothing here that writes.

use std::time::Duration;

use muster_profiles::{Block, Table};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_modbus::client::{Client, Context, tcp};
use tokio_modbus::prelude::{DeviceIdObject, ReadCode, SlaveContext};
use tokio_modbus::{ExceptionCode, Request, Response, Slave};
use tokio_serial::{DataBits, ErrorKind, FlowControl, SerialPortBuilderExt, SerialStream, StopBits};

use super::failure::Failure;
use super::rtu::{Line, Units};
use crate::config::{Parity, Port, SerialLine};
use crate::sources::names;

/// A device in the same building answers a SYN within milliseconds; TCP repeats a lost one after 1 s.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// Before the first question on a line it has to be quiet for so long: another program, or we before a reload, may have
/// asked something whose answer is still on its way. The longest time-out of the shipped profiles.
const FIRST_QUIET: Duration = Duration::from_secs(2);

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
    open: Option<Open>,
    opened: u64,
    /// Of a line: it may be opened anew, and what was asked before is still on its way.
    units: Units,
}

enum Open {
    Tcp(Context),
    Line(Line),
}

impl Link {
    /// Nothing is opened yet.
    pub(super) fn new(port: Port) -> Self {
        Self {
            port,
            open: None,
            opened: 0,
            units: Units::default(),
        }
    }

    /// Under which opening the next read goes: what was found over an earlier connection may be another device's.
    pub(super) fn opened(&self) -> u64 {
        self.opened + u64::from(self.open.is_none())
    }

    /// Whether the next read need not open it first.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What has come is out of step with what was asked.
    pub(super) fn distrust(&mut self) {
        match &mut self.open {
            Some(Open::Line(line)) => line.distrust(),
            Some(Open::Tcp(_)) | None => self.open = None,
        }
    }

    /// Bytes that came although nobody waited for them, since this was last called.
    pub(super) fn take_discarded(&mut self) -> usize {
        self.units.take_discarded()
    }

    /// One read. A TCP connection stays only with a proper answer: after a time-out, any failure, or when this call is
    /// cancelled, it is gone, so that no late answer can meet a later request. A line stays as long as it is there, and knows
    /// what may still come.
    pub(super) async fn read(&mut self, to: To, block: Block) -> Result<Answer, Failure> {
        let said = match self.opened_way().await? {
            Open::Tcp(context) => self.call(context, to, request(block)).await?,
            Open::Line(mut line) => {
                let said = line.read(&mut self.units, to, block).await;
                self.keep(line, said)?
            }
        };
        Ok(match said {
            Ok(response) => Answer::Words(words(block, response).inspect_err(|_| self.distrust())?),
            Err(code) => Answer::Refused(code),
        })
    }

    /// Who it says it is (function 43, MEI type 14): maker, product code and revision, as far as it says. Most devices
    /// refuse, and say nothing.
    pub(super) async fn identity(&mut self, to: To) -> Result<Vec<String>, Failure> {
        let said = match self.opened_way().await? {
            Open::Tcp(context) => {
                let request = Request::ReadDeviceIdentification(ReadCode::Basic, 0);
                self.call(context, to, request).await?
            }
            Open::Line(mut line) => {
                let said = line.identity(&mut self.units, to).await;
                self.keep(line, said)?
            }
        };
        let objects = match said {
            Ok(Response::ReadDeviceIdentification(said)) => said.device_id_objects,
            Ok(other) => {
                self.distrust();
                return Err(Failure::Header(format!("unexpected {}", other.function_code())));
            }
            Err(_) => Vec::new(),
        };
        let text = |object: &DeviceIdObject| String::from_utf8_lossy(&object.value).trim().to_owned();
        Ok(objects.iter().map(text).collect())
    }

    async fn opened_way(&mut self) -> Result<Open, Failure> {
        if let Some(open) = self.open.take() {
            return Ok(open);
        }
        let mut open = match &self.port {
            Port::Tcp(at) => Open::Tcp(tcp::attach(connect(at).await?)),
            Port::RtuOverTcp { address, baud } => Open::Line(Line::new(Box::new(connect(address).await?), *baud)),
            Port::Serial(serial) => Open::Line(Line::new(Box::new(open_serial(serial)?), serial.baud)),
        };
        if self.opened == 0
            && let Open::Line(line) = &mut open
        {
            line.distrust_for(FIRST_QUIET);
        }
        self.opened += 1;
        Ok(open)
    }

    async fn call(&mut self, mut context: Context, to: To, request: Request<'static>) -> Result<Said, Failure> {
        context.set_slave(Slave(to.unit));
        let called = timeout(to.within, context.call(request)).await;
        let said = called
            .map_err(|_| Failure::Timeout { within: to.within })?
            .map_err(Failure::of_call)?;
        self.open = Some(Open::Tcp(context));
        Ok(said)
    }

    fn keep(&mut self, line: Line, said: Result<Said, Failure>) -> Result<Said, Failure> {
        if !said.as_ref().is_err_and(Failure::is_end) {
            self.open = Some(Open::Line(line));
        }
        said
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

/// Opens a serial line, for us alone.
fn open_serial(serial: &SerialLine) -> Result<SerialStream, Failure> {
    let (parity, stop_bits) = (
        match serial.parity {
            Parity::None => tokio_serial::Parity::None,
            Parity::Even => tokio_serial::Parity::Even,
            Parity::Odd => tokio_serial::Parity::Odd,
        },
        if serial.stop_bits == 2 {
            StopBits::Two
        } else {
            StopBits::One
        },
    );
    let builder = tokio_serial::new(&serial.path, serial.baud);
    let builder = builder.data_bits(DataBits::Eight).parity(parity).stop_bits(stop_bits);
    builder
        .flow_control(FlowControl::None)
        .open_native_async()
        .map_err(|source| Failure::Open {
            path: serial.path.clone(),
            hint: open_hint(&source),
            source,
        })
}

/// What to look at first.
fn open_hint(error: &tokio_serial::Error) -> &'static str {
    use std::io::ErrorKind::PermissionDenied;
    match error.kind() {
        ErrorKind::Io(PermissionDenied) => {
            "the user that Muster runs as has to be in the line's group, often `dialout`"
        }
        _ => "look whether the adapter is plugged in under this name, and no other program uses it",
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
pub(super) fn words(block: Block, response: Response) -> Result<Vec<u16>, Failure> {
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

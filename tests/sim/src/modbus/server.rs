//! A Modbus TCP server around one device.

use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::Server;
use tokio_modbus::{ExceptionCode, Request, Response, SlaveRequest};

use super::stamped::Stamped;
use super::table::Table;
use super::{DeviceError, Seen};
use crate::tape::Tape;

/// Network cards of real devices serve a handful of masters; one more is hung up on.
const MAX_MASTERS: usize = 16;
/// Pause after the system would not hand over a connection.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Where a device takes its registers from.
#[derive(Clone)]
pub(super) enum View {
    /// The simulated room.
    Room(Seen),
    /// A recording.
    Recorded(Tape<Table>),
    /// The time of the answer.
    Stamped(Stamped),
}

impl View {
    /// `None` is silence: a burnt device sends no farewell.
    fn answer(&self, request: &Request<'_>) -> Option<Result<Response, ExceptionCode>> {
        match self {
            Self::Room(seen) => Some(seen.table()?.answer(request)),
            Self::Recorded(tape) => Some(tape.now()?.answer(request)),
            Self::Stamped(stamped) => Some(stamped.answer(request)),
        }
    }
}

/// A running device. Dropping it switches it off.
#[derive(Debug)]
pub struct Device {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Device {
    pub(super) async fn start(bind: SocketAddr, unit: u8, seen: View) -> Result<Self, DeviceError> {
        let failed = |source| DeviceError::Listen { bind, source };
        let listener = TcpListener::bind(bind).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let task = tokio::spawn(serve(Server::new(listener), unit, seen));
        Ok(Self { addr, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Switches it off: connections end, and the port is free again when this returns.
    pub async fn stop(mut self) {
        self.task.abort();
        // A task that was aborted says so; there is nothing else to hear.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(server: Server, unit: u8, seen: View) {
    let masters = Arc::new(Semaphore::new(MAX_MASTERS));
    let on_connected = |stream: TcpStream, _peer: SocketAddr| {
        let desk = Arc::clone(&masters).try_acquire_owned().ok().map(|permit| Desk {
            unit,
            seen: seen.clone(),
            _permit: permit,
        });
        async move {
            stream.set_nodelay(true)?;
            io::Result::Ok(desk.map(|desk| (desk, stream)))
        }
    };
    loop {
        let on_broken = |error: io::Error| tracing::debug!(%error, "a Modbus master went away");
        if let Err(error) = server.serve(&on_connected, on_broken).await {
            tracing::warn!(%error, "simulated device cannot accept a connection; it tries again");
        }
        tokio::time::sleep(ACCEPT_AGAIN).await;
    }
}

/// One master's connection.
struct Desk {
    unit: u8,
    seen: View,
    _permit: OwnedSemaphorePermit,
}

impl Desk {
    fn answer(&self, asked: &SlaveRequest<'_>) -> Result<Option<Response>, ExceptionCode> {
        let Some(answer) = self.seen.answer(&asked.request) else {
            return Ok(None);
        };
        if asked.slave != self.unit {
            return Err(ExceptionCode::GatewayTargetDevice);
        }
        answer.map(Some)
    }
}

impl Service for Desk {
    type Request = SlaveRequest<'static>;
    type Response = Option<Response>;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Self::Response, Self::Exception>>;

    fn call(&self, asked: Self::Request) -> Self::Future {
        ready(self.answer(&asked))
    }
}

//! Ways to the broker: plain TCP, or TLS over it.

use core::net::SocketAddrV4;

use embassy_net::Stack;
use embassy_net::tcp::{ConnectError, TcpSocket};
use embassy_time::Duration;
use muster_node::mqtt::Dial;
use muster_node::tls::{self, Credentials, Rooms, TlsError};
use rand_core::{CryptoRngCore, RngCore};

/// A peer whose TCP says nothing for so long is gone, whatever keep-alive its MQTT has asked for.
const SILENT: Duration = Duration::from_secs(10);
/// It is asked after this.
const ASK: Duration = Duration::from_secs(3);

/// Where the broker is, and the memory of one connection to it.
#[derive(Debug)]
pub struct Line {
    broker: SocketAddrV4,
    rx: [u8; 2048],
    tx: [u8; 4096],
}

impl Line {
    /// No connection yet.
    #[must_use]
    pub const fn new(broker: SocketAddrV4) -> Self {
        Self {
            broker,
            rx: [0; _],
            tx: [0; _],
        }
    }

    async fn connect(&mut self, stack: Stack<'static>) -> Result<TcpSocket<'_>, ConnectError> {
        stack.wait_config_up().await;
        let mut socket = TcpSocket::new(stack, &mut self.rx, &mut self.tx);
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(SILENT));
        socket.set_keep_alive(Some(ASK));
        socket.connect(self.broker).await?;
        Ok(socket)
    }
}

/// Plain TCP to the broker.
pub struct Tcp<R> {
    /// The network.
    pub stack: Stack<'static>,
    /// The broker.
    pub line: Line,
    /// Random numbers.
    pub rng: R,
}

impl<R: RngCore> Dial for Tcp<R> {
    type Stream<'s>
        = TcpSocket<'s>
    where
        R: 's;
    type Error = ConnectError;

    async fn dial(&mut self) -> Result<TcpSocket<'_>, ConnectError> {
        self.line.connect(self.stack).await
    }

    fn chance(&mut self) -> u32 {
        self.rng.next_u32()
    }
}

/// Mutual TLS over TCP.
pub struct Tls<R> {
    /// The network.
    pub stack: Stack<'static>,
    /// The broker.
    pub line: Line,
    /// Random numbers, good enough for keys.
    pub rng: R,
    /// Who the node is.
    pub credentials: Credentials<'static>,
    /// What TLS works in.
    pub rooms: &'static mut Rooms,
    /// The time for the dates in certificates, Unix seconds; 0 if it is not known.
    pub unix_s: fn() -> u32,
    /// Told why a connection did not come about.
    pub refused: fn(&TlsError),
}

impl<R: CryptoRngCore> Dial for Tls<R> {
    type Stream<'s>
        = tls::Stream<'s, TcpSocket<'s>>
    where
        R: 's;
    type Error = TlsError;

    async fn dial(&mut self) -> Result<Self::Stream<'_>, TlsError> {
        tls::set_unix_s((self.unix_s)());
        let socket = self.line.connect(self.stack).await;
        let socket = socket.map_err(|_| TlsError::ConnectionClosed)?;
        let opened = tls::open(socket, self.rooms, &self.credentials, &mut self.rng).await;
        if let Err(error) = &opened {
            (self.refused)(error);
        }
        opened
    }

    fn chance(&mut self) -> u32 {
        self.rng.next_u32()
    }
}

//! Ways to the broker: plain TCP, or TLS over it.

use core::net::Ipv4Addr;

use embassy_net::Stack;
use embassy_net::tcp::{ConnectError, TcpSocket};
use muster_node::mqtt::Dial;
use muster_node::tls::{self, Credentials, Rooms, TlsError};
use rand_core::RngCore as _;

use crate::host::{HostRandom, unix_s};
use crate::say;

/// Plain TCP to the broker.
pub(crate) struct Tcp {
    stack: Stack<'static>,
    broker: (Ipv4Addr, u16),
    rx: [u8; 2048],
    tx: [u8; 4096],
}

impl Tcp {
    pub(crate) const fn new(stack: Stack<'static>, broker: (Ipv4Addr, u16)) -> Self {
        Self {
            stack,
            broker,
            rx: [0; _],
            tx: [0; _],
        }
    }
}

impl Dial for Tcp {
    type Stream<'s> = TcpSocket<'s>;
    type Error = ConnectError;

    async fn dial(&mut self) -> Result<TcpSocket<'_>, ConnectError> {
        self.stack.wait_config_up().await;
        let mut socket = TcpSocket::new(self.stack, &mut self.rx, &mut self.tx);
        socket.set_nagle_enabled(false);
        socket.connect(self.broker).await?;
        Ok(socket)
    }

    fn chance(&mut self) -> u32 {
        HostRandom.next_u32()
    }
}

/// Mutual TLS over TCP.
pub(crate) struct Tls {
    pub(crate) tcp: Tcp,
    pub(crate) credentials: Credentials<'static>,
    pub(crate) rooms: &'static mut Rooms,
}

impl Dial for Tls {
    type Stream<'s> = tls::Stream<'s, TcpSocket<'s>>;
    type Error = TlsError;

    async fn dial(&mut self) -> Result<Self::Stream<'_>, TlsError> {
        tls::set_unix_s(unix_s());
        let socket = self.tcp.dial().await.map_err(|_| TlsError::ConnectionClosed)?;
        let opened = tls::open(socket, self.rooms, &self.credentials, &mut HostRandom).await;
        if let Err(error) = &opened {
            say!("TLS: {error:?}");
        }
        opened
    }

    fn chance(&mut self) -> u32 {
        self.tcp.chance()
    }
}

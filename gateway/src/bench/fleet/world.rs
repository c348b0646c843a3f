//! The devices of a fleet, in a process of their own so that their processor time is not the gateway's: living ones that
//! write the time into every answer, and ones that are dead in three ways.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use muster_sim::modbus::{Device, stamped};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::super::BenchError;
use crate::clock;

/// Devices that accept a connection and never say anything.
const MUTE: usize = 5;
/// Devices that refuse it.
const REFUSING: usize = 3;
/// Devices that do not answer to it at all.
const VANISHED: usize = 2;
/// All of them.
pub(super) const DEAD: usize = MUTE + REFUSING + VANISHED;
/// Connections that a mute device keeps; an older one is closed.
const KEPT: usize = 4;
/// A listener's queue is full when a connection is not taken within this.
const FULL_AFTER: Duration = Duration::from_millis(300);
/// No system makes a queue of one longer.
const LONGEST_QUEUE: usize = 64;
/// A thousand listeners are there within this.
const UP_WITHIN: Duration = Duration::from_secs(60);

/// Where they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Addresses {
    pub(super) living: Vec<SocketAddr>,
    pub(super) dead: Vec<SocketAddr>,
}

/// The process, until it is dropped.
pub(super) struct World {
    pub(super) addresses: Addresses,
    _process: Child,
}

impl World {
    /// This program again, as so many devices.
    pub(super) async fn start(devices: usize) -> Result<Self, BenchError> {
        let program = std::env::current_exe().map_err(BenchError::Process)?;
        let mut process = Command::new(program)
            .args(["bench", "--devices", &devices.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(BenchError::Process)?;
        let mut lines = BufReader::new(process.stdout.take().ok_or(BenchError::Devices)?).lines();
        let line = timeout(UP_WITHIN, lines.next_line()).await;
        let line = line.ok().and_then(Result::ok).flatten().ok_or(BenchError::Devices)?;
        let addresses = serde_json::from_str(&line).map_err(|_| BenchError::Devices)?;
        Ok(Self {
            addresses,
            _process: process,
        })
    }
}

/// Is so many devices: one line of JSON on stdout says where, and they last until stdin ends.
///
/// # Errors
/// A listener is not to be had.
pub async fn be_devices(devices: usize) -> io::Result<()> {
    super::super::as_many_files_as_allowed();
    let up = up(devices).await?;
    println!("{}", serde_json::to_string(&up.addresses())?);
    let mut nothing = Vec::new();
    tokio::io::stdin().read_to_end(&mut nothing).await?;
    Ok(())
}

struct Up {
    living: Vec<Device>,
    mute: Vec<SocketAddr>,
    refusing: Vec<TcpSocket>,
    vanished: Vec<Vanished>,
}

async fn up(devices: usize) -> io::Result<Up> {
    let mut living = Vec::with_capacity(devices);
    // The low half is enough to tell what has passed.
    let stamp: stamped::Stamp = Arc::new(|| clock::machine_us() as u32);
    for _ in 0..devices {
        let device = stamped::spawn(anywhere(), 1, stamp.clone()).await;
        living.push(device.map_err(io::Error::other)?);
    }
    let (mut mute, mut refusing, mut vanished) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..MUTE {
        let listener = TcpListener::bind(anywhere()).await?;
        mute.push(listener.local_addr()?);
        tokio::spawn(keep_silent(listener));
    }
    for _ in 0..REFUSING {
        // Bound, and not listening: nobody else gets the port, and whoever connects is refused.
        let socket = TcpSocket::new_v4()?;
        socket.bind(anywhere())?;
        refusing.push(socket);
    }
    for _ in 0..VANISHED {
        vanished.push(Vanished::new().await?);
    }
    Ok(Up {
        living,
        mute,
        refusing,
        vanished,
    })
}

impl Up {
    fn addresses(&self) -> Addresses {
        let refusing = self.refusing.iter().filter_map(|socket| socket.local_addr().ok());
        let dead = self.mute.iter().copied().chain(refusing);
        Addresses {
            living: self.living.iter().map(Device::addr).collect(),
            dead: dead.chain(self.vanished.iter().map(|gone| gone.at)).collect(),
        }
    }
}

fn anywhere() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

async fn keep_silent(listener: TcpListener) {
    let mut kept = std::collections::VecDeque::new();
    while let Ok((stream, _)) = listener.accept().await {
        kept.push_back(stream);
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }
}

/// A listener whose queue is full: the system drops every further SYN, as if nobody were there.
struct Vanished {
    at: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl Vanished {
    async fn new() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(anywhere())?;
        let listener = socket.listen(1)?;
        let at = listener.local_addr()?;
        let mut queue = Vec::new();
        while let Ok(connected) = timeout(FULL_AFTER, TcpStream::connect(at)).await {
            queue.push(connected?);
            if queue.len() > LONGEST_QUEUE {
                return Err(io::Error::other("the queue of a listener does not fill"));
            }
        }
        Ok(Self {
            at,
            _listener: listener,
            _queue: queue,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_dead_are_dead_in_three_ways() {
        let up = up(1).await.unwrap();
        let addresses = up.addresses();
        assert_eq!((addresses.living.len(), addresses.dead.len()), (1, DEAD));
        let (mute, rest) = addresses.dead.split_at(MUTE);
        let (refusing, vanished) = rest.split_at(REFUSING);
        for at in mute {
            let mut stream = TcpStream::connect(at).await.unwrap();
            let heard = timeout(Duration::from_millis(50), stream.read_u8()).await;
            assert!(heard.is_err(), "{heard:?}");
        }
        for at in refusing {
            let refused = TcpStream::connect(at).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        }
        for at in vanished {
            let connected = timeout(Duration::from_millis(50), TcpStream::connect(at)).await;
            assert!(connected.is_err(), "{connected:?}");
        }
    }
}

//! The broker of the peers that need one.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::Child;

use super::{PeerError, process};

/// A start takes some 10 ms; a busy machine is granted more.
const UP_WITHIN: Duration = Duration::from_secs(10);
/// Between two tries.
const TRY_EVERY: Duration = Duration::from_millis(20);

/// A running mosquitto. Dropping it ends it.
pub(super) struct Mosquitto {
    pub(super) address: SocketAddr,
    _process: Child,
}

impl Mosquitto {
    /// Starts it on a free port.
    pub(super) async fn start(folder: &Path) -> Result<Self, PeerError> {
        let program = process::find("mosquitto")?;
        let port = process::free_port()?;
        let config = process::write(folder, "mosquitto.conf", &config(port))?;
        let mut command = process::command(program, folder, "mosquitto.log")?;
        let process = process::start(command.arg("-c").arg(config))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let up = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(TRY_EVERY).await;
            }
        };
        let up = tokio::time::timeout(UP_WITHIN, up).await;
        up.map_err(|_| PeerError::NotUp("mosquitto", UP_WITHIN.as_secs()))?;
        Ok(Self {
            address,
            _process: process,
        })
    }
}

/// Kind to the peer: with its default limits it drops QoS 1 messages of several senders, and without nodelay three small
/// packets in a row wait 40 ms.
fn config(port: u16) -> String {
    format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n\
         max_inflight_messages 0\nset_tcp_nodelay true\n"
    )
}

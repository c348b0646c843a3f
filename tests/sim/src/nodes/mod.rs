//! Simulated sensor boards that publish real MQTT over TCP.
//!
//! A board runs the real firmware (`muster-node`) and has two tasks: one samples the room, the other keeps the MQTT session. They share a short queue, so a broker
//! that is away or hangs never stops the sampling.

mod board;
mod emulated;
mod session;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

pub use emulated::{BOARD_SIGNALS, EmulatedError, EmulatedNode, Emulation, Enrolled, Tell};
use muster_node::SpecError;
use muster_wire::is_id;
use tokio::task::JoinHandle;

use crate::{NODE_DISTANCE_M, Room, StoryTime};

/// A sensor board with the channels `smoke`, `temperature`, `voc` and `hydrogen`.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// `[a-z0-9-]{1,32}`; MQTT client id as well.
    pub id: String,
    /// Where it hangs: index into [`NODE_DISTANCE_M`].
    pub place: usize,
    /// Scenario milliseconds between two samples; in a story that runs fast they are at least 50 real ms apart.
    pub period_ms: u32,
    /// Scenario milliseconds between two reports of every channel, whatever they show; at least `period_ms`.
    pub heartbeat_ms: u32,
    /// Counts its starts: a board that is started again needs a higher one.
    pub boot: u64,
    /// Who it proves to be; without it, it speaks plain MQTT.
    pub identity: Option<Identity>,
}

/// What a board needs for TLS, in PEM.
#[derive(Clone)]
pub struct Identity {
    /// The CA whose broker it trusts.
    pub ca: Vec<u8>,
    /// Its certificate.
    pub cert: Vec<u8>,
    /// Its key.
    pub key: Vec<u8>,
}

impl Identity {
    /// The folder that `muster enroll node` made for a board.
    ///
    /// # Errors
    /// A file of it cannot be read.
    pub fn of_folder(folder: &Path) -> std::io::Result<Self> {
        let read = |file: &str| std::fs::read(folder.join(file));
        let (ca, cert, key) = (read("site-ca.pem")?, read("node.pem")?, read("node.key")?);
        Ok(Self { ca, cert, key })
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(…)")
    }
}

impl NodeSpec {
    /// The board at a place (0 to 2): `node-1` to `node-3`, a sample a second, a heartbeat every three, started for the first time.
    #[must_use]
    pub fn at_place(place: usize) -> Self {
        Self {
            id: format!("node-{}", place + 1),
            place,
            period_ms: 1_000,
            heartbeat_ms: 3_000,
            boot: 1,
            identity: None,
        }
    }
}

/// Why a node could not be put up.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Site or node is not `[a-z0-9-]{1,32}`.
    #[error("{0:?} is no id: [a-z0-9-]{{1,32}}")]
    Id(String),
    /// The room has three places.
    #[error("no place {0} in the room: 0 to 2")]
    Place(usize),
    /// Its firmware would not start.
    #[error("the node's firmware would not start")]
    Firmware(#[source] SpecError),
}

/// A running node. Dropping it breaks its connection without a farewell, so the broker sends its last will.
#[derive(Debug)]
pub struct SimNode {
    tasks: [JoinHandle<()>; 2],
}

impl SimNode {
    /// Starts a node; it goes on connecting until the broker is there.
    ///
    /// # Errors
    /// [`NodeError`]: an id or a place that cannot be.
    pub fn start(
        spec: NodeSpec,
        site: &str,
        broker: SocketAddr,
        room: Room,
        story: Arc<dyn StoryTime>,
    ) -> Result<Self, NodeError> {
        for id in [site, &spec.id] {
            if !is_id(id) {
                return Err(NodeError::Id(id.into()));
            }
        }
        if spec.place >= NODE_DISTANCE_M.len() {
            return Err(NodeError::Place(spec.place));
        }
        board::Board::check(&spec).map_err(NodeError::Firmware)?;
        let (link, session) = session::open(site, &spec.id, broker, spec.identity.clone());
        let board = board::Board::new(spec, site, room, story, link);
        Ok(Self {
            tasks: [tokio::spawn(session.keep()), tokio::spawn(board.run())],
        })
    }

    /// Ends it at once, as if its supply had been pulled.
    pub async fn stop(mut self) {
        self.pull();
        for task in &mut self.tasks {
            // A task that was aborted says so; there is nothing else to hear.
            let _ = task.await;
        }
    }

    fn pull(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for SimNode {
    fn drop(&mut self) {
        self.pull();
    }
}

#[cfg(test)]
mod tests;

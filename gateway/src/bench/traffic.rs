//! What else goes on while a trial is measured: other nodes' readings through the same broker, at a steady pace.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use tokio::sync::oneshot;

use super::load::{Connection, Template};
use super::{BenchError, background};
use crate::clock::Stopwatch;

/// It comes in this grain.
const EVERY: Duration = Duration::from_millis(1);

/// How packs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As our nodes do it.
    Cbor,
    /// For what reads no CBOR.
    Json,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// Which nodes: `load-{n}`.
    pub(super) nodes: Range<usize>,
    /// Of each message.
    pub(super) readings_a_message: usize,
    /// Of all nodes together.
    pub(super) readings_per_s: u64,
    pub(super) encoding: Encoding,
}

/// Other traffic that is under way.
pub(super) struct Traffic {
    began: Stopwatch,
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<std::io::Result<u64>>,
    readings: usize,
}

impl Traffic {
    /// Starts it; returns once all nodes are connected.
    pub(super) async fn start(broker: SocketAddr, pace: Pace) -> Result<Self, BenchError> {
        let (stop, stopped) = oneshot::channel();
        let (tell, ended) = oneshot::channel();
        let (up, is_up) = oneshot::channel();
        let readings = pace.readings_a_message;
        background("bench-load", async move {
            // Nobody waiting means that the measurement has ended.
            let _ = tell.send(send(broker, pace, up, stopped).await);
        })?;
        // Without a word the end tells why.
        let _ = is_up.await;
        Ok(Self {
            began: Stopwatch::start(),
            stop,
            ended,
            readings,
        })
    }

    /// Ends it; readings a second that it came to.
    pub(super) async fn end(self) -> Result<u64, BenchError> {
        // It may have broken off already; then its end says why.
        let _ = self.stop.send(());
        let elapsed = self.began.elapsed().as_secs_f64();
        let gone = || BenchError::Load(std::io::ErrorKind::BrokenPipe.into());
        let packs = self.ended.await.map_err(|_| gone())?.map_err(BenchError::Load)?;
        Ok((packs as f64 * self.readings as f64 / elapsed) as u64)
    }
}

impl Pace {
    fn template(&self, node: usize) -> Option<Template> {
        let node = format!("load-{node}");
        match self.encoding {
            Encoding::Cbor => Template::pack(&node, self.readings_a_message),
            Encoding::Json => Template::json(&node, self.readings_a_message),
        }
    }
}

/// Sends at the wanted pace until it is told to stop, each node in its turn; how many packs.
async fn send(
    broker: SocketAddr,
    pace: Pace,
    up: oneshot::Sender<()>,
    mut stopped: oneshot::Receiver<()>,
) -> std::io::Result<u64> {
    let mut connections = Vec::new();
    for node in pace.nodes.clone() {
        connections.push(Connection::open(broker, pace.template(node)).await?);
    }
    // Whoever waited may have gone: then the stop comes at once.
    let _ = up.send(());
    let (began, mut sent, mut turn) = (Stopwatch::start(), 0, 0);
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = &mut stopped => break,
        }
        let readings_due = began.elapsed().as_micros() * u128::from(pace.readings_per_s) / 1_000_000;
        let due = u64::try_from(readings_due).unwrap_or(u64::MAX) / pace.readings_a_message as u64;
        // What is due goes over the nodes in equal shares, and the rest of a share to those whose turn it is.
        let nodes = connections.len() as u64;
        while due > sent {
            let share = (due - sent).div_ceil(nodes);
            connections[turn].send(share).await?;
            sent += share;
            turn = (turn + 1) % connections.len();
        }
    }
    for connection in &mut connections {
        connection.finish().await?;
    }
    Ok(sent)
}

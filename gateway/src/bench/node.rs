//! The node that has something to say: rumqttc on a thread of its own, QoS 1, MQTT 3.1.1.

use std::net::SocketAddr;
use std::time::Duration;

use muster_wire::senml::{PackWriter, Record, Value};
use muster_wire::{MICRO, Mark, Micro};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, QoS};
use tokio::sync::mpsc;

use super::{BenchError, SITE, background};
use crate::clock::Stopwatch;

/// Messages between driver and node; one is under way at a time.
const QUEUE: usize = 16;
/// A new connection has this long; the least the client takes is a second.
const CONNECT_WITHIN_S: u64 = 5;

/// A node that publishes one message when told to.
pub(super) struct Node {
    tell: mpsc::Sender<Vec<u8>>,
    said: mpsc::Receiver<Duration>,
}

impl Node {
    /// Connects a node that publishes on its alarm topic; returns once the broker has taken it.
    pub(super) async fn connect(broker: SocketAddr, node: &str, watch: Stopwatch) -> Result<Self, BenchError> {
        let (tell, told) = mpsc::channel(QUEUE);
        let (say, said) = mpsc::channel(QUEUE);
        let (up, mut is_up) = mpsc::channel(1);
        let node = node.to_owned();
        background("bench-node", async move {
            let mut options = MqttOptions::new(&node, broker.ip().to_string(), broker.port());
            options.set_keep_alive(Duration::from_secs(60));
            let (client, mut events) = AsyncClient::new(options, QUEUE);
            let mut network = NetworkOptions::new();
            network.set_tcp_nodelay(true);
            network.set_connection_timeout(CONNECT_WITHIN_S);
            events.set_network_options(network);
            tokio::spawn(keep(events, up));
            publish(&client, &format!("muster/v1/{SITE}/{node}/alarm"), (told, say), watch).await;
        })?;
        is_up.recv().await.ok_or(BenchError::Node)?;
        Ok(Self { tell, said })
    }

    /// Publishes; when, by the bench's stop-watch.
    pub(super) async fn say(&mut self, payload: Vec<u8>) -> Result<Duration, BenchError> {
        self.tell.send(payload).await.map_err(|_| BenchError::Node)?;
        self.said.recv().await.ok_or(BenchError::Node)
    }
}

/// Keeps the connection; its first acknowledgement is told, its end ends the node.
async fn keep(mut events: EventLoop, up: mpsc::Sender<()>) {
    while let Ok(event) = events.poll().await {
        if matches!(event, Event::Incoming(Packet::ConnAck(_))) {
            // Only the first is waited for.
            let _ = up.try_send(());
        }
    }
}

async fn publish(
    client: &AsyncClient,
    topic: &str,
    (mut told, say): (mpsc::Receiver<Vec<u8>>, mpsc::Sender<Duration>),
    watch: Stopwatch,
) {
    while let Some(payload) = told.recv().await {
        let at = watch.elapsed();
        let published = client.publish(topic, QoS::AtLeastOnce, false, payload).await;
        if published.is_err() || say.send(at).await.is_err() {
            return;
        }
    }
}

/// A pack with one value of `smoke`.
pub(super) fn pack(seq: u64, value: Micro) -> Option<Vec<u8>> {
    let mut buffer = [0; 256];
    let mut pack = PackWriter::new(&mut buffer, "node-1", Mark { boot: 1, seq }, false).ok()?;
    let record = Record {
        name: "smoke",
        value: Value::Micro(value),
        age_ms: 0,
        unit: None,
    };
    pack.push(&record).ok()?;
    Some(pack.finish().to_vec())
}

/// Beyond the limit, and clear of it. Percent a metre.
pub(super) const SMOKE: Micro = Micro(5 * MICRO);
/// See [`SMOKE`].
pub(super) const CLEAR: Micro = Micro(0);

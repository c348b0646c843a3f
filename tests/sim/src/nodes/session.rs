//! The MQTT session of one node.

use std::net::SocketAddr;
use std::time::Duration;

use muster_wire::senml::Pack;
use muster_wire::{Mark, OFFLINE, Topic, TopicKind};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{LastWill, Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rumqttc::{NetworkOptions, TlsConfiguration, Transport};
use tokio::sync::{mpsc, watch};

use super::Identity;

/// Messages that may wait between board and broker; beyond it the board keeps them.
const QUEUE: usize = 64;
/// Acknowledgements that may wait; a later one says all that a dropped one said.
const ACKS: usize = 16;
/// A peer that is silent for this long is gone. Real time; the least the client takes.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// A connection has to stand within this, real seconds.
const CONNECT_DEADLINE_S: u64 = 5;
/// First pause between two attempts to connect. Real time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The board's end.
pub(super) struct Link {
    client: AsyncClient,
    connected: watch::Receiver<u64>,
    acks: mpsc::Receiver<Mark>,
    burnt: watch::Sender<bool>,
}

/// The network's end.
pub(super) struct Session {
    events: EventLoop,
    client: AsyncClient,
    connected: watch::Sender<u64>,
    acks: mpsc::Sender<Mark>,
    burnt: watch::Receiver<bool>,
    node: String,
    ack_topic: String,
}

/// A session that is not connected yet.
pub(super) fn open(site: &str, node: &str, broker: SocketAddr, identity: Option<Identity>) -> (Link, Session) {
    let mut options = options(site, node, broker);
    if let Some(Identity { ca, cert, key }) = identity {
        // Whatever else is in the process may have named the provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (alpn, client_auth) = (None, Some((cert, key)));
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Simple {
            ca,
            alpn,
            client_auth,
        }));
    }
    let (client, mut events) = AsyncClient::new(options, QUEUE);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    events.options.set_network_options(network);
    let (connected_tx, connected) = watch::channel(0);
    let (burnt, burnt_rx) = watch::channel(false);
    let (acks_tx, acks) = mpsc::channel(ACKS);
    let kind = TopicKind::Ack;
    let session = Session {
        events,
        client: client.clone(),
        connected: connected_tx,
        acks: acks_tx,
        burnt: burnt_rx,
        node: node.into(),
        ack_topic: Topic { site, node, kind }.to_string(),
    };
    let link = Link {
        client,
        connected,
        acks,
        burnt,
    };
    (link, session)
}

fn options(site: &str, node: &str, broker: SocketAddr) -> MqttOptions {
    let host = match broker {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    let state = Topic {
        site,
        node,
        kind: TopicKind::State,
    }
    .to_string();
    let mut options = MqttOptions::new(node, host, broker.port());
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_connection_timeout(CONNECT_DEADLINE_S)
        .set_last_will(LastWill::new(state, OFFLINE, QoS::AtLeastOnce, true, None));
    options
}

impl Link {
    /// Which connection stands, counted from 1; 0 while there is none.
    pub(super) fn connection(&self) -> u64 {
        *self.connected.borrow()
    }

    /// Hands a message over at QoS 1, without waiting; `false` if there is no room.
    pub(super) fn send(&self, topic: &str, retain: bool, payload: &[u8]) -> bool {
        let sent = self
            .client
            .try_publish(topic, QoS::AtLeastOnce, retain, payload.to_vec());
        sent.is_ok()
    }

    /// The next mark that the gateway has on disk.
    pub(super) fn next_ack(&mut self) -> Option<Mark> {
        self.acks.try_recv().ok()
    }

    /// The board has burnt: the connection stands, and nothing will ever come over it.
    pub(super) fn burn(&self) {
        self.burnt.send_replace(true);
    }
}

impl Session {
    /// Keeps the session until it is dropped.
    pub(super) async fn keep(mut self) {
        let mut burnt = self.burnt.clone();
        tokio::select! {
            biased;
            () = has_burnt(&mut burnt) => {}
            () = self.go_on() => {}
        }
        // Held open, never polled again: a burnt board sends no farewell.
        std::future::pending::<()>().await;
    }

    async fn go_on(&mut self) {
        let mut connections = 0;
        let mut pause = SHORTEST_PAUSE;
        loop {
            match self.events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    connections += 1;
                    pause = SHORTEST_PAUSE;
                    // The queue is empty after a connect, so there is room.
                    let _ = self.client.try_subscribe(&self.ack_topic, QoS::AtLeastOnce);
                    self.connected.send_replace(connections);
                }
                Ok(Event::Incoming(Packet::Publish(message))) => self.hear(&message),
                Ok(_) => {}
                Err(error) => {
                    self.connected.send_replace(0);
                    tracing::debug!(node = %self.node, %error, "no connection to the broker");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

impl Session {
    /// Takes an acknowledgement; anything else is not for a simulated board.
    fn hear(&self, message: &Publish) {
        let Ok(pack) = Pack::parse(&message.payload) else {
            return;
        };
        let header = pack.header();
        if let Some(mark) = header.mark
            && header.node == self.node
            && message.topic.as_ref() == self.ack_topic.as_bytes()
        {
            // Full: see ACKS.
            let _ = self.acks.try_send(mark);
        }
    }
}

/// Only ever ends if it did burn.
async fn has_burnt(burnt: &mut watch::Receiver<bool>) {
    if burnt.wait_for(|b| *b).await.is_err() {
        std::future::pending::<()>().await;
    }
}

//! mqtt5's engine with our own listener, limits and identity check.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use mqtt5::broker::MqttBroker;
use mqtt5::broker::config::{BrokerConfig, StorageBackend, StorageConfig};
use mqtt5::broker::events::{BrokerEventHandler, ClientDisconnectEvent, ClientPublishEvent, PublishAction};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

use super::acks::{self, Waiting};
use super::{Broker, BrokerError, identity::Refusing, listener};
use crate::api::Gauges;
use crate::config;
use crate::counters::Counters;
use crate::ingest::{Ingest, Message, Verdict};
use crate::lanes::Mark;

/// Largest MQTT packet: twice a pack, so that a pack that is too large is counted by us and told by its sender's name.
const MAX_PACKET_BYTES: usize = 8 * 1024;

/// A running embedded broker.
pub struct Embedded {
    address: SocketAddr,
    acks: Arc<Waiting>,
    stop: broadcast::Sender<()>,
}

impl Embedded {
    pub(super) async fn start(
        settings: &config::Mqtt,
        address: SocketAddr,
        ingest: Arc<Ingest>,
        site: &str,
        (counters, gauges): (Counters, Arc<Gauges>),
    ) -> Result<Self, BrokerError> {
        let listen = |source| BrokerError::Listen { address, source };
        let socket = TcpListener::bind(address).await.map_err(listen)?;
        let address = socket.local_addr().map_err(listen)?;
        let config = limits(settings, Arc::new(Events { ingest: ingest.clone() }));
        let mut broker = MqttBroker::with_config(config.clone())
            .await
            .map_err(BrokerError::Start)?
            .with_auth_provider(Arc::new(Refusing));
        let (stop, _) = broadcast::channel(1);
        let parts = listener::Parts {
            config: Arc::new(config),
            router: broker.router(),
            stats: broker.stats(),
            resources: broker.resource_monitor(),
            stop: stop.clone(),
            site: Arc::from(site),
            ingest,
            counters,
            gauges,
        };
        let waiting = Arc::new(Waiting::default());
        tokio::spawn(acks::tell(waiting.clone(), parts.clone()));
        tokio::spawn(listener::accept(socket, parts, settings.max_clients));
        // The broker's own listener is on a port nobody is told and refuses everybody; it is run for its housekeeping.
        let mut stopped = stop.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                ended = broker.run() => if let Err(error) = ended { tracing::error!(%error, "the embedded broker ended") },
                _ = stopped.recv() => broker.shutdown(),
            }
        });
        Ok(Self {
            address,
            acks: waiting,
            stop,
        })
    }
}

impl Broker for Embedded {
    fn address(&self) -> Option<SocketAddr> {
        Some(self.address)
    }

    fn acknowledge(&self, mark: &Mark) {
        self.acks.put(mark);
    }

    fn stop(&self) {
        // Nobody listening means that everything has stopped already.
        let _ = self.stop.send(());
    }
}

fn limits(settings: &config::Mqtt, events: Arc<dyn BrokerEventHandler>) -> BrokerConfig {
    let storage = StorageConfig {
        // The broker's memory is never the journal.
        backend: StorageBackend::Memory,
        enable_persistence: false,
        max_queued_messages_per_client: 1_000,
        max_queued_bytes_per_client: 4 * 1024 * 1024,
        ..StorageConfig::default()
    };
    BrokerConfig {
        bind_addresses: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        max_clients: settings.max_clients,
        max_packet_size: MAX_PACKET_BYTES,
        topic_alias_maximum: 0,
        max_subscriptions_per_client: 10,
        max_retained_messages: settings.max_clients * 2,
        // What is retained and should not be has to reach the ingest, which counts it; it lets only states be kept.
        max_retained_message_size: MAX_PACKET_BYTES,
        client_channel_capacity: 100,
        // The default lets unreleased QoS 2 messages take 248 MB.
        server_receive_maximum: Some(20),
        server_keep_alive: Some(std::time::Duration::from_secs(60)),
        // An excess QoS 1 message would be acknowledged and dropped; the awaited handler throttles instead.
        max_message_rate_per_client: 0,
        sys_topics_enabled: false,
        storage_config: storage,
        event_handler: Some(events),
        ..BrokerConfig::default()
    }
}

/// Hands every publish to the ingest before it is acknowledged, so that a slow engine slows its sender.
struct Events {
    ingest: Arc<Ingest>,
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl BrokerEventHandler for Events {
    fn on_client_publish<'a>(&'a self, event: ClientPublishEvent) -> Answer<'a, PublishAction> {
        Box::pin(async move {
            let message = Message {
                client: &event.client_id,
                topic: &event.topic,
                payload: &event.payload,
                // Other people's devices ask for everything to be kept; here it is live, and is not kept.
                retain: event.retain && event.topic.starts_with("muster/"),
            };
            match self.ingest.take(message).await {
                Verdict::Taken => PublishAction::Handled,
                Verdict::Keep => PublishAction::Continue,
            }
        })
    }

    fn on_client_disconnect<'a>(&'a self, event: ClientDisconnectEvent) -> Answer<'a, ()> {
        Box::pin(async move { self.ingest.gone(&event.client_id).await })
    }
}

//! mqtt5's engine with our own listener, limits and identity check.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use mqtt5::broker::MqttBroker;
use mqtt5::broker::config::{BrokerConfig, StorageBackend, StorageConfig};
use mqtt5::broker::events::{BrokerEventHandler, ClientDisconnectEvent, ClientPublishEvent, PublishAction};
use tokio::sync::{broadcast, watch};

use super::acks::{self, Waiting};
use super::clients::Clients;
use super::door::Door;
use super::lobby::Lobby;
use super::{Broker, BrokerError, expiry, identity::Refusing, listener};
use crate::api::Gauges;
use crate::certs::{self, Serving};
use crate::config::{self, TlsFiles};
use crate::counters::Counters;
use crate::ingest::{Ingest, Message, Verdict};
use crate::lanes::Mark;

/// Largest MQTT packet: twice a pack, so that a pack that is too large is counted by us and told by its sender's name.
const MAX_PACKET_BYTES: usize = 8 * 1024;

/// Places in the lobby beyond one for every client, so that a site that comes back at once finds room beside strangers.
const LOBBY_MORE: usize = 256;

/// A running embedded broker.
pub struct Embedded {
    address: SocketAddr,
    acks: Arc<Waiting>,
    /// The TLS files in use; none of a plain listener.
    serving: Option<watch::Sender<Arc<Serving>>>,
    files: watch::Sender<Option<TlsFiles>>,
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
        let files = settings.tls().cloned();
        let serving = files.as_ref().map(read).transpose()?;
        let serving = serving.map(|serving| watch::channel(serving).0);
        let socket = listener::bind(address).map_err(listen)?;
        let address = socket.local_addr().map_err(listen)?;
        let waiting = Arc::new(Waiting::default());
        let events = Events {
            ingest: ingest.clone(),
            acks: waiting.clone(),
        };
        let config = limits(settings, Arc::new(events));
        let broker = MqttBroker::with_config(config.clone())
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
            clients: Clients::new(settings.max_clients, ingest.clients(), gauges),
            lobby: Lobby::new(settings.max_clients.max(ingest.clients()) + LOBBY_MORE),
            turns: listener::turns(),
            door: Door::of(serving.as_ref()),
            ingest,
            counters,
        };
        tokio::spawn(acks::tell(waiting.clone(), parts.clone()));
        let files = watch::channel(files).0;
        tokio::spawn(expiry::look(files.subscribe(), parts.clone()));
        tokio::spawn(listener::accept(socket, parts));
        tokio::spawn(keep_house(broker, stop.subscribe()));
        Ok(Self {
            address,
            acks: waiting,
            serving,
            files,
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

    fn reload_tls(&self, files: &TlsFiles) -> Result<bool, BrokerError> {
        let Some(serving) = &self.serving else { return Ok(false) };
        let read = read(files)?;
        let before = serving.send_replace(read.clone());
        self.files.send_replace(Some(files.clone()));
        Ok(!before.is_same(&read))
    }

    fn stop(&self) {
        // Nobody listening means that everything has stopped already.
        let _ = self.stop.send(());
    }
}

/// The broker's own listener is on a port nobody is told and refuses everybody; it is run for its housekeeping.
async fn keep_house(mut broker: MqttBroker, mut stopped: broadcast::Receiver<()>) {
    tokio::select! {
        ended = broker.run() => if let Err(error) = ended { tracing::error!(%error, "the embedded broker ended") },
        _ = stopped.recv() => broker.shutdown(),
    }
}

fn read(files: &TlsFiles) -> Result<Arc<Serving>, BrokerError> {
    let read = certs::load(files).map(Arc::new);
    read.map_err(|source| BrokerError::Tls {
        hint: source.hint(),
        source,
    })
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
        // Only acknowledgements and orders go out, and a later acknowledgement says all that an earlier one said: a client
        // that leaves more than these unread is slow, and is told so by its end (see `acks`).
        client_channel_capacity: 4,
        max_outbound_inflight: 4,
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
    acks: Arc<Waiting>,
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
                Verdict::Behind(mark) => {
                    self.acks.put(&mark);
                    PublishAction::Handled
                }
            }
        })
    }

    fn on_client_disconnect<'a>(&'a self, event: ClientDisconnectEvent) -> Answer<'a, ()> {
        Box::pin(async move { self.ingest.gone(&event.client_id).await })
    }
}

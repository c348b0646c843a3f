//! Our own way in: one silent peer holds up nobody, and there are never more connections than the config allows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mqtt5::broker::client_handler::ClientHandler;
use mqtt5::broker::config::BrokerConfig;
use mqtt5::broker::resource_monitor::ResourceMonitor;
use mqtt5::broker::router::MessageRouter;
use mqtt5::broker::sys_topics::BrokerStats;
use mqtt5::broker::transport::BrokerTransport;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

use super::identity::Unproven;
use crate::api::Gauges;
use crate::counters::{Cause, Counters};
use crate::ingest::Ingest;

/// Pause after a failed accept: without it, running out of descriptors burns a core and floods the log.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every connection needs of the broker.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) config: Arc<BrokerConfig>,
    pub(super) router: Arc<MessageRouter>,
    pub(super) stats: Arc<BrokerStats>,
    pub(super) resources: Arc<ResourceMonitor>,
    pub(super) stop: broadcast::Sender<()>,
    pub(super) site: Arc<str>,
    pub(super) ingest: Arc<Ingest>,
    pub(super) counters: Counters,
    pub(super) gauges: Arc<Gauges>,
}

/// Accepts until it is told to stop. A connection beyond the limit is closed at once and counted.
pub(super) async fn accept(socket: TcpListener, parts: Parts, max_clients: usize) {
    let places = Arc::new(Semaphore::new(max_clients));
    let mut stopped = parts.stop.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stopped.recv() => return,
        };
        match accepted {
            Ok((stream, from)) => admit(stream, from, &places, &parts),
            Err(error) => {
                parts.counters.count(Cause::ClientLimit, "listener", &error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn admit(stream: TcpStream, from: SocketAddr, places: &Arc<Semaphore>, parts: &Parts) {
    match places.clone().try_acquire_owned() {
        Ok(permit) => {
            let place = Place::taken(permit, parts.gauges.clone());
            drop(tokio::spawn(serve(stream, from, parts.clone(), place)));
        }
        Err(_) => parts.counters.count(
            Cause::ClientLimit,
            &from.to_string(),
            &"all places are taken; connection closed",
        ),
    }
}

async fn serve(stream: TcpStream, from: SocketAddr, parts: Parts, place: Place) {
    // Without it three small packets in a row wait 40 ms for each other. A socket that cannot is served all the same.
    let _ = stream.set_nodelay(true);
    let identity = Arc::new(Unproven::new(
        parts.site.clone(),
        parts.ingest.clone(),
        parts.counters.clone(),
    ));
    let handler = ClientHandler::new(
        BrokerTransport::tcp(stream),
        from,
        parts.config.clone(),
        parts.router.clone(),
        identity.clone(),
        None,
        parts.stats.clone(),
        parts.resources.clone(),
        parts.stop.subscribe(),
    );
    if let Err(error) = handler.run().await
        && !error.is_normal_disconnect()
        && !identity.has_refused()
    {
        parts.counters.count(cause(&error), &from.to_string(), &error);
    }
    drop(place);
}

/// A client's place among those the config allows; comes free however the client ends.
struct Place {
    gauges: Arc<Gauges>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn taken(permit: OwnedSemaphorePermit, gauges: Arc<Gauges>) -> Self {
        gauges.count_mqtt_client(1);
        Self {
            gauges,
            _permit: permit,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gauges.count_mqtt_client(-1);
    }
}

fn cause(error: &mqtt5::MqttError) -> Cause {
    match error {
        mqtt5::MqttError::PacketTooLarge { .. } => Cause::Oversized,
        mqtt5::MqttError::Timeout => Cause::Handshake,
        mqtt5::MqttError::KeepAliveTimeout | mqtt5::MqttError::Io(_) => Cause::Broken,
        mqtt5::MqttError::InvalidClientId(_)
        | mqtt5::MqttError::AuthenticationFailed
        | mqtt5::MqttError::NotAuthorized => Cause::Identity,
        _ => Cause::Malformed,
    }
}

//! The embedded MQTT broker, behind a trait: what speaks MQTT can be changed without the rest noticing.

mod broker;
mod identity;
mod listener;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::config;
use crate::counters::Counters;
use crate::ingest::Ingest;

pub use broker::Embedded;

/// Why a broker could not be started.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The address is taken, or is not ours.
    #[error("cannot listen for MQTT on {address}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The broker itself did not start.
    #[error("the embedded broker did not start")]
    Start(#[source] mqtt5::MqttError),
}

/// Something that hands messages to an [`Ingest`].
pub trait Broker: Send {
    /// Where it really listens, the port included.
    fn address(&self) -> SocketAddr;
    /// Stops accepting and ends every connection.
    fn stop(&self);
}

/// Starts the embedded broker.
///
/// # Errors
/// The address cannot be listened on, or the broker did not start.
pub async fn embedded(
    settings: &config::Mqtt,
    address: SocketAddr,
    ingest: Arc<Ingest>,
    site: &str,
    counters: Counters,
) -> Result<Box<dyn Broker>, BrokerError> {
    Ok(Box::new(
        Embedded::start(settings, address, ingest, site, counters).await?,
    ))
}

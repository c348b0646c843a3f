//! The embedded MQTT broker, or a line to somebody else's, behind a trait: what speaks MQTT can be changed without the
//! rest noticing.

mod acks;
mod broker;
mod identity;
mod listener;
mod uplink;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::api::Gauges;
use crate::config;
use crate::counters::Counters;
use crate::ingest::Ingest;
use crate::lanes::Mark;

pub use broker::Embedded;
pub use uplink::Uplink;

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
pub trait Broker: Send + Sync {
    /// Where it really listens, the port included; none if it is somebody else's.
    fn address(&self) -> Option<SocketAddr>;
    /// Tells a node that everything up to its mark is on disk. Never waits: what cannot be sent at once is dropped when
    /// a later mark of the node comes, which says all that it said.
    fn acknowledge(&self, mark: &Mark);
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
    counted: (Counters, Arc<Gauges>),
) -> Result<Box<dyn Broker>, BrokerError> {
    Ok(Box::new(
        Embedded::start(settings, address, ingest, site, counted).await?,
    ))
}

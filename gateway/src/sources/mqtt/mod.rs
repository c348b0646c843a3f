//! The embedded MQTT broker, or a line to somebody else's, behind a trait: what speaks MQTT can be changed without the
//! rest noticing.

mod acks;
mod broker;
mod clients;
mod door;
mod expiry;
mod identity;
mod listener;
mod lobby;
mod uplink;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::api::Gauges;
use crate::certs::CertError;
use crate::config::{self, TlsFiles};
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
    /// The TLS files cannot be used.
    #[error("its TLS files cannot be used ({hint})")]
    Tls {
        /// What to do.
        hint: &'static str,
        /// Cause.
        #[source]
        source: CertError,
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
    /// Reads the TLS files anew. Logins from then on go by the new ones; connections stay, but for those whose certificate
    /// the new ones refuse. A plain listener stays plain. Whether they are others than before.
    ///
    /// # Errors
    /// The files cannot be used; then the old ones stay in use.
    fn reload_tls(&self, files: &TlsFiles) -> Result<bool, BrokerError>;
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

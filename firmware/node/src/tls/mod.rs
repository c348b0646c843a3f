//! Mutual TLS 1.3 over any byte stream: the node proves its name, and speaks to the site's gateway only.
//!
//! embedded-tls (AES-128-GCM, P-256) with three things around it: a verifier that believes no certificate but those the
//! site's CA itself has signed ([`Verifier`]), a stream that hands over whole records only, so that a read may be
//! given up at any time ([`Whole`]), and a clock for dates ([`set_unix_s`]).

mod clock;
mod credentials;
mod verifier;
mod whole;

pub use clock::{Clock, set_unix_s};
pub use credentials::{Credentials, KeyError};
pub use embedded_tls::TlsError;
pub use verifier::Verifier;
pub use whole::{BrokenStream, RECORD_BYTES, Whole};

use embedded_io_async::{Read, Write};
use embedded_tls::{Aes128GcmSha256, MaxFragmentLength, TlsConfig, TlsConnection, TlsContext};
use rand_core::CryptoRngCore;

/// Room for one record that is written: a pack and what TLS adds.
pub const WRITE_BYTES: usize = 4096;

/// An open connection.
pub type Stream<'s, S> = TlsConnection<'s, Whole<'s, S>, Aes128GcmSha256>;

/// What a connection works in; may be used again for the next.
#[derive(Debug)]
pub struct Rooms {
    read: [u8; RECORD_BYTES],
    write: [u8; WRITE_BYTES],
    received: [u8; RECORD_BYTES],
    sending: [u8; 2 * WRITE_BYTES],
}

impl Rooms {
    /// Empty ones.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            read: [0; _],
            write: [0; _],
            received: [0; _],
            sending: [0; _],
        }
    }
}

impl Default for Rooms {
    fn default() -> Self {
        Self::new()
    }
}

/// Does the handshake.
///
/// # Errors
/// The gateway is not the site's, does not want this node, or the stream broke.
pub async fn open<'s, S: Read + Write + 's>(
    stream: S,
    rooms: &'s mut Rooms,
    credentials: &Credentials<'_>,
    rng: &mut impl CryptoRngCore,
) -> Result<Stream<'s, S>, TlsError> {
    let whole = Whole::new(stream, &mut rooms.received, &mut rooms.sending);
    let mut connection = TlsConnection::new(whole, &mut rooms.read, &mut rooms.write);
    let config = TlsConfig::new()
        .with_server_name(credentials.server_name)
        .with_max_fragment_length(MaxFragmentLength::Bits12);
    let provider = credentials.provider(rng);
    connection.open(TlsContext::new(&config, provider)).await?;
    Ok(connection)
}

//! A server's own certificate, for clients that show none.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;

use super::{Which, certificates, private_key};

/// TLS with a chain and its key; clients are not asked who they are.
///
/// # Errors
/// Which file is wrong, and how, in one line.
pub fn plain_server(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, String> {
    let read = || Ok::<_, super::CertError>((certificates(Which::Cert, cert)?, private_key(key)?));
    let (chain, key) = read().map_err(|error| crate::lines::with_causes(&error))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| error.to_string())?;
    let config = builder.with_no_client_auth().with_single_cert(chain, key);
    config
        .map(Arc::new)
        .map_err(|error| format!("the certificate and its key cannot be used: {error}"))
}

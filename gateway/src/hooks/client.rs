//! The HTTP clients of all webhooks: kept-alive connections, no redirects, no proxies, checked addresses.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity};

use super::resolver::{CheckedResolver, system};

/// An unused connection is kept this long, so that a retry and the next phase need no new handshake.
const KEPT_ALIVE: Duration = Duration::from_secs(90);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS could not be set up.
    #[error("the HTTP client of the hooks could not be set up")]
    Build(#[source] reqwest::Error),
    /// A file of a hook's certificates or key.
    #[error("{path} cannot be read")]
    Read {
        /// Its path.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// Our certificate and key.
    #[error("`cert` {path} and its `key` cannot be used")]
    Identity {
        /// Of the certificate.
        path: PathBuf,
        /// Cause.
        #[source]
        source: reqwest::Error,
    },
    /// It holds no certificates.
    #[error("`ca` {path} holds no usable certificate")]
    Authorities {
        /// Its path.
        path: PathBuf,
        /// Cause.
        #[source]
        source: Box<ClientError>,
    },
}

/// One client for hooks that may be on this machine, one for all others.
#[derive(Clone, Debug)]
pub struct Clients {
    connect: Duration,
    outside: reqwest::Client,
    loopback: reqwest::Client,
}

impl Clients {
    /// Both clients. A connection that is not made within `connect` has failed.
    ///
    /// # Errors
    /// TLS could not be set up. A machine without certificate authorities is no such case: calls by https fail there,
    /// plain ones work.
    pub fn new(connect: Duration) -> Result<Self, ClientError> {
        // Somebody else may have been first; there is one provider in the tree, so it is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            connect,
            outside: client(
                connect,
                CheckedResolver {
                    allow_loopback: false,
                    lookup: system,
                },
            )?,
            loopback: client(
                connect,
                CheckedResolver {
                    allow_loopback: true,
                    lookup: system,
                },
            )?,
        })
    }

    /// The one for a hook; one of its own where it trusts authorities of its own.
    ///
    /// # Errors
    /// The file of its authorities cannot be used.
    pub fn of(&self, allow_loopback: bool, ca: Option<&Path>) -> Result<reqwest::Client, ClientError> {
        let Some(ca) = ca else {
            return Ok(self.get(allow_loopback));
        };
        client_trusting(self.connect, allow_loopback, &read(ca)?).map_err(|source| ClientError::Authorities {
            path: ca.to_owned(),
            source: Box::new(source),
        })
    }

    /// As [`Clients::of`]; one of its own where we prove who we are by a certificate and its key, PEM files both.
    ///
    /// # Errors
    /// One of the files cannot be used.
    pub fn proving(
        &self,
        allow_loopback: bool,
        ca: Option<&Path>,
        identity: Option<(&Path, &Path)>,
    ) -> Result<reqwest::Client, ClientError> {
        let Some((cert, key)) = identity else {
            return self.of(allow_loopback, ca);
        };
        let mut pem = read(cert)?;
        pem.extend(read(key)?);
        let identity = Identity::from_pem(&pem).map_err(|source| ClientError::Identity {
            path: cert.to_owned(),
            source,
        })?;
        let mut builder = builder(self.connect)
            .identity(identity)
            .dns_resolver(Arc::new(CheckedResolver {
                allow_loopback,
                lookup: system,
            }));
        if let Some(ca) = ca {
            let authorities = Certificate::from_pem_bundle(&read(ca)?).map_err(ClientError::Build)?;
            builder = builder.tls_certs_only(authorities);
        }
        builder.build().map_err(ClientError::Build)
    }

    /// The one for a hook that trusts the machine's own authorities.
    #[must_use]
    pub fn get(&self, allow_loopback: bool) -> reqwest::Client {
        if allow_loopback {
            self.loopback.clone()
        } else {
            self.outside.clone()
        }
    }
}

/// A client that trusts these authorities alone.
///
/// # Errors
/// The PEM holds no certificate, or TLS could not be set up.
pub(crate) fn client_trusting(
    connect: Duration,
    allow_loopback: bool,
    ca: &[u8],
) -> Result<reqwest::Client, ClientError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let authorities = Certificate::from_pem_bundle(ca).map_err(ClientError::Build)?;
    let resolver = CheckedResolver {
        allow_loopback,
        lookup: system,
    };
    let builder = builder(connect).dns_resolver(Arc::new(resolver));
    builder.tls_certs_only(authorities).build().map_err(ClientError::Build)
}

fn read(path: &Path) -> Result<Vec<u8>, ClientError> {
    std::fs::read(path).map_err(|source| ClientError::Read {
        path: path.to_owned(),
        source,
    })
}

pub(super) fn builder(connect: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(connect)
        .pool_idle_timeout(KEPT_ALIVE)
}

pub(super) fn client(connect: Duration, resolver: CheckedResolver) -> Result<reqwest::Client, ClientError> {
    let resolver = Arc::new(resolver);
    let usual = builder(connect).dns_resolver(Arc::clone(&resolver)).build();
    usual.or_else(|cause| {
        // A bare container has no certificate authorities; a site whose hooks speak plain HTTP must start all the same.
        tracing::warn!(%cause, "no certificate authorities found: hooks by https will fail");
        builder(connect)
            .dns_resolver(resolver)
            .tls_certs_only([])
            .build()
            .map_err(ClientError::Build)
    })
}

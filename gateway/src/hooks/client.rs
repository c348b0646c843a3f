//! The HTTP clients of all webhooks: kept-alive connections, no redirects, no proxies, checked addresses.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;

use super::resolver::{CheckedResolver, system};

/// An unused connection is kept this long, so that a retry and the next phase need no new handshake.
const KEPT_ALIVE: Duration = Duration::from_secs(90);

/// Why there are no clients.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client of the hooks could not be set up")]
pub struct ClientError(#[source] reqwest::Error);

/// One client for hooks that may be on this machine, one for all others.
#[derive(Clone, Debug)]
pub struct Clients {
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

    /// The one for a hook.
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
    let authorities = reqwest::Certificate::from_pem_bundle(ca).map_err(ClientError)?;
    let resolver = CheckedResolver {
        allow_loopback,
        lookup: system,
    };
    let builder = builder(connect).dns_resolver(Arc::new(resolver));
    builder.tls_certs_only(authorities).build().map_err(ClientError)
}

fn builder(connect: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(connect)
        .pool_idle_timeout(KEPT_ALIVE)
}

pub(super) fn client(connect: Duration, resolver: CheckedResolver) -> Result<reqwest::Client, ClientError> {
    let builder = || builder(connect);
    let resolver = Arc::new(resolver);
    builder().dns_resolver(Arc::clone(&resolver)).build().or_else(|cause| {
        // A bare container has no certificate authorities; a site whose hooks speak plain HTTP must start all the same.
        tracing::warn!(%cause, "no certificate authorities found: hooks by https will fail");
        builder()
            .dns_resolver(resolver)
            .tls_certs_only([])
            .build()
            .map_err(ClientError)
    })
}

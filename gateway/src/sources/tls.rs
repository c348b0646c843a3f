//! Who a broker or a server has to be that we connect to, and who we are, over TLS.

mod pinned;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinned::Pinned;
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

/// Why there is no TLS to be had with these files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsFault {
    /// A file that is gone, or holds nothing of the kind.
    #[error("{path} holds no {what} (PEM)")]
    File {
        path: PathBuf,
        what: &'static str,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The machine trusts nobody.
    #[error("this machine has no CA certificates: name the broker's with `ca`")]
    NoRoots,
    /// What the library says of them.
    #[error("the certificate and its key cannot be used")]
    Identity(#[source] rustls::Error),
    /// As above.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

/// By the authorities of a file, or the system's; `identity` is our certificate and its key, where they want one. The
/// files are read anew for each connection, so that renewed ones count at once.
pub(crate) fn client(ca: Option<&Path>, identity: Option<&(PathBuf, PathBuf)>) -> Result<Arc<ClientConfig>, TlsFault> {
    let builder = builder()?.with_root_certificates(roots(ca)?);
    ours(builder, identity)
}

/// By the very certificate of a file, whoever has signed it and whatever name it bears: for servers that sign their own.
pub(crate) fn client_of(pinned: &Path, identity: Option<&(PathBuf, PathBuf)>) -> Result<Arc<ClientConfig>, TlsFault> {
    let verifier = Arc::new(Pinned::of(certificates(pinned)?));
    let builder = builder()?.dangerous().with_custom_certificate_verifier(verifier);
    ours(builder, identity)
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, TlsFault> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsFault::Setup)
}

fn ours(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    identity: Option<&(PathBuf, PathBuf)>,
) -> Result<Arc<ClientConfig>, TlsFault> {
    let config = match identity {
        Some((cert, key)) => builder
            .with_client_auth_cert(certificates(cert)?, private_key(key)?)
            .map_err(TlsFault::Identity)?,
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// The CA of the config alone, or those of the system.
fn roots(ca: Option<&Path>) -> Result<RootCertStore, TlsFault> {
    let mut roots = RootCertStore::empty();
    let certificates = match ca {
        Some(ca) => certificates(ca)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(TlsFault::NoRoots);
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let fault = |source| TlsFault::File {
        path: path.to_owned(),
        what: "certificate",
        source,
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(fault)?.collect();
    match found.map_err(fault)? {
        none if none.is_empty() => Err(fault(rustls::pki_types::pem::Error::NoItemsFound)),
        some => Ok(some),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsFault> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| TlsFault::File {
        path: path.to_owned(),
        what: "private key",
        source,
    })
}

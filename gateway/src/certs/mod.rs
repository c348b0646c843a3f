//! Certificates: who a node is, and how a site makes and checks them.
//!
//! Two authorities that never stand for each other: the *site CA* signs the gateway's certificate, which nodes trust; the
//! *node CA* signs the nodes' certificates, which the gateway trusts. A stolen node's key is then of no use to act as the
//! gateway, whatever a node's TLS library forgets to check (decision 0007).

mod concerns;
mod facts;
pub mod issue;
mod serving;

pub use concerns::{Concern, EXPIRY_WARNING_DAYS, concerns, expiring};
pub use facts::{Facts, facts, node_name};
mod plain;

pub use plain::plain_server;
pub use serving::{Claim, Serving, load};

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

/// Largest file that is read: a chain or a revocation list of some thousand certificates. Bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Which of the files a fault is in: the key of `[mqtt]` that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// CA of the nodes.
    Ca,
    /// The gateway's chain.
    Cert,
    /// Its key.
    Key,
    /// What is revoked.
    Crl,
}

impl Which {
    /// Its key in `[mqtt]`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::Cert => "cert",
            Self::Key => "key",
            Self::Crl => "crl",
        }
    }
}

/// Why TLS files are of no use.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// Not there, not ours to read, or not a file.
    #[error("`{}` {path} cannot be read", which.as_str())]
    Read {
        /// Which.
        which: Which,
        /// Its path.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// It holds nothing of the kind.
    #[error("`{}` {path} holds no {wanted} in PEM", which.as_str())]
    NotPem {
        /// Which.
        which: Which,
        /// Its path.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// It is PEM, and what it wraps is not what it says.
    #[error("`{}` {path}: {what}", which.as_str())]
    Wrong {
        /// Which.
        which: Which,
        /// Its path.
        path: PathBuf,
        /// What is wrong, in one line.
        what: String,
    },
}

impl CertError {
    /// Which file it is about.
    #[must_use]
    pub const fn which(&self) -> Which {
        match self {
            Self::Read { which, .. } | Self::NotPem { which, .. } | Self::Wrong { which, .. } => *which,
        }
    }

    /// What to do about it, in one line.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match (self, self.which()) {
            (Self::Read { .. }, Which::Key) => "the user that runs Muster has to be able to read it, and nobody else",
            (Self::Read { .. }, _) => "the path is relative to the folder of the config",
            (_, Which::Ca) => "`ca` is the CA that signs the nodes: node-ca.pem of `muster enroll init`",
            (_, Which::Cert) => {
                "`cert` is the gateway's own certificate: `muster enroll gateway` makes it, and its key"
            }
            (_, Which::Key) => "`key` belongs to `cert`: `muster enroll gateway` makes both",
            (_, Which::Crl) => "`crl` is signed by the node CA: `muster enroll revoke` writes it",
        }
    }
}

/// The bytes of a regular file of at most [`MAX_BYTES`]. A pipe or a device could keep us waiting for ever.
fn read(which: Which, path: &Path) -> Result<Vec<u8>, CertError> {
    let fault = |source| CertError::Read {
        which,
        path: path.to_owned(),
        source,
    };
    let about = std::fs::metadata(path).map_err(fault)?;
    if !about.is_file() || about.len() > MAX_BYTES {
        let why = "it is not a regular file of at most 1 MiB";
        return Err(fault(std::io::Error::other(why)));
    }
    std::fs::read(path).map_err(fault)
}

fn not_pem(which: Which, path: &Path, wanted: &'static str) -> CertError {
    CertError::NotPem {
        which,
        path: path.to_owned(),
        wanted,
    }
}

/// Every certificate of a PEM file, at least one.
fn certificates(which: Which, path: &Path) -> Result<Vec<CertificateDer<'static>>, CertError> {
    let bytes = read(which, path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    all.ok()
        .filter(|all| !all.is_empty())
        .ok_or_else(|| not_pem(which, path, "certificate"))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertError> {
    let bytes = read(Which::Key, path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| not_pem(Which::Key, path, "private key"))
}

fn revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, CertError> {
    let bytes = read(Which::Crl, path)?;
    let all: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
    all.ok()
        .filter(|all| !all.is_empty())
        .ok_or_else(|| not_pem(Which::Crl, path, "revocation list"))
}

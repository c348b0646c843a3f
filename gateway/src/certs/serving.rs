//! What the listener needs of the TLS files.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};

use sha2::{Digest, Sha256};

use super::{CertError, Which, certificates, facts, private_key, revocations};
use crate::clock;
use crate::config::TlsFiles;

/// Longest TLS record we send: small boards have small buffers. Bytes.
const RECORD_BYTES: usize = 4_096;

/// The files, read and checked against each other.
#[derive(Debug)]
pub struct Serving {
    provider: Arc<CryptoProvider>,
    clients: Arc<dyn ClientCertVerifier>,
    own: Arc<SingleCertAndKey>,
    /// SHA-256 of what was read, to tell a renewed certificate from the same one read again.
    digest: [u8; 32],
}

impl Serving {
    /// Whether both were read from the same bytes.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

/// Who a connection's certificate says it is, once it has shown one, whether it is believed or not.
pub type Claim = Arc<OnceLock<String>>;

/// Reads the files of a listener. A client's certificate is required, has to come from `ca`, and must not stand in `crl`.
///
/// # Errors
/// [`CertError`]: which file is wrong, and how.
pub fn load(files: &TlsFiles) -> Result<Serving, CertError> {
    // First: what is changed while it is read must look changed the next time.
    let digest = digest(files)?;
    let provider = Arc::new(ring::default_provider());
    let clients = clients(files, &provider)?;
    let chain = certificates(Which::Cert, &files.cert)?;
    let key = private_key(&files.key)?;
    check_own(files, &chain)?;
    let own = CertifiedKey::from_der(chain, key, &provider).map_err(|error| own_fault(files, &error))?;
    Ok(Serving {
        provider,
        clients,
        own: Arc::new(SingleCertAndKey::from(own)),
        digest,
    })
}

fn digest(files: &TlsFiles) -> Result<[u8; 32], CertError> {
    let named = [
        (Which::Ca, &files.ca),
        (Which::Cert, &files.cert),
        (Which::Key, &files.key),
    ];
    let mut all = Sha256::new();
    for (which, path) in named.into_iter().chain(files.crl.iter().map(|crl| (Which::Crl, crl))) {
        all.update(super::read(which, path)?);
    }
    Ok(all.finalize().into())
}

fn clients(files: &TlsFiles, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, CertError> {
    let wrong = |which, path: &std::path::Path, what| CertError::Wrong {
        which,
        path: path.to_owned(),
        what,
    };
    let mut roots = RootCertStore::empty();
    for ca in certificates(Which::Ca, &files.ca)? {
        if !facts(&ca).is_some_and(|facts| facts.is_ca) {
            return Err(wrong(
                Which::Ca,
                &files.ca,
                "a certificate in it may not sign others: it is no CA".into(),
            ));
        }
        let added = roots.add(ca);
        added.map_err(|error| wrong(Which::Ca, &files.ca, error.to_string()))?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    if let Some(crl) = &files.crl {
        builder = builder.with_crls(revocations(crl)?).only_check_end_entity_revocation();
    }
    // Without a list to read the builder only fails for want of a CA, and there is one.
    builder.build().map_err(|error| {
        let path = files.crl.as_ref().unwrap_or(&files.ca);
        wrong(Which::Crl, path, error.to_string())
    })
}

fn check_own(files: &TlsFiles, chain: &[CertificateDer<'static>]) -> Result<(), CertError> {
    let wrong = |what: &str| CertError::Wrong {
        which: Which::Cert,
        path: files.cert.clone(),
        what: what.into(),
    };
    let own = chain.first().and_then(|first| facts(first));
    let own = own.ok_or_else(|| wrong("its first certificate is not X.509"))?;
    if own.is_ca {
        return Err(wrong("its first certificate is a CA's, not the gateway's own"));
    }
    if own.for_client && !own.for_server {
        return Err(wrong("its first certificate is a node's: it may not act as a server"));
    }
    Ok(())
}

fn own_fault(files: &TlsFiles, error: &rustls::Error) -> CertError {
    let (which, path, what) = match error {
        rustls::Error::InconsistentKeys(_) => (
            Which::Key,
            &files.key,
            format!("it does not belong to the certificate {}", files.cert.display()),
        ),
        rustls::Error::InvalidCertificate(_) => (Which::Cert, &files.cert, error.to_string()),
        _ => (Which::Key, &files.key, error.to_string()),
    };
    CertError::Wrong {
        which,
        path: path.clone(),
        what,
    }
}

impl Serving {
    /// What one connection is accepted with. Nothing is resumed: every login shows its certificate anew, so that one that
    /// has expired or been revoked meanwhile is noticed.
    ///
    /// # Errors
    /// The provider knows no TLS version, which is our bug.
    pub fn accepting(&self, claim: &Claim) -> Result<Arc<ServerConfig>, rustls::Error> {
        let named = Named {
            inner: self.clients.clone(),
            claim: claim.clone(),
        };
        let builder = ServerConfig::builder_with_provider(self.provider.clone());
        let mut config = builder
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_client_cert_verifier(Arc::new(named))
            .with_cert_resolver(self.own.clone());
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_fragment_size = Some(RECORD_BYTES);
        Ok(Arc::new(config))
    }

    /// Whether a client that was let in before would be let in now.
    ///
    /// # Errors
    /// Why not.
    pub fn verify(&self, chain: &[CertificateDer<'_>]) -> Result<(), rustls::Error> {
        let (own, more) = chain.split_first().ok_or(rustls::Error::NoCertificatesPresented)?;
        self.clients.verify_client_cert(own, more, now()).map(drop)
    }
}

fn now() -> UnixTime {
    let since_epoch_ms = clock::wall_now_ms().unsigned_abs();
    UnixTime::since_unix_epoch(std::time::Duration::from_millis(since_epoch_ms))
}

/// Remembers who a certificate says it is before it is judged, so that a refusal can name it.
#[derive(Debug)]
struct Named {
    inner: Arc<dyn ClientCertVerifier>,
    claim: Claim,
}

impl ClientCertVerifier for Named {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let said = facts(end_entity).map_or_else(
            || "not X.509".to_owned(),
            |facts| format!("{:?}, serial {}", facts.names.join(" "), facts.serial),
        );
        // Judged once a connection, so it is empty.
        let _ = self.claim.set(said.chars().take(120).collect());
        self.inner.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

//! From a TCP connection to one whose owner is known, or to a refusal with its reason.

use std::sync::Arc;

use mqtt5::broker::tls_acceptor::TlsStreamWrapper;
use mqtt5::broker::transport::BrokerTransport;
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, Error};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::certs::{self, Claim, Serving};
use crate::counters::Cause;

/// How one comes in.
#[derive(Clone)]
pub(super) enum Door {
    /// Anybody, and whoever he says he is.
    Plain,
    /// Whoever has a certificate of the nodes' CA; the files in use.
    Tls(watch::Receiver<Arc<Serving>>),
}

/// A connection that has come in.
pub(super) struct Entered {
    pub(super) transport: BrokerTransport,
    pub(super) proven: Option<Proven>,
}

/// Who somebody is, by his certificate.
#[derive(Clone, Debug)]
pub(super) struct Proven {
    /// The certificate's one common name.
    pub(super) name: String,
    chain: Arc<[CertificateDer<'static>]>,
}

/// Why a connection did not come in.
pub(super) struct Refusal {
    pub(super) cause: Cause,
    /// Who the certificate says it is, believed or not.
    pub(super) claim: Option<String>,
    pub(super) what: String,
}

impl Door {
    /// With TLS if there are files for it.
    pub(super) fn of(serving: Option<&watch::Sender<Arc<Serving>>>) -> Self {
        serving.map_or(Self::Plain, |serving| Self::Tls(serving.subscribe()))
    }

    /// Takes as long as the peer lets it: whoever calls sets the deadline.
    pub(super) async fn enter(&self, stream: TcpStream) -> Result<Entered, Refusal> {
        match self {
            Self::Plain => Ok(Entered {
                transport: BrokerTransport::tcp(stream),
                proven: None,
            }),
            Self::Tls(serving) => {
                let serving = serving.borrow().clone();
                shake_hands(&serving, stream).await
            }
        }
    }

    /// Waits until somebody who came in would no longer: his certificate has been revoked, has expired or has lost its CA
    /// by the time the files are changed. The reason.
    pub(super) async fn shuts_out(&self, proven: Option<&Proven>) -> Error {
        let (Self::Tls(serving), Some(proven)) = (self, proven) else {
            return std::future::pending().await;
        };
        let mut serving = serving.clone();
        loop {
            if serving.changed().await.is_err() {
                return std::future::pending().await;
            }
            let now = serving.borrow_and_update().clone();
            if let Err(error) = now.verify(&proven.chain) {
                return error;
            }
        }
    }
}

async fn shake_hands(serving: &Serving, stream: TcpStream) -> Result<Entered, Refusal> {
    let claim = Claim::default();
    let refuse = |cause, what: String| Refusal {
        cause,
        claim: claim.get().cloned(),
        what,
    };
    let config = serving
        .accepting(&claim)
        .map_err(|error| refuse(Cause::Fault, error.to_string()))?;
    let accepted = TlsAcceptor::from(config).accept(stream).await;
    let stream = accepted.map_err(|error| {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        refuse(
            tls.map_or(Cause::Tls, cause),
            tls.map_or_else(|| error.to_string(), explained),
        )
    })?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let chain: Arc<[_]> = chain.iter().map(|der| der.clone().into_owned()).collect();
    let own = chain
        .first()
        .ok_or_else(|| refuse(Cause::CertificateMissing, "no certificate".into()))?;
    let name = certs::node_name(own).map_err(|what| refuse(Cause::CertificateName, what))?;
    Ok(Entered {
        transport: BrokerTransport::tls(TlsStreamWrapper::new(stream)),
        proven: Some(Proven { name, chain }),
    })
}

/// In words, where the bare ones would send somebody looking at the wrong end.
fn explained(error: &Error) -> String {
    match error {
        Error::AlertReceived(_) => format!(
            "{error}: it refuses our certificate. Does it trust the site CA, and call us by a name in the certificate?"
        ),
        Error::InvalidMessage(_) => format!("{error}: it does not speak TLS"),
        _ => error.to_string(),
    }
}

/// A refused certificate is told apart from everything else that can go wrong in a handshake.
pub(super) fn cause(error: &Error) -> Cause {
    use CertificateError as Wrong;
    match error {
        Error::NoCertificatesPresented => Cause::CertificateMissing,
        Error::InvalidCertificate(wrong) => match wrong {
            Wrong::Expired | Wrong::ExpiredContext { .. } | Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => {
                Cause::CertificateExpired
            }
            Wrong::Revoked => Cause::CertificateRevoked,
            _ => Cause::CertificateUntrusted,
        },
        _ => Cause::Tls,
    }
}

//! A node's own request: its key never leaves it.

use std::path::Path;

use rcgen::{CertificateSigningRequestParams, PKCS_ECDSA_P256_SHA256, PublicKey, PublicKeyData as _};
use rustls::pki_types::CertificateSigningRequestDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

use super::IssueError;

/// Bytes of a P-256 point.
const POINT_BYTES: usize = 65;

/// The public key of a request in PEM or DER, if it asks for this node. Whatever else it asks for is not granted.
pub(super) fn read(path: &Path, id: &str) -> Result<PublicKey, IssueError> {
    let refuse = |why: String| IssueError::Request {
        path: path.to_owned(),
        why,
    };
    let bytes = std::fs::read(path).map_err(|source| IssueError::Read {
        path: path.to_owned(),
        source,
    })?;
    let der = match CertificateSigningRequestDer::from_pem_slice(&bytes) {
        Ok(der) => der,
        Err(_) => CertificateSigningRequestDer::from(bytes),
    };
    let (_, request) = X509CertificationRequest::from_der(&der)
        .map_err(|_| refuse("it is no certificate request (PKCS #10) in PEM or DER".into()))?;
    let names = request.certification_request_info.subject.iter_common_name();
    let names: Vec<_> = names.map(|name| name.as_str().unwrap_or("?").to_owned()).collect();
    if names != [id] {
        return Err(refuse(format!("its common name is {:?}, not {id:?}", names.join(" "))));
    }
    // Checks that whoever asks has the key.
    let checked = CertificateSigningRequestParams::from_der(&der).map_err(|error| refuse(error.to_string()))?;
    let key = checked.public_key;
    if key.algorithm() != &PKCS_ECDSA_P256_SHA256 || key.der_bytes().len() != POINT_BYTES {
        return Err(refuse("its key is not ECDSA on P-256, signed with SHA-256".into()));
    }
    Ok(key)
}

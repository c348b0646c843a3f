//! The two CAs, and what they put into a certificate.

use std::path::Path;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKey, SerialNumber, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::list::{day, ymd};
use super::{CA_YEARS, IssueError};

const DAY_S: i64 = 86_400;

/// A CA with its key.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    until_s: i64,
}

impl Authority {
    /// A new one with a P-256 key, and its last day.
    pub(super) fn make(name: &str, now_s: i64) -> Result<(Self, String), IssueError> {
        let until_s = now_s + i64::from(CA_YEARS) * 365 * DAY_S;
        let mut params = named(name, now_s, until_s)?;
        // It signs leaves only: no CA of somebody else's can hang below it.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(IssueError::Make)?;
        let pem = params.self_signed(&key).map_err(IssueError::Make)?.pem();
        let issuer = Issuer::new(params, key);
        Ok((Self { issuer, pem, until_s }, day(until_s)))
    }

    /// `{stem}.pem` and `{stem}.key` of a folder.
    pub(super) fn load(dir: &Path, stem: &str) -> Result<Self, IssueError> {
        let (pem, der) = Self::certificate(dir, stem)?;
        let path = dir.join(format!("{stem}.key"));
        let key = std::fs::read_to_string(&path).map_err(|source| IssueError::Read { path, source })?;
        let key = KeyPair::from_pem(&key).map_err(IssueError::Make)?;
        let facts = crate::certs::facts(&der).ok_or(IssueError::Make(rcgen::Error::CouldNotParseCertificate))?;
        let issuer = Issuer::from_ca_cert_pem(&pem, key).map_err(IssueError::Make)?;
        Ok(Self {
            issuer,
            pem,
            until_s: facts.until_s,
        })
    }

    /// Only its certificate, as PEM and as DER.
    pub(super) fn certificate(dir: &Path, stem: &str) -> Result<(String, Vec<u8>), IssueError> {
        let path = dir.join(format!("{stem}.pem"));
        let pem = std::fs::read_to_string(&path).map_err(|source| IssueError::Read { path, source })?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes());
        let der = der.map_err(|_| IssueError::Make(rcgen::Error::CouldNotParseCertificate))?;
        Ok((pem, der.to_vec()))
    }

    pub(super) const fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn key_pem(&self) -> Vec<u8> {
        self.issuer.key().serialize_pem().into()
    }

    /// Signs for a key that was made here.
    pub(super) fn sign(&self, params: &CertificateParams, key: &KeyPair) -> Result<Certificate, IssueError> {
        params.signed_by(key, &self.issuer).map_err(IssueError::Make)
    }

    /// Signs for a key that is elsewhere.
    pub(super) fn sign_for(&self, params: CertificateParams, public_key: PublicKey) -> Result<Certificate, IssueError> {
        let request = CertificateSigningRequestParams { params, public_key };
        request.signed_by(&self.issuer).map_err(IssueError::Make)
    }
}

/// A certificate for one purpose that signs nothing, valid from yesterday (clocks differ) and never longer than its CA.
pub(super) fn leaf(
    name: &str,
    purpose: ExtendedKeyUsagePurpose,
    (now_s, days): (i64, i64),
    ca: &Authority,
) -> Result<CertificateParams, IssueError> {
    let mut params = named(name, now_s, (now_s + days * DAY_S).min(ca.until_s))?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn named(name: &str, now_s: i64, until_s: i64) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(random_serial()?);
    let ((y, m, d), (end_y, end_m, end_d)) = (ymd(now_s - DAY_S), ymd(until_s));
    params.not_before = date_time_ymd(y, m, d);
    params.not_after = date_time_ymd(end_y, end_m, end_d);
    Ok(params)
}

/// 126 random bits (RFC 5280 wants a positive number of at most 20 bytes).
fn random_serial() -> Result<SerialNumber, IssueError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(IssueError::Random)?;
    // Neither negative nor with a leading zero, so that it reads the same everywhere.
    bytes[0] = (bytes[0] & 0x7F) | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

//! Which gateway is believed.

use embedded_tls::pki::CertVerifier;
use embedded_tls::{Aes128GcmSha256, Certificate, TlsError, TlsVerifier};
use embedded_tls::{CertificateEntryRef, CertificateRef, CertificateVerifyRef};
use sha2::Sha256;

use super::Clock;

/// Longest certificate of a gateway that is believed. DER bytes.
const CERTIFICATE_BYTES: usize = 2_048;

/// Believes a gateway whose certificate the site's CA itself has signed, for the name that was asked for.
///
/// embedded-tls checks signatures and names, but neither `basicConstraints` nor key usages: to it anybody with a
/// certificate, a stolen node too, is a CA. So there are no CAs in between here: after the gateway's own certificate
/// only the pinned CA may follow, byte for byte. Nodes are signed by another CA, so no node's certificate passes.
pub struct Verifier<'a> {
    ca: &'a [u8],
    inner: CertVerifier<'a, Aes128GcmSha256, Clock, CERTIFICATE_BYTES>,
    named: bool,
}

impl<'a> Verifier<'a> {
    /// Believes this CA (DER) only.
    #[must_use]
    pub fn new(ca: &'a [u8]) -> Self {
        Self {
            ca,
            inner: CertVerifier::new(Certificate::X509(ca)),
            named: false,
        }
    }
}

impl TlsVerifier<Aes128GcmSha256> for Verifier<'_> {
    fn set_hostname_verification(&mut self, hostname: &str) -> Result<(), TlsError> {
        self.named = true;
        TlsVerifier::<Aes128GcmSha256>::set_hostname_verification(&mut self.inner, hostname)
    }

    fn verify_certificate(&mut self, transcript: &Sha256, chain: CertificateRef<'_>) -> Result<(), TlsError> {
        let (own, above) = chain.entries.split_first().ok_or(TlsError::InvalidCertificate)?;
        let is_ca =
            |entry: &CertificateEntryRef<'_>| matches!(entry, CertificateEntryRef::X509(der) if *der == self.ca);
        // The CA's own certificate is nobody's name: whoever shows it as its own is not a gateway.
        if !self.named || is_ca(own) || !above.iter().all(is_ca) {
            return Err(TlsError::InvalidCertificate);
        }
        self.inner.verify_certificate(transcript, chain)
    }

    fn verify_signature(&mut self, verify: CertificateVerifyRef<'_>) -> Result<(), TlsError> {
        TlsVerifier::<Aes128GcmSha256>::verify_signature(&mut self.inner, verify)
    }
}

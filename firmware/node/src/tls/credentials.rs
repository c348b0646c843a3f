//! What a node has from `muster enroll`.

use embedded_tls::{Aes128GcmSha256, Certificate, CryptoProvider, SignatureScheme, TlsError, TlsVerifier};
use p256::SecretKey;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::DecodePrivateKey;
use rand_core::CryptoRngCore;

use super::Verifier;

/// A key that is not one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is not a P-256 key in PKCS#8 DER")]
pub struct KeyError;

/// Who the node is, and whom it believes.
pub struct Credentials<'a> {
    ca: &'a [u8],
    certificate: &'a [u8],
    key: SigningKey,
    pub(super) server_name: &'a str,
}

impl core::fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Credentials")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

impl<'a> Credentials<'a> {
    /// The site's CA and the node's certificate as DER, its key as PKCS#8 DER, and the gateway's name in its certificate.
    ///
    /// # Errors
    /// The key is none.
    pub fn new(ca: &'a [u8], certificate: &'a [u8], key: &[u8], server_name: &'a str) -> Result<Self, KeyError> {
        let key = SecretKey::from_pkcs8_der(key).map_err(|_| KeyError)?;
        Ok(Self {
            ca,
            certificate,
            key: SigningKey::from(&key),
            server_name,
        })
    }

    pub(super) fn provider<'c, R: CryptoRngCore>(&'c self, rng: &'c mut R) -> Provider<'c, R> {
        Provider {
            rng,
            verifier: Verifier::new(self.ca),
            credentials: self,
        }
    }
}

pub(super) struct Provider<'c, R> {
    rng: &'c mut R,
    verifier: Verifier<'c>,
    credentials: &'c Credentials<'c>,
}

impl<R: CryptoRngCore> CryptoProvider for Provider<'_, R> {
    type CipherSuite = Aes128GcmSha256;
    type Signature = DerSignature;

    fn rng(&mut self) -> impl CryptoRngCore {
        &mut *self.rng
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
        Ok(&mut self.verifier)
    }

    fn signer(&mut self) -> Result<(impl signature::SignerMut<DerSignature>, SignatureScheme), TlsError> {
        Ok((self.credentials.key.clone(), SignatureScheme::EcdsaSecp256r1Sha256))
    }

    fn client_cert(&mut self) -> Option<Certificate<impl AsRef<[u8]>>> {
        Some(Certificate::X509(self.credentials.certificate))
    }
}

//! Certificates made for a test: good ones, and every kind that must not be believed.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A CA of the site's gateways, or of its nodes.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate, what follows it, and its key.
pub(crate) struct Leaf {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Vec<u8>,
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

/// Parameters of a certificate with this name, for this use.
pub(crate) fn leaf(name: &str, usage: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, key()).unwrap())
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// Signs a certificate.
    pub(crate) fn sign(&self, params: &CertificateParams) -> Leaf {
        let key = key();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Leaf {
            chain: vec![certificate.der().clone()],
            key: key.serialize_der(),
        }
    }

    /// As a leaf whose key signs another certificate, which no verifier may believe.
    pub(crate) fn sign_through(&self, thief: &CertificateParams, params: &CertificateParams) -> Leaf {
        let stolen = key();
        let thief_certificate = thief.signed_by(&stolen, &self.0).unwrap();
        let issuer = rcgen::Issuer::from_params(thief, stolen);
        let key = key();
        let forged = params.signed_by(&key, &issuer).unwrap();
        Leaf {
            chain: vec![forged.der().clone(), thief_certificate.der().clone()],
            key: key.serialize_der(),
        }
    }
}

impl Leaf {
    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone().into())
    }
}

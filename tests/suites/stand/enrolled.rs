//! A site's certificates, made as `muster enroll` makes them; and forged ones.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster::certs::issue::{Folder, GATEWAY_DAYS, NODE_DAYS};
use muster::clock;
use muster::config::TlsFiles;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A folder of `muster enroll`.
pub(crate) struct Enrolled {
    dir: TempDir,
}

/// What a client shows.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl Enrolled {
    /// A site with a gateway on this machine, and these nodes.
    pub(crate) fn with(nodes: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (folder, _) = Folder::init(dir.path(), "s1", now_s()).unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        folder.gateway(&names, GATEWAY_DAYS, false).unwrap();
        for node in nodes {
            folder.node(node, None, NODE_DAYS, false).unwrap();
        }
        Self { dir }
    }

    pub(crate) fn folder(&self) -> Folder {
        Folder::open(self.dir.path(), now_s()).unwrap()
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    /// A node's own folder.
    pub(crate) fn node(&self, id: &str) -> PathBuf {
        self.path("nodes").join(id)
    }

    /// What a node shows.
    pub(crate) fn shown(&self, id: &str) -> Shown {
        let folder = self.node(id);
        Shown {
            cert: folder.join("node.pem"),
            key: folder.join("node.key"),
        }
    }

    /// A copy of what a node shows, as a thief makes it.
    pub(crate) fn copied(&self, id: &str) -> Shown {
        self.copy(&self.shown(id))
    }

    fn copy(&self, shown: &Shown) -> Shown {
        let folder = tempfile::tempdir_in(self.dir.path()).unwrap().keep();
        let copy = |from: &Path| {
            let to = folder.join(from.file_name().unwrap());
            std::fs::copy(from, &to).unwrap();
            to
        };
        Shown {
            cert: copy(&shown.cert),
            key: copy(&shown.key),
        }
    }

    /// A copy of what the gateway shows.
    pub(crate) fn copied_gateway(&self) -> Shown {
        self.copy(&Shown {
            cert: self.path("gateway/gateway.pem"),
            key: self.path("gateway/gateway.key"),
        })
    }

    pub(crate) fn files(&self) -> TlsFiles {
        TlsFiles {
            ca: self.path("gateway/node-ca.pem"),
            cert: self.path("gateway/gateway.pem"),
            key: self.path("gateway/gateway.key"),
            crl: Some(self.path("gateway/node-crl.pem")),
        }
    }

    /// The lines of `[mqtt]`.
    pub(crate) fn lines(&self) -> String {
        let line = |key: &str, path: &Path| format!("{key} = \"{}\"", path.display());
        let TlsFiles { ca, cert, key, crl } = self.files();
        let crl = crl.unwrap();
        [
            line("ca", &ca),
            line("cert", &cert),
            line("key", &key),
            line("crl", &crl),
        ]
        .join("\n")
    }

    /// Options of the paho script.
    pub(crate) fn paho(&self, shown: Option<&Shown>) -> Value {
        let ca = self.path("site-ca.pem");
        match shown {
            Some(Shown { cert, key }) => json!({"tls": {"ca": ca, "cert": cert, "key": key}}),
            None => json!({"tls": {"ca": ca}}),
        }
    }

    /// A certificate signed by one of the CAs (`node-ca`, `site-ca`), or by any key beside a certificate, for any name.
    pub(crate) fn forged(&self, by: &Path, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        let signer = KeyPair::from_pem(&read(&by.with_extension("key"))).unwrap();
        let issuer = Issuer::from_ca_cert_pem(&read(&by.with_extension("pem")), signer).unwrap();
        let (params, key) = (params(name, change), KeyPair::generate().unwrap());
        let cert = params.signed_by(&key, &issuer).unwrap();
        // The signer's certificate as well: whoever believes any chain shall have one.
        self.write(
            name,
            &format!("{}{}", cert.pem(), read(&by.with_extension("pem"))),
            &key,
        )
    }

    /// A certificate that nobody but itself signed.
    pub(crate) fn self_signed(&self, name: &str) -> Shown {
        let key = KeyPair::generate().unwrap();
        let cert = params(name, |_| {}).self_signed(&key).unwrap();
        self.write(name, &cert.pem(), &key)
    }

    fn write(&self, name: &str, chain: &str, key: &KeyPair) -> Shown {
        let folder = tempfile::tempdir_in(self.dir.path()).unwrap().keep();
        let stem: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let shown = Shown {
            cert: folder.join(format!("{stem}.pem")),
            key: folder.join(format!("{stem}.key")),
        };
        std::fs::write(&shown.cert, chain).unwrap();
        std::fs::write(&shown.key, key.serialize_pem()).unwrap();
        shown
    }

    /// A client for each of these names, signed by the node CA; all share a key, as making one is slow.
    pub(crate) fn clients(&self, names: &[String]) -> Vec<Arc<ClientConfig>> {
        let read = |file: &str| std::fs::read_to_string(self.path(file)).unwrap();
        let signer = KeyPair::from_pem(&read("node-ca.key")).unwrap();
        let issuer = Issuer::from_ca_cert_pem(&read("node-ca.pem"), signer).unwrap();
        let key = KeyPair::generate().unwrap();
        let client = |name: &String| {
            let cert = params(name, |_| {}).signed_by(&key, &issuer).unwrap();
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let config = self.trusting().with_client_auth_cert(vec![cert.der().clone()], key);
            Arc::new(config.unwrap())
        };
        names.iter().map(client).collect()
    }

    /// A client of rustls that trusts this site's gateway.
    pub(crate) fn client(&self, shown: Option<&Shown>) -> Arc<ClientConfig> {
        let builder = self.trusting();
        Arc::new(match shown {
            Some(shown) => builder.with_client_auth_cert(shown.chain(), shown.key()).unwrap(),
            None => builder.with_no_client_auth(),
        })
    }

    fn trusting(&self) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(self.path("site-ca.pem")).unwrap();
        roots.add(ca).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        builder.unwrap().with_root_certificates(roots)
    }
}

impl Shown {
    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(&self.cert)
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_file(&self.key).unwrap()
    }
}

/// Connects and shakes hands.
pub(crate) async fn shake(port: u16, config: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(config.clone()).connect(name, stream).await
}

fn params(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    params
}

pub(crate) fn now_s() -> i64 {
    clock::wall_now_ms() / 1_000
}

//! mosquitto over TLS: who it is, and who we are.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::broker::Broker;
use super::watched::{HEALED, NODE, is_down, trouble};
use crate::stand::{Room, SOON, Stand};

/// A CA and what it has signed, as files.
struct Ca {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "a site's CA");
        let key = KeyPair::generate().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let own = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), own.pem()).unwrap();
        Self {
            folder,
            issuer: Issuer::new(params, key),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Certificate and key of somebody at this address.
    fn signs(&self, name: &str, at: &str) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new([at.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = ["pem", "key"].map(|end| self.folder.path().join(format!("{name}.{end}")));
        std::fs::write(&files[0], certificate.pem()).unwrap();
        std::fs::write(&files[1], key.serialize_pem()).unwrap();
        let [pem, key] = files;
        (pem, key)
    }
}

/// A broker that wants a certificate of everybody, and one plain port for the node.
async fn broker(ca: &Ca, at: &str) -> (Broker, u16) {
    let (pem, key) = ca.signs("broker", at);
    let tls = std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let listener = format!(
        "listener {tls} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true",
        ca.path().display(),
        pem.display(),
        key.display()
    );
    (Broker::mosquitto(&listener).await, tls)
}

async fn gateway(port: u16, ca: &Path, identity: Option<(PathBuf, PathBuf)>) -> Stand {
    let who = identity.map_or_else(String::new, |(cert, key)| format!("cert = {cert:?}\nkey = {key:?}\n"));
    let keys = format!("connect = \"mqtts://127.0.0.1:{port}\"\nca = {ca:?}\n{who}");
    Stand::start(Room::with(&[NODE]).connect(&keys)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_prove_who_they_are() {
    let ca = Ca::new();
    let (broker, tls) = broker(&ca, "127.0.0.1").await;
    let stand = gateway(tls, &ca.path(), Some(ca.signs("muster-s1", "muster.example"))).await;
    super::watched::is_heard(&stand, &broker, 1).await;
    super::watched::alarm_evacuates(&stand, &broker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_proves_nothing_is_refused_with_the_reason() {
    let (ca, other) = (Ca::new(), Ca::new());
    let (broker, tls) = broker(&ca, "127.0.0.1").await;
    let ours = || Some(ca.signs("muster-s1", "muster.example"));
    let stand = gateway(tls, &other.path(), ours()).await;
    let said = is_down(&stand, SOON).await;
    assert!(said.contains("not signed by the CA we trust"), "{said}");
    let stand = gateway(tls, &ca.path(), None).await;
    let said = is_down(&stand, SOON).await;
    assert!(said.contains("refuses our certificate, or that we have none"), "{said}");
    let stand = gateway(tls, &ca.path(), Some(other.signs("muster-s1", "muster.example"))).await;
    let said = is_down(&stand, SOON).await;
    assert!(said.contains("refuses our certificate"), "{said}");
    let stand = gateway(broker.port, &ca.path(), ours()).await;
    let said = is_down(&stand, SOON).await;
    println!("TLS to a plain port: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_of_another_name_is_refused_and_a_renewed_certificate_counts_at_once() {
    let ca = Ca::new();
    let (mut broker, tls) = broker(&ca, "somewhere.example").await;
    let stand = gateway(tls, &ca.path(), Some(ca.signs("muster-s1", "muster.example"))).await;
    let said = is_down(&stand, SOON).await;
    assert!(said.contains("its certificate is refused"), "{said}");
    ca.signs("broker", "127.0.0.1");
    broker.kill().await;
    broker.start_again().await;
    stand.within(HEALED, "the line is well", |v| trouble(v).is_none()).await;
}

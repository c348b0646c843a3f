//! Whom a board believes, and who is not believed with a board's key. The boards run with the files of `muster enroll`.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::WebPkiClientVerifier;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::{settings, settings_at};
use crate::firmware::emulator::{power, until_said};
use crate::stand::{Enrolled, Room, SOON, Shown, Stand};

const GATEWAY: &str = "localhost";

fn for_a_server(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
}

/// Who may not be believed to be the gateway, though each has a certificate with the gateway's name or of the site.
fn impostors(site: &Enrolled, elsewhere: &Enrolled) -> Vec<(&'static str, Shown)> {
    let by = |signer: PathBuf| site.forged(&signer, GATEWAY, for_a_server);
    // embedded-tls alone believes these two: it takes whatever has signed for a CA.
    let stolen_gateway = by(site.path("gateway/gateway.pem"));
    let stolen_node = by(site.node("n2").join("node.pem"));
    let node_ca = by(site.path("node-ca.pem"));
    site.folder().gateway(&[GATEWAY.to_owned()], -2, true).unwrap();
    vec![
        ("signed with a stolen gateway's key", stolen_gateway),
        ("signed with a stolen node's key", stolen_node),
        ("a node's own certificate and key", site.shown("n2")),
        ("signed by the nodes' CA", node_ca),
        ("of another site", elsewhere.copied_gateway()),
        ("expired two days ago", site.copied_gateway()),
    ]
}

fn acceptor(site: &Enrolled, shown: &Shown) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(site.path("node-ca.pem")).unwrap())
        .unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(shown.chain(), shown.key())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// What a board says first to whoever shows this; none if it breaks the handshake off.
async fn first_byte(listener: &TcpListener, acceptor: &TlsAcceptor) -> Option<u8> {
    let (stream, _) = timeout(SOON, listener.accept())
        .await
        .expect("it no longer tries")
        .unwrap();
    let shaken = timeout(SOON, acceptor.accept(stream)).await.expect("the board hangs");
    timeout(SOON, shaken.ok()?.read_u8())
        .await
        .expect("the board is silent")
        .ok()
}

#[tokio::test]
async fn a_board_speaks_to_the_sites_gateway_and_to_no_impostor() {
    let site = Enrolled::with(&["n1", "n2"]);
    let (elsewhere, genuine) = (Enrolled::with(&[]), site.copied_gateway());
    let impostors = impostors(&site, &elsewhere);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let files = format!("gateway={GATEWAY} tls={}", site.node("n1").display());
    let board = power(&settings_at(port, "n1", &files)).await;
    for (said, (what, shown)) in impostors.iter().enumerate() {
        let word = first_byte(&listener, &acceptor(&site, shown)).await;
        assert_eq!(word, None, "{what}: believed");
        until_said(&board, "TLS: ", said + 1).await;
    }
    let word = first_byte(&listener, &acceptor(&site, &genuine)).await;
    assert_eq!(word.map(|byte| byte >> 4), Some(1), "MQTT's CONNECT");
}

/// A board whose own certificate has ended is refused, and the reason counted.
#[tokio::test]
async fn a_board_whose_certificate_has_expired_is_not_let_in() {
    let site = Enrolled::with(&["n1"]);
    site.folder().node("n1", None, -2, true).unwrap();
    let stand = Stand::start(Room::with(&["n1"]).enrolled(&site)).await;
    let files = format!("gateway={GATEWAY} tls={}", site.node("n1").display());
    let _board = power(&settings(&stand, "n1", &files)).await;
    stand.api.until_count("certificate_expired", 2).await;
    assert_eq!(stand.api.channel("n1.temperature").await.value, None);
    stand.assert_undecided("a certificate that has expired");
}

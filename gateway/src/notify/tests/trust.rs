//! Whose certificate a place is believed by.

use std::net::SocketAddr;
use std::sync::Arc;

use muster_core::EventKind;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::{Room, webhook};

/// A CA of the test's own, as PEM, and a server's side of TLS for `localhost` by it.
fn authority() -> (Vec<u8>, TlsAcceptor) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = rcgen::KeyPair::generate().unwrap();
    let server = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &rcgen::Issuer::new(ca, ca_key)).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![server.der().clone()], key)
        .unwrap();
    (pem.into_bytes(), TlsAcceptor::from(Arc::new(config)))
}

/// Answers 204 to every request, and counts those with a message.
async fn answering(acceptor: TlsAcceptor) -> (SocketAddr, watch::Receiver<u32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (count, told) = watch::channel(0);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = [0; 4];
            if stream.read_exact(&mut head).await.is_ok() && &head == b"POST" {
                count.send_modify(|n| *n += 1);
            }
            let _ = stream.write_all(b"HTTP/1.1 204 OK\r\nconnection: close\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    (address, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_told_only_by_the_authorities_it_was_given() {
    let (ours, acceptor) = authority();
    let (strangers, _) = authority();
    let (address, mut told) = answering(acceptor).await;
    let url = format!("https://localhost:{}/", address.port());
    for ca in [None, Some(strangers)] {
        let mut room = Room::new();
        let place = crate::config::Place {
            ca,
            ..webhook("chat", &url)
        };
        room.start(&[place]);
        room.say(EventKind::Vote, "room", "n1 votes");
        let trouble = room.own().await.1.unwrap();
        assert!(
            trouble.contains("certificate") || trouble.contains("UnknownIssuer"),
            "{trouble}"
        );
    }
    assert_eq!(*told.borrow(), 0);
    let mut room = Room::new();
    let place = crate::config::Place {
        ca: Some(ours),
        ..webhook("chat", &url)
    };
    room.start(&[place]);
    room.say(EventKind::Vote, "room", "n1 votes");
    let waited = tokio::time::timeout(crate::hooks::testing::SOON, told.wait_for(|n| *n == 1)).await;
    assert!(waited.is_ok());
}

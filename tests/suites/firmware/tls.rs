//! The node's TLS against a server of the gateway's kind (rustls): whom it believes, and that a read may be given up.

use std::sync::Arc;
use std::time::Duration;

use embedded_io_adapters::tokio_1::FromTokio;
use embedded_io_async::Write as _;
use muster_node::tls::{self, Credentials, Rooms, TlsError};
use rand_core::OsRng;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose as Usage};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::authority::{Authority, Leaf, leaf};
use crate::stand::SOON;

const GATEWAY: &str = "gateway.s1";

struct Site {
    gateways: Authority,
    nodes: Authority,
}

impl Site {
    fn new() -> Self {
        Self {
            gateways: Authority::new("site"),
            nodes: Authority::new("nodes"),
        }
    }

    fn gateway(&self) -> Leaf {
        self.gateways.sign(&gateway_params())
    }

    fn node(&self) -> Leaf {
        self.nodes.sign(&leaf("node-1", Usage::ClientAuth))
    }
}

fn gateway_params() -> CertificateParams {
    leaf(GATEWAY, Usage::ServerAuth)
}

/// Serves one connection with this certificate; believes nodes of the site only.
async fn serve(site: &Site, gateway: &Leaf) -> (u16, JoinHandle<std::io::Result<TlsStream<TcpStream>>>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(site.nodes.der()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
        .build()
        .unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(gateway.chain.clone(), gateway.private_key())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let served = tokio::spawn(async move { acceptor.accept(listener.accept().await?.0).await });
    (port, served)
}

/// What a node of the site makes of this gateway.
async fn try_out(site: &Site, gateway: &Leaf) -> Result<(), TlsError> {
    let (port, served) = serve(site, gateway).await;
    let (ca, node) = (site.gateways.der(), site.node());
    let credentials = Credentials::new(&ca, &node.chain[0], &node.key, GATEWAY).unwrap();
    let stream = FromTokio::new(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    let mut rooms = Box::new(Rooms::new());
    let opened = timeout(SOON, tls::open(stream, &mut rooms, &credentials, &mut OsRng))
        .await
        .unwrap();
    served.abort();
    opened.map(drop)
}

#[tokio::test]
async fn the_sites_gateway_is_believed_with_and_without_its_ca_behind_it() {
    let site = Site::new();
    let mut gateway = site.gateway();
    try_out(&site, &gateway).await.unwrap();
    gateway.chain.push(site.gateways.der());
    try_out(&site, &gateway).await.unwrap();
}

#[tokio::test]
async fn nobody_else_is() {
    let site = Site::new();
    let stranger = Authority::new("site");
    let other_name = leaf("gateway.s2", Usage::ServerAuth);
    let mut above = site.gateway();
    above.chain.push(stranger.der());
    let cases = [
        ("a CA of the same name", stranger.sign(&gateway_params())),
        ("a node as gateway", site.nodes.sign(&gateway_params())),
        // embedded-tls alone believes this one: it takes any certificate for a CA.
        (
            "signed with a stolen node's key",
            site.nodes
                .sign_through(&leaf("node-2", Usage::ClientAuth), &gateway_params()),
        ),
        (
            "signed with another gateway's key",
            site.gateways
                .sign_through(&leaf("x", Usage::ServerAuth), &gateway_params()),
        ),
        ("another name", site.gateways.sign(&other_name)),
        ("something else behind it", above),
    ];
    for (what, gateway) in cases {
        let opened = try_out(&site, &gateway).await;
        assert!(opened.is_err(), "{what} was believed");
    }
}

#[tokio::test]
async fn dates_are_checked_once_the_time_is_known() {
    // The time is one for the whole process: this is the only test that tells it, and it tells the truth again.
    let site = Site::new();
    let mut old = gateway_params();
    old.not_before = rcgen::date_time_ymd(2001, 1, 1);
    old.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let old = site.gateways.sign(&old);
    tls::set_unix_s(0);
    try_out(&site, &old).await.unwrap(); // no time, no dates
    tls::set_unix_s(1_790_000_000);
    assert!(try_out(&site, &old).await.is_err());
    try_out(&site, &site.gateway()).await.unwrap();
}

/// Every read is given up after each byte that comes; nothing is lost.
#[tokio::test]
async fn a_read_that_was_given_up_loses_nothing() {
    let site = Site::new();
    let (port, served) = serve(&site, &site.gateway()).await;
    let (ca, node) = (site.gateways.der(), site.node());
    let credentials = Credentials::new(&ca, &node.chain[0], &node.key, GATEWAY).unwrap();
    let slow = slowly(port).await;
    let mut rooms = Box::new(Rooms::new());
    let mut stream = tls::open(FromTokio::new(slow), &mut rooms, &credentials, &mut OsRng)
        .await
        .unwrap();
    let mut gateway = timeout(SOON, served).await.unwrap().unwrap().unwrap();
    let said: Vec<u8> = (0..2_000_u32).map(|n| n as u8).collect();
    gateway.write_all(&said).await.unwrap();
    gateway.flush().await.unwrap();
    let (mut heard, mut given_up) = (Vec::new(), 0);
    while heard.len() < said.len() {
        let mut buf = [0; 64];
        match timeout(Duration::from_micros(200), stream.read(&mut buf)).await {
            Ok(read) => heard.extend_from_slice(&buf[..read.unwrap()]),
            Err(_) => given_up += 1,
        }
        assert!(given_up < 100_000, "heard {} of {}", heard.len(), said.len());
    }
    assert_eq!(heard, said);
    assert!(given_up > 3, "nothing was given up, so nothing was tested: {given_up}");
    stream.write_all(b"and back").await.unwrap();
    stream.flush().await.unwrap();
    let mut back = [0; 8];
    timeout(SOON, gateway.read_exact(&mut back)).await.unwrap().unwrap();
    assert_eq!(&back, b"and back");
}

/// A way to this port on which what comes back trickles, a few bytes at a time.
async fn slowly(port: u16) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut inner, _) = listener.accept().await.unwrap();
    inner.set_nodelay(true).unwrap();
    let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        let (mut from_node, mut to_node) = inner.split();
        let (mut from_gateway, mut to_gateway) = far.split();
        let up = tokio::io::copy(&mut from_node, &mut to_gateway);
        let down = async {
            let mut few = [0; 7];
            while let Ok(read @ 1..) = from_gateway.read(&mut few).await {
                to_node.write_all(&few[..read]).await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok::<_, std::io::Error>(())
        };
        drop(tokio::join!(up, down));
    });
    near
}

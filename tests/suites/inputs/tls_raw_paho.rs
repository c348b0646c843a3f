//! What no client does at a door with TLS: stop in the middle, speak plainly, come a thousand at once, be somebody else.

use std::sync::Arc;
use std::time::Duration;

use muster::clock::Stopwatch;
use rcgen::ExtendedKeyUsagePurpose;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::peers::{Canary, Paho, pack, topic, voc};
use super::raw_bytes_paho::{connect_packet, publish_packet};
use crate::stand::{Enrolled, Process, Room, SOON, Shown, Stand, shake};

const NODE: &str = "node-1";

/// A login over TLS, until its answer.
async fn login(
    port: u16,
    config: &Arc<ClientConfig>,
    id: &str,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut stream = shake(port, config).await?;
    stream.write_all(&connect_packet(id, 60)).await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    assert_eq!(answer, [0x20, 2, 0, 0], "{id}");
    Ok(stream)
}

fn client_hello(config: &Arc<ClientConfig>) -> Vec<u8> {
    let mut client = ClientConnection::new(config.clone(), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_at_any_byte_of_a_handshake_delays_nobody() {
    let site = Enrolled::with(&[Canary::ID, NODE]);
    let stand = Stand::start(Room::with(&[Canary::ID, NODE]).enrolled(&site)).await;
    let config = site.client(Some(&site.shown(NODE)));
    let hello = client_hello(&config);
    let mut silent = Vec::new();
    for n in 0..150 {
        let mut stream = TcpStream::connect(("127.0.0.1", stand.mqtt())).await.unwrap();
        // From no byte to the whole greeting, after which the gateway's answer is never taken up.
        stream.write_all(&hello[..hello.len() * n / 149]).await.unwrap();
        silent.push(stream);
    }
    let mut shaken = Vec::new();
    for n in 0..14 {
        // Past the handshake, and in the middle of the login.
        let mut stream = shake(stand.mqtt(), &config).await.unwrap();
        stream.write_all(&connect_packet(NODE, 60)[..n]).await.unwrap();
        shaken.push(stream);
    }
    let since = Stopwatch::start();
    let _node = login(stand.mqtt(), &config, NODE).await.unwrap();
    let took = since.elapsed();
    println!("TLS login beside 164 that went silent in theirs: {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let mut canary = Canary::proven(stand.mqtt(), &site.paho(Some(&site.shown(Canary::ID)))).await;
    canary.is_heard(&stand.api).await;
    stand.api.until_count("handshake", 164).await;
    assert_eq!(stand.api.dropped().await, [("handshake".to_owned(), 164)]);
    canary.alone_votes(&stand, "silent handshakes").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_and_hostile_bytes_at_the_tls_door_are_counted_and_say_nothing() {
    let site = Enrolled::with(&[Canary::ID, NODE]);
    let stand = Stand::start(Room::with(&[Canary::ID, NODE]).enrolled(&site)).await;
    let mut canary = Canary::proven(stand.mqtt(), &site.paho(Some(&site.shown(Canary::ID)))).await;
    let hello = client_hello(&site.client(None));
    let mut plain = connect_packet(NODE, 30);
    plain.extend(publish_packet(&topic(NODE, "alarm"), &pack(NODE, 1, 1, &voc(100.0))));
    let mut hostile = vec![plain, b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0; 70_000]];
    // Each byte of the greeting's head, and some further ones, turned over.
    hostile.extend((0..hello.len()).step_by(7).chain(0..12).map(|at| {
        let mut bytes = hello.clone();
        bytes[at] ^= 0xFF;
        bytes
    }));
    let said = hostile.len() as u64;
    for bytes in hostile {
        let mut stream = TcpStream::connect(("127.0.0.1", stand.mqtt())).await.unwrap();
        // The gateway may have hung up in the middle: that is its good right.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let ended = timeout(SOON, stream.read_to_end(&mut Vec::new())).await;
        assert!(ended.is_ok(), "a connection that has ended is kept");
    }
    stand.api.until_count("tls", said).await;
    canary.alone_votes(&stand, "hostile greetings").await;
}

async fn plain_login(port: u16) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(&connect_packet(NODE, 60)).await?;
    stream.read_exact(&mut [0; 4]).await.map(drop)
}

/// More silent connections than the lobby has places, each renewed as soon as it is sent away, while nodes log in.
async fn crowd(port: u16, login: impl AsyncFn() -> Duration) -> Duration {
    let (stop, _) = tokio::sync::broadcast::channel::<()>(1);
    for _ in 0..400 {
        let mut stopped = stop.subscribe();
        tokio::spawn(async move {
            let renew = async {
                loop {
                    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else {
                        continue;
                    };
                    let _ = stream.read(&mut [0; 1]).await;
                }
            };
            tokio::select! {
                () = renew => {}
                _ = stopped.recv() => {}
            }
        });
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        slowest = slowest.max(login().await);
    }
    drop(stop);
    slowest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_that_come_again_and_again_lock_nobody_out() {
    let site = Enrolled::with(&[Canary::ID, NODE]);
    let room = Room::with(&[Canary::ID, NODE]).max_clients(8);
    for proof in [None, Some(&site)] {
        let room = proof.map_or(room.clone(), |site| room.clone().enrolled(site));
        let stand = Stand::start(room).await;
        let port = stand.mqtt();
        let config = site.client(Some(&site.shown(NODE)));
        let slowest = crowd(port, async || {
            let since = Stopwatch::start();
            // All come from one address, so the crowd may push it out once; it comes again, as every node does.
            let again = async {
                while match proof {
                    Some(_) => login(port, &config, NODE).await.is_err(),
                    None => plain_login(port).await.is_err(),
                } {}
            };
            timeout(SOON, again).await.expect("locked out");
            since.elapsed()
        });
        let slowest = slowest.await;
        let word = if proof.is_some() { "TLS" } else { "plain" };
        println!("{word}: slowest of 20 logins beside 400 silent connections on 264 places: {slowest:?}");
        assert!(slowest < Duration::from_secs(5), "{slowest:?}");
        assert!(stand.api.count("lobby_limit").await > 100);
        let more = proof.map_or(serde_json::json!({}), |site| site.paho(Some(&site.shown(Canary::ID))));
        let mut canary = Canary::proven(port, &more).await;
        canary.is_heard(&stand.api).await;
        canary.alone_votes(&stand, "a crowd").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_nodes_with_certificates_at_once_are_all_served() {
    let ids: Vec<String> = (0..1_000).map(|n| format!("node-{n}")).collect();
    let all: Vec<&str> = ids.iter().map(String::as_str).chain([Canary::ID]).collect();
    let site = Enrolled::with(&[Canary::ID]);
    let muster = Process::run(&Room::with(&all).enrolled(&site)).await;
    let port = muster.mqtt;
    let mut canary = Canary::proven(port, &site.paho(Some(&site.shown(Canary::ID)))).await;
    canary.is_heard(&muster.api).await;
    let configs = site.clients(&ids);
    let since = Stopwatch::start();
    let logins: Vec<_> = ids
        .iter()
        .cloned()
        .zip(configs)
        .map(|(id, config)| tokio::spawn(async move { login(port, &config, &id).await }))
        .collect();
    // In the middle of it a node that is connected has something to say.
    canary.alarm().await;
    let alarmed = Stopwatch::start();
    while muster.api.status().await["level"] != "evacuate" {
        assert!(alarmed.elapsed() < SOON, "not decided");
    }
    let decided = alarmed.elapsed();
    let mut inside = Vec::new();
    for login in logins {
        inside.push(timeout(2 * SOON, login).await.expect("a login hangs").unwrap().unwrap());
    }
    println!(
        "1,000 TLS logins at once: all served within {:?}; an alarm amid them decided after {decided:?}",
        since.elapsed()
    );
    assert!(decided < Duration::from_secs(2), "{decided:?}");
    // The hook of this process goes nowhere; else nobody was turned away.
    let dropped = muster.api.dropped().await;
    assert!(dropped.iter().all(|(cause, _)| cause == "hook_connect"), "{dropped:?}");
}

/// Whether a client that trusts the site CA believes a server with this certificate.
async fn is_believed(client: &Arc<ClientConfig>, shown: &Shown) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(shown.chain(), shown.key())
        .unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        TlsAcceptor::from(Arc::new(config)).accept(stream).await.is_ok()
    });
    let believed = timeout(SOON, shake(port, client)).await.unwrap().is_ok();
    assert_eq!(believed, server.await.unwrap());
    believed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_node_key_cannot_act_as_the_gateway() {
    let site = Enrolled::with(&[NODE]);
    let client = site.client(None);
    let gateway = Shown {
        cert: site.path("gateway/gateway.pem"),
        key: site.path("gateway/gateway.key"),
    };
    assert!(is_believed(&client, &gateway).await);
    let as_server = |p: &mut rcgen::CertificateParams| {
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        p.subject_alt_names = vec![rcgen::SanType::DnsName("localhost".try_into().unwrap())];
    };
    let forged = [
        site.shown(NODE),
        // What the stolen key can sign, and what the nodes' own CA could.
        site.forged(&site.node(NODE).join("node.pem"), "localhost", as_server),
        site.forged(&site.path("node-ca.pem"), "localhost", as_server),
        // The gateway's own key signs no second gateway either.
        site.forged(&site.path("gateway/gateway.pem"), "localhost", as_server),
        site.self_signed("localhost"),
    ];
    for (n, shown) in forged.iter().enumerate() {
        assert!(!is_believed(&client, shown).await, "forgery {n}");
    }
}

/// A subscription with QoS 1.
fn subscribe_packet(filter: &str) -> Vec<u8> {
    let mut bytes = vec![0x82, 5 + filter.len() as u8, 0, 1, 0, filter.len() as u8];
    bytes.extend(filter.as_bytes());
    bytes.push(1);
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_is_ended_and_named() {
    let site = Enrolled::with(&[Canary::ID, NODE]);
    let muster = Process::run(&Room::with(&[Canary::ID, NODE]).enrolled(&site)).await;
    let mut canary = Canary::proven(muster.mqtt, &site.paho(Some(&site.shown(Canary::ID)))).await;
    canary.is_heard(&muster.api).await;
    let before = muster.api.metric("process_resident_memory_bytes").await;
    // It subscribes to its acknowledgements and never takes one up; it never reads at all.
    let mut slow = login(muster.mqtt, &site.client(Some(&site.shown(NODE))), NODE)
        .await
        .unwrap();
    slow.write_all(&subscribe_packet(&topic(NODE, "ack"))).await.unwrap();
    let since = Stopwatch::start();
    let mut seq = 0;
    while muster.api.count("slow_reader").await == 0 {
        assert!(since.elapsed() < 3 * SOON, "{:?}", muster.api.dropped().await);
        seq += 1;
        let payload = pack(NODE, 1, seq, &voc(1.0));
        // It may have been ended between the count and now.
        let _ = slow.write_all(&publish_packet(&topic(NODE, "data"), &payload)).await;
        canary.is_heard(&muster.api).await;
    }
    let after = muster.api.metric("process_resident_memory_bytes").await;
    println!(
        "a client that reads nothing: ended after {:?}, {seq} packs; resident {} -> {} KiB",
        since.elapsed(),
        before >> 10,
        after >> 10
    );
    assert!(after < before + (16 << 20));
    let ended = timeout(SOON, async {
        while slow.read(&mut [0; 4096]).await.is_ok_and(|n| n > 0) {}
    })
    .await;
    assert!(ended.is_ok(), "its connection stays");
    let mut again = Paho::login(muster.mqtt, NODE, 5, site.paho(Some(&site.shown(NODE)))).await;
    again
        .send(&topic(NODE, "data"), &pack(NODE, 1, seq + 1, &voc(1.0)))
        .await;
}

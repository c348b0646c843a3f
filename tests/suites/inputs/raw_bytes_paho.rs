//! Bytes that no client sends: random, mutated, cut, silent, and too many at once.

use std::time::Duration;

use muster::clock::Stopwatch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::peers::{Canary, Paho, pack, topic, voc};
use crate::stand::{Process, Room, SOON, Stand};

const NODE: &str = "node-1";

/// A login with MQTT 3.1.1.
pub(super) fn connect_packet(id: &str, keep_alive_s: u8) -> Vec<u8> {
    let mut bytes = vec![0x10, 12 + id.len() as u8, 0, 4];
    bytes.extend(b"MQTT");
    bytes.extend([4, 2, 0, keep_alive_s, 0, id.len() as u8]);
    bytes.extend(id.as_bytes());
    bytes
}

/// A publish with QoS 0.
pub(super) fn publish_packet(topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x30];
    let mut left = 2 + topic.len() + payload.len();
    while left >= 128 {
        bytes.push((left % 128) as u8 | 0x80);
        left /= 128;
    }
    bytes.push(left as u8);
    bytes.extend((topic.len() as u16).to_be_bytes());
    bytes.extend(topic.as_bytes());
    bytes.extend(payload);
    bytes
}

/// The same numbers for the same seed (SplitMix64).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// What one connection says: noise, or a login and packets of every kind with some bytes changed.
fn conversation(noise: &mut Noise) -> Vec<u8> {
    if noise.below(5) == 0 {
        let length = 1 + noise.below(600);
        return (0..length).map(|_| noise.next() as u8).collect();
    }
    let mut bytes = connect_packet(NODE, 30);
    let login = bytes.len();
    bytes.extend(publish_packet(
        &topic(NODE, "alarm"),
        &pack(NODE, 1, noise.next() >> 1, &voc(1.0)),
    ));
    bytes.extend([
        0x82, 6, 0, 1, 0, 1, b'#', 1, 0xC0, 0, 0x62, 2, 0, 9, 0x40, 2, 0, 7, 0xE0, 0,
    ]);
    bytes.extend(publish_packet(&topic(NODE, "data"), &[]));
    // Most leave the login whole, so that what follows is read at all.
    let from = if noise.below(3) == 0 { 0 } else { login };
    for _ in 0..1 + noise.below(6) {
        let at = from + noise.below(bytes.len() - from);
        bytes[at] = noise.next() as u8;
    }
    if noise.below(4) == 0 {
        bytes.truncate(1 + noise.below(bytes.len()));
    }
    bytes
}

/// Says something, ends, and reads what comes until the broker ends as well.
async fn say(port: u16, bytes: &[u8]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // The broker may have hung up in the middle: that is its good right.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let ended = timeout(SOON, stream.read_to_end(&mut answer)).await;
    assert!(
        ended.is_ok(),
        "the broker keeps a connection that has ended: {bytes:02x?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_and_mutated_packets_never_stop_the_broker() {
    let muster = Process::run(&Room::with(&[Canary::ID, NODE])).await;
    let mut canary = Canary::connect(muster.mqtt).await;
    canary.is_heard(&muster.api).await;
    let mut noise = Noise(2022);
    let mut resident = Vec::new();
    for _ in 0..4 {
        for _ in 0..750 {
            say(muster.mqtt, &conversation(&mut noise)).await;
        }
        canary.is_heard(&muster.api).await;
        resident.push(muster.api.metric("process_resident_memory_bytes").await >> 10);
    }
    println!("3,000 hostile conversations, resident KiB after each quarter: {resident:?}");
    println!("counted: {:?}", muster.api.dropped().await);
    assert!(resident[3] < resident[0] + 16_384, "memory grows: {resident:?}");
    assert!(muster.api.count("malformed").await > 100);
    let status = muster.api.status().await;
    assert_eq!(
        status["votes"].as_array().map(Vec::len),
        Some(0),
        "noise voted: {status}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packet_larger_than_the_broker_takes_ends_that_client_alone() {
    let stand = Stand::start(Room::with(&[Canary::ID, NODE])).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    for (n, bytes) in (1..).zip([8_200, 100_000]) {
        let mut node = Paho::connect(stand.mqtt(), NODE, if n == 1 { 5 } else { 4 }).await;
        let mut payload = pack(NODE, 1, n, &voc(100.0));
        payload.resize(bytes, b' ');
        let said = node.publish(&topic(NODE, "alarm"), &payload, false).await;
        assert!(!said.connected, "{bytes} bytes: {said:?}");
        stand.api.until_count("oversized", n).await;
    }
    // It announces 256 MB and sends none of it: nothing is set aside for it.
    say(
        stand.mqtt(),
        &[&connect_packet(NODE, 30)[..], &[0x30, 0xFF, 0xFF, 0xFF, 0x7F]].concat(),
    )
    .await;
    stand.api.until_count("oversized", 3).await;
    canary.alone_votes(&stand, "oversized packets").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_delay_no_login() {
    let stand = Stand::start(Room::with(&[Canary::ID, NODE])).await;
    let mut silent = Vec::new();
    for n in 0..150 {
        let mut stream = TcpStream::connect(("127.0.0.1", stand.mqtt())).await.unwrap();
        // Each stops at another byte of its login.
        let login = connect_packet("slow", 30);
        stream.write_all(&login[..n % login.len()]).await.unwrap();
        silent.push(stream);
    }
    let since = Stopwatch::start();
    let mut stream = TcpStream::connect(("127.0.0.1", stand.mqtt())).await.unwrap();
    stream.write_all(&connect_packet(NODE, 30)).await.unwrap();
    let mut answer = [0; 4];
    timeout(SOON, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    let took = since.elapsed();
    println!("login beside 150 silent connections: {took:?}");
    assert_eq!(answer, [0x20, 2, 0, 0]);
    assert!(took < Duration::from_secs(2), "{took:?}");
    Canary::connect(stand.mqtt())
        .await
        .alone_votes(&stand, "silent connections")
        .await;
    // Each is sent away after its five seconds, and counted.
    stand.api.until_count("handshake", 150).await;
    assert_eq!(stand.api.dropped().await, [("handshake".to_owned(), 150)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_beyond_the_limit_are_closed_and_counted() {
    let stand = Stand::start(Room::with(&[Canary::ID, NODE]).max_clients(8)).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    canary.is_heard(&stand.api).await;
    let mut inside = Vec::new();
    // Six strangers fit beside the two nodes, one of which is not there yet and has its place all the same.
    for n in 0..6 {
        inside.push(Paho::connect(stand.mqtt(), &format!("guest-{n}"), 5).await);
    }
    for n in 1..=20 {
        let mut stream = TcpStream::connect(("127.0.0.1", stand.mqtt())).await.unwrap();
        stream
            .write_all(&connect_packet(&format!("more-{n}"), 30))
            .await
            .unwrap();
        let mut answer = Vec::new();
        let ended = timeout(SOON, stream.read_to_end(&mut answer)).await;
        // 3.1.1 says "server unavailable", and ends.
        assert!(ended.is_ok() && answer == [0x20, 2, 0, 3], "{answer:?}");
        stand.api.until_count("client_limit", n).await;
    }
    // A place that becomes free is given again.
    inside.pop().unwrap().kill().await;
    let since = Stopwatch::start();
    while !Paho::login(stand.mqtt(), "late", 5, serde_json::json!({}))
        .await
        .login
        .connected
    {
        assert!(since.elapsed() < SOON, "no place became free");
    }
    assert!(
        Paho::login(stand.mqtt(), NODE, 5, serde_json::json!({}))
            .await
            .login
            .connected
    );
    canary.alone_votes(&stand, "a crowd").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_logins_at_once_are_all_served() {
    let muster = Process::run(&Room::with(&[Canary::ID, NODE]).max_clients(1_200)).await;
    let port = muster.mqtt;
    let since = Stopwatch::start();
    let logins: Vec<_> = (0..1_000)
        .map(|n| {
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
                stream.write_all(&connect_packet(&format!("guest-{n}"), 60)).await?;
                let mut answer = [0; 4];
                stream.read_exact(&mut answer).await?;
                Ok::<_, std::io::Error>((stream, answer))
            })
        })
        .collect();
    let mut inside = Vec::new();
    for login in logins {
        let (stream, answer) = timeout(SOON, login).await.expect("a login hangs").unwrap().unwrap();
        assert_eq!(answer, [0x20, 2, 0, 0]);
        inside.push(stream);
    }
    println!("1,000 logins at once: all served within {:?}", since.elapsed());
    let mut canary = Canary::connect(port).await;
    canary.is_heard(&muster.api).await;
    assert_eq!(muster.api.dropped().await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_up_no_answer_is_ended_and_named() {
    let muster = Process::run(&Room::with(&[Canary::ID, NODE])).await;
    let mut canary = Canary::connect(muster.mqtt).await;
    canary.is_heard(&muster.api).await;
    let before = muster.api.metric("process_resident_memory_bytes").await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut deaf = socket.connect(([127, 0, 0, 1], muster.mqtt).into()).await.unwrap();
    deaf.write_all(&connect_packet(NODE, 2)).await.unwrap();
    // Rubbish with QoS 1, each piece of which is answered.
    let mut rubbish = publish_packet(&topic(NODE, "data"), b"");
    (rubbish[0], rubbish[1]) = (0x32, rubbish[1] + 2);
    rubbish.extend([0, 7]);
    let burst = rubbish.repeat(500);
    let since = Stopwatch::start();
    while muster.api.count("slow_reader").await == 0 {
        assert!(since.elapsed() < 2 * SOON, "{:?}", muster.api.dropped().await);
        // It takes nothing in any more once its answers are stuck, and may have been ended by now.
        let _ = timeout(Duration::from_millis(100), deaf.write_all(&burst)).await;
        canary.is_heard(&muster.api).await;
    }
    let after = muster.api.metric("process_resident_memory_bytes").await;
    println!(
        "a client that takes up no answer: ended after {:?}; resident {} -> {} KiB",
        since.elapsed(),
        before >> 10,
        after >> 10
    );
    assert!(after < before + (16 << 20));
}

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::stand::{SOON, Stand, TOKENS};
use super::story;
use crate::clock::Stopwatch;
use crate::counters::Cause;

#[tokio::test]
async fn connections_that_only_hold_a_place_keep_nobody_out() {
    let stand = Stand::with(story::normal).await;
    let mut held = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(stand.address).await.unwrap();
        stream
            .write_all(b"GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
            .await
            .unwrap();
        held.push(stream);
    }
    let watch = Stopwatch::start();
    assert_eq!(stand.get("/api/v1/status").await.status(), 200);
    assert!(watch.elapsed() < Duration::from_secs(2), "{:?}", watch.elapsed());
    assert!(stand.count(Cause::HttpLimit) >= 44);
    // The oldest made room; the youngest are closed by the deadline of a request's head.
    let mut bytes = Vec::new();
    let last = held.last_mut().unwrap();
    timeout(SOON, last.read_to_end(&mut bytes)).await.unwrap().unwrap();
    assert!(watch.elapsed() < Duration::from_secs(8), "{:?}", watch.elapsed());
}

#[tokio::test]
async fn a_body_that_does_not_come_ends_at_the_deadline() {
    let stand = Stand::with(story::normal).await;
    let mut stream = TcpStream::connect(stand.address).await.unwrap();
    let head = format!(
        "POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
        TOKENS[0]
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.starts_with("HTTP/1.1 503"), "{text}");
}

#[tokio::test]
async fn large_heads_and_bodies_are_refused() {
    let stand = Stand::with(story::normal).await;
    let body = format!(r#"{{"verb":"evacuate","x":"{}"}}"#, "x".repeat(17_000));
    assert_eq!(stand.order(TOKENS[0], &body).await.status(), 413);
    let mut stream = TcpStream::connect(stand.address).await.unwrap();
    let head = format!(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Large: {}\r\n\r\n",
        "x".repeat(40_000)
    );
    // The server may close while we still write.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut bytes = vec![0; 64];
    let read = timeout(SOON, stream.read(&mut bytes)).await.unwrap().unwrap_or(0);
    let text = String::from_utf8_lossy(&bytes[..read]);
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 431"), "{text}");
    assert_eq!(stand.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn garbage_is_counted_and_harms_nobody() {
    let stand = Stand::with(story::normal).await;
    let garbage: [&[u8]; 4] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00\xff\x00\xff\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /api/v1/orders HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    ];
    for bytes in garbage {
        let mut stream = TcpStream::connect(stand.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(SOON, stream.read_to_end(&mut answer)).await.unwrap();
    }
    assert_eq!(stand.get("/healthz").await.status(), 200);
    assert!(
        stand.count(Cause::HttpRefused) >= 4,
        "{}",
        stand.count(Cause::HttpRefused)
    );
}

#[tokio::test]
async fn shutdown_ends_within_its_grace() {
    let mut stand = Stand::with(story::normal).await;
    let mut idle = TcpStream::connect(stand.address).await.unwrap();
    assert_eq!(stand.get("/healthz").await.status(), 200);
    stand.stop.take().unwrap().send(()).unwrap();
    timeout(SOON, &mut stand.server).await.unwrap().unwrap();
    assert_eq!(idle.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(stand.address).await.is_err());
}

//! A stop: everything journalled, exit 0, whatever hangs on our sockets.

use std::net::SocketAddr;
use std::time::Duration;

use muster::clock::Stopwatch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stand::{Process, Room};

/// systemd's `TimeoutStopSec` is 15 s; we say 10.
const AT_MOST: Duration = Duration::from_secs(10);
/// What a request under way is granted.
const GRANTED: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_ends_well_with_peers_that_say_nothing() {
    let process = Process::run(&Room::with(&["a"])).await;
    let mut idle = TcpStream::connect(process.api.address()).await.unwrap();
    let mut half = TcpStream::connect(process.api.address()).await.unwrap();
    half.write_all(b"GET / HTT").await.unwrap();
    let mqtt = SocketAddr::from(([127, 0, 0, 1], process.mqtt));
    let mut silent = TcpStream::connect(mqtt).await.unwrap();
    process.api.status().await;
    let since = Stopwatch::start();
    process.signal("TERM").await;
    let status = process.end().await;
    assert!(
        status.success() && since.elapsed() < AT_MOST,
        "{status} after {:?}",
        since.elapsed()
    );
    for peer in [&mut idle, &mut half, &mut silent] {
        // The end, or a reset: in any case nothing more.
        assert!(!matches!(peer.read(&mut [0; 64]).await, Ok(1..)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_does_not_wait() {
    let process = Process::run(&Room::with(&["a"])).await;
    // Half a request; it is given two seconds by the first signal.
    let mut half = TcpStream::connect(process.api.address()).await.unwrap();
    half.write_all(b"GET / HTT").await.unwrap();
    process.api.status().await;
    let since = Stopwatch::start();
    process.signal("TERM").await;
    process.signal("INT").await;
    let status = process.end().await;
    assert!(
        status.success() && since.elapsed() < GRANTED,
        "{status} after {:?}",
        since.elapsed()
    );
}

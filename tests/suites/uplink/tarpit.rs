//! Peers that are no broker.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::watched::{NODE, is_down};
use crate::stand::{Room, Stand};

/// What a login has to be refused or given up within: 5 s, and a busy machine.
const GIVEN_UP: Duration = Duration::from_secs(8);

async fn at(listener: &TcpListener, scheme: &str) -> Stand {
    let port = listener.local_addr().unwrap().port();
    let insecure = if scheme == "mqtt" { "insecure = true\n" } else { "" };
    Stand::start(Room::with(&[NODE]).connect(&format!("{insecure}connect = \"{scheme}://127.0.0.1:{port}\""))).await
}

async fn free() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_accepts_and_says_nothing_is_given_up() {
    // The system accepts for it; nobody ever reads.
    let listener = free().await;
    for scheme in ["mqtt", "mqtts"] {
        let stand = at(&listener, scheme).await;
        let said = is_down(&stand, GIVEN_UP).await;
        assert!(said.contains("has not answered within 5 s"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_talks_rubbish_is_given_up() {
    let listener = free().await;
    let stand = at(&listener, "mqtt").await;
    let rubbish = tokio::spawn(async move {
        for answer in [
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            &[0xFF; 64],
            &[0x20, 0xFF, 0xFF, 0xFF, 0xFF],
            b"",
        ]
        .iter()
        .cycle()
        {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut login = [0; 512];
            let _ = peer.read(&mut login).await;
            let _ = peer.write_all(answer).await;
        }
    });
    is_down(&stand, GIVEN_UP).await;
    stand.assert_undecided("rubbish");
    rubbish.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_where_nobody_listens_is_trouble_at_once_and_the_gateway_runs() {
    let listener = free().await;
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let stand =
        Stand::start(Room::with(&[NODE]).connect(&format!("insecure = true\nconnect = \"mqtt://127.0.0.1:{port}\"")))
            .await;
    let said = is_down(&stand, Duration::from_secs(3)).await;
    assert!(
        said.contains(&format!("mqtt://127.0.0.1:{port}")) && said.contains("refused"),
        "{said}"
    );
}

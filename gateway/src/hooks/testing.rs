//! Receivers of all manners, for tests.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use muster_core::{Call, HookIx, Mode, Phase, RungKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::webhook::Limits;
use crate::config::{Secret, WebhookTarget};

/// Everything a test waits for has happened within this, or the test fails.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Limits small enough to run into, but for time-outs: a busy machine must not look like a hook that hangs.
pub(crate) const SMALL: Limits = Limits {
    attempt: Duration::from_secs(15),
    connect: Duration::from_secs(15),
    body_bytes: 1_024,
    ask_every: Duration::from_millis(5),
    questions: 50,
    failed_questions: 3,
};

/// For hooks that do hang.
pub(crate) const HURRIED: Limits = Limits {
    attempt: Duration::from_millis(300),
    ..SMALL
};

/// A live step that moves a database.
pub(crate) fn call() -> Call {
    Call {
        incident: "pangyo-b3-1".into(),
        step: "db.move.evacuate.daejeon".into(),
        hook: HookIx(0),
        workload: "db".into(),
        rung: RungKind::Move,
        phase: Phase::Evacuate,
        destination: Some("daejeon".into()),
        mode: Mode::Live,
        token: 7,
        attempt: 1,
        doomed: None,
        deadline: 480_000,
        why: vec![
            "two votes in zone battery".into(),
            "gas 41 ppm ≥ 25 ppm, 2 s old".into(),
        ],
    }
}

pub(crate) fn target(url: String) -> WebhookTarget {
    WebhookTarget {
        url,
        secret: Secret(vec![5; 32]),
        allow_loopback: true,
        ca: None,
    }
}

/// Serves routes on a free port until the test ends.
pub(crate) async fn serve(routes: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

/// What a [`raw`] server does after it has written its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    Close,
    Hang,
    /// One byte, and another one every 20 ms.
    Dribble,
}

/// Reads a request's head, writes these bytes, and then misbehaves.
pub(crate) async fn raw(bytes: &'static [u8], then: Then) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(misbehave(stream, bytes, then));
        }
    });
    address
}

async fn misbehave(mut stream: TcpStream, bytes: &'static [u8], then: Then) -> std::io::Result<()> {
    let mut buffer = [0; 8_192];
    if stream.read(&mut buffer).await? == 0 {
        return Ok(());
    }
    stream.write_all(bytes).await?;
    match then {
        Then::Close => stream.shutdown().await,
        Then::Hang => std::future::pending().await,
        Then::Dribble => loop {
            stream.write_all(b"x").await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        },
    }
}

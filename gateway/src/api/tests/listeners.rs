//! Listeners to events: what they missed, what happens, and what they may not do to others.

use std::sync::Arc;
use std::time::Duration;

use muster_core::{Event, EventKind, Level, Verb, Verdict};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::stand::{SOON, Stand, TOKENS, client};
use super::story;
use crate::clock::Stopwatch;
use crate::counters::{Cause, Counters};
use crate::journal::{Batch, Journal};
use crate::told::Told;

fn told(id: i64, line: &str) -> Arc<Told> {
    let event = Event {
        kind: EventKind::Vote,
        level: Level::Prepare,
        subject: "battery-b3".into(),
        line: line.into(),
    };
    Arc::new(Told {
        id,
        at: id * 10,
        wall_ms: 1_700_000_000_000,
        event,
    })
}

/// Puts lines into the journal's ring.
fn store(stand: &Stand, ids: impl Iterator<Item = i64>) {
    let (journal, _) = Journal::open(&stand.folder.path().join("muster.db")).unwrap();
    let writer = journal.spawn(Counters::default(), |_| ()).unwrap();
    writer.submit(Batch {
        events: ids.map(|id| told(id, "from the disk")).collect(),
        ..Batch::default()
    });
    assert!(writer.stop());
}

/// A listener, piece by piece.
struct Ear {
    response: reqwest::Response,
    text: String,
}

/// One piece: name, id, data.
type Piece = (String, Option<i64>, Value);

impl Ear {
    async fn at(stand: &Stand, path: &str, last: Option<i64>) -> Self {
        let mut request = client().get(stand.url(path)).timeout(SOON);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let text = String::new();
        Self { response, text }
    }

    /// The next piece that has data; none at the end.
    async fn next(&mut self) -> Option<Piece> {
        loop {
            while let Some((piece, rest)) = self.text.split_once("\n\n") {
                let (piece, rest) = (piece.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    piece
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(str::to_owned)
                };
                let id = field("id: ").map(|id| id.parse().unwrap());
                if let Some(data) = field("data: ") {
                    let name = field("event: ").unwrap_or_default();
                    let data = serde_json::from_str(&data).unwrap_or(Value::String(data));
                    return Some((name, id, data));
                }
            }
            let chunk = timeout(SOON, self.response.chunk()).await.unwrap().unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn ids(&mut self, count: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let (name, id, data) = self.next().await.unwrap();
            assert_eq!((name.as_str(), &data["id"]), ("", &id.unwrap().into()), "{data}");
            ids.push(id.unwrap());
        }
        ids
    }
}

#[tokio::test]
async fn what_happens_comes_as_it_happens() {
    let stand = Stand::with(story::normal).await;
    let mut ear = Ear::at(&stand, "/api/v1/events", None).await;
    stand.telling.send(told(2_001, "smoke")).unwrap();
    let (name, id, data) = ear.next().await.unwrap();
    assert_eq!((name.as_str(), id), ("", Some(2_001)));
    for (field, value) in [
        ("kind", "vote"),
        ("level", "prepare"),
        ("subject", "battery-b3"),
        ("line", "smoke"),
    ] {
        assert_eq!(data[field], value, "{data}");
    }
    let wall: jiff::Timestamp = data["wall"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        (wall.as_second(), &data["schema"], &data["at"]),
        (1_700_000_000, &1.into(), &20_010.into())
    );
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_from_disk_and_memory_without_gap_or_double() {
    let stand = Stand::with(story::normal).await;
    // Between 1,000 and 2,001, the first of this process, are the ids that a start leaves free; some of it is on disk already.
    store(&stand, (901..=2_200).filter(|id| *id <= 1_000 || *id > 2_000));
    for id in 2_001..=2_300 {
        stand.telling.send(told(id, "from memory")).unwrap();
    }
    let expected: Vec<i64> = (951..=1_000).chain(2_001..=2_300).collect();
    let mut ear = Ear::at(&stand, "/api/v1/events?last_event_id=5", Some(950)).await;
    assert_eq!(ear.ids(expected.len()).await, expected);
    stand.telling.send(told(2_301, "now")).unwrap();
    assert_eq!(ear.ids(1).await, [2_301]);
    let mut ear = Ear::at(&stand, "/api/v1/events?last_event_id=2299", None).await;
    assert_eq!(ear.ids(2).await, [2_300, 2_301]);
}

#[tokio::test]
async fn what_is_not_to_be_had_is_said_with_how_many() {
    let stand = Stand::with(story::normal).await;
    store(&stand, 501..=510);
    store(&stand, 521..=530);
    let mut ear = Ear::at(&stand, "/api/v1/events", Some(100)).await;
    let (name, id, gap) = ear.next().await.unwrap();
    assert_eq!(
        (name.as_str(), id, &gap["missing"]),
        ("gap", Some(500), &400.into()),
        "{gap}"
    );
    assert!(gap["why"].as_str().unwrap().contains("older"), "{gap}");
    assert_eq!(ear.ids(10).await, (501..=510).collect::<Vec<_>>());
    let (name, id, gap) = ear.next().await.unwrap();
    assert_eq!(
        (name.as_str(), id, &gap["missing"]),
        ("gap", Some(520), &10.into()),
        "{gap}"
    );
    assert_eq!(ear.ids(10).await, (521..=530).collect::<Vec<_>>());
    // Beyond ours: all that ours holds.
    let mut ear = Ear::at(&stand, "/api/v1/events", Some(9_000_000)).await;
    let (name, _, gap) = ear.next().await.unwrap();
    assert_eq!((name.as_str(), &gap["missing"]), ("gap", &Value::Null), "{gap}");
    assert_eq!(ear.ids(1).await, [501]);
    for bad in ["-1", "x", "1.5", "99999999999999999999"] {
        let answer = stand.get(&format!("/api/v1/events?last_event_id={bad}")).await;
        assert_eq!(answer.status(), 400, "{bad}");
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_read_is_a_gap_and_the_stream_goes_on() {
    let stand = Stand::with(story::normal).await;
    let path = stand.folder.path().join("muster.db");
    std::fs::write(&path, "no journal").unwrap();
    let mut ear = Ear::at(&stand, "/api/v1/events", Some(900)).await;
    let (name, _, gap) = ear.next().await.unwrap();
    assert_eq!((name.as_str(), &gap["missing"]), ("gap", &1_100.into()), "{gap}");
    stand.telling.send(told(2_001, "now")).unwrap();
    assert_eq!(ear.ids(1).await, [2_001]);
}

#[tokio::test]
async fn status_and_page_follow_the_view() {
    let stand = Stand::with(story::normal).await;
    let mut ear = Ear::at(&stand, "/api/v1/events?with=status", None).await;
    let mut page = Ear::at(&stand, "/live", None).await;
    let (name, id, status) = ear.next().await.unwrap();
    assert_eq!(
        (name.as_str(), id, &status["level"]),
        ("status", None, &"normal".into())
    );
    assert!(page.next().await.unwrap().2.as_str().unwrap().contains("NORMAL"));
    stand.view.send_replace(Arc::new(story::evacuate(stand.clock.now())));
    let watch = Stopwatch::start();
    while ear.next().await.unwrap().2["level"] != "evacuate" {}
    assert!(
        watch.elapsed() < Duration::from_millis(900),
        "a change does not wait for the beat"
    );
    while !page.next().await.unwrap().2.as_str().unwrap().contains("EVACUATE") {}
    // Nothing changes any more, and the beat goes on.
    for _ in 0..2 {
        assert_eq!(ear.next().await.unwrap().0, "status");
    }
}

#[tokio::test]
async fn streams_are_bounded_and_an_order_gets_through_them() {
    let mut stand = Stand::with(story::normal).await;
    let mut ears = Vec::new();
    for _ in 0..64 {
        ears.push(Ear::at(&stand, "/api/v1/events", None).await);
    }
    let refused = stand.get("/live").await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(stand.count(Cause::StreamLimit), 1);
    // All other connections are held by somebody who says nothing.
    let mut held = Vec::new();
    for _ in 0..200 {
        held.push(TcpStream::connect(stand.address).await.unwrap());
    }
    let order = client().post(stand.url("/api/v1/orders")).bearer_auth(TOKENS[0]);
    let order = order
        .header("content-type", "application/json")
        .body(r#"{"verb":"hold"}"#);
    let (answer, asked) = tokio::join!(order.send(), Stand::answer_one(&mut stand.ends, Verdict::Taken));
    assert_eq!(
        (answer.unwrap().status().as_u16(), asked),
        (200, ("ann".to_owned(), Verb::Hold))
    );
    // Who leaves makes room.
    drop(ears);
    let watch = Stopwatch::start();
    while stand.get("/live").await.status() != 200 {
        assert!(watch.elapsed() < SOON);
    }
}

#[tokio::test]
async fn a_listener_that_does_not_read_is_closed_and_named_and_others_do_not_notice() {
    let stand = Stand::with(story::normal).await;
    let mut deaf = TcpStream::connect(stand.address).await.unwrap();
    deaf.write_all(b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        .await
        .unwrap();
    deaf.read_exact(&mut [0; 64]).await.unwrap();
    let mut ear = Ear::at(&stand, "/api/v1/events", None).await;
    // More than the kernel's buffers hold.
    let long = "x".repeat(8_000);
    // Its time runs from here, however long the other one takes to read.
    let given = Stopwatch::start();
    for id in 2_001..=5_000 {
        stand.telling.send(told(id, &long)).unwrap();
    }
    assert_eq!(ear.ids(3_000).await.last(), Some(&5_000));
    let watch = Stopwatch::start();
    while stand.count(Cause::StreamSlow) == 0 {
        assert!(watch.elapsed() < 2 * SOON, "nobody closed it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(given.elapsed() > Duration::from_secs(5), "it was given time");
    let mut rest = Vec::new();
    let ended = timeout(SOON, deaf.read_to_end(&mut rest)).await.unwrap();
    assert!(
        ended.is_err() || !rest.ends_with(b"0\r\n\r\n"),
        "it was cut off, not served to the end"
    );
}

#[tokio::test]
async fn a_stop_ends_streams_in_order() {
    let mut stand = Stand::with(story::normal).await;
    let mut ear = Ear::at(&stand, "/api/v1/events", None).await;
    stand.telling.send(told(2_001, "last")).unwrap();
    assert_eq!(ear.ids(1).await, [2_001]);
    let watch = Stopwatch::start();
    stand.stop.take().unwrap().send(()).unwrap();
    // The end of the body, not a broken connection.
    assert_eq!(ear.next().await, None);
    timeout(SOON, &mut stand.server).await.unwrap().unwrap();
    assert!(watch.elapsed() < Duration::from_secs(2), "{:?}", watch.elapsed());
}

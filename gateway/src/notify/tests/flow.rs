//! Places that are dead, slow, deaf or flooded, and a listener that is behind.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use muster_core::{EventKind, Level, TroubleView};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{QUICK, Room, event, journal, webhook};
use crate::clock::Stopwatch;
use crate::config::{Address, Beat, Place, Pulse, Smtp, SmtpTls, Way};
use crate::counters::Cause;
use crate::hooks::testing::{SOON, Then, raw, serve};
use crate::notify::{Limits, Ready};
use crate::told::{BACKLOG, Told};

/// Design §6.
const FIRST_VOTE: Duration = Duration::from_secs(2);

type Got = Arc<Mutex<Vec<(String, Value)>>>;

/// Waits until it is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let since = Stopwatch::start();
    while !is_so() {
        assert!(since.elapsed() < SOON, "not within {SOON:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Keeps what is posted to it, as (`webhook-id`, event).
struct Inbox {
    url: String,
    got: Got,
}

impl Inbox {
    async fn open() -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn at(listener: TcpListener) -> Self {
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let got = Got::default();
        let routes = Router::new().fallback(take).with_state(got.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, got }
    }

    fn all(&self) -> Vec<(String, Value)> {
        self.got.lock().unwrap().clone()
    }

    /// The first message of a topic, and how long it took from now.
    async fn until(&self, topic: &str) -> (String, Value, Duration) {
        let since = Stopwatch::start();
        loop {
            if let Some((id, event)) = self.all().into_iter().find(|(_, event)| event["subject"] == topic) {
                return (id, event, since.elapsed());
            }
            assert!(since.elapsed() < SOON, "no {topic}: {:#?}", self.all());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A look with HEAD is no message.
async fn take(State(got): State<Got>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if let Some(id) = headers.get("webhook-id").and_then(|id| id.to_str().ok()) {
        let event = serde_json::from_slice(&body).unwrap_or_default();
        got.lock().unwrap().push((id.to_owned(), event));
    }
    StatusCode::NO_CONTENT
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_place_and_one_that_never_answers_delay_no_other() {
    let mut room = Room::new();
    let (good, tarpit) = (Inbox::open().await, raw(b"", Then::Hang).await);
    let dead = webhook("dead", "http://127.0.0.1:9/");
    let slow = webhook("slow", &format!("http://{tarpit}/"));
    room.start(&[dead, slow, webhook("good", &good.url)]);
    room.vote();
    let (id, event, took) = good.until("vote").await;
    println!("told after {took:?} beside a dead place and a tarpit");
    assert!(took <= FIRST_VOTE, "{took:?}");
    assert!(id.starts_with("lab.1-3."), "{id}");
    assert_eq!(event["data"]["events"].as_array().unwrap().len(), 3);
    let trouble = loop {
        let (part, trouble) = room.own().await;
        assert_eq!(part, "notify-dead");
        // It looked there before the vote.
        if let Some(trouble) = trouble.filter(|line| line.ends_with("; 3 lines wait")) {
            break trouble;
        }
    };
    assert!(
        trouble.starts_with("what is told does not get out to dead: not reached"),
        "{trouble}"
    );
    assert!(room.figures()[0].failed() >= 2 && room.figures()[0].oldest().is_some());
    until("it is counted", || room.figures()[2].sent() == 1).await;
    assert_eq!(room.figures()[2].oldest(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_told_is_told_late_and_once_with_its_own_time() {
    let mut room = Room::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    room.start(&[webhook("chat", &format!("http://{address}/"))]);
    room.vote();
    let said_ms = room.context.clock.wall_ms();
    assert!(room.own().await.1.is_some());
    room.context.clock.advance_ms(14 * 60_000);
    room.say(EventKind::Vote, "room", "bus votes: contact closed");
    let inbox = Inbox::at(TcpListener::bind(address).await.unwrap());
    let (_, event, _) = inbox.until("vote").await;
    assert!(
        (839..=842).contains(&event["data"]["late_s"].as_i64().unwrap()),
        "{event:#}"
    );
    let at: jiff::Timestamp = event["time"].as_str().unwrap().parse().unwrap();
    assert!((at.as_millisecond() - said_ms).abs() < 5_000, "{at}");
    // The trouble is over, and the second vote comes by itself: nothing is lost, nothing is told twice.
    while room.own().await.1.is_some() {}
    until("everything is out", || room.figures()[0].oldest().is_none()).await;
    let lines: Vec<i64> = inbox
        .all()
        .iter()
        .flat_map(|(_, event)| event["data"]["events"].as_array().unwrap().clone())
        .map(|e| e["id"].as_i64().unwrap())
        .collect();
    assert_eq!(lines, [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_trouble_is_one_digest_and_holds_no_vote_back() {
    let mut room = Room::new();
    let inbox = Inbox::open().await;
    room.start(&[webhook("chat", &inbox.url)]);
    for n in 0..2_000 {
        room.say(EventKind::Trouble, &format!("c{n}"), &format!("c{n}: no good reading"));
        if n == 1_000 {
            room.vote();
        }
    }
    let (_, _, took) = inbox.until("vote").await;
    println!("told after {took:?} amid 2,000 lines of trouble");
    assert!(took <= FIRST_VOTE, "{took:?}");
    let (_, digest, _) = inbox.until("trouble").await;
    assert!(
        digest["data"]["headline"]
            .as_str()
            .unwrap()
            .contains("lines of trouble, first: c"),
        "{digest:#}"
    );
    let troubles = inbox
        .all()
        .iter()
        .filter(|(_, event)| event["subject"] == "trouble")
        .count();
    assert!(troubles <= 2, "{troubles} messages of trouble");
    assert!(room.context.counters.get(Cause::NotifyMissed) > 1_000);
}

/// Answers looks, and lets the first message in without ever answering it.
async fn hang_at_post(listener: &TcpListener) -> TcpStream {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 4];
        stream.read_exact(&mut head).await.unwrap();
        if &head == b"POST" {
            return stream;
        }
        stream
            .write_all(b"HTTP/1.1 405 No\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_at_trouble_that_hangs_is_given_up_for_a_vote() {
    let mut room = Room::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    room.start(&[webhook("chat", &url)]);
    room.say(EventKind::Trouble, "c1", "c1: no good reading");
    let _hung = hang_at_post(&listener).await;
    room.vote();
    let since = Stopwatch::start();
    let inbox = Inbox::at(listener);
    inbox.until("vote").await;
    println!("told after {:?} behind an attempt that hangs", since.elapsed());
    assert!(since.elapsed() <= FIRST_VOTE, "{:?}", since.elapsed());
    inbox.until("trouble").await;
}

/// More lines than the broadcast keeps, before the listener has a chance.
fn outrun(room: &mut Room) -> Vec<Arc<Told>> {
    let mut heard = room.telling.subscribe();
    let mut all = Vec::new();
    room.vote();
    for n in 0..BACKLOG + 100 {
        room.say(EventKind::Step, &format!("s{n}"), "done");
        all.extend(std::iter::from_fn(|| heard.try_recv().ok()));
    }
    all
}

#[tokio::test]
async fn a_listener_that_is_behind_finds_the_first_vote_in_the_journal() {
    let mut room = Room::new();
    let inbox = Inbox::open().await;
    let heard = room.telling.subscribe();
    let votes = outrun(&mut room);
    journal(&room.context.journal, votes);
    room.hear(heard, &[webhook("chat", &inbox.url)]);
    let (id, event, _) = inbox.until("vote").await;
    assert!(id.starts_with("lab.1-"), "{id}: {event:#}");
    assert_eq!(event["data"]["events"][1]["line"], "n1 votes: 65 Cel at or above 60");
    assert_eq!(room.context.counters.get(Cause::NotifyMissed), 0);
}

#[tokio::test]
async fn without_a_journal_it_says_how_the_site_is_instead() {
    let mut room = Room::new();
    let inbox = Inbox::open().await;
    let heard = room.telling.subscribe();
    outrun(&mut room);
    room.hear(heard, &[webhook("chat", &inbox.url)]);
    let (_, event, _) = inbox.until("incident").await;
    let line = event["data"]["events"][0]["line"].as_str().unwrap();
    assert!(
        line.contains("lines were not heard here; the site is at normal"),
        "{event:#}"
    );
    assert!(room.context.counters.get(Cause::NotifyMissed) >= 1);
}

#[tokio::test]
async fn what_was_said_before_a_restart_and_not_told_is_told_after_it() {
    let mut room = Room::new();
    let inbox = Inbox::open().await;
    let lines: Vec<Arc<Told>> = (1..=3)
        .map(|id| Told {
            id,
            at: id,
            wall_ms: id,
            event: event(EventKind::Vote, "room", &format!("vote {id}")),
        })
        .map(Arc::new)
        .collect();
    journal(&room.context.journal, lines);
    std::fs::write(room.folder.path().join("muster.db.told"), br#"{"chat":2}"#).unwrap();
    (room.context.told, room.told) = (1_003, 1_003);
    room.start(&[webhook("chat", &inbox.url), webhook("new", &inbox.url)]);
    let (id, ..) = inbox.until("vote").await;
    assert_eq!(id, "lab.3-3.0", "the place that is new has missed nothing");
    let kept = || std::fs::read_to_string(room.folder.path().join("muster.db.told")).unwrap();
    until("both are kept", || kept() == r#"{"chat":3,"new":1003}"#).await;
    assert_eq!(inbox.all().len(), 1);
}

#[tokio::test]
async fn a_place_of_which_nothing_is_known_is_told_of_the_open_incident_and_of_none_before() {
    let mut room = Room::new();
    let inbox = Inbox::open().await;
    let say = |id, kind, subject: &str, line: &str| {
        let event = event(kind, subject, line);
        Arc::new(Told {
            id,
            at: id,
            wall_ms: id,
            event,
        })
    };
    let before = [
        say(1, EventKind::Incident, "lab-1", "lab-1 opens: an old fire"),
        say(2, EventKind::Incident, "lab-1", "lab-1 closed by reset"),
        say(3, EventKind::Trouble, "n1", "n1: no good reading"),
        say(4, EventKind::Incident, "lab-2", "lab-2 opens: n1 votes"),
        say(5, EventKind::Vote, "room", "n1 votes: 65 Cel"),
    ];
    journal(&room.context.journal, before.to_vec());
    room.view
        .send_modify(|view| Arc::make_mut(view).incident = Some(super::incident("lab-2")));
    (room.context.told, room.told) = (1_005, 1_005);
    room.start(&[webhook("chat", &inbox.url)]);
    let (id, ..) = inbox.until("vote").await;
    assert_eq!(id, "lab.4-5.0");
    assert_eq!(inbox.all().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_refuses_redirects_or_breaks_off_has_not_been_told() {
    let trap = Inbox::open().await;
    let away: &'static str = Box::leak(
        format!(
            "HTTP/1.1 307 Away\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
            trap.url
        )
        .into_boxed_str(),
    );
    for (answer, why) in [
        ("HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n", "answered 401"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbroken off",
            "the connection broke",
        ),
        (away, "redirects are not followed"),
    ] {
        let mut room = Room::new();
        let address = raw(answer.as_bytes(), Then::Close).await;
        room.start(&[webhook("chat", &format!("http://{address}/"))]);
        room.vote();
        let trouble = room.own().await.1.unwrap();
        assert!(trouble.contains(why), "{trouble}");
        assert_eq!(
            (room.figures()[0].sent(), room.figures()[0].oldest().is_some()),
            (0, true)
        );
    }
    assert!(trap.all().is_empty());
}

/// A place by mail whose server is at this address, without encryption.
fn mail(address: std::net::SocketAddr) -> Place {
    let mailbox = |at: &str| at.parse().unwrap();
    Place {
        way: Way::Email(Box::new(Smtp {
            host: address.ip().to_string(),
            port: address.port(),
            tls: SmtpTls::None,
            login: None,
            from: mailbox("muster@lab.example"),
            to: vec![mailbox("duty@lab.example")],
        })),
        ..webhook("mail", "http://unused.example/")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_accepts_and_never_greets_costs_one_attempt_at_a_time() {
    let mut room = Room::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (inbox, address) = (Inbox::open().await, listener.local_addr().unwrap());
    let open = Arc::new(Mutex::new(Vec::new()));
    let kept = open.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            kept.lock().unwrap().push(stream);
        }
    });
    let limits = Limits {
        attempt: Duration::from_millis(200),
        ..QUICK
    };
    room.start_within(limits, &[mail(address), webhook("chat", &inbox.url)]);
    room.vote();
    let (_, _, took) = inbox.until("vote").await;
    assert!(took <= FIRST_VOTE, "{took:?}");
    let (part, trouble) = room.own().await;
    assert_eq!(part, "notify-mail");
    assert!(trouble.unwrap().contains("no answer within 0.2 s"));
    assert!(open.lock().unwrap().len() >= 2);
}

/// A heartbeat every 20 ms; the second inbox is for trouble.
fn heartbeat(url: &str, trouble_url: &str) -> Place {
    Place {
        on: Vec::new(),
        way: Way::Heartbeat(Pulse {
            url: Address(url.parse().unwrap()),
            trouble_url: Some(Address(trouble_url.parse().unwrap())),
            every_ms: 20,
            beat: Beat::Post,
        }),
        ..webhook("watch", url)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beat_says_that_the_journal_is_in_trouble_and_stops_when_the_view_grows_old() {
    let (well, ill) = (beat_box().await, beat_box().await);
    let mut room = Room::new();
    room.start(&[heartbeat(&well.0, &ill.0)]);
    grows(&well.1).await;
    assert!(ill.1.lock().unwrap().is_empty());
    room.view.send_modify(|view| {
        let trouble = TroubleView {
            subject: "journal".into(),
            since: 0,
            line: "disk full".into(),
        };
        Arc::make_mut(view).troubles.push(trouble);
    });
    grows(&ill.1).await;
    assert_eq!(ill.1.lock().unwrap()[0]["journal_well"], false);
    // The loop falls silent.
    room.context.clock.advance_ms(2_100);
    until("beats are left out", || {
        room.context.counters.get(Cause::NotifyMissed) >= 3
    })
    .await;
    let beats = ill.1.lock().unwrap().len();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(ill.1.lock().unwrap().len(), beats);
}

type Beats = Arc<Mutex<Vec<Value>>>;

/// Keeps the body of everything that is posted to it.
async fn beat_box() -> (String, Beats) {
    let beats = Beats::default();
    let keep = async |State(beats): State<Beats>, body: Bytes| {
        beats.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    };
    let address = serve(Router::new().fallback(keep).with_state(beats.clone())).await;
    (format!("http://{address}/"), beats)
}

async fn grows(beats: &Beats) {
    let before = beats.lock().unwrap().len();
    until("beats come", || beats.lock().unwrap().len() >= before + 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_config_loses_nothing_that_waits_and_tells_a_new_place_how_it_stands() {
    let mut room = Room::new();
    let (inbox, new, same) = (Inbox::open().await, Inbox::open().await, Inbox::open().await);
    let kept = webhook("same", &same.url);
    room.start(&[
        webhook("chat", "http://127.0.0.1:9/"),
        webhook("old", "http://127.0.0.1:9/"),
        kept.clone(),
    ]);
    room.vote();
    same.until("vote").await;
    while room.own().await.0 != "notify-old" {}
    room.view.send_modify(|view| {
        let view = Arc::make_mut(view);
        (view.level, view.incident) = (Level::Prepare, Some(super::incident("lab-1")));
    });
    let places = [kept, webhook("chat", &inbox.url), webhook("new", &new.url)];
    room.notifier
        .as_mut()
        .unwrap()
        .replace(Ready::new(&places, QUICK).unwrap())
        .await;
    let (_, event, _) = inbox.until("vote").await;
    assert_eq!(event["data"]["events"].as_array().unwrap().len(), 3, "{event:#}");
    let (_, event, _) = new.until("incident").await;
    assert!(
        event["data"]["events"][0]["line"]
            .as_str()
            .unwrap()
            .starts_with("told here from now on; the site is at prepare"),
        "{event:#}"
    );
    assert_eq!(event["data"]["incident"], "lab-1");
    // The trouble of the place that is gone goes with it.
    while room.own().await != ("notify-old".to_owned(), None) {}
    room.say(EventKind::Incident, "lab-1", "lab-1 closed by reset");
    for place in [&inbox, &new, &same] {
        place.until("end").await;
    }
    assert_eq!(same.all().len(), 2);
}

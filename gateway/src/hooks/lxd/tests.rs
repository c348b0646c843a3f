use std::path::Path;

use muster_core::HookOutcome;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use super::moves::{Missing, missing};
use super::words::Operation;
use super::*;
use crate::config::{LxdDoors, Places};
use crate::counters::Cause;
use crate::hooks::preflight::Answer;
use crate::hooks::testing::{HURRIED, SMALL, call};
use crate::hooks::underway::is_end;
use crate::hooks::{Follow, webhook};

fn instance(status: &str, location: &str) -> Instance {
    serde_json::from_value(json!({ "name": "shop", "status": status, "location": location, "later": [1] })).unwrap()
}

#[test]
fn what_is_missing_is_seen_at_the_instance_alone() {
    let of = |status, location, ran| missing(&instance(status, location), &["m3", "m4"], ran).ok();
    assert_eq!(of("Running", "m1", true), Some(Missing::Stop));
    assert_eq!(of("Stopped", "m1", true), Some(Missing::Copy));
    assert_eq!(of("Stopped", "m4", true), Some(Missing::Start));
    assert_eq!(of("Running", "m3", true), Some(Missing::Nothing));
    // It was off before, and stays so.
    assert_eq!(of("Stopped", "m1", false), Some(Missing::Copy));
    assert_eq!(of("Stopped", "m3", false), Some(Missing::Nothing));
    // Nobody knows what becomes of these.
    for odd in ["Frozen", "Error", "Starting", ""] {
        assert_eq!((of(odd, "m1", true), of(odd, "m3", true)), (None, None), "{odd}");
    }
}

#[test]
fn an_instance_gets_its_own_time_to_stop() {
    let with = |text: &str| {
        let config = json!({ "boot.host_shutdown_timeout": text });
        let instance = json!({ "name": "shop", "status": "Running", "expanded_config": config });
        serde_json::from_value::<Instance>(instance).unwrap().stop_s()
    };
    assert_eq!((with("2"), with("90"), with("0"), with("-1")), (2, 90, 1, 30));
    assert_eq!((with("99999999"), instance("Running", "m1").stop_s()), (3_600, 30));
}

#[test]
fn an_operation_is_about_what_it_names() {
    let operation = |code: u16, path: &str| -> Operation {
        let resources = json!({ "instances": [path], "images": ["/1.0/images/shop"] });
        let metadata = json!({ "progress": { "percent": "41" } });
        serde_json::from_value(json!({ "status_code": code, "resources": resources, "metadata": metadata })).unwrap()
    };
    let running = operation(103, "/1.0/instances/shop?project=prod");
    assert!(running.is_about("shop") && running.runs() && !running.succeeded());
    assert_eq!(running.percent(), Some(41));
    let of_class = |class: &str| Operation {
        class: class.into(),
        ..operation(103, "/1.0/instances/shop")
    };
    assert!(of_class("task").is_work() && !of_class("websocket").is_work() && !of_class("token").is_work());
    assert!(!operation(103, "/1.0/instances/shop-2").is_about("shop"));
    assert!(operation(200, "/1.0/instances/a").succeeded() && !operation(400, "/1.0/instances/a").runs());
    let bare: Operation = serde_json::from_value(json!({ "status_code": 103, "resources": null })).unwrap();
    assert!(!bare.is_about("shop") && bare.percent().is_none());
}

/// A member that says the same to everybody; or reads and says nothing.
fn says(folder: &Path, answer: Option<Vec<u8>>) -> (Lxd, Counters) {
    let socket = folder.join("unix.socket");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4_096]).await;
                match answer {
                    Some(answer) => stream.write_all(&answer).await,
                    None => std::future::pending().await,
                }
            });
        }
    });
    lxd(socket.as_path(), SMALL)
}

fn lxd(socket: &Path, limits: webhook::Limits) -> (Lxd, Counters) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let places = Places {
        racks: BTreeMap::from([("r1".into(), vec!["m1".into()])]),
        destinations: BTreeMap::from([("daejeon".into(), vec!["m3".into()])]),
    };
    let target = LxdTarget {
        doors: LxdDoors::Socket(socket.to_owned()),
        project: "default".into(),
        places,
        allow_force_stop: false,
    };
    let placed = Placed {
        object: "shop".into(),
        rack: "r1".into(),
    };
    let works = BTreeMap::from([("db".into(), placed)]);
    let counters = Counters::default();
    let lxd = Lxd::new(
        "cluster".into(),
        (target, works),
        limits,
        Clock::starting_at(0),
        counters.clone(),
    );
    (lxd, counters)
}

async fn end_of(lxd: &Lxd, call: &Call) -> HookOutcome {
    let reply = lxd.attempt(call).await;
    let Some(Follow::Hear(mut underway)) = reply.follow else {
        return reply.outcome;
    };
    loop {
        match underway.next().await {
            Some(outcome) if is_end(&outcome) => return outcome,
            Some(_) => {}
            None => unreachable!("it broke off"),
        }
    }
}

fn http(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").into_bytes()
}

#[tokio::test]
async fn whatever_a_member_answers_is_a_retry_with_a_cause() {
    let hello = r#"{"type":"sync","metadata":{"auth":"trusted","api_extensions":"no list"}}"#;
    let cut = http("200 OK", hello)[..60].to_vec();
    let endless = {
        let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        endless.resize(40 << 20, b'[');
        endless
    };
    for (what, answer, cause) in [
        ("HTML", http("502 Bad Gateway", "<html>"), Cause::HookBody),
        ("nothing", http("200 OK", ""), Cause::HookBody),
        ("another type", http("200 OK", hello), Cause::HookBody),
        (
            "an error",
            http("500 No", r#"{"error":"dqlite\u001b[31m","error_code":500}"#),
            Cause::HookStatus,
        ),
        (
            "an error of 200",
            http("200 OK", r#"{"error":"no","error_code":418}"#),
            Cause::HookStatus,
        ),
        ("half", cut, Cause::HookConnect),
        ("no HTTP", b"\x16\x03\x01\x00".to_vec(), Cause::HookConnect),
        ("no end", endless, Cause::HookBody),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (lxd, counters) = says(folder.path(), Some(answer));
        let HookOutcome::Retry { cause: line } = end_of(&lxd, &call()).await else {
            unreachable!("{what} was no retry")
        };
        assert!(
            !line.is_empty() && !line.chars().any(char::is_control),
            "{what}: {line}"
        );
        assert_eq!(counters.get(cause), 1, "{what}: {line}");
        assert!(matches!(lxd.preflight().await.reachable, Answer::No { .. }), "{what}");
    }
}

#[tokio::test]
async fn nobody_and_somebody_silent_are_found_out_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let (nobody, counters) = lxd(&folder.path().join("nothing"), SMALL);
    assert!(matches!(end_of(&nobody, &call()).await, HookOutcome::Retry { .. }));
    assert_eq!(counters.get(Cause::HookConnect), 1);
    let (_, _) = says(folder.path(), None);
    let (silent, counters) = lxd(&folder.path().join("unix.socket"), HURRIED);
    assert!(matches!(end_of(&silent, &call()).await, HookOutcome::Retry { .. }));
    assert_eq!(counters.get(Cause::HookTimeout), 1);
}

#[tokio::test]
async fn one_that_does_not_trust_us_is_no_use_waiting_for() {
    let folder = tempfile::tempdir().unwrap();
    let stranger = http("200 OK", r#"{"type":"sync","metadata":{"auth":"untrusted"}}"#);
    let (lxd, _) = says(folder.path(), Some(stranger));
    let HookOutcome::Cannot { note } = end_of(&lxd, &call()).await else {
        unreachable!("it waits")
    };
    assert!(note.contains("trust add"), "{note}");
}

#[test]
fn operations_of_a_server_are_paths_to_operations_only() {
    let good = operation::path_of("/1.0/operations/27bf1b97-bb32?project=x").ok();
    assert_eq!(good.as_deref(), Some("/1.0/operations/27bf1b97-bb32/wait"));
    let bad = [
        "",
        "/1.0/operations/",
        "/1.0/operations/../instances/x",
        "http://169.254.169.254/",
        "/1.0/operations/a%2f",
    ];
    let taken: BTreeSet<_> = bad
        .into_iter()
        .filter(|path| operation::path_of(path).is_ok())
        .collect();
    assert_eq!(taken, BTreeSet::new());
}

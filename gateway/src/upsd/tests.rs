//! Every line of the protocol, and lines that are none.

use muster_core::HostsView;

use super::talk::{Next, Talk};
use super::*;
use crate::api::testing_view;

fn desk(since: Option<i64>, age_ms: i64) -> Arc<Desk> {
    let clock = Clock::starting_at(1_000_000);
    let mut view = testing_view(clock.now() - age_ms);
    view.hosts = vec![HostsView {
        id: "rack-1".into(),
        rack: Some("r1".into()),
        since,
        why: String::new(),
        last_ms: 120_000,
    }];
    Arc::new(Desk {
        site: "lyon-2".into(),
        users: vec![("monitor".into(), Secret(b"right".to_vec()))],
        acceptor: None,
        view: watch::channel(Arc::new(view)).1,
        clock,
        counters: Counters::default(),
        logins: Arc::default(),
        peers: Mutex::default(),
    })
}

fn said(talk: &mut Talk, line: &str) -> String {
    talk.answer(line).0
}

#[test]
fn it_answers_as_upsd_does_and_says_one_thing_only() {
    let mut talk = Talk::new(desk(None, 0));
    assert_eq!(
        said(&mut talk, "GET VAR rack-1 ups.status"),
        "VAR rack-1 ups.status \"OL\"\n"
    );
    assert!(said(&mut talk, "LIST UPS").starts_with("BEGIN LIST UPS\nUPS rack-1 \"when hosts of rack r1"));
    let all = said(&mut talk, "LIST VAR rack-1");
    assert!(all.contains("VAR rack-1 ups.model \"site lyon-2\"\n") && all.ends_with("END LIST VAR rack-1\n"));
    assert_eq!(
        said(&mut talk, "LIST RW rack-1"),
        "BEGIN LIST RW rack-1\nEND LIST RW rack-1\n"
    );
    assert_eq!(said(&mut talk, "GET VAR rack-2 ups.status"), "ERR UNKNOWN-UPS\n");
    assert_eq!(
        said(&mut talk, "GET VAR rack-1 battery.charge"),
        "ERR VAR-NOT-SUPPORTED\n"
    );
    assert_eq!(said(&mut talk, "STARTTLS"), "ERR FEATURE-NOT-CONFIGURED\n");
    let mut told = Talk::new(desk(Some(5), 0));
    assert_eq!(
        said(&mut told, "GET VAR rack-1 ups.status"),
        "VAR rack-1 ups.status \"FSD OB LB\"\n"
    );
}

#[test]
fn nobody_changes_anything_and_a_wrong_password_is_no_login() {
    let desk = desk(None, 0);
    let mut talk = Talk::new(desk.clone());
    for line in [
        "FSD rack-1",
        "SET VAR rack-1 ups.status \"LB\"",
        "INSTCMD rack-1 load.off",
        "PRIMARY rack-1",
        "MASTER rack-1",
    ] {
        assert_eq!(said(&mut talk, line), "ERR ACCESS-DENIED\n", "{line}");
    }
    assert_eq!(said(&mut talk, "LOGIN rack-1"), "ERR USERNAME-REQUIRED\n");
    said(&mut talk, "USERNAME monitor");
    assert_eq!(said(&mut talk, "LOGIN rack-1"), "ERR PASSWORD-REQUIRED\n");
    said(&mut talk, "PASSWORD wrong");
    for _ in 0..2 {
        assert!(matches!(talk.answer("LOGIN rack-1"), (answer, Next::Line) if answer == "ERR ACCESS-DENIED\n"));
    }
    assert!(matches!(talk.answer("LOGIN rack-1").1, Next::Close));
    let mut talk = Talk::new(desk.clone());
    assert_eq!(
        said(&mut talk, "USERNAME monitor") + &said(&mut talk, "PASSWORD right"),
        "OK\nOK\n"
    );
    assert_eq!(said(&mut talk, "LOGIN rack-9"), "ERR UNKNOWN-UPS\n");
    assert_eq!(said(&mut talk, "LOGIN rack-1"), "OK\n");
    assert_eq!(said(&mut talk, "LOGIN rack-1"), "ERR ALREADY-LOGGED-IN\n");
    assert_eq!(said(&mut talk, "GET NUMLOGINS rack-1"), "NUMLOGINS rack-1 1\n");
    drop(talk);
    assert_eq!(desk.logged_in("rack-1"), 0);
}

#[test]
fn a_decision_loop_that_is_silent_sends_nobody_off() {
    let mut talk = Talk::new(desk(Some(5), OLD_MS + 1_000));
    assert_eq!(said(&mut talk, "GET VAR rack-1 ups.status"), "ERR DATA-STALE\n");
    assert_eq!(said(&mut talk, "LIST UPS"), "ERR DATA-STALE\n");
}

#[test]
fn whatever_comes_is_answered_in_lines() {
    let mut talk = Talk::new(desk(None, 0));
    for line in [
        "",
        "\u{0}",
        "\"",
        "GET",
        "GET VAR",
        "LIST",
        "LOGIN",
        "USERNAME",
        "list ups",
        "LIST UPS UPS UPS",
        "\\",
    ] {
        let answer = said(&mut talk, line);
        assert!(
            answer.starts_with("ERR ") && answer.ends_with('\n'),
            "{line:?}: {answer:?}"
        );
    }
}

#[test]
fn one_address_has_so_many_places_and_gets_them_back() {
    let desk = desk(None, 0);
    let at = |peer: &str| desk.seat(peer.parse().unwrap());
    let mut seats: Vec<_> = (0..CLIENTS_OF_ONE).map(|_| at("10.0.0.1:9").unwrap()).collect();
    assert!(at("10.0.0.1:10").is_none() && at("[::ffff:10.0.0.1]:10").is_none());
    assert!(at("10.0.0.2:9").is_some(), "others have their own");
    seats.pop();
    seats.push(at("10.0.0.1:11").unwrap());
    seats.clear();
    assert!(desk.peers.lock().unwrap().is_empty(), "nothing is kept of who has gone");
}

/// The only place that knows what changes something at a UPS, so as to refuse it, is one that nobody hears unasked: it opens no
/// connection. What asks other people's upsd knows none of these words (`sources/nut/tests/read_only.rs`), and nobody else does.
#[test]
fn what_would_change_a_ups_is_only_known_here_where_nothing_is_asked() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut here, mut elsewhere) = (vec![source], 0, 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                // Tests have to name what they look for.
                folders.extend((name != "tests").then_some(path));
                continue;
            }
            if !name.ends_with(".rs") || name == "tests.rs" {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            if path.components().any(|part| part.as_os_str() == "upsd") {
                here += 1;
                assert!(!text.contains("connect("), "{} asks somebody", path.display());
                continue;
            }
            elsewhere += 1;
            for word in ["INSTCMD", "\"FSD ", "\"SET VAR"] {
                assert!(!text.contains(word), "{word} in {}", path.display());
            }
        }
    }
    assert!(here >= 3 && elsewhere >= 200, "{here} here, {elsewhere} elsewhere");
}

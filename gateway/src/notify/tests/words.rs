//! What a message says, and what it cannot be made to say.

use muster_core::{EventKind, Level};

use super::{Room, event};
use crate::config::Topic;
use crate::notify::notice::Notice;
use crate::notify::queue::{LINES, Queue};
use crate::notify::scene::Scene;
use crate::notify::sort::{Line, Sort};
use crate::told::Told;

/// 2022-10-15T06:20:12Z.
const WALL_MS: i64 = 1_665_814_812_000;

fn line(id: i64, kind: EventKind, subject: &str, text: &str) -> Line {
    let event = event(kind, subject, text);
    let told = Told {
        id,
        at: id * 10,
        wall_ms: WALL_MS + id * 10,
        event,
    };
    Line::of(&told).unwrap()
}

fn scene() -> Scene {
    let room = Room::new();
    room.view.send_modify(|view| {
        let view = std::sync::Arc::make_mut(view);
        (view.level, view.why, view.now) = (Level::Prepare, "room: one vote".into(), 1_000);
    });
    Scene {
        now: 1_000,
        wall_ms: WALL_MS + 1_000,
        ..Scene::now(&room.context)
    }
}

fn first_vote() -> Vec<Line> {
    vec![
        line(5, EventKind::Incident, "lab-1", "lab-1 opens: n1 votes in room: 65 Cel"),
        line(6, EventKind::Vote, "room", "n1 votes: 65 Cel at or above 60"),
        line(7, EventKind::Level, "lab", "site normal -> prepare: one vote"),
    ]
}

#[test]
fn a_first_vote_says_where_why_when_and_what_next() {
    let notice = Notice::of_lines(&first_vote(), &scene()).unwrap();
    assert_eq!(
        notice.subject,
        "[Muster lab] PREPARE: room: n1 votes: 65 Cel at or above 60"
    );
    assert_eq!((notice.topic, notice.id.as_str()), ("vote", "lab.5-7.1665814812"));
    assert_eq!(notice.incident.as_deref(), Some("lab-1"));
    for words in [
        "(06:20:12Z)  vote     room: n1 votes: 65 Cel at or above 60",
        "site normal -> prepare",
        "PREPARE, room: one vote",
        "Incident: lab-1",
        "Page: https://muster.example/",
        "Next: If it is real, do not wait",
    ] {
        assert!(notice.text.contains(words), "{words}: {}", notice.text);
    }
    let event = notice.cloud_event();
    assert_eq!(
        (&event["type"], &event["id"]),
        (&"muster.notice.vote".into(), &"lab.5-7.1665814812".into())
    );
    assert_eq!(
        (&event["data"]["incident"], &event["data"]["events"][1]["id"]),
        (&"lab-1".into(), &6.into())
    );
    assert!(!notice.text.contains("LATE") && notice.urgent);
}

#[test]
fn marks_stand_in_the_subject_and_in_the_text() {
    let mut view = super::quiet();
    (view.armed, view.simulated) = (false, true);
    let room = Room::new();
    room.view.send_replace(std::sync::Arc::new(view));
    let scene = Scene {
        now: 15 * 60_000,
        ..Scene::now(&room.context)
    };
    let notice = Notice::of_lines(&first_vote(), &scene).unwrap();
    assert!(
        notice
            .subject
            .starts_with("[Muster lab] SIMULATION DISARMED LATE by 14 min PREPARE: "),
        "{}",
        notice.subject
    );
    for words in [
        "SIMULATION: nothing of this is real",
        "DISARMED: the alarm is real",
        "LATE by 14 min: it could not be told",
    ] {
        assert!(notice.text.contains(words), "{words}: {}", notice.text);
    }
    assert_eq!(notice.data["late_s"], 899);
}

#[test]
fn a_test_says_so_and_nothing_about_the_site() {
    let notice = Notice::of_test("lab", "https://muster.example/", WALL_MS);
    assert!(
        notice.subject.starts_with("[Muster lab] TEST: nothing has happened"),
        "{}",
        notice.subject
    );
    assert!(!notice.text.contains("NORMAL") && !notice.urgent, "{}", notice.text);
    assert_eq!(notice.cloud_event()["type"], "muster.notice.test");
}

#[test]
fn nothing_in_a_line_can_begin_a_header_a_tag_or_a_call_to_everybody() {
    let evil = "x\r\nBcc: all@evil.example\r\n\r\n<script>alert(1)</script> <!channel> \u{202e}\u{0}";
    let lines = [line(1, EventKind::Vote, evil, evil)];
    let notice = Notice::of_lines(&lines, &scene()).unwrap();
    assert!(!notice.subject.contains(char::is_control), "{:?}", notice.subject);
    let intruding = |l: &str| l.starts_with("Bcc") || l.is_empty();
    assert!(!notice.text.lines().any(intruding), "{:?}", notice.text);
    assert!(!notice.text.contains(['\r', '\0', '\u{202e}']));
    let chat = notice.chat().to_string();
    assert!(!chat.contains('<') && chat.contains("&lt;!channel&gt;"), "{chat}");
}

#[test]
fn a_long_line_is_cut() {
    let endless = "é".repeat(10_000);
    let lines = vec![line(1, EventKind::Vote, &endless, &endless); LINES];
    let notice = Notice::of_lines(&lines, &scene()).unwrap();
    assert_eq!(notice.subject.chars().count(), 150);
    assert!(notice.text.chars().count() < 10_000, "{}", notice.text.chars().count());
}

#[test]
fn a_digest_names_the_first_out_and_counts_the_rest() {
    let mut queue = Queue::default();
    for id in 1..=47 {
        queue.push(line(
            id,
            EventKind::Trouble,
            &format!("n{}", id % 3),
            &format!("n{}: fault {id}", id % 3),
        ));
    }
    let notice = Notice::of_digest(&queue.digest().unwrap(), &scene()).unwrap();
    assert_eq!(notice.subject, "[Muster lab] 47 lines of trouble, first: n1: fault 1");
    assert!(
        notice
            .text
            .contains("n2: fault 20\n  and 27 more lines of trouble, of: n0, n1, n2\n"),
        "{}",
        notice.text
    );
    assert!(!notice.urgent);
}

#[test]
fn what_is_told_outside_and_as_what() {
    let sort = |kind, subject: &str, line: &str| Sort::of(&event(kind, subject, line));
    assert_eq!(
        sort(EventKind::Incident, "lab-1", "lab-1 opens: lab-1 closed by x"),
        Some(Sort::Opening)
    );
    assert_eq!(
        sort(EventKind::Incident, "lab-1", "lab-1 goes on after a restart"),
        Some(Sort::Opening)
    );
    assert_eq!(
        sort(EventKind::Incident, "lab-1", "lab-1 closed by reset"),
        Some(Sort::Of(Topic::End))
    );
    assert_eq!(
        sort(EventKind::TroubleCleared, "n1", "n1 is good again"),
        Some(Sort::Of(Topic::Trouble))
    );
    for kind in [
        EventKind::Channel,
        EventKind::Order,
        EventKind::Step,
        EventKind::Workload,
    ] {
        assert_eq!(sort(kind, "x", "y"), None);
    }
}

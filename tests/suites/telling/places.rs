//! Webhooks of people and programs, through the whole gateway.

use muster::clock::Stopwatch;
use serde_json::Value;

use super::{FIRST_VOTE, lines, told, webhook};
use crate::site::acting_site::{INCIDENT, SECRET, SITE, SiteText};
use crate::site::desk::{Call, Desk};
use crate::site::hosted::Hosted;
use crate::site::process::{document, muster};

#[tokio::test(flavor = "multi_thread")]
async fn a_first_vote_is_told_everywhere_within_two_seconds_whatever_is_dead() {
    let (program, chat, picky) = (Desk::willing().await, Desk::willing().await, Desk::willing().await);
    let site = SiteText::new(true, 480)
        .and(&webhook("dead", "http://127.0.0.1:9/", ""))
        .and(&webhook("program", &program.url, &format!("secret = \"{SECRET}\"")))
        .and(&webhook("chat", &chat.url, "body = \"text\""))
        .and(&webhook("picky", &picky.url, "on = [\"end\"]"));
    let mut hosted = Hosted::start(&site).await;
    hosted.nodes[0].alarm().await;
    hosted.until_said("battery-room", "mqtt votes").await;
    let since = Stopwatch::start();
    let call = told(&program, "vote").await;
    let text = chat.until("a text", |call| call.event["text"].is_string()).await;
    let opening = told(&picky, "incident").await;
    println!("first vote told to three places after {:?}", since.elapsed());
    assert!(since.elapsed() <= FIRST_VOTE, "{:?}", since.elapsed());
    is_the_vote(&call);
    is_the_text(&text);
    assert_eq!(
        opening.event["data"]["events"].as_array().unwrap().len(),
        1,
        "the opening, and nothing it did not ask for"
    );
    // The second vote evacuates, and is told; the dead place is trouble, which delays nothing.
    hosted.nodes[1].alarm().await;
    program.until("evacuate", |call| call.word("level") == "evacuate").await;
    hosted
        .until_said("notify-dead", "does not get out to dead: not reached")
        .await;
    figures(&hosted).await;
}

fn is_the_vote(call: &Call) {
    assert!(call.signed && call.key.starts_with(&format!("{SITE}.")), "{call:?}");
    let said: Vec<&str> = call.event["data"]["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["topic"].as_str().unwrap())
        .collect();
    assert_eq!(said, ["incident", "vote", "level", "level"]);
    assert_eq!((call.word("level"), call.word("incident")), ("prepare", INCIDENT));
}

fn is_the_text(text: &Call) {
    let text = text.event["text"].as_str().unwrap().to_owned();
    for words in [
        "*[Muster ansan] PREPARE: battery-room: mqtt votes: n1.smoke",
        "Incident: ansan-1",
        "Page: http://127.0.0.1:",
        "Next: ",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(
        text.contains("normal -&gt; prepare") && !text.contains("DISARMED"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outside_that_is_dead_or_silent_delays_no_hook() {
    // The system lets connections in; nobody ever answers one.
    let tarpit = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (silent, mover) = (tarpit.local_addr().unwrap(), Desk::willing().await);
    let mail = format!(
        "[[notify]]\nid = \"mail\"\nkind = \"email\"\nsmtp = \"smtps://{silent}\"\nallow_loopback = true\n\
         from = \"m@a.example\"\nto = [\"d@a.example\"]\n"
    );
    let site = SiteText::new(true, 480)
        .hook("mover", &mover.url, 4)
        .workload("db", 1, &[], &[("move", "mover", 3.0)])
        .and(&webhook("dead", "http://127.0.0.1:9/", "on = [\"vote\", \"trouble\"]"))
        .and(&webhook(
            "silent",
            &format!("http://{silent}/"),
            "on = [\"vote\", \"trouble\"]",
        ))
        .and(&mail);
    let mut hosted = Hosted::start(&site).await;
    hosted.until_said("notify-dead", "does not get out").await;
    hosted.nodes[0].alarm().await;
    hosted.until_said("battery-room", "mqtt votes").await;
    let since = Stopwatch::start();
    hosted.nodes[1].alarm().await;
    mover.until_evacuate("db", "move").await;
    println!(
        "second vote to evacuate hook {:?} behind an outside that is gone",
        since.elapsed()
    );
    assert!(since.elapsed() <= FIRST_VOTE, "{:?}", since.elapsed());
}

async fn figures(hosted: &Hosted) {
    let (_, metrics) = hosted.api.get("/metrics").await;
    for line in [
        "muster_notify_sent_total{place=\"program\"} ",
        "muster_notify_failed_total{place=\"dead\"} ",
        "muster_notify_oldest_unsent_seconds{place=\"dead\"} ",
    ] {
        assert!(metrics.lines().any(|l| l.starts_with(line)), "{line}: {metrics}");
    }
    assert!(
        metrics.contains("muster_notify_sent_total{place=\"dead\"} 0"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disarmed_site_says_so_and_the_end_of_an_incident_is_told() {
    let desk = Desk::willing().await;
    let hosted = Hosted::start(&SiteText::new(false, 480).and(&webhook("program", &desk.url, ""))).await;
    hosted.api.both_order("evacuate").await;
    let opening = desk.until("evacuate", |call| call.word("level") == "evacuate").await;
    assert_eq!(opening.event["data"]["marks"], serde_json::json!(["DISARMED"]));
    hosted.api.both_order("reset").await;
    let end = told(&desk, "end").await;
    let words: Vec<(i64, String)> = lines(&desk);
    assert!(
        words.iter().any(|(_, line)| line == "ansan-1 closed by reset"),
        "{words:?}"
    );
    assert_eq!(end.word("incident"), INCIDENT);
    let mut ids: Vec<i64> = words.iter().map(|(id, _)| *id).collect();
    ids.dedup();
    assert_eq!(ids.len(), words.len(), "each line once, in order: {words:?}");
}

/// Verdicts of `muster notify test` by place, and its exit code.
async fn verdicts(site: &SiteText, more: &[&str]) -> (Option<i32>, Vec<(String, String)>) {
    let folder = tempfile::tempdir().unwrap();
    let config = site.write(folder.path(), "site");
    let mut arguments = vec!["notify", "test", "--json", "--config", config.to_str().unwrap()];
    arguments.extend(more);
    let output = muster(&arguments).await;
    if output.status.code() == Some(64) {
        return (Some(64), Vec::new());
    }
    let places: Value = document(&output)["places"].clone();
    let word = |place: &Value, key: &str| place[key].as_str().unwrap().to_owned();
    let places = places.as_array().unwrap().iter();
    (
        output.status.code(),
        places.map(|p| (word(p, "id"), word(p, "verdict"))).collect(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_tells_each_place_that_it_is_a_test_and_prints_how_it_took_it() {
    let (good, watch, bad) = (Desk::willing().await, Desk::willing().await, Desk::open(|_| 500).await);
    let beat = format!(
        "[[notify]]\nid = \"watch\"\nkind = \"heartbeat\"\nurl = \"{}\"\nallow_loopback = true\n",
        watch.url
    );
    let site = SiteText::new(true, 480).and(&webhook("good", &good.url, "")).and(&beat);
    let pair = |id: &str, verdict: &str| (id.to_owned(), verdict.to_owned());
    assert_eq!(
        verdicts(&site, &[]).await,
        (Some(0), vec![pair("good", "told"), pair("watch", "told")])
    );
    let call = told(&good, "test").await;
    assert!(call.word("headline").contains("TEST: nothing has happened"), "{call:?}");
    assert_eq!(watch.calls()[0].event["test"], true);
    let site = site.and(&webhook("bad", &bad.url, ""));
    assert_eq!(
        verdicts(&site, &["--id", "bad"]).await,
        (Some(1), vec![pair("bad", "refused")])
    );
    let site = site.and(&webhook("gone", "http://127.0.0.1:9/", ""));
    let (code, all) = verdicts(&site, &[]).await;
    assert_eq!((code, all.last()), (Some(69), Some(&pair("gone", "unreached"))));
    assert_eq!(verdicts(&site, &["--id", "nobody"]).await.0, Some(64));
    assert_eq!(verdicts(&SiteText::new(true, 480), &[]).await.0, Some(64));
}

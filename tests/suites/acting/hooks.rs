//! Hooks that misbehave, through the whole gateway: the workload falls to its next rung in time, and nobody else waits.

use std::time::Duration;

use muster::counters::Cause;
use muster_sim::receiver::{Faults, ReceiverOptions, signing_key};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::site::acting_site::{SECRET, SiteText, lasting_port};
use crate::site::desk::{Call, Desk};
use crate::site::hosted::Hosted;
use crate::site::talk::{self, state_of, step_of};

/// How soon loss is feared after the first sign.
const LOSS_S: u32 = 6;
/// The workload's best way and its last.
const MOVE: &str = "db.move.evacuate.busan";
const STOP: &str = "db.stop.evacuate";

/// A simulated receiver with faults; its URL.
async fn simulated(faults: Faults) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let options = ReceiverOptions {
        seed: 1,
        secret: signing_key(SECRET),
        faults,
    };
    tokio::spawn(muster_sim::receiver::serve(listener, options));
    url
}

/// `db` is moved by the hook under test, else stopped by a good one; `web` is moved by the good one.
fn site(bad_url: &str, good: &Desk) -> SiteText {
    SiteText::new(true, LOSS_S)
        .hook("bad", bad_url, 1)
        .hook("good", &good.url, 4)
        .workload("db", 1, &[], &[("move", "bad", 3.0), ("stop", "good", 1.0)])
        .workload("web", 1, &[], &[("move", "good", 3.0)])
}

/// Burns, and gives the moment of the second vote by the desk's clock.
async fn burn(hosted: &mut Hosted, desk: &Desk) -> Duration {
    hosted.nodes[0].alarm().await;
    hosted.until_said("battery-room", "n1 votes").await;
    let second = desk.now();
    hosted.nodes[1].alarm().await;
    second
}

/// `web` goes out at once, whatever the other hook does; `db` is stopped before the loss.
async fn falls_in_time(bad_url: &str) -> (Hosted, Desk) {
    let good = Desk::willing().await;
    let mut hosted = Hosted::start(&site(bad_url, &good)).await;
    let second = burn(&mut hosted, &good).await;
    let web = good.until_evacuate("web", "move").await;
    assert!(
        web.at - second <= Duration::from_secs(2),
        "{:?} behind another's bad hook",
        web.at - second
    );
    let stop = good.until_evacuate("db", "stop").await;
    let left = Duration::from_secs(u64::from(LOSS_S)) + second - stop.at;
    assert!(left >= Duration::from_millis(500), "stopped {left:?} before the loss");
    let status = hosted.api.until_all_safe().await;
    assert_eq!(
        (state_of(&status, "db"), state_of(&status, "web")),
        ("stopped", "moved")
    );
    assert_eq!(step_of(&status, MOVE)["state"], "superseded");
    (hosted, good)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_on_every_call() {
    let hung = Faults {
        hangs: true,
        ..Faults::default()
    };
    falls_in_time(&simulated(hung).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_redirects_is_never_followed() {
    let trap = Desk::willing().await;
    let redirecting = Faults {
        redirect_to: Some(trap.url.clone()),
        ..Faults::default()
    };
    let (hosted, _) = falls_in_time(&simulated(redirecting).await).await;
    assert!(trap.calls().is_empty(), "{:?}", trap.calls());
    assert!(hosted.gateway.counters.get(Cause::HookRedirect) >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_answers_500_for_ever_is_tried_again_with_the_same_key() {
    let broken = Desk::open(|call| if call.word("phase") == "prepare" { 200 } else { 500 }).await;
    let (hosted, good) = falls_in_time(&broken.url).await;
    let attempts = broken.of_phase("evacuate");
    assert!(attempts.len() >= 3, "{} attempts", attempts.len());
    let same = |call: &Call| (call.key.as_str(), call.token()) == (attempts[0].key.as_str(), attempts[0].token());
    assert!(attempts.iter().all(|call| call.signed && same(call)));
    let stop = good.until_evacuate("db", "stop").await;
    assert!(stop.signed && stop.key == format!("ansan-1.{STOP}") && stop.token() > attempts[0].token());
    assert!(hosted.gateway.counters.get(Cause::HookStatus) >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_accepts_and_is_never_heard_of_again() {
    let silent = Desk::open(|call| if call.word("phase") == "prepare" { 200 } else { 202 }).await;
    let (_, _) = falls_in_time(&silent.url).await;
    assert_eq!(
        silent.of_phase("evacuate").len(),
        1,
        "an accepted step is not called again at once"
    );
}

/// Reads a request's beginning, says something, and cuts the connection.
async fn cutting(words: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 64];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(words.as_bytes()).await;
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cuts_the_connection() {
    let (hosted, _) = falls_in_time(&cutting("").await).await;
    assert!(hosted.gateway.counters.get(Cause::HookConnect) >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_breaks_off_in_the_middle_of_a_200_has_not_answered() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbroken off";
    let (hosted, _) = falls_in_time(&cutting(half).await).await;
    assert!(hosted.gateway.counters.get(Cause::HookConnect) >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_gives_way_at_once() {
    let unable = Desk::open(|call| if call.word("phase") == "evacuate" { 422 } else { 200 }).await;
    let good = Desk::willing().await;
    let mut hosted = Hosted::start(&site(&unable.url, &good)).await;
    burn(&mut hosted, &good).await;
    good.until_evacuate("db", "stop").await;
    let status = hosted.api.until_all_safe().await;
    let (refused, stop) = (step_of(&status, MOVE), step_of(&status, STOP));
    assert_eq!((&refused["state"], &refused["attempts"]), (&"cannot".into(), &1.into()));
    let gap_ms = stop["begun"].as_i64().unwrap() - refused["ended"].as_i64().unwrap();
    assert!(gap_ms <= 100, "{gap_ms} ms from 422 to the next rung");
    assert_eq!(unable.of_phase("evacuate").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_refuses_the_token_is_not_called_again_and_the_probe_decides() {
    let fenced = Desk::open(|call| if call.word("phase") == "evacuate" { 409 } else { 200 }).await;
    let good = Desk::willing().await;
    let mut hosted = Hosted::start(&site(&fenced.url, &good)).await;
    burn(&mut hosted, &good).await;
    let status = hosted.api.until_all_safe().await;
    assert_eq!(step_of(&status, MOVE)["state"], "refused");
    assert_eq!(fenced.of_phase("evacuate").len(), 1);
    assert_eq!(
        fenced.of_phase("verify").len(),
        1,
        "only the probe knows whether somebody else has moved it"
    );
    assert!(
        good.calls().iter().all(|call| call.word("workload") == "web"),
        "no second way beside another gateway's"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_down_and_comes_up_again() {
    let port = lasting_port();
    let good = Desk::willing().await;
    let bad_url = format!("http://127.0.0.1:{port}/");
    let site = SiteText::new(true, 480)
        .hook("bad", &bad_url, 1)
        .hook("good", &good.url, 4)
        .workload("db", 1, &[], &[("move", "bad", 30.0), ("stop", "good", 1.0)]);
    let mut hosted = Hosted::start(&site).await;
    burn(&mut hosted, &good).await;
    talk::until("some attempts have failed", || {
        (hosted.gateway.counters.get(Cause::HookConnect) >= 4).then_some(())
    })
    .await;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let up = Desk::open_at(listener, |_| 200);
    let status = hosted.api.until_all_safe().await;
    assert_eq!(state_of(&status, "db"), "moved");
    assert!(step_of(&status, MOVE)["attempts"].as_u64().unwrap() > 1, "{status:#}");
    assert_eq!(up.of_phase("evacuate").len(), 1);
    assert!(good.calls().is_empty(), "no lower rung while the best one fits");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_forgets_and_one_that_only_answers_questions_end_well() {
    let forgetful = Faults {
        forgets: true,
        fail_first: 2,
        ..Faults::default()
    };
    let taciturn = Faults {
        never_reports: true,
        ..Faults::default()
    };
    // The simulated receiver's work takes story minutes.
    let site = SiteText::new(true, 1_200)
        .hook("forgetful", &simulated(forgetful).await, 1)
        .hook("taciturn", &simulated(taciturn).await, 1)
        .workload("db", 1, &[], &[("move", "forgetful", 150.0)])
        .workload("web", 1, &[], &[("move", "taciturn", 150.0)]);
    let mut hosted = Hosted::start_at(&site, 60).await;
    hosted.burn().await;
    let status = hosted.api.until_all_safe().await;
    for (workload, at_least) in [("db", 3), ("web", 1)] {
        assert_eq!(state_of(&status, workload), "moved");
        let step = step_of(&status, &format!("{workload}.move.evacuate.busan"));
        assert!(
            step["state"] == "done" && step["attempts"].as_u64().unwrap() >= at_least,
            "{step}"
        );
        let safe = hosted
            .events()
            .iter()
            .filter(|e| e.subject == workload && e.line.contains("safe by move"))
            .count();
        assert_eq!(safe, 1, "{workload} is safe once");
    }
}

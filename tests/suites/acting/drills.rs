//! A disarmed site rehearses; armed in the middle of an incident, it goes on for real.

use serde_json::json;

use crate::site::acting_site::{ANNA, BEN, SiteText};
use crate::site::desk::Desk;
use crate::site::hosted::Hosted;
use crate::site::talk::{state_of, step_of};

const STEP: &str = "db.move.evacuate.busan";

#[tokio::test(flavor = "multi_thread")]
async fn a_disarmed_site_calls_drills_only_and_says_so_everywhere() {
    let (rehearsing, live_only) = (Desk::willing().await, Desk::willing().await);
    let site = SiteText::new(false, 480)
        .hook("rehearsing", &rehearsing.url, 4)
        .live_only_hook("live-only", &live_only.url)
        .workload("db", 1, &[], &[("move", "rehearsing", 5.0)])
        .workload("web", 1, &[], &[("move", "live-only", 5.0)]);
    let mut hosted = Hosted::start(&site).await;
    hosted.burn().await;
    let status = hosted
        .api
        .until("the rehearsal is over", |s| {
            s["incident"].is_object() && state_of(s, "db") == "moved" && state_of(s, "web") == "skipped"
        })
        .await;
    let drilled = rehearsing.calls();
    assert_eq!(drilled.len(), 3, "prepare, evacuate, verify");
    assert!(
        drilled
            .iter()
            .all(|c| c.word("mode") == "drill" && c.key.starts_with("drill.ansan-1.") && c.signed)
    );
    assert!(
        live_only.calls().is_empty(),
        "a hook that takes no drills hears nothing"
    );
    assert_eq!(status["incident"]["mode"], "drill");
    assert!(status["headline"].to_string().contains("DISARMED"));
    assert!(status["next"].to_string().contains("NOTHING IS REALLY MOVED"));
    assert!(
        hosted
            .api
            .get("/metrics")
            .await
            .1
            .lines()
            .any(|line| line == "muster_armed 0")
    );
    hosted.until_said("db", "drill: nothing has really moved").await;
}

/// A disarmed site whose drill is under way, with its call.
async fn drilling() -> (Hosted, Desk) {
    let desk = Desk::open(|call| if call.word("phase") == "evacuate" { 202 } else { 200 }).await;
    let site = SiteText::new(false, 480).hook("mover", &desk.url, 4).workload(
        "db",
        1,
        &[],
        &[("move", "mover", 60.0), ("stop", "mover", 5.0)],
    );
    let mut hosted = Hosted::start(&site).await;
    hosted.burn().await;
    (hosted, desk)
}

#[tokio::test(flavor = "multi_thread")]
async fn armed_in_the_middle_it_calls_for_real_and_a_drills_bearer_ends_nothing() {
    let (hosted, desk) = drilling().await;
    let drill = desk.until_evacuate("db", "move").await;
    assert_eq!(
        (drill.word("mode"), drill.key.as_str()),
        ("drill", "drill.ansan-1.db.move.evacuate.busan")
    );
    let (status, body) = hosted.api.order(ANNA, &json!({ "verb": "arm" })).await;
    assert_eq!((status, body["verdict"].as_str()), (200, Some("pending")), "{body}");
    assert!(
        body["why"].to_string().contains("no drill has been passed by db"),
        "{body}"
    );
    let (status, body) = hosted.api.order(BEN, &json!({ "verb": "arm" })).await;
    assert_eq!((status, body["verdict"].as_str()), (200, Some("taken")), "{body}");
    let live = desk
        .until("a live call", |c| {
            c.word("mode") == "live" && c.word("phase") == "evacuate"
        })
        .await;
    assert_eq!(live.key, "ansan-1.db.move.evacuate.busan");
    assert!(live.token() > drill.token(), "{} > {}", live.token(), drill.token());
    assert_ne!(live.word("progress_token"), drill.word("progress_token"));
    hosted
        .api
        .until("the live step runs", |s| step_of(s, STEP)["state"] == "running")
        .await;
    let (url, done) = (live.word("progress_url"), json!({ "state": "done" }));
    assert_eq!(
        hosted.api.progress(url, drill.word("progress_token"), &done).await,
        202,
        "it is authentic, but late"
    );
    // What came later on the same lane has been taken, so the drill's report has too.
    let progress = json!({ "state": "running", "percent": 7 });
    assert_eq!(
        hosted.api.progress(url, live.word("progress_token"), &progress).await,
        202
    );
    let seen = hosted
        .api
        .until("7 percent", |s| step_of(s, STEP)["percent"] == 7)
        .await;
    assert_eq!(
        (&step_of(&seen, STEP)["state"], &step_of(&seen, STEP)["mode"]),
        (&"running".into(), &"live".into())
    );
    assert_eq!(hosted.api.progress(url, live.word("progress_token"), &done).await, 202);
    let safe = hosted.api.until_all_safe().await;
    assert_eq!(
        (state_of(&safe, "db"), &safe["incident"]["mode"]),
        ("moved", &"live".into())
    );
    assert!(!safe["headline"].to_string().contains("DISARMED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn disarming_takes_two_and_stops_what_was_live() {
    let (hosted, desk) = drilling().await;
    desk.until_evacuate("db", "move").await;
    hosted.api.both_order("arm").await;
    desk.until("a live call", |c| {
        c.word("mode") == "live" && c.word("phase") == "evacuate"
    })
    .await;
    let live = desk.calls().len();
    let (_, first) = hosted.api.order(BEN, &json!({ "verb": "disarm" })).await;
    assert_eq!(first["verdict"], "pending");
    assert_eq!(hosted.api.status().await["armed"], true);
    hosted.api.order(ANNA, &json!({ "verb": "disarm" })).await;
    hosted
        .api
        .until("drills again", |s| {
            step_of(s, STEP)["mode"] == "drill" && step_of(s, STEP)["state"] == "running"
        })
        .await;
    let after: Vec<_> = desk.calls().split_off(live);
    assert!(
        !after.is_empty() && after.iter().all(|c| c.word("mode") == "drill"),
        "{after:?}"
    );
}

//! Reports of progress: whose are believed, and what a report can change.

use muster::counters::Cause;
use serde_json::{Value, json};

use crate::site::acting_site::SiteText;
use crate::site::desk::{Call, Desk};
use crate::site::hosted::Hosted;
use crate::site::talk::step_of;

const STEP: &str = "db.move.evacuate.busan";

/// One workload whose hook has accepted its step; the call it came with.
async fn under_way() -> (Hosted, Desk, Call) {
    let desk = Desk::open(|call| if call.word("phase") == "evacuate" { 202 } else { 200 }).await;
    let site = SiteText::new(true, 480).hook("mover", &desk.url, 4).workload(
        "db",
        1,
        &[],
        &[("move", "mover", 60.0), ("stop", "mover", 5.0)],
    );
    let mut hosted = Hosted::start(&site).await;
    hosted.burn().await;
    let call = desk.until_evacuate("db", "move").await;
    hosted
        .api
        .until("the step runs", |s| step_of(s, STEP)["state"] == "running")
        .await;
    (hosted, desk, call)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_bearer_is_refused_and_counted_and_changes_nothing() {
    let (hosted, _desk, call) = under_way().await;
    let url = call.word("progress_url");
    let done = json!({ "state": "done" });
    let flipped = call.word("progress_token").replace(|c: char| c.is_ascii_digit(), "a");
    let elsewhere = url.replace("db.move.evacuate.busan", "db.stop.evacuate");
    for (url, bearer) in [
        (url, ""),
        (url, "x"),
        (url, flipped.as_str()),
        (&elsewhere, call.word("progress_token")),
    ] {
        assert_eq!(hosted.api.progress(url, bearer, &done).await, 401, "{url} {bearer}");
    }
    assert_eq!(hosted.gateway.counters.get(Cause::ProgressRefused), 4);
    let right = call.word("progress_token");
    for garbage in [
        json!({ "state": "DONE" }),
        json!({ "state": "running", "percent": 101 }),
        json!([]),
    ] {
        assert_eq!(hosted.api.progress(url, right, &garbage).await, 422, "{garbage}");
    }
    assert_eq!(step_of(&hosted.api.status().await, STEP)["state"], "running");
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_shown_and_an_end_counts_once() {
    let (hosted, desk, call) = under_way().await;
    let (url, bearer) = (call.word("progress_url"), call.word("progress_token"));
    let report = async |report: Value| hosted.api.progress(url, bearer, &report).await;
    assert_eq!(
        report(json!({ "state": "running", "percent": 40, "note": "copying" })).await,
        202
    );
    hosted
        .api
        .until("40 percent", |s| step_of(s, STEP)["percent"] == 40)
        .await;
    for _ in 0..2 {
        assert_eq!(report(json!({ "state": "done" })).await, 202);
    }
    // Too late to take it back.
    assert_eq!(
        report(json!({ "state": "failed", "note": "changed my mind" })).await,
        202
    );
    let status = hosted.api.until_all_safe().await;
    assert_eq!(step_of(&status, STEP)["state"], "done");
    assert_eq!(desk.of_phase("verify").len(), 1);
    assert_eq!(desk.of_phase("evacuate").len(), 1, "no lower rung after the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_takes_the_next_rung() {
    let (hosted, desk, call) = under_way().await;
    let failed = json!({ "state": "failed", "note": "no room\u{1b}[2J in busan" });
    let status = hosted
        .api
        .progress(call.word("progress_url"), call.word("progress_token"), &failed)
        .await;
    assert_eq!(status, 202);
    let stop = desk.until_evacuate("db", "stop").await;
    let why = stop.event["data"]["why"][0].as_str().unwrap();
    assert!(why.contains("no room") && !why.contains('\u{1b}'), "{why:?}");
}

use std::sync::Arc;

use muster_core::ChannelView;
use serde_json::Value;
use tokio::time::timeout;

use super::stand::{SOON, Stand};
use super::story;
use crate::counters::Cause;
use crate::lanes::{CHANNELS_A_PIECE, Control};

#[tokio::test]
async fn status_is_the_view_with_wall_times_and_a_next_act() {
    let stand = Stand::with(story::prepare).await;
    stand.clock.set_speed(10);
    let response = stand.get("/api/v1/status").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let status: Value = response.json().await.unwrap();
    assert_eq!(status["schema"], 1);
    assert_eq!(status["site"], "seoul-1");
    assert_eq!(status["level"], "prepare");
    assert_eq!(status["clock_speed"], 10);
    assert_eq!(status["headline"][0], "SIMULATION ×10");
    assert_eq!(status["headline"][1], "DISARMED: hooks are drills only");
    let loss = &status["runway"]["loss"];
    let left = loss["earliest_left_s"].as_i64().unwrap();
    assert!((300..=360).contains(&left), "{left}");
    let gap = |later: &Value, sooner: &Value| {
        let ms = |v: &Value| v.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
        ms(later) - ms(sooner)
    };
    assert_eq!(gap(&loss["likely_wall"], &loss["earliest_wall"]), 27 * 60_000);
    assert_eq!(gap(&loss["earliest_wall"], &status["now_wall"]), 6 * 60_000);
    assert_eq!(
        gap(&status["now_wall"], &status["incident"]["steps"][0]["begun_wall"]),
        24_000
    );
    assert!(status["next"].as_array().is_some_and(|lines| !lines.is_empty()));
}

/// One zone of a quiet site has no channel that can alarm.
fn mute(now: muster_core::Millis) -> muster_core::View {
    let mut view = story::normal(now);
    hush(&mut view.zones[0]);
    view
}

/// No zone has.
fn deaf(now: muster_core::Millis) -> muster_core::View {
    let mut view = story::normal(now);
    view.zones.iter_mut().for_each(hush);
    view
}

fn hush(zone: &mut muster_core::ZoneView) {
    (zone.groups_healthy, zone.groups_total) = (0, 0);
    zone.why = "no channel can alarm here".into();
}

#[tokio::test]
async fn a_zone_where_nothing_can_alarm_is_not_green() {
    let stand = Stand::with(mute).await;
    let page = stand.get("/").await.text().await.unwrap();
    assert!(
        page.contains("CANNOT ALARM") && !page.contains("0 of 0 groups"),
        "{page}"
    );
    assert!(page.contains("tile mute") && page.contains("tile level-normal") && !page.contains("NOTHING CAN ALARM"));
    let status: Value = stand.get("/api/v1/status").await.json().await.unwrap();
    assert_eq!(status["zones"][0]["why"], "no channel can alarm here");
    assert!(
        status["next"]
            .to_string()
            .contains("Give battery-b3 a channel with an alarm"),
        "{}",
        status["next"]
    );
    let stand = Stand::with(deaf).await;
    let page = stand.get("/").await.text().await.unwrap();
    assert!(
        page.contains("NOTHING CAN ALARM HERE") && page.contains(" deaf") && !page.contains("NORMAL"),
        "the whole site: {page}"
    );
}

#[tokio::test]
async fn an_incident_is_found_by_its_id_only() {
    let stand = Stand::with(story::evacuate).await;
    let incident: Value = stand.get("/api/v1/incidents/seoul-1-3").await.json().await.unwrap();
    assert_eq!(incident["schema"], 1);
    assert_eq!(incident["workloads"].as_array().unwrap().len(), 8);
    assert!(incident["opened_wall"].is_string());
    let response = stand.get("/api/v1/incidents/seoul-1-4").await;
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["status"], 404);
    assert!(problem["detail"].as_str().unwrap().contains("seoul-1-3"), "{problem}");
}

#[tokio::test]
async fn channels_come_from_the_engine_or_not_at_all() {
    let mut stand = Stand::with(story::normal).await;
    let url = stand.url("/api/v1/channels");
    let asked = tokio::spawn(super::stand::client().get(url).send());
    // A full piece is not the last one.
    for (expected, piece) in [(0, CHANNELS_A_PIECE), (CHANNELS_A_PIECE, 1)] {
        let control = timeout(SOON, stand.ends.control.recv()).await.unwrap().unwrap();
        let Control::Channels { from, answer } = control else {
            unreachable!("nothing else was asked")
        };
        assert_eq!(from, expected);
        answer.send(vec![channel(); piece]).unwrap();
    }
    let document: Value = asked.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(document["channels"].as_array().unwrap().len(), CHANNELS_A_PIECE + 1);
    assert_eq!(document["channels"][CHANNELS_A_PIECE]["value"], "25.1");
    assert_eq!(document["schema"], 1);

    // Nobody answers now.
    let response = stand.get("/api/v1/channels").await;
    assert_eq!(response.status(), 503);
    assert!(response.text().await.unwrap().contains("within 1 s"));
}

fn channel() -> ChannelView {
    ChannelView {
        id: "node-b3-1.temp".to_owned(),
        zone: "battery-b3".to_owned(),
        group: "node-b3-1".to_owned(),
        source: "node-b3-1".to_owned(),
        quantity: "temperature".to_owned(),
        value: Some("25.1".to_owned()),
        unit: "Cel".to_owned(),
        quality: "good".to_owned(),
        age_ms: Some(3),
        alarm: false,
        watch: false,
    }
}

#[tokio::test]
async fn health_follows_the_decision_loop_in_real_time() {
    let stand = Stand::with(story::normal).await;
    assert_eq!(stand.get("/healthz").await.status(), 200);

    stand
        .view
        .send_replace(Arc::new(story::normal(stand.clock.now() - 2_500)));
    let response = stand.get("/healthz").await;
    assert_eq!(response.status(), 503);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], "silent");
    assert!(body["why"].as_str().unwrap().contains("limit 2000 ms"), "{body}");

    // 2.5 s of a story at 10× are a quarter of a second of the decision loop.
    stand.clock.set_speed(10);
    stand
        .view
        .send_replace(Arc::new(story::normal(stand.clock.now() - 2_500)));
    assert_eq!(stand.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn a_stopped_engine_is_unhealthy_at_once() {
    let stand = Stand::with(story::normal).await;
    let url = stand.url("/healthz");
    drop(stand.view);
    let response = super::stand::client().get(url).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.text().await.unwrap().contains("has stopped"));
}

#[tokio::test]
async fn metrics_are_open_metrics() {
    let stand = Stand::with(story::evacuate).await;
    stand.counters.count(Cause::Replayed, "test", &"again");
    let response = stand.get("/metrics").await;
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let text = response.text().await.unwrap();
    assert!(text.ends_with("# EOF\n"));
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(
            series.starts_with("muster_") || series.starts_with("process_"),
            "{line}"
        );
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    for wanted in [
        "muster_level{zone=\"battery-b3\"} 3",
        "muster_site_level 3",
        "muster_armed 1",
        "muster_votes{state=\"held\"} 2",
        "muster_votes{state=\"returned\"} 1",
        "muster_troubles 1",
        "muster_channels{quality=\"good\"} 42",
        "muster_steps{state=\"running\"} 2",
        "muster_steps{state=\"superseded\"} 0",
        "muster_steps_stuck 1",
        "muster_workloads{state=\"stranded\"} 1",
        "muster_dropped_total{cause=\"replayed\"} 1",
        "muster_dropped_total{cause=\"fault\"} 0",
    ] {
        assert!(
            text.lines().any(|line| line == wanted),
            "{wanted} is missing in\n{text}"
        );
    }
    for cause in Cause::ALL {
        assert!(text.contains(&format!("cause=\"{}\"", cause.as_str())));
    }
    assert!(text.contains("muster_runway_seconds{clock=\"loss\",bound=\"earliest\"} 3"));
    assert!(text.contains("process_resident_memory_bytes "));
}

#[tokio::test]
async fn the_page_is_whole_and_may_do_nothing_else() {
    let stand = Stand::with(story::trouble).await;
    let response = stand.get("/").await;
    assert_eq!(response.status(), 200);
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'sha256-"),
        "{policy}"
    );
    assert_eq!(response.headers()["x-frame-options"], "DENY");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let html = response.text().await.unwrap();
    // Whole without a script: the level and why, the trouble as text, and the banner that comes by itself.
    for words in [
        "<b>seoul-1</b>",
        "WATCH",
        "protection lost",
        "&lt;img src=x onerror",
        "NOT LIVE since ",
        "3 troubles",
    ] {
        assert!(html.contains(words), "{words} is not in {html}");
    }
    assert!(!html.contains("banner now"), "it is live");
    stand
        .view
        .send_replace(Arc::new(story::trouble(stand.clock.now() - 2_500)));
    let html = stand.get("/").await.text().await.unwrap();
    assert!(html.contains("banner now"), "the decision loop is silent");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let stand = Stand::with(story::normal).await;
    let response = stand.get("/api/v2/status").await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (404, &"application/problem+json".parse().unwrap())
    );
    let response = super::stand::client()
        .delete(stand.url("/api/v1/status"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["type"], "urn:muster:problem:method");
    assert!(problem["remedy"].as_str().unwrap().contains("Allow"), "{problem}");
    assert_eq!(stand.count(Cause::HttpRefused), 1);
}

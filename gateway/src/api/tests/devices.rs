use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use muster_core::{ChannelView, SourceIx};
use muster_profiles::Device;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::stand::{SOON, Stand, client};
use super::story;
use crate::cli::devices::Args;
use crate::cli::exit;
use crate::clock::Stopwatch;
use crate::config::{NutWay, PollWay, Polled, UpsName};
use crate::lanes::Control;

fn ups(id: &str) -> Polled {
    let Some(Device::Nut(profile)) = muster_profiles::shipped("nut/ups") else {
        unreachable!("it is shipped")
    };
    Polled {
        source: SourceIx(0),
        id: id.to_owned(),
        address: "10.0.0.9:3493".to_owned(),
        channels: BTreeMap::new(),
        poll_ms: None,
        way: PollWay::Nut(NutWay {
            ups: UpsName::new("bat").unwrap(),
            ca: None,
            profile: Arc::new(profile),
        }),
    }
}

fn channel(source: &str, quality: &str) -> ChannelView {
    ChannelView {
        id: format!("{source}.{quality}"),
        zone: "battery-b3".to_owned(),
        group: "a".to_owned(),
        source: source.to_owned(),
        quantity: "temperature".to_owned(),
        value: None,
        unit: "Cel".to_owned(),
        quality: quality.to_owned(),
        age_ms: Some(3),
        alarm: false,
        watch: false,
    }
}

/// The engine's answer, once it is asked.
async fn answer(stand: &mut Stand, channels: Vec<ChannelView>) {
    let control = timeout(SOON, stand.ends.control.recv()).await.unwrap().unwrap();
    let Control::Channels { answer, .. } = control else {
        unreachable!("nothing else was asked")
    };
    answer.send(channels).unwrap();
}

async fn devices(stand: &mut Stand) -> Value {
    let asked = tokio::spawn(client().get(stand.url("/api/v1/devices")).send());
    let channels = [("node-1", "good"), ("ups-1", "good"), ("ups-1", "stale")];
    answer(stand, channels.map(|(source, quality)| channel(source, quality)).into()).await;
    let mut document: Value = asked.await.unwrap().unwrap().json().await.unwrap();
    document["devices"].take()
}

#[tokio::test]
async fn the_command_ends_by_how_the_devices_are() {
    let mut stand = Stand::with(story::normal).await;
    for (quality, code) in [("good", 0), ("stale", 1)] {
        let asked = tokio::spawn(crate::cli::devices::run(Args::of(&stand.url(""))));
        answer(&mut stand, vec![channel("node-1", quality)]).await;
        assert_eq!(asked.await.unwrap(), ExitCode::from(code), "{quality}");
    }
    // The engine does not answer: nobody knows how they are.
    let code = crate::cli::devices::run(Args::of(&stand.url(""))).await;
    assert_eq!(code, ExitCode::from(exit::UNREACHABLE));
}

#[tokio::test]
async fn a_polled_device_says_how_it_is_asked_and_what_went_wrong() {
    let mut stand = Stand::with(story::normal).await;
    let polling = stand.polls.open(&ups("ups-1"));
    let seen = devices(&mut stand).await;
    assert_eq!(seen[0]["id"], "node-1");
    assert_eq!(seen[0]["kind"], "mqtt");
    assert_eq!(seen[0]["faults"], json!([]));
    assert!(seen[0]["address"].is_null() && seen[0]["last_error"].is_null());
    assert_eq!(seen[1]["kind"], "nut");
    assert_eq!(seen[1]["address"], "10.0.0.9:3493");
    assert_eq!(seen[1]["profile"], "nut/ups");
    assert_eq!(
        seen[1]["faults"],
        json!([{ "channel": "ups-1.stale", "quality": "stale" }])
    );
    assert!(seen[1]["cycle_ms"].is_null() && seen[1]["poll_ms"].is_null() && seen[1]["answered_ms"].is_null());

    polling.every(Duration::from_millis(750));
    polling.heard(&Stopwatch::start());
    polling.failed(&"no answer ".repeat(100));
    polling.missed(2);
    polling.missed(0);
    let seen = devices(&mut stand).await;
    assert_eq!(
        (&seen[1]["poll_ms"], &seen[1]["missed_polls"]),
        (&json!(750), &json!(2))
    );
    assert_eq!(stand.polls.totals(), (1, 2), "what /metrics says of all together");
    assert!(seen[1]["cycle_ms"].is_u64() && seen[1]["answered_ms"].is_u64());
    let error = &seen[1]["last_error"];
    assert!(error["age_ms"].is_u64() && error["line"].as_str().unwrap().starts_with("no answer"));
    assert_eq!(error["line"].as_str().unwrap().chars().count(), 300);
}

#[tokio::test]
async fn a_poller_before_this_one_and_a_device_no_longer_polled_say_nothing() {
    let stand = Stand::with(story::normal).await;
    let before = stand.polls.open(&ups("ups-1"));
    drop(stand.polls.open(&ups("ups-1")));
    before.failed("late");
    assert_eq!(stand.polls.of("ups-1").unwrap().now.last_error, None);
    stand.polls.keep(&[ups("ups-1")]);
    assert!(stand.polls.of("ups-1").is_some());
    stand.polls.keep(&[ups("ups-2")]);
    assert!(stand.polls.of("ups-1").is_none());
}

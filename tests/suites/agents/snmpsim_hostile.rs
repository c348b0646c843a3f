//! An agent that answers wrongly in every way, made with pysnmp (which comes with snmpsim). What it says wrongly says
//! that the load is on battery: taken up once, it would be `prepare`.

use std::path::{Path, PathBuf};

use muster::clock::Stopwatch;
use serde_json::json;

use super::source;
use crate::stand::{Room, Script, Stand};

/// What is no answer to us is silence.
const SILENT: [&str; 6] = ["silent", "wrong_id", "wrong_community", "truncated", "garbage", "flood"];
/// What is one, and not to the question, is discarded as a whole.
const DISCARDED: [&str; 6] = ["neighbours", "swapped", "missing", "extra", "stuck", "endless"];

/// For one device, with a deadline of 100 ms, so that thirteen ways of silence do not take minutes.
fn quick_profile(folder: &Path) -> PathBuf {
    let profile = folder.join("ups.toml");
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../hardware/profiles/generic/ups-mib.toml"
    ))
    .unwrap();
    let text = text
        .replace("timeout_ms = 2000", "timeout_ms = 100")
        .replace("min_poll_ms = 1000", "min_poll_ms = 50");
    let text = text.replace("min_poll_ms", "sys_object_ids = [\"1.3.6.1.4.1.534\"]\nmin_poll_ms");
    std::fs::write(&profile, text).unwrap();
    profile
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_answer_is_not_believed() {
    misbehaves(&SILENT.map(|way| (way, "snmp_timeout"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_answers_another_question_is_not_believed() {
    misbehaves(&DISCARDED.map(|way| (way, "snmp_mismatch"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_device_in_its_place_is_not_believed() {
    misbehaves(&[("other_device", "snmp_identity")]).await;
}

/// In each of these ways in turn, and each is counted.
async fn misbehaves(ways: &[(&str, &str)]) {
    let mut agent = Script::start("agents/hostile_agent.py", &json!({}));
    let port = u16::try_from(agent.hear().await["port"].as_u64().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let profile = quick_profile(folder.path());
    let lines = format!(
        "community = \"house\"\nprofile = \"{}\"\npoll_ms = 50\n",
        profile.display()
    );
    let stand = Stand::start(Room::with(&[]).and(&source("ups", port, &lines))).await;
    let api = &stand.api;
    let good = |c: &muster_core::ChannelView| c.quality == "good" && c.value.as_deref() == Some("0");
    for (way, cause) in ways {
        api.until_channel("ups.on_battery", "good before", good).await;
        let before = api.count(cause).await;
        agent.ask(&json!({ "mode": way })).await;
        let since = Stopwatch::start();
        api.until_count(cause, before + 2).await;
        println!("{way}: counted as {cause} within {:?}", since.elapsed());
        stand
            .until(way, |v| v.troubles.iter().any(|t| t.subject.starts_with("ups")))
            .await;
        let channel = api.channel("ups.on_battery").await;
        assert!(channel.value.as_deref() != Some("1"), "{way}: {channel:?}");
        stand.assert_undecided(way);
        agent.ask(&json!({ "mode": "good" })).await;
    }
    api.until_channel("ups.on_battery", "good at the end", good).await;

    // One that starts anew is asked who it is, and is no trouble.
    agent.ask(&json!({ "mode": "restarted" })).await;
    api.until_count("snmp_restart", 1).await;
    stand.assert_undecided("an agent that started anew");
}

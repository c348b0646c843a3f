//! `muster probe` at an upsd.

use std::process::Output;

use serde_json::Value;

use super::is_heard;
use super::server::Upsd;
use crate::stand::{Room, Stand, run_to_end};

async fn probe(upsd: &Upsd, more: &[&str]) -> Output {
    let address = format!("localhost:{}", upsd.port);
    run_to_end(&[&["probe", &address, "--kind", "nut", "--zone", "room"], more].concat()).await
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_ups_is_named_and_shown_and_the_config_of_it_runs() {
    let mut upsd = Upsd::with(&["rack_A", "spare"]).await;
    upsd.kill_driver("spare").await;
    let screen = probe(&upsd, &[]).await;
    assert_eq!(screen.status.code(), Some(0), "{screen:?}");
    let shown = text(&screen);
    for line in [
        "rack_A  Muster ",
        "on_battery               no               ups.status = OL CHRG",
        "charge                   92 %             battery.charge = 92",
        "it does not have: ",
        ", runtime, battery_voltage",
        "says nothing: DRIVER-NOT-CONNECTED",
        "id = \"rack-a\"\nkind = \"nut\"",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let lines = text(&probe(&upsd, &["--config"]).await);
    assert!(shown.ends_with(&lines) && !lines.contains("spare"), "{lines}");
    let stand = Stand::start(Room::with(&["node-1"]).and(&lines)).await;
    is_heard(&stand, "rack-a", "0.92").await;
    assert!(stand.view().troubles.iter().all(|t| !t.subject.starts_with("rack-a")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_get_json_and_nobody_there_is_an_exit_code() {
    let mut upsd = Upsd::with(&["bat"]).await;
    let document: Value = serde_json::from_slice(&probe(&upsd, &["--json"]).await.stdout).unwrap();
    let device = &document["devices"][0];
    assert_eq!((&document["schema"], &device["name"]), (&1.into(), &"bat".into()));
    let charge = device["signals"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["signal"] == "charge");
    assert_eq!(charge.unwrap()["value"], 0.92);
    upsd.kill().await;
    let nobody = probe(&upsd, &[]).await;
    assert_eq!(nobody.status.code(), Some(69));
    let said = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(said.contains("cannot connect to upsd at localhost"), "{said}");
    assert_eq!(run_to_end(&["probe", "localhost"]).await.status.code(), Some(64));
}

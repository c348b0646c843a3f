//! `muster demo`, as a newcomer runs it.

use std::time::Duration;

use muster_core::RungKind;
use serde_json::Value;

use crate::site::process::muster_within;

/// A workload whose ladder knows only a clean stop cannot be moved; every other one has to be, before the first loss.
fn everything_that_can_move_has_moved(report: &Value) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/examples/pangyo-recommended.toml");
    let (config, _) = muster::config::load(&file).unwrap();
    let (moving, stopping): (Vec<_>, Vec<_>) = config
        .site
        .workloads
        .iter()
        .partition(|w| w.rungs.iter().any(|rung| rung.kind != RungKind::Stop));
    let room = report["rooms"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["room"] == "recommended")
        .unwrap();
    assert!(moving.len() >= 10, "{} workloads can move", moving.len());
    assert_eq!(room["workloads_moved"], moving.len(), "{room:#}");
    assert_eq!(room["workloads_stopped"], stopping.len(), "{room:#}");
    assert_eq!(report["workloads_total"], moving.len() + stopping.len());
    assert_eq!(report["workloads_moved"], room["workloads_moved"]);
}

/// Plays it with these arguments as well.
pub(crate) async fn saves_everything(more: &[&str]) {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("demo.json");
    let arguments = [&["demo", "--report", file.to_str().unwrap()], more].concat();
    let played = muster_within(&arguments, Duration::from_secs(240)).await;
    let story = String::from_utf8_lossy(&played.stdout);
    assert_eq!(played.status.code(), Some(0), "{story}");
    assert!(story.contains("SIMULATION"), "{story}");
    let report: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    println!("{report:#}");
    assert!(report["lead_s"].as_f64().unwrap() > 0.0);
    everything_that_can_move_has_moved(&report);
    assert_eq!(report["effects_doubled"], 0);
    assert!(report["second_vote_to_first_evacuate_hook_ms"].as_f64().unwrap() <= 2_000.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_saves_everything_in_time_and_writes_its_report() {
    saves_everything(&[]).await;
}

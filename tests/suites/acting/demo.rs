//! `muster demo`, as a newcomer runs it.

use std::time::Duration;

use serde_json::Value;

use crate::site::process::muster_within;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_saves_everything_in_time_and_writes_its_report() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("demo.json");
    let played = muster_within(&["demo", "--report", file.to_str().unwrap()], Duration::from_secs(240)).await;
    let story = String::from_utf8_lossy(&played.stdout);
    assert_eq!(played.status.code(), Some(0), "{story}");
    assert!(story.contains("SIMULATION"), "{story}");
    let report: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    println!("{report:#}");
    assert!(report["lead_s"].as_f64().unwrap() > 0.0);
    assert!(report["workloads_total"].as_u64().unwrap() > 0);
    assert_eq!(report["workloads_moved"], report["workloads_total"]);
    assert_eq!(report["effects_doubled"], 0);
    assert!(report["second_vote_to_first_evacuate_hook_ms"].as_f64().unwrap() <= 2_000.0);
}

//! How often batteries outlive the earliest end that the runway gives them, by the testbed's own command: what is stated is kept.

use std::process::Command;

use serde_json::Value;

#[test]
fn the_stated_coverage_is_kept() {
    let output = Command::new(env!("CARGO_BIN_EXE_muster-testbed"))
        .args(["runway", "--json", "--discharges", "300", "--seed", "2"])
        .output()
        .unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("{found:#}");
    assert_eq!(output.status.code(), Some(0), "{found:#}");
    assert!(found["covered"].as_f64().unwrap() >= found["stated"].as_f64().unwrap());
    // An estimate that is never early because it always says "now" would keep it too.
    let middle = |name: &str| found[name][1].as_f64().unwrap();
    assert!(middle("earliest_of_true") > 0.4, "{found:#}");
    assert!((0.8..1.25).contains(&middle("likely_of_true")), "{found:#}");
    assert!(found["moments_unknown"].as_u64().unwrap() * 50 < found["moments"].as_u64().unwrap());
}

//! The model by its own command: about a minute of it in every run. What it found is printed.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use serde_json::Value;

fn model(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_muster-testbed"))
        .arg("model")
        .args(args)
        .output()
        .unwrap()
}

/// In every state of every scene every promise is kept, everything that has to be seen was seen, and every policy that is
/// wrong on purpose was found out: no more than ten steps lead to what it breaks.
#[test]
fn the_decision_keeps_its_promises_in_every_order_of_events() {
    let output = model(&["--json"]);
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "a promise is broken, or a wrong policy was not found out"
    );
    for scene in found["scenes"].as_array().unwrap() {
        assert_eq!(
            (&scene["broken"], &scene["unseen"]),
            (&serde_json::json!([]), &serde_json::json!([]))
        );
        assert!(scene["states"].as_u64() > Some(1_000), "{scene}");
        assert_eq!(scene["ended"], true, "{scene}");
    }
    let wrong = found["wrong"].as_array().unwrap();
    let steps = |policy: &&Value| policy["way"].as_array().map_or(0, Vec::len);
    assert!(wrong.iter().all(|policy| (1..10).contains(&steps(&policy))), "{text}");
    let breaks: BTreeSet<&str> = wrong.iter().filter_map(|policy| policy["breaks"].as_str()).collect();
    assert!(wrong.len() >= 16 && breaks.len() >= 11, "{breaks:?}");
}

#[test]
fn a_scene_that_is_cut_off_proves_nothing() {
    let output = model(&["--scene", "disk", "--most", "2000", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        (&found["scenes"][0]["ended"], &found["as_promised"]),
        (&false.into(), &false.into())
    );
}

#[test]
fn a_scene_that_is_none_is_refused_with_the_names_of_those_that_are() {
    let output = model(&["--scene", "cellar"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("ladder"));
}

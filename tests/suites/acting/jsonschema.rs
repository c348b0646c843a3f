//! What hooks are sent, judged by `gateway/hook.schema.json` and a validator that nobody here wrote.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::evidence;

const VALIDATE: &str = "
import json, sys, jsonschema
schema, events = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.Draft202012Validator.check_schema(schema)
check = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
for event in events:
    for error in check.iter_errors(event):
        sys.exit('%s: %s' % (event.get('id'), error.message))
print(len(events))
";

fn validate(events: &[Value]) -> Output {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("events.json");
    std::fs::write(&file, Value::from(events.to_vec()).to_string()).unwrap();
    let python = std::env::var("MUSTER_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/hook.schema.json");
    Command::new(python)
        .args(["-c", VALIDATE])
        .arg(schema)
        .arg(file)
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_off_the_wire_is_valid_and_a_changed_one_is_not() {
    let mut events = evidence::events(1).await;
    events.extend(evidence::events(30).await);
    let has = |name: &str, word: &str| events.iter().any(|e| e["data"][name] == word);
    for phase in ["prepare", "evacuate", "verify"] {
        assert!(has("phase", phase), "{phase}");
    }
    assert!(has("mode", "live") && has("mode", "drill"));
    assert!(events.iter().any(|e| e["data"]["clock_speed"] == 30));
    let judged = validate(&events);
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
    assert_eq!(String::from_utf8_lossy(&judged.stdout).trim(), events.len().to_string());

    for (name, value) in [
        ("token", json!(-1)),
        ("mode", json!("LIVE")),
        ("why", json!("fire")),
        ("progress_token", json!("x")),
    ] {
        let mut changed = events[0].clone();
        changed["data"][name] = value;
        assert!(!validate(&[changed]).status.success(), "{name}");
    }
}

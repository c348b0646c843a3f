//! The API as `gateway/openapi.json` describes it, judged by tools that nobody here wrote.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use super::shown;
use crate::site::acting_site::{ANNA, SiteText};
use crate::site::desk::Desk;
use crate::site::hosted::Hosted;
use crate::site::listener::Listener;
use crate::site::talk::Api;

/// Validates each (schema, document); says which one is not valid.
const VALIDATE: &str = "
import json, sys, jsonschema, openapi_spec_validator
openapi, documents = (json.load(open(path)) for path in sys.argv[1:])
openapi_spec_validator.validate(openapi)
components = {'components': openapi['components']}
for name, document in documents:
    schema = {'$ref': '#/components/schemas/' + name, **components}
    check = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    for error in check.iter_errors(document):
        sys.exit('%s: %s: %s' % (name, error.json_path, error.message))
print(len(documents))
";

fn openapi() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/openapi.json")
}

fn python() -> PathBuf {
    std::env::var_os("MUSTER_TEST_PYTHON").map_or_else(|| "python3".into(), PathBuf::from)
}

/// Empty if all are valid, else what is wrong.
async fn judge(documents: &[(&str, Value)]) -> String {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("documents.json");
    std::fs::write(&file, serde_json::to_vec(documents).unwrap()).unwrap();
    let judged = Command::new(python())
        .args(["-c", VALIDATE])
        .arg(openapi())
        .arg(file)
        .output();
    let judged = timeout(Duration::from_secs(60), judged).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&judged.stdout).trim().to_owned();
    if said == documents.len().to_string() {
        return String::new();
    }
    String::from_utf8_lossy(&judged.stderr).into_owned()
}

/// Every document there is to read.
async fn read(api: &Api, documents: &mut Vec<(&'static str, Value)>) {
    for (schema, path) in [
        ("Health", "/healthz"),
        ("Status", "/api/v1/status"),
        ("Channels", "/api/v1/channels"),
        ("Ways", "/api/v1/ways"),
        ("Devices", "/api/v1/devices"),
        ("Incidents", "/api/v1/incidents"),
    ] {
        documents.push((schema, api.json(path).await));
    }
}

/// Lines, a gap and a status off one stream.
async fn listen(api: &Api, documents: &mut Vec<(&'static str, Value)>) {
    let mut stream = Listener::after(api, "/api/v1/events?with=status", 9_999_999).await;
    let heard = stream.until(|h| h.data["kind"] == "workload").await;
    for event in heard {
        let schema = match event.name.as_str() {
            "" => "Event",
            "gap" => "Gap",
            _ => "Status",
        };
        documents.push((schema, event.data));
    }
}

/// One incident that has been, one that is open, and what is answered to orders and slips meanwhile.
async fn two_incidents(hosted: &mut Hosted, documents: &mut Vec<(&'static str, Value)>) {
    let api = hosted.api.clone();
    // One incident by order and reset, and one by fire.
    api.both_order("evacuate").await;
    api.until_all_safe().await;
    read(&api, documents).await;
    api.both_order("reset").await;
    read(&api, documents).await;
    documents.push(("ShownIncident", api.json("/api/v1/incidents/ansan-1").await));
    hosted.burn().await;
    api.until("the second incident", |s| {
        s["incident"]["id"] == "ansan-2" && s["level"] == "evacuate"
    })
    .await;
    documents.push(("PastIncident", api.json("/api/v1/incidents/ansan-1").await));
    let (status, verdict) = api.order(ANNA, &json!({ "verb": "hold" })).await;
    assert_eq!(status, 200, "{verdict}");
    documents.push(("Verdict", verdict));
    let (status, refused) = api.order(ANNA, &json!({ "verb": "arm" })).await;
    assert_eq!(status, 409);
    documents.push(("Problem", refused));
    for path in [
        "/nowhere",
        "/api/v1/incidents/ansan-9",
        "/api/v1/incidents/%ff",
        "/api/v1/events?last_event_id=x",
    ] {
        let (_, problem) = api.get(path).await;
        documents.push(("Problem", serde_json::from_str(&problem).unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_what_is_described() {
    let mut documents = Vec::new();
    let desk = Desk::willing().await;
    let site = SiteText::new(true, 480)
        .hook("mover", &desk.url, 1)
        .workload("db", 2, &[], &[("move", "mover", 60.0)]);
    let mut hosted = Hosted::start(&site).await;
    let api = hosted.api.clone();
    read(&api, &mut documents).await;
    two_incidents(&mut hosted, &mut documents).await;
    read(&api, &mut documents).await;
    listen(&api, &mut documents).await;
    let (middle, _desk) = shown::in_the_middle().await;
    read(&middle.api, &mut documents).await;
    let wrong = judge(&documents).await;
    assert!(wrong.is_empty(), "{wrong}");
    let seen = |name: &str| documents.iter().any(|(schema, _)| *schema == name);
    for schema in ["Event", "Gap", "Status", "PastIncident"] {
        assert!(seen(schema), "{schema} was never seen");
    }
    spoiled(&documents).await;
}

/// A changed document has to be found.
async fn spoiled(documents: &[(&str, Value)]) {
    for (name, field, value) in [
        ("Status", "level", json!("fire")),
        ("PastIncident", "opened", json!("yesterday")),
        ("Problem", "type", json!("about:blank")),
        ("Event", "wall", json!("noon")),
    ] {
        let mut changed = documents.iter().find(|(schema, _)| *schema == name).unwrap().clone();
        changed.1[field] = value;
        assert!(!judge(&[changed]).await.is_empty(), "{name}.{field}");
    }
}

/// Schemathesis makes requests from the description, good and bad. Streams have no end and are left to other tests.
#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_answer_that_is_not_described() {
    let (hosted, _desk) = shown::in_the_middle().await;
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
                  unsupported_method,negative_data_rejection,missing_required_header";
    let mut command = Command::new(python().with_file_name("schemathesis"));
    command.arg("run").arg(openapi()).args(["--url", hosted.api.base()]);
    command.args([
        "--phases",
        "examples,coverage,fuzzing",
        "-n",
        "20",
        "--seed",
        "1",
        "--checks",
        checks,
    ]);
    command.args(["--exclude-path", "/live", "--exclude-path", "/api/v1/events"]);
    command.args(["-H", &format!("Authorization: Bearer {ANNA}")]);
    let run = command.current_dir(hosted.folder()).kill_on_drop(true).output();
    let run = timeout(Duration::from_secs(120), run).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    assert!(said.contains("passed"), "{said}");
    assert_eq!(hosted.api.get("/healthz").await.0, 200);
}

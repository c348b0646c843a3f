//! Readiness from a config and from a running gateway: what is red, and that nothing is changed by asking.

use serde_json::Value;
use tempfile::TempDir;

use crate::site::acting_site::{ANNA, SiteText};
use crate::site::desk::Desk;
use crate::site::hosted::Hosted;
use crate::site::process::{document, muster};

const SAFE: &str = "[muster]\nnames = \"elsewhere\"\n\
    [[destination]]\nid = \"busan\"\nroom = 8\n\
    [[notify]]\nid = \"chat\"\nkind = \"webhook\"\nurl = \"https://chat.example.com/x\"\nbody = \"text\"\n";

fn site(desk: &Desk) -> SiteText {
    SiteText::new(false, 480)
        .hook("mover", &desk.url, 4)
        .workload("db", 1, &[], &[("move", "mover", 60.0), ("stop", "mover", 5.0)])
        .and("room = 8\n")
        .workload("web", 2, &["db"], &[("move", "mover", 60.0), ("stop", "mover", 5.0)])
        .and(SAFE)
}

fn cell<'a>(report: &'a Value, id: &str, column: usize) -> &'a Value {
    let row = report["rows"].as_array().unwrap().iter().find(|row| row["id"] == id);
    &row.unwrap()["cells"][column]
}

async fn asked(config: &std::path::Path) -> (Option<i32>, Value) {
    let output = muster(&["readiness", "--json", config.to_str().unwrap()]).await;
    (output.status.code(), document(&output))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_is_judged_by_asking_everybody_and_red_is_exit_1() {
    let desk = Desk::willing().await;
    let folder = TempDir::new().unwrap();
    let config = site(&desk).write(folder.path(), "site");
    let (code, report) = asked(&config).await;
    assert_eq!((code, &report["colour"]), (Some(1), &"red".into()), "{report}");
    assert_eq!(cell(&report, "db", 0)["way"], "move to busan");
    assert_eq!(cell(&report, "db", 0)["colour"], "green", "{report}");
    let web = cell(&report, "web", 0);
    assert_eq!((&web["colour"], &web["way"]), (&"red".into(), &"stop cleanly".into()));
    assert!(
        web["findings"][0]["why"]
            .to_string()
            .contains("1 units of room, and 0 are left"),
        "{web}"
    );
    assert_eq!(
        cell(&report, "db", 1)["colour"],
        "red",
        "with busan down nothing is left"
    );
    assert!(desk.calls().is_empty(), "nobody is called: {:?}", desk.calls());
    let words = muster(&["readiness", config.to_str().unwrap()]).await;
    let words = String::from_utf8_lossy(&words.stdout).into_owned();
    assert!(
        words.contains("mend: more units of room at busan") && words.ends_with("first, then ask again\n"),
        "{words}"
    );

    // More room, and only one column: nothing is broken any more.
    let mended = std::fs::read_to_string(&config)
        .unwrap()
        .replace("8\n[[notify]]", "9\n[[notify]]");
    std::fs::write(&config, mended).unwrap();
    let (_, report) = asked(&config).await;
    assert_eq!(cell(&report, "web", 0)["colour"], "green", "{report}");
    let gone = std::fs::read_to_string(&config)
        .unwrap()
        .replace(&desk.url, "http://127.0.0.1:9/");
    std::fs::write(&config, gone).unwrap();
    let (code, report) = asked(&config).await;
    assert_eq!(code, Some(1));
    assert_eq!(cell(&report, "db", 0)["way"], Value::Null, "{report}");
    assert_eq!(report["hooks"][0]["colour"], "red");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_gateway_says_it_and_a_drill_proves_its_hooks() {
    let desk = Desk::willing().await;
    let hosted = Hosted::start(&site(&desk)).await;
    let report = hosted.api.json("/api/v1/readiness").await;
    assert_eq!(
        report["hooks"][0]["why"], "has never carried out a step, not even as a drill",
        "{report}"
    );
    let output = muster(&["readiness", "--json", "--url", hosted.api.base()]).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(document(&output)["rows"], report["rows"]);
    let (status, begun) = hosted
        .api
        .post("/api/v1/drills", ANNA, &serde_json::json!({ "site": "ansan" }))
        .await;
    assert_eq!(status, 200, "{begun}");
    hosted
        .api
        .until("it has passed", |s| s["last_drill"]["outcome"] == "passed")
        .await;
    let mut report = Value::Null;
    for _ in 0..200 {
        report = hosted.api.json("/api/v1/readiness").await;
        if report["hooks"][0]["colour"] == "green" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(report["hooks"][0]["colour"], "green", "{report}");
    assert!(
        report["drills"]
            .as_array()
            .unwrap()
            .iter()
            .all(|check| check["colour"] == "green"),
        "{report}"
    );
}

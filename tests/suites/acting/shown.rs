//! What is shown while an evacuation runs.

use serde_json::Value;

use crate::site::acting_site::{INCIDENT, SiteText};
use crate::site::desk::Desk;
use crate::site::hosted::Hosted;
use crate::site::talk::{state_of, step_of};
use crate::site::{alarm_node, panel};

/// `db` under way, `web` behind it; the first node gone.
pub(super) async fn in_the_middle() -> (Hosted, Desk) {
    let desk = Desk::open(|call| if call.word("phase") == "evacuate" { 202 } else { 200 }).await;
    let ladder = [("move", "mover", 60.0), ("stop", "mover", 5.0)];
    let site = SiteText::new(true, 480)
        .hook("mover", &desk.url, 1)
        .workload("registry", 1, &[], &ladder)
        .workload("db", 2, &["registry"], &ladder)
        .workload("web", 3, &["db"], &ladder);
    let mut hosted = Hosted::start(&site).await;
    hosted.burn().await;
    let first = desk.until_evacuate("registry", "move").await;
    let report = |state: &str, percent: u8| serde_json::json!({ "state": state, "percent": percent });
    hosted
        .api
        .progress(
            first.word("progress_url"),
            first.word("progress_token"),
            &report("done", 100),
        )
        .await;
    let call = desk.until_evacuate("db", "move").await;
    hosted
        .api
        .progress(
            call.word("progress_url"),
            call.word("progress_token"),
            &report("running", 40),
        )
        .await;
    hosted
        .api
        .until("db is at 40 percent", |s| {
            step_of(s, "db.move.evacuate.busan")["percent"] == 40
        })
        .await;
    (hosted, desk)
}

/// The fields that are there for every reader, by name.
fn fields(value: &Value, names: &str) {
    for name in names.split_whitespace() {
        assert!(value.get(name).is_some(), "{name} is missing in {value:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_levels_trouble_clocks_and_steps_apart() {
    let (mut hosted, _desk) = in_the_middle().await;
    // Both fall silent: trouble, and the alarm stands.
    let nowhere = alarm_node::both("127.0.0.1:9".parse().unwrap(), panel::put_up(), 9);
    for voice in std::mem::replace(&mut hosted.nodes, nowhere) {
        voice.fall_silent();
    }
    let status = hosted
        .api
        .until("trouble", |s| s["troubles"].as_array().is_some_and(|t| t.len() == 2))
        .await;
    fields(
        &status,
        "schema version clock_speed view_age_ms now now_wall headline next orders channels_good channels_total",
    );
    assert_eq!(
        (&status["schema"], &status["level"], &status["armed"]),
        (&1.into(), &"evacuate".into(), &true.into())
    );
    fields(&status["zones"][0], "id level why groups_healthy groups_total");
    assert_eq!(
        (&status["zones"][0]["level"], &status["zones"][0]["groups_healthy"]),
        (&"evacuate".into(), &0.into())
    );
    for vote in status["votes"].as_array().unwrap() {
        fields(vote, "zone group onset onset_wall why");
        assert_eq!(vote["held"], true, "a channel that was lost alarming goes on holding");
    }
    let clocks = ["loss", "cut"].map(|clock| status["runway"][clock].clone());
    for clock in &clocks {
        fields(
            clock,
            "earliest earliest_wall earliest_left_s likely likely_wall likely_left_s why",
        );
    }
    let left = clocks.map(|clock| clock["earliest_left_s"].as_i64().unwrap());
    assert!(
        (400..=480).contains(&left[0]) && (5_300..=5_400).contains(&left[1]),
        "{left:?}"
    );
    let why = status["why"].as_str().unwrap();
    assert!(why.contains("n1.smoke") && why.contains("panel.in1 is on"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_incident_tells_of_every_workload_and_step() {
    let (hosted, _desk) = in_the_middle().await;
    let incident = hosted.api.json(&format!("/api/v1/incidents/{INCIDENT}")).await;
    fields(
        &incident,
        "schema id opened opened_wall closed mode why evacuate_begun evacuate_begun_wall",
    );
    let status = hosted.api.status().await;
    assert_eq!(
        ["registry", "db", "web"].map(|w| state_of(&status, w)),
        ["moved", "moving", "waiting"]
    );
    for workload in incident["workloads"].as_array().unwrap() {
        fields(workload, "id tier state rung why safe_at");
    }
    let steps = incident["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 6, "three cordons, two moves, one probe: {steps:#?}");
    for step in steps {
        fields(
            step,
            "id workload phase mode state attempts percent begun begun_wall ended stuck note",
        );
    }
    let (code, problem) = hosted.api.get("/api/v1/incidents/ansan-9").await;
    assert!(code == 404 && problem.contains(INCIDENT), "{code} {problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_health_agree_with_the_status() {
    let (hosted, _desk) = in_the_middle().await;
    let (code, health) = hosted.api.get("/healthz").await;
    assert!(code == 200 && health.contains("\"alive\""), "{code} {health}");
    let (code, text) = hosted.api.get("/metrics").await;
    assert!(code == 200 && text.ends_with("# EOF\n"));
    for line in [
        "muster_site_level 3",
        "muster_level{zone=\"battery-room\"} 3",
        "muster_armed 1",
        "muster_votes{state=\"held\"} 2",
        "muster_troubles 0",
        "muster_workloads{state=\"moved\"} 1",
        "muster_workloads{state=\"moving\"} 1",
        "muster_steps{state=\"running\"} 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    let sum = |name: &str| -> u64 {
        let rows = text.lines().filter(|l| l.starts_with(&format!("{name}{{")));
        rows.map(|l| l.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    };
    assert_eq!((sum("muster_steps"), sum("muster_workloads")), (6, 3));
    for clock in ["loss", "cut"] {
        assert!(
            text.contains(&format!(
                "muster_runway_seconds{{clock=\"{clock}\",bound=\"earliest\"}}"
            )),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_step_is_left_out_of_the_metrics_while_its_hook_fails() {
    let desk = Desk::open(|_| 500).await;
    let site = SiteText::new(true, 480)
        .hook("mover", &desk.url, 4)
        .workload("db", 1, &[], &[("move", "mover", 60.0)]);
    let mut hosted = Hosted::start(&site).await;
    hosted.burn().await;
    hosted
        .api
        .until("it is tried again", |s| {
            step_of(s, "db.move.evacuate.busan")["state"] == "retry"
        })
        .await;
    // Nobody who looks waits for a hook that does nothing.
    hosted
        .api
        .until("people are told to act by hand", |s| {
            s["next"]
                .to_string()
                .contains("BY HAND, do not wait: the hook that moves db")
        })
        .await;
    let (_, text) = hosted.api.get("/metrics").await;
    let counted: u64 = text
        .lines()
        .filter(|l| l.starts_with("muster_steps{"))
        .map(|l| l.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    let shown = hosted.api.status().await["incident"]["steps"].as_array().unwrap().len();
    assert_eq!(counted, shown as u64, "{text}");
}

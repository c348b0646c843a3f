//! Orders by people, through `muster order` and a gateway that is a process.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::site::acting_site::{ANNA, BEN, SiteText};
use crate::site::alarm_node::AlarmNode;
use crate::site::desk::{Call, Desk};
use crate::site::process::{Muster, document, muster};
use crate::site::talk::{self, state_of};

/// The time of day in about two hours, as a person types it; late in the evening the last second of the day, with its date.
fn in_two_hours(status: &Value) -> String {
    let now = status["now_wall"].as_str().unwrap();
    let hour: u32 = now[11..13].parse().unwrap();
    if hour < 22 {
        return format!("{:02}:00", hour + 2);
    }
    let offset = now[19..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    format!("{}T23:59:59{offset}", &now[..10])
}

/// Three workloads one after another by one lane, each ended by its own report.
struct Scene {
    muster: Muster,
    desk: Desk,
    folder: TempDir,
}

impl Scene {
    async fn start(armed: bool) -> Self {
        let desk = Desk::open(|call| if call.word("phase") == "evacuate" { 202 } else { 200 }).await;
        let ladder = [("move", "mover", 20.0)];
        let site = SiteText::new(armed, 480)
            .hook("mover", &desk.url, 1)
            .workload("a", 1, &[], &ladder)
            .workload("b", 2, &["a"], &ladder)
            .workload("c", 3, &["b"], &ladder);
        let folder = TempDir::new().unwrap();
        for (name, token) in [("anna", ANNA), ("ben", BEN), ("eve", "nobody-knows-this-token")] {
            std::fs::write(folder.path().join(name), format!("{token}\n")).unwrap();
        }
        let muster = Muster::start(&site.write(folder.path(), "site")).await;
        Self { muster, desk, folder }
    }

    fn token_file(&self, who: &str) -> PathBuf {
        self.folder.path().join(who)
    }

    /// `muster order …`: exit code, document, and what it said to the person.
    async fn order(&self, who: &str, words: &[&str]) -> (i32, Value, String) {
        let file = self.token_file(who);
        let mut arguments = vec!["order"];
        arguments.extend(words);
        arguments.extend([
            "--json",
            "--url",
            self.muster.api.base(),
            "--token-file",
            file.to_str().unwrap(),
        ]);
        let output = muster(&arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), document(&output), said)
    }

    /// An order that has to end with this code and verdict.
    async fn expect(&self, who: &str, words: &[&str], code: i32, verdict: &str) -> Value {
        let (got, document, said) = self.order(who, words).await;
        assert_eq!(
            (got, document["verdict"].as_str()),
            (code, Some(verdict)),
            "{words:?} by {who}: {document} {said}"
        );
        document
    }

    async fn evacuate(&self) {
        self.expect("anna", &["evacuate"], 75, "pending").await;
        self.expect("ben", &["evacuate"], 0, "taken").await;
    }

    /// The hook reports that a workload has been moved.
    async fn moved(&self, workload: &str) -> Call {
        let call = self.desk.until_evacuate(workload, "move").await;
        let done = json!({ "state": "done" });
        let status = self
            .muster
            .api
            .progress(call.word("progress_url"), call.word("progress_token"), &done)
            .await;
        assert_eq!(status, 202);
        self.muster
            .api
            .until("it is safe", |s| state_of(s, workload) == "moved")
            .await;
        call
    }

    fn called(&self, workload: &str) -> bool {
        self.desk
            .of_phase("evacuate")
            .iter()
            .any(|c| c.word("workload") == workload)
    }

    /// Longer than the gateway takes to begin a step, by much.
    async fn nothing_begins(&self, workload: &str) {
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert!(!self.called(workload), "{workload} was begun");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_persons_evacuate_and_one_person_twice_does_not() {
    let scene = Scene::start(true).await;
    for _ in 0..2 {
        scene.expect("anna", &["evacuate"], 75, "pending").await;
    }
    let (code, document, said) = scene.order("eve", &["evacuate"]).await;
    assert_eq!((code, document["verdict"].as_str()), (1, Some("refused")), "{said}");
    assert_eq!(scene.muster.api.status().await["level"], "normal");
    assert!(scene.desk.calls().is_empty());
    let asked = scene.desk.now();
    scene.expect("ben", &["evacuate"], 0, "taken").await;
    let call = scene.desk.until_evacuate("a", "move").await;
    assert!(call.at - asked < Duration::from_secs(2), "{:?}", call.at - asked);
    let why = call.event["data"]["why"].to_string();
    assert!(why.contains("anna and ben"), "{why}");
    let status = scene.muster.api.status().await;
    assert_eq!(status["level"], "evacuate");
    assert_eq!(status["votes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_stops_what_has_not_begun_and_each_person_has_one() {
    let scene = Scene::start(true).await;
    scene.expect("anna", &["hold"], 1, "refused").await;
    scene.evacuate().await;
    scene.desk.until_evacuate("a", "move").await;
    scene.expect("anna", &["hold"], 0, "taken").await;
    scene.moved("a").await;
    scene.nothing_begins("b").await;
    let orders = scene.muster.api.status().await["orders"].to_string();
    assert!(orders.contains("hold"), "{orders}");
    let (code, refused, said) = scene.order("anna", &["hold"]).await;
    assert_eq!(code, 1, "{refused}");
    assert!(said.contains("REFUSED") && said.contains("yours is used"), "{said}");
    // A new vote ends it.
    let mut node = AlarmNode::new(scene.muster.mqtt, "n1", 1);
    node.alarm().await;
    scene.desk.until_evacuate("b", "move").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_takes_two_and_holds_until_a_new_vote() {
    let scene = Scene::start(true).await;
    scene.expect("anna", &["abort"], 1, "refused").await;
    scene.evacuate().await;
    scene.desk.until_evacuate("a", "move").await;
    scene.expect("anna", &["abort"], 75, "pending").await;
    scene.expect("anna", &["abort"], 75, "pending").await;
    scene.expect("ben", &["abort"], 0, "taken").await;
    let call = scene.desk.until_evacuate("a", "move").await;
    let done = json!({ "state": "done" });
    scene
        .muster
        .api
        .progress(call.word("progress_url"), call.word("progress_token"), &done)
        .await;
    scene.nothing_begins("b").await;
    let orders = scene.muster.api.status().await["orders"].to_string();
    assert!(orders.contains("aborted"), "{orders}");
    let mut node = AlarmNode::new(scene.muster.mqtt, "n1", 1);
    node.alarm().await;
    scene.desk.until_evacuate("b", "move").await;
    let (code, _, said) = scene.order("anna", &["reset"]).await;
    assert_eq!(code, 1);
    assert!(
        said.contains("still held") && said.contains("mqtt in battery-room"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_ends_the_incident_and_the_next_has_new_keys_and_higher_tokens() {
    let scene = Scene::start(true).await;
    scene.expect("anna", &["reset"], 1, "refused").await;
    scene.evacuate().await;
    let first = scene.moved("a").await;
    scene.expect("ben", &["reset"], 75, "pending").await;
    scene.expect("anna", &["reset"], 0, "taken").await;
    let status = scene
        .muster
        .api
        .until("it is closed", |s| !s["incident"]["closed"].is_null())
        .await;
    assert_eq!(
        (&status["incident"]["id"], &status["level"]),
        (&"ansan-1".into(), &"normal".into())
    );
    scene.evacuate().await;
    let again = scene
        .desk
        .until("the next incident", |c| {
            c.key.starts_with("ansan-2.") && c.word("phase") == "evacuate"
        })
        .await;
    assert_eq!(again.key, "ansan-2.a.move.evacuate.busan");
    assert!(again.token() > first.token());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_announces_a_cut_only_beside_a_held_vote() {
    let scene = Scene::start(true).await;
    let at = &in_two_hours(&scene.muster.api.status().await);
    let pending = scene.expect("anna", &["cut", "--at", at], 75, "pending").await;
    assert_eq!(
        pending["at_wall"].as_str().map(|t| t.len() > 10),
        Some(true),
        "{pending}"
    );
    assert!(scene.desk.calls().is_empty());
    let mut node = AlarmNode::new(scene.muster.mqtt, "n1", 1);
    node.alarm().await;
    scene.muster.until_said("vote", "mqtt votes", 1).await;
    assert!(!scene.called("a"), "one vote moves nothing");
    scene.expect("anna", &["cut", "--at", at], 0, "taken").await;
    scene.desk.until_evacuate("a", "move").await;
    let status = scene.muster.api.status().await;
    assert_eq!(status["runway"]["cut"]["why"], "announced");
    let left_s = status["runway"]["loss"]["earliest_left_s"].as_i64().unwrap();
    assert!(
        left_s <= 480,
        "the announced cut does not lengthen the other clock: {left_s}"
    );
    let (code, _, said) = scene.order("ben", &["cut", "--at", "1999-01-01T00:00:00Z"]).await;
    assert!(code != 0 && said.contains("passed"), "{code} {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disarmed_gateway_says_so_to_whoever_orders_and_arming_makes_it_live() {
    let scene = Scene::start(false).await;
    let given = scene.expect("anna", &["evacuate"], 75, "pending").await;
    assert!(given["headline"].to_string().contains("DISARMED"), "{given}");
    scene.expect("ben", &["evacuate"], 0, "taken").await;
    assert_eq!(scene.desk.until_evacuate("a", "move").await.word("mode"), "drill");
    scene.expect("anna", &["arm"], 75, "pending").await;
    let armed = scene.expect("ben", &["arm"], 0, "taken").await;
    assert!(!armed["headline"].to_string().contains("DISARMED"), "{armed}");
    scene
        .desk
        .until("a live call", |c| {
            c.key == "ansan-1.a.move.evacuate.busan" && c.word("mode") == "live"
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_be_reached_or_cannot_be_meant_is_told_so() {
    let scene = Scene::start(true).await;
    let file = scene.token_file("anna");
    let file = file.to_str().unwrap();
    let unreachable = muster(&["order", "hold", "--url", "http://127.0.0.1:9", "--token-file", file]).await;
    assert_eq!(unreachable.status.code(), Some(69), "{unreachable:?}");
    for wrong in [
        &["order", "cut", "--token-file", file][..],
        &["order", "hold", "--token-file", "none"],
    ] {
        assert_eq!(muster(wrong).await.status.code(), Some(64), "{wrong:?}");
    }
    let plain = muster(&[
        "order",
        "evacuate",
        "--url",
        scene.muster.api.base(),
        "--token-file",
        file,
    ])
    .await;
    let said = String::from_utf8_lossy(&plain.stdout);
    assert!(said.contains("PENDING") && said.contains("second person"), "{said}");
    talk::until("it is shown", || {
        (scene.muster.said("order", "pending") > 0).then_some(())
    })
    .await;
}

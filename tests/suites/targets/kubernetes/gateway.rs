//! Through the whole gateway: two votes, and the cluster is empty where the power goes.

use muster_core::Level;
use serde_json::{Value, json};

use super::Double;
use crate::site::acting_site::SiteText;
use crate::site::hosted::Hosted;
use crate::site::talk::{state_of, step_of};

/// The double's site: `shop` moves, `report` has a budget that never allows it, and falls.
fn site(double: &Double, armed: bool) -> SiteText {
    let hook = format!(
        "[[hook]]\nid = \"k8s\"\nkind = \"kubernetes\"\nurl = \"{}\"\nallow_loopback = true\ntoken_file = {:?}\n\
         racks = {{ r1 = [\"m1\", \"m2\"] }}\ndestinations = {{ busan = [\"m3\"] }}\npdb_until_s = 25\n",
        double.url,
        double.token_file()
    );
    let workload = |id: &str, tier: u8| {
        format!(
            "[[workload]]\nid = \"{id}\"\ntier = {tier}\nruns_on = \"r1\"\nobject = \"prod/Deployment/{id}\"\nrung = [\n\
             {{ kind = \"move\", hook = \"k8s\", to = \"busan\", needs_s = 10 }},\n\
             {{ kind = \"stop\", hook = \"k8s\", needs_s = 2 }} ]\n"
        )
    };
    SiteText::new(armed, 30)
        .table(&hook)
        .table(&workload("shop", 1))
        .table(&workload("report", 2))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_votes_move_what_can_and_stop_what_cannot() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.set_closed("m3", true).await;
    for app in ["shop", "report"] {
        cluster.deployment(app, 2, "100m", &json!({})).await;
    }
    cluster.set_closed("m3", false).await;
    cluster.budget("never", "report", 2).await;
    let mut hosted = Hosted::start(&site(&double, true)).await;
    hosted.nodes[0].alarm().await;
    hosted.until_said("shop.move.prepare.busan", "done").await;
    assert!(cluster.is_closed("m1").await && cluster.is_closed("m2").await);
    assert_eq!(cluster.pods("shop").await.len(), 2);
    assert!(
        cluster.nodes_of("shop").await.iter().all(|node| node != "m3"),
        "one vote moved something"
    );
    hosted.nodes[1].alarm().await;
    let status = hosted.api.until_all_safe().await;
    assert_eq!(status["level"], Level::Evacuate.as_str());
    assert_eq!(
        (state_of(&status, "shop"), state_of(&status, "report")),
        ("moved", "stopped")
    );
    let held = step_of(&status, "report.move.evacuate.busan");
    assert!(
        held["note"].as_str().unwrap().contains("never"),
        "the budget is not named: {held}"
    );
    assert_eq!(cluster.nodes_of("shop").await, ["m3", "m3"]);
    assert!(cluster.pods("report").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disarmed_site_drills_the_cluster_and_changes_nothing() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.set_closed("m3", true).await;
    for app in ["shop", "report"] {
        cluster.deployment(app, 1, "100m", &json!({})).await;
    }
    cluster.set_closed("m3", false).await;
    let before = (
        cluster.pods("shop").await,
        cluster.pods("report").await,
        double.writes().len(),
    );
    let mut hosted = Hosted::start(&site(&double, false)).await;
    hosted.burn().await;
    hosted.api.until_all_safe().await;
    assert_eq!(
        (cluster.pods("shop").await, cluster.pods("report").await),
        (before.0, before.1)
    );
    let writes = double.writes().split_off(before.2);
    assert!(
        !writes.is_empty() && writes.iter().all(|write| write.ends_with("?dryRun=All")),
        "{writes:?}"
    );
}

/// Two destinations for one workload: `busan` (`m3`) first, then `daejeon` (`m4`).
async fn two_ways(double: &Double) -> SiteText {
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.doomed_deployment("shop", 2).await;
    double.add_node("m4", "r8");
    let hook = format!(
        "[[hook]]\nid = \"k8s\"\nkind = \"kubernetes\"\nurl = \"{}\"\nallow_loopback = true\ntoken_file = {:?}\n\
         racks = {{ r1 = [\"m1\", \"m2\"] }}\ndestinations = {{ busan = [\"m3\"], daejeon = [\"m4\"] }}\n",
        double.url,
        double.token_file()
    );
    let workload = "[[workload]]\nid = \"shop\"\ntier = 1\nruns_on = \"r1\"\nroom = 3\nobject = \"prod/Deployment/shop\"\n\
         rung = [\n{ kind = \"move\", hook = \"k8s\", to = \"busan\", needs_s = 10 },\n\
         { kind = \"move\", hook = \"k8s\", to = \"daejeon\", needs_s = 10 },\n\
         { kind = \"stop\", hook = \"k8s\", needs_s = 2 } ]\n";
    SiteText::new(true, 120).table(&hook).table(workload)
}

/// Burns, and everything has gone to `m4`, with `busan` never tried.
async fn goes_to_the_second(double: &Double, hosted: &mut Hosted) {
    hosted.burn().await;
    let status = hosted.api.until_all_safe().await;
    assert_eq!(state_of(&status, "shop"), "moved", "{status:#}");
    assert_eq!(double.cluster().nodes_of("shop").await, ["m4", "m4"]);
    let steps = status["incident"]["steps"].to_string();
    assert!(!steps.contains("evacuate.busan"), "{steps}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_full_is_passed_over_for_the_second_destination() {
    let double = Double::start().await;
    let site = two_ways(&double).await;
    let none = json!({ "status": { "allocatable": { "cpu": "50m", "memory": "4Gi", "pods": "10" } } });
    double.change_node("m3", &none);
    let mut hosted = Hosted::start(&site).await;
    let status = hosted
        .api
        .until("busan is known to be full", |s| s["destinations"][0]["room"] == 0)
        .await;
    assert_eq!(status["destinations"][1]["room"], Value::Null, "{status}");
    let ready = hosted.api.json("/api/v1/readiness").await;
    let cell = &ready["rows"][0]["cells"][0];
    assert_eq!(
        (&cell["colour"], &cell["way"]),
        (&"amber".into(), &"move to daejeon".into()),
        "{ready:#}"
    );
    goes_to_the_second(&double, &mut hosted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_is_left_nothing_goes_until_somebody_is_back() {
    let double = Double::start().await;
    let site = two_ways(&double).await;
    let ready = |is: &str| json!({ "status": { "conditions": [{ "type": "Ready", "status": is }] } });
    double.change_node("m3", &ready("Unknown"));
    let mut hosted = Hosted::start(&site).await;
    let lost = |s: &Value| {
        s["destinations"][0]["lost"]
            .as_str()
            .is_some_and(|why| why.contains("m3"))
    };
    hosted.api.until("busan is known to be down", lost).await;
    goes_to_the_second(&double, &mut hosted).await;
    // An incident is open, so it is asked every half a minute.
    double.change_node("m3", &ready("True"));
    hosted.until_said("busan", "may be gone to again").await;
}

//! Through the whole gateway: two votes, and the cluster is empty where the power goes.

use muster_core::Level;
use serde_json::json;

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

//! `muster drill`: the bridges walked by a gateway that is a process.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::site::acting_site::{ANNA, SiteText};
use crate::site::desk::Desk;
use crate::site::process::{Muster, document, muster};

struct Scene {
    muster: Muster,
    desk: Desk,
    folder: TempDir,
    config: PathBuf,
}

async fn scene(armed: bool, desk: Desk) -> Scene {
    let site = SiteText::new(armed, 480)
        .hook("mover", &desk.url, 4)
        .workload("db", 1, &[], &[("move", "mover", 30.0), ("stop", "mover", 5.0)])
        .workload("web", 2, &["db"], &[("move", "mover", 30.0), ("stop", "mover", 5.0)]);
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("anna"), format!("{ANNA}\n")).unwrap();
    let config = site.write(folder.path(), "site");
    Scene {
        muster: Muster::start(&config).await,
        desk,
        folder,
        config,
    }
}

impl Scene {
    async fn drill(&self, more: &[&str]) -> (Option<i32>, Value) {
        let token = self.folder.path().join("anna");
        let mut words = vec![
            "drill",
            "--json",
            "--site",
            "ansan",
            "--url",
            self.muster.api.base(),
            "--token-file",
        ];
        words.push(token.to_str().unwrap());
        words.extend(more);
        let output = muster(&words).await;
        (output.status.code(), document(&output))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_passes_marked_end_to_end_and_then_one_person_arms() {
    let scene = scene(false, Desk::willing().await).await;
    assert_eq!(scene.drill(&["--dry-run"]).await.0, Some(0));
    assert!(scene.desk.calls().is_empty());
    let (code, ended) = scene.drill(&[]).await;
    assert_eq!(
        (code, &ended["outcome"], &ended["id"]),
        (Some(0), &"passed".into(), &"ansan-d1".into()),
        "{ended}"
    );
    let calls = scene.desk.calls();
    assert_eq!(calls.len(), 6, "prepare, evacuate and verify of two");
    for call in &calls {
        assert!(call.word("mode") == "drill" && call.word("incident") == "ansan-d1" && call.signed);
        assert!(call.key.starts_with("drill.ansan-d1."), "{}", call.key);
        assert_eq!(call.event["source"], "/muster/ansan");
    }
    assert_eq!(
        scene.muster.api.status().await["incident"],
        Value::Null,
        "a drill is no incident"
    );
    let (status, armed) = scene.muster.api.order(ANNA, &json!({ "verb": "arm" })).await;
    assert_eq!((status, &armed["verdict"]), (200, &"taken".into()), "{armed}");
    // It is written down, and still known after a kill.
    let Scene {
        muster: gateway,
        config,
        folder,
        ..
    } = scene;
    gateway.kill().await;
    let again = Muster::start(&config).await;
    assert_eq!(again.api.status().await["last_drill"]["outcome"], "passed");
    let journal = folder.path().join("journal.db");
    let written = document(&muster(&["journal", "--json", journal.to_str().unwrap()]).await).to_string();
    assert!(
        written.contains("\"drill_begun\"") && written.contains("\"drill_ended\""),
        "{written}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rung_cannot_is_found_by_the_drill_and_not_by_the_fire() {
    let desk = Desk::open(|call| {
        if call.word("workload") == "web" && call.word("rung") == "move" && call.word("phase") == "evacuate" {
            422
        } else {
            200
        }
    })
    .await;
    let scene = scene(false, desk).await;
    let (code, ended) = scene.drill(&[]).await;
    assert_eq!((code, &ended["outcome"]), (Some(1), &"failed".into()), "{ended}");
    assert!(ended["why"].to_string().contains("web"), "{ended}");
    let (_, first) = scene.muster.api.order(ANNA, &json!({ "verb": "arm" })).await;
    assert!(
        first["verdict"] == "pending" && first["why"].to_string().contains("passed by web"),
        "{first}"
    );
    let (code, one) = scene.drill(&["--workload", "db"]).await;
    assert_eq!((code, one["results"].as_array().unwrap().len()), (Some(0), 1), "{one}");
    assert_eq!(scene.drill(&["--workload", "nobody"]).await.0, Some(1));
    let (status, wrong) = scene
        .muster
        .api
        .post("/api/v1/drills", ANNA, &json!({ "site": "busan" }))
        .await;
    assert_eq!(status, 422, "{wrong}");
    let (status, _) = scene
        .muster
        .api
        .post("/api/v1/drills", "nobody-knows-this-token", &json!({ "site": "ansan" }))
        .await;
    assert_eq!(status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_ends_a_drill_at_once_and_the_live_incident_goes_its_way() {
    let desk = Desk::open(|call| {
        if call.word("mode") == "drill" && call.word("phase") == "evacuate" {
            202
        } else {
            200
        }
    })
    .await;
    let scene = scene(true, desk).await;
    let drill = scene.drill(&[]);
    let fire = async {
        scene
            .desk
            .until("the drill moves db", |c| c.word("phase") == "evacuate")
            .await;
        let mut nodes = crate::site::alarm_node::both(scene.muster.mqtt, scene.muster.panel, 1);
        for node in &mut nodes {
            node.alarm().await;
        }
        nodes
    };
    // Who leaves is not heard.
    let ((code, ended), _nodes) = tokio::join!(drill, fire);
    assert_eq!((code, &ended["outcome"]), (Some(1), &"interrupted".into()), "{ended}");
    let safe = scene.muster.api.until_all_safe().await;
    assert_eq!(
        (&safe["incident"]["id"], &safe["incident"]["mode"]),
        (&"ansan-1".into(), &"live".into())
    );
    let live: Vec<_> = scene
        .desk
        .calls()
        .into_iter()
        .filter(|c| c.word("mode") == "live")
        .collect();
    assert!(
        live.iter().all(|c| c.word("incident") == "ansan-1") && live.len() == 6,
        "{live:?}"
    );
    let (code, refused) = scene.drill(&[]).await;
    assert_eq!(code, Some(1), "{refused}");
    assert!(refused["why"].to_string().contains("ansan-1 is open"), "{refused}");
}

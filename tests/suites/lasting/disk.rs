//! A disk that is full, busy, or stands still never holds an evacuation back, and what was decided reaches it later.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::site::acting_site::SiteText;
use crate::site::alarm_node::{Voice, both};
use crate::site::desk::Desk;
use crate::site::disk::Disk;
use crate::site::process::{Muster, document, muster};

/// Second vote to first evacuate hook, whatever the disk does.
const AT_MOST: Duration = Duration::from_secs(2);

struct Scene {
    desk: Desk,
    muster: Muster,
    nodes: [Voice; 2],
    journal: PathBuf,
    _folder: TempDir,
}

impl Scene {
    async fn on(disk: &Path) -> Self {
        let desk = Desk::willing().await;
        let ladder = [("move", "mover", 20.0), ("stop", "mover", 5.0)];
        let site = SiteText::new(true, 480)
            .hook("mover", &desk.url, 4)
            .workload("db", 1, &[], &ladder)
            .workload("web", 2, &["db"], &ladder);
        let folder = TempDir::new().unwrap();
        let journal = disk.join("journal.db");
        let muster = Muster::start(&site.write_with(folder.path(), "site", &journal)).await;
        let nodes = both(muster.mqtt, muster.panel, 1);
        Self {
            desk,
            muster,
            nodes,
            journal,
            _folder: folder,
        }
    }

    /// Lets it burn on the sick disk: everything is evacuated, in time, and the trouble is shown.
    async fn evacuates_all_the_same(&mut self) -> Duration {
        self.nodes[0].alarm().await;
        self.muster.until_said("vote", "votes", 1).await;
        let second = self.desk.now();
        self.nodes[1].alarm().await;
        let call = self.desk.until_evacuate("db", "move").await;
        let took = call.at - second;
        assert!(took <= AT_MOST, "{took:?} from the second vote to the hook");
        let shown = self
            .muster
            .api
            .until("the journal's trouble", |status| {
                trouble(status).is_some() && status["level"] == "evacuate"
            })
            .await;
        assert_eq!(shown["level"], "evacuate", "trouble hides no alarm");
        self.muster.api.until_all_safe().await;
        took
    }

    /// The disk is well again: the trouble goes, and nothing that was decided is missing.
    async fn recovers(self) {
        let healed = self
            .muster
            .api
            .until("the trouble goes", |status| trouble(status).is_none())
            .await;
        assert_eq!(healed["votes"].as_array().unwrap().len(), 2);
        assert_eq!(self.muster.terminate().await.0.code(), Some(0));
        let path = self.journal.to_str().unwrap();
        let verified = muster(&["journal", "--verify", "--json", path]).await;
        assert_eq!(verified.status.code(), Some(0), "{verified:?}");
        let entries = document(&muster(&["journal", "--json", path]).await);
        let count = |kind: &str| {
            let all = entries["entries"].as_array().unwrap();
            all.iter().filter(|e| e["kind"] == kind).count()
        };
        assert_eq!((count("vote_held"), count("incident_opened")), (2, 1));
        assert_eq!(
            (count("step_intent"), count("step_ended")),
            (6, 6),
            "prepare, evacuate and verify of two"
        );
    }
}

fn trouble(status: &Value) -> Option<&str> {
    let all = status["troubles"].as_array().unwrap();
    all.iter()
        .find(|t| t["subject"] == "journal")
        .and_then(|t| t["line"].as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_holds_nothing_back_and_loses_nothing() {
    let Some(disk) = Disk::in_memory(512) else { return };
    let mut scene = Scene::on(disk.path()).await;
    let filler = disk.fill();
    let took = scene.evacuates_all_the_same().await;
    println!("second vote to first evacuate hook on a full disk: {took:?}");
    std::fs::remove_file(filler).unwrap();
    scene.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_stands_still_holds_nothing_back_and_loses_nothing() {
    let Some(disk) = Disk::that_can_stand_still() else {
        return;
    };
    let mut scene = Scene::on(disk.path()).await;
    disk.freeze();
    let took = scene.evacuates_all_the_same().await;
    println!("second vote to first evacuate hook on a disk that stands still: {took:?}");
    disk.thaw();
    scene.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_somebody_locks_holds_nothing_back_and_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let mut scene = Scene::on(folder.path()).await;
    let other = rusqlite::Connection::open(&scene.journal).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let took = scene.evacuates_all_the_same().await;
    println!("second vote to first evacuate hook beside a lock: {took:?}");
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    scene.recovers().await;
}

//! The heartbeat to a dead-man's watch: there while somebody decides, gone when nobody does.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use muster::gateway::Gateway;
use muster_core::{Event, EventKind};
use tempfile::TempDir;

use crate::site::acting_site::SiteText;
use crate::site::alarm_node::both;
use crate::site::desk::Desk;
use crate::site::process::Muster;
use crate::site::talk;

/// A beat comes every second; this long without one is a missing beat.
const SILENCE: Duration = Duration::from_secs(4);

fn beating(url: &str, more: &str) -> SiteText {
    SiteText::new(true, 480).and(&format!(
        "[[notify]]\nid = \"watch\"\nkind = \"heartbeat\"\nevery_s = 1\nurl = \"{url}\"\nallow_loopback = true\n{more}\n"
    ))
}

/// Waits until no beat has come for [`SILENCE`].
async fn until_silent(desk: &Desk) {
    let silent = || {
        desk.calls()
            .last()
            .filter(|call| desk.now() - call.at >= SILENCE)
            .map(|_| ())
    };
    talk::until("the beat stops", silent).await;
}

/// Holds the engine's own thread at its first vote: a decision loop that hangs, in a process that lives.
#[derive(Default)]
struct Grip {
    let_go: Mutex<bool>,
    bell: Condvar,
}

impl Grip {
    fn hold(&self) {
        let held = self.let_go.lock().unwrap();
        drop(self.bell.wait_while(held, |let_go| !*let_go).unwrap());
    }

    fn release(&self) {
        *self.let_go.lock().unwrap() = true;
        self.bell.notify_all();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_when_the_decision_loop_hangs_and_goes_on_with_it() {
    let desk = Desk::willing().await;
    let site = beating(&desk.url, "");
    let folder = TempDir::new().unwrap();
    let text = site.toml(&folder.path().join("journal.db"));
    let (config, _) = muster::config::parse(&text, &folder.path().join("site.toml")).unwrap();
    let grip = Arc::new(Grip::default());
    let held = Arc::clone(&grip);
    let listener = Box::new(move |_: i64, event: &Event| {
        if event.kind == EventKind::Vote {
            held.hold();
        }
    });
    let gateway = Gateway::start(&config, None, listener).await.unwrap();
    let first = desk.until("a beat", |_| true).await;
    assert_eq!(
        (first.event["level"].as_str(), first.event["votes"].as_u64()),
        (Some("normal"), Some(0))
    );
    let mut nodes = both(gateway.mqtt.unwrap(), site.panel, 1);
    nodes[0].alarm().await;
    until_silent(&desk).await;
    // Everything but the decision is alive.
    let api = talk::Api::new(gateway.http);
    assert_eq!(api.get("/healthz").await.0, 503);
    let beats = desk.calls().len();
    grip.release();
    let again = desk
        .until("the beat goes on", |call| call.event["level"] == "prepare")
        .await;
    assert_eq!(again.event["votes"], 1);
    assert!(desk.calls().len() > beats);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_when_the_process_is_killed() {
    let desk = Desk::willing().await;
    let folder = TempDir::new().unwrap();
    let muster = Muster::start(&beating(&desk.url, "method = \"GET\"").write(folder.path(), "site")).await;
    desk.until("a beat", |_| true).await;
    muster.kill().await;
    until_silent(&desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_cannot_be_reached_is_trouble() {
    let folder = TempDir::new().unwrap();
    let muster = Muster::start(&beating("http://127.0.0.1:9/", "").write(folder.path(), "site")).await;
    muster
        .until_said("trouble", "heartbeats do not get out to watch: not reached", 1)
        .await;
    let named = |status: &serde_json::Value| {
        let mut troubles = status["troubles"].as_array().into_iter().flatten();
        troubles.any(|trouble| trouble["subject"] == "notify-watch")
    };
    muster.api.until("it stands on the page", named).await;
}

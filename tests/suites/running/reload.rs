//! Another config while it runs: nothing that was sent under the old one is taken for something of the new one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use muster::clock::Stopwatch;
use muster::lanes::Lanes;
use muster_core::{ChannelIx, Input, Level};
use muster_wire::{MICRO, Micro};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};

use crate::site::panel::{self, Panel};
use crate::stand::{Room, SOON, Stand};

/// A reading of a channel by its place in the config that `lanes` knows: 100 ppm is beyond the alarm of `voc`.
async fn alarm(lanes: &Lanes, channel: u32) {
    let reading = Input::Reading {
        channel: ChannelIx(channel),
        value: Ok(Micro(100 * MICRO)),
        simulated: false,
        age_ms: 0,
    };
    let batch = lanes.batch(vec![reading], None);
    lanes.alarm.send(batch).await.unwrap();
}

fn place_of(stand: &Stand, room: &Room, id: &str) -> u32 {
    let config = room.config(stand.journal().parent().unwrap(), stand.catcher.address);
    let at = config.site.channels.iter().position(|c| c.id == id);
    u32::try_from(at.unwrap()).unwrap()
}

/// Invariant 16: the same place is another channel in the new file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reading_from_before_the_reload_is_the_channel_it_was() {
    let (before, after) = (Room::with(&["old", "kept"]), Room::with(&["new", "other", "kept"]));
    let mut stand = Stand::start(before.clone()).await;
    let late = stand.gateway.lanes.clone();
    stand.reload(after.clone()).await.unwrap();
    alarm(&late, place_of(&stand, &before, "old.voc")).await;
    stand.api.until_count("reloaded", 1).await;
    stand.assert_undecided("a reading of a node that is gone");
    alarm(&late, place_of(&stand, &before, "kept.voc")).await;
    let view = stand.until("its vote", |v| !v.votes.is_empty()).await;
    assert_eq!(view.votes[0].group, "kept");
    alarm(&stand.gateway.lanes.clone(), place_of(&stand, &after, "new.voc")).await;
    let view = stand.until("the new node's vote", |v| v.votes.len() == 2).await;
    assert!(view.votes.iter().any(|v| v.group == "new"), "{:?}", view.votes);
    assert_eq!(stand.api.count("reloaded").await, 1);
}

/// What a lost connection says comes by another lane, and may be late as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_from_before_the_reload_is_of_the_source_it_was() {
    let before = Room::with(&["old", "kept"]);
    let mut stand = Stand::start(before.clone()).await;
    let late = stand.gateway.lanes.clone();
    stand.reload(Room::with(&["new", "kept"])).await.unwrap();
    let config = before.config(stand.journal().parent().unwrap(), stand.catcher.address);
    assert!(late.lost(config.nodes["old"].source, "cut".into()).await);
    assert!(late.lost(config.nodes["kept"].source, "cut".into()).await);
    let view = stand.until("its trouble", |v| !v.troubles.is_empty()).await;
    assert_eq!(view.troubles.iter().map(|t| &*t.subject).collect::<Vec<_>>(), ["kept"]);
}

/// Votes, incident and step go on, and the second vote completes what the first began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_goes_on_over_a_reload() {
    let (first, second) = (Room::with(&["a", "b"]), Room::with(&["front", "a", "b"]));
    let mut stand = Stand::start(first.clone()).await;
    alarm(&stand.gateway.lanes.clone(), place_of(&stand, &first, "a.voc")).await;
    let before = stand.until("its vote", |v| v.votes.len() == 1).await;
    stand
        .catcher
        .until("the cordon", |call| call.word("phase") == "prepare")
        .await;
    stand.reload(second.clone()).await.unwrap();
    let view = stand.view();
    assert_eq!(
        (&view.votes, view.incident.as_ref().map(|i| &i.id)),
        (&before.votes, before.incident.as_ref().map(|i| &i.id))
    );
    alarm(&stand.gateway.lanes.clone(), place_of(&stand, &second, "b.voc")).await;
    stand.until("both", |v| v.level == Level::Evacuate).await;
    stand
        .catcher
        .until("the move", |call| call.word("phase") == "evacuate")
        .await;
    let calls = stand.catcher.calls();
    let prepared = calls.iter().filter(|call| call.word("phase") == "prepare").count();
    assert_eq!(prepared, 1, "no step is made twice");
}

/// Connections to a device: made, and ended.
#[derive(Default)]
struct Count {
    made: AtomicUsize,
    ended: AtomicUsize,
}

impl Count {
    async fn until(&self, made: usize, ended: usize) {
        let since = Stopwatch::start();
        loop {
            let now = (self.made.load(Ordering::SeqCst), self.ended.load(Ordering::SeqCst));
            if now == (made, ended) {
                return;
            }
            assert!(
                since.elapsed() < SOON,
                "{now:?} made and ended, not {:?}",
                (made, ended)
            );
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

/// A device behind a counter of its connections.
async fn counted(to: u16) -> (SocketAddr, Arc<Count>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(Count::default()));
    let counter = count.clone();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            counter.made.fetch_add(1, Ordering::SeqCst);
            let counter = counter.clone();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                // However it ends.
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                counter.ended.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    (address, count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_the_same_keeps_its_connection_and_its_name() {
    let port = panel::put_up();
    let (address, connections) = counted(port).await;
    let with = |nodes: &[&str]| Room::with(nodes).contacts("panel", &address.to_string());
    let mut stand = Stand::start(with(&["a"])).await;
    let heard = |c: &muster_core::ChannelView| c.value.is_some();
    stand.api.until_channel("panel.in1", "the panel is heard", heard).await;
    stand.reload(with(&["front", "a"])).await.unwrap();
    Panel::at(port).alarm();
    let view = stand.until("the panel's vote", |v| !v.votes.is_empty()).await;
    assert!(view.votes[0].group.starts_with("bus-"), "{:?}", view.votes);
    assert!(view.votes[0].why.contains("panel.in1"), "{:?}", view.votes);
    connections.until(1, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_asked_otherwise_is_asked_anew() {
    let port = panel::put_up();
    let (address, connections) = counted(port).await;
    let room = Room::with(&["a"]).contacts("panel", &address.to_string());
    let mut stand = Stand::start(room.clone()).await;
    let heard = |c: &muster_core::ChannelView| c.value.is_some();
    stand.api.until_channel("panel.in1", "the panel is heard", heard).await;
    let mut config = room.config(stand.journal().parent().unwrap(), stand.catcher.address);
    config.polled[0].poll_ms = Some(200);
    let changed = stand.gateway.reload(config).await.unwrap();
    assert_eq!(changed, ["polled devices of [[source]]"]);
    connections.until(2, 1).await;
    stand.reload(Room::with(&["a"])).await.unwrap();
    connections.until(2, 2).await;
    Panel::at(port).alarm();
    stand.reload(Room::with(&["a", "b"])).await.unwrap();
    stand.assert_undecided("an alarm of a device that is polled no more");
}

/// Never half: what cannot change while it runs is named, and nothing else of the file is taken either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_config_that_needs_a_restart_changes_nothing() {
    let mut stand = Stand::start(Room::with(&["a"])).await;
    let mut config = Room::with(&["a", "b"]).config(stand.journal().parent().unwrap(), stand.catcher.address);
    config.http.listen.set_port(1);
    config.store.path.set_file_name("other.db");
    let error = stand.gateway.reload(config).await.unwrap_err().to_string();
    assert!(error.contains("[http] listen, [store] path"), "{error}");
    stand.gateway.refuse_config(&error).await;
    let view = stand
        .until("it is said", |v| v.troubles.iter().any(|t| t.subject == "config"))
        .await;
    assert_eq!(view.channels_total, 2, "the node of the refused config is not there");
    stand.reload(Room::with(&["a", "b"])).await.unwrap();
    let view = stand
        .until("it is well", |v| v.troubles.iter().all(|t| t.subject != "config"))
        .await;
    assert_eq!(view.channels_total, 4);
}

/// What the decision refuses, the gateway refuses: here a step that was begun has left the file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_config_without_a_step_that_was_begun_is_refused() {
    let room = Room::with(&["a", "b"]);
    let mut stand = Stand::start(room.clone()).await;
    alarm(&stand.gateway.lanes.clone(), place_of(&stand, &room, "a.voc")).await;
    stand
        .catcher
        .until("the cordon", |call| call.word("phase") == "prepare")
        .await;
    let mut config = room.config(stand.journal().parent().unwrap(), stand.catcher.address);
    Arc::make_mut(&mut config.site).workloads.clear();
    let error = stand.gateway.reload(config).await.unwrap_err().to_string();
    assert!(error.contains("workload db"), "{error}");
    let error = stand.reload(Room::with(&["b"]).and("")).await;
    assert_eq!(error, Ok(()), "a node may go, its vote stays");
    assert_eq!(stand.view().votes.len(), 1);
}

/// A secret and a person are of the new file at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_and_people_change_with_the_file() {
    let token = "a-token-of-anna";
    let hash: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
    let people = format!("[[principal]]\nid = \"anna\"\nroles = [\"operator\"]\ntoken_hash = \"sha256:{hash}\"\n");
    let (without, with) = (Room::with(&["a"]), Room::with(&["a"]).and(&people));
    let mut stand = Stand::start(without.clone()).await;
    let order = |stand: &Stand| {
        let request = reqwest::Client::new().post(format!("http://{}/api/v1/orders", stand.api.address()));
        let request = request.bearer_auth(token).header("content-type", "application/json");
        request.body(r#"{"verb":"evacuate"}"#).send()
    };
    assert_eq!(order(&stand).await.unwrap().status(), 401);
    let mut config = with.config(stand.journal().parent().unwrap(), stand.catcher.address);
    let muster::config::HookWay::Webhook(webhook) = &mut config.hooks[0].way else {
        unreachable!("the room's hook is a webhook")
    };
    webhook.secret = muster::config::Secret(vec![7; 32]);
    stand.gateway.reload(config).await.unwrap();
    assert_eq!(order(&stand).await.unwrap().status(), 200);
    alarm(&stand.gateway.lanes.clone(), place_of(&stand, &with, "a.voc")).await;
    let call = stand
        .catcher
        .until("the cordon", |call| call.word("phase") == "prepare")
        .await;
    assert!(!call.signed, "signed with the secret of the old file");
    stand.reload(without).await.unwrap();
    assert_eq!(order(&stand).await.unwrap().status(), 401);
}

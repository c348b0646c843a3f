//! The watchdog is fed by the decision loop itself: a loop that hangs is not fed, however well the rest does.

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use muster::gateway::Gateway;
use muster::service::Beat;

use super::notify::Manager;
use crate::stand::{Api, Catcher, Room};

/// After so long without a beat a manager would restart us.
const WITHIN: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_that_hangs_is_not_fed_and_one_that_goes_on_is() {
    let manager = Manager::new();
    let folder = tempfile::tempdir().unwrap();
    let catcher = Catcher::start().await;
    let config = Room::with(&["a"]).config(folder.path(), catcher.address);
    let (release, held) = sync_channel::<()>(1);
    // The engine calls its listener from its own loop: here it waits until it is released.
    let listener = Box::new(move |_: i64, event: &muster_core::Event| {
        if event.subject == "hang" {
            let _ = held.recv();
        }
    });
    let beat = Beat::to(&manager.path(), WITHIN).unwrap();
    let gateway = Gateway::start_watched(&config, None, listener, beat).await.unwrap();
    let hear = |within| tokio::task::block_in_place(|| manager.hear(within));
    for _ in 0..5 {
        assert_eq!(hear(WITHIN).as_deref(), Some("WATCHDOG=1"));
    }
    let own = muster_core::Input::Own {
        part: "hang".into(),
        trouble: Some("for the test".into()),
    };
    gateway
        .lanes
        .control
        .send(muster::lanes::Control::Input(own))
        .await
        .unwrap();
    // One beat may have been on its way.
    let (_, beats) = (hear(WITHIN / 2), std::iter::from_fn(|| hear(WITHIN * 2)).count());
    assert_eq!(beats, 0, "a loop that hangs was fed");
    assert!(
        Api::of(gateway.http).get("/metrics").await.contains("muster_"),
        "everything else does well"
    );
    release.send(()).unwrap();
    assert_eq!(hear(WITHIN * 2).as_deref(), Some("WATCHDOG=1"), "and goes on");
    gateway.stop().await;
}

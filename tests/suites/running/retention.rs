//! What is older than `[store] retention_days` leaves, and a start goes on as if it were there.

use muster::journal::Reader;
use muster::lanes::Control;
use muster_core::Verb;
use tokio::sync::oneshot;

use crate::stand::{Room, Stand};

const DAY_MS: i64 = 86_400_000;

/// An order by nobody: refused, and in the journal.
async fn refused_order(stand: &Stand) {
    let (answer, answered) = oneshot::channel();
    let (by, verb) = ("nobody".into(), Verb::Evacuate);
    stand
        .gateway
        .lanes
        .control
        .send(Control::Order { by, verb, answer })
        .await
        .unwrap();
    answered.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_decisions_leave_and_the_chain_holds() {
    let room = Room::with(&["a"]).and("[store]\nretention_days = 30\n");
    let stand = Stand::start(room).await;
    for _ in 0..50 {
        refused_order(&stand).await;
    }
    stand.gateway.clock.advance_ms(31 * DAY_MS);
    for _ in 0..5 {
        refused_order(&stand).await;
    }
    let written = |least: u64| {
        let gauges = stand.gateway.gauges.clone();
        async move {
            let since = muster::clock::Stopwatch::start();
            while gauges.journal_waiting() > 0 {
                assert!(since.elapsed() < crate::stand::SOON, "{least}");
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
    };
    written(55).await;
    stand.gateway.prune().await;
    let removed = || Reader::open(&stand.journal()).unwrap().verify().unwrap();
    let since = muster::clock::Stopwatch::start();
    while removed().removed.is_none() {
        assert!(
            since.elapsed() < crate::stand::SOON,
            "nothing was removed: {:?}",
            removed()
        );
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let verified = removed();
    assert!(verified.holds(), "{:?}", verified.breaks);
    assert_eq!((verified.removed.unwrap().through, verified.entries), (50, 6));
    let stand = stand.restart().await;
    assert!(
        stand.view().troubles.iter().all(|t| t.subject != "journal-file"),
        "{:?}",
        stand.view().troubles
    );
    refused_order(&stand).await;
    stand.gateway.stop().await;
}

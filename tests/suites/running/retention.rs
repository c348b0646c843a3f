//! What is older than `[store] retention_days` leaves, and a start goes on as if it were there.

use muster::clock::Stopwatch;
use muster::journal::Reader;
use muster::lanes::Control;
use muster_core::Verb;
use tokio::sync::oneshot;

use crate::stand::{Room, SOON, Stand};

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

/// Waits until something is so that cannot be awaited.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let since = Stopwatch::start();
    while !is_so() {
        assert!(since.elapsed() < SOON, "not within {SOON:?}: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
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
    until("all is on disk", || stand.gateway.gauges.journal_waiting() == 0).await;
    let verified = || Reader::open(&stand.journal()).unwrap().verify().unwrap();
    // The gateway's own look may have come in between, and removed what was old then.
    let since = Stopwatch::start();
    while verified().removed.is_none_or(|removed| removed.through < 50) {
        assert!(
            since.elapsed() < SOON,
            "not all that is old is removed: {:?}",
            verified()
        );
        stand.gateway.prune().await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let verified = verified();
    assert!(verified.holds(), "{:?}", verified.breaks);
    assert_eq!(verified.removed.unwrap().through, 50);
    assert!((6..=7).contains(&verified.entries), "{}", verified.entries);
    let stand = stand.restart().await;
    let view = stand.view();
    assert!(
        view.troubles.iter().all(|t| t.subject != "journal-file"),
        "{:?}",
        view.troubles
    );
    stand.gateway.stop().await;
}

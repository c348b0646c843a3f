//! Sequences that NUT's own simulated driver plays: no single sample and no odd word decides, a power cut does.

use std::time::Duration;

use muster_core::Level;

use super::server::Upsd;
use super::source;
use crate::stand::{Room, Stand};

/// A sequence here lasts at most 20 s.
const TO_THE_END: Duration = Duration::from_secs(60);

/// The highest level while a sequence is played to its last line, which says a charge of 77 %.
async fn highest(sequence: &str) -> (Upsd, Stand, Level) {
    let upsd = Upsd::playing(sequence).await;
    let stand = Stand::start(Room::with(&["node-1"]).and(&source("ups", upsd.port, "bat", ""))).await;
    let mut view = stand.gateway.view.clone();
    let mut highest = Level::Normal;
    let to_the_end = async {
        while stand.api.channel("ups.charge").await.value.as_deref() != Some("0.77") {
            let _ = tokio::time::timeout(Duration::from_millis(100), view.changed()).await;
            highest = highest.max(view.borrow_and_update().level);
        }
    };
    let played = tokio::time::timeout(TO_THE_END, to_the_end).await;
    assert!(played.is_ok(), "the sequence does not end: {:#?}", stand.view());
    (upsd, stand, highest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_is_prepare_and_what_only_looks_like_one_is_nothing() {
    tokio::join!(power_cut(), odd_days());
}

async fn power_cut() {
    let (_upsd, stand, highest) = highest(include_str!("power-cut.seq")).await;
    assert_eq!(highest, Level::Prepare);
    let view = stand.until("it is over", |v| v.level < Level::Prepare).await;
    assert!(view.votes.is_empty(), "{:?}", view.votes);
    let evacuated = stand
        .catcher
        .calls()
        .iter()
        .any(|call| call.word("phase") == "evacuate");
    assert!(!evacuated, "a UPS alone evacuated");
}

async fn odd_days() {
    let (_upsd, stand, highest) = highest(include_str!("odd-days.seq")).await;
    assert!(highest <= Level::Watch, "{}", stand.view().why);
    stand.assert_undecided("odd days");
}

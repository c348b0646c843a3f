//! What is not known is trouble, decides nothing, and ends by itself.

use super::server::Upsd;
use super::{is_heard, source, trouble, watching};
use crate::stand::{Room, Stand};

async fn is_well(stand: &Stand, charge: &str) {
    is_heard(stand, "ups", charge).await;
    let gone = |v: &muster_core::View| v.troubles.iter().all(|t| !t.subject.starts_with("ups"));
    stand.until("the trouble is over", gone).await;
    stand.assert_undecided("a loss");
}

async fn nothing_is_good(stand: &Stand) {
    for id in ["ups.on_battery", "ups.charge"] {
        let channel = stand.api.channel(id).await;
        assert!(channel.quality != "good" && !channel.alarm, "{channel:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_that_dies_is_trouble_until_it_is_back() {
    let mut upsd = Upsd::with(&["bat"]).await;
    let stand = watching(upsd.port).await;
    upsd.kill_driver("bat").await;
    let line = trouble(&stand, "ups").await;
    // upsd may say WAIT for a moment first; the trouble keeps its first line.
    let named = line.contains("DRIVER-NOT-CONNECTED") && line.contains("upsdrvctl start");
    assert!(named || line.contains("upsd says WAIT"), "{line}");
    nothing_is_good(&stand).await;
    stand.api.until_count("nut_driver", 1).await;
    upsd.says("bat", "OL", 91);
    upsd.start_driver("bat");
    is_well(&stand, "0.91").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_that_hangs_is_trouble_and_its_last_word_is_not_believed() {
    let mut upsd = Upsd::with(&["bat"]).await;
    let stand = watching(upsd.port).await;
    upsd.signal_driver("bat", "STOP").await;
    upsd.says("bat", "OB LB", 4);
    let line = trouble(&stand, "ups").await;
    assert!(line.contains("DATA-STALE"), "{line}");
    nothing_is_good(&stand).await;
    upsd.says("bat", "OL", 90);
    upsd.signal_driver("bat", "CONT").await;
    is_well(&stand, "0.9").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upsd_that_dies_is_trouble_until_it_is_back() {
    let mut upsd = Upsd::with(&["bat"]).await;
    let stand = watching(upsd.port).await;
    upsd.kill().await;
    let line = trouble(&stand, "ups").await;
    assert!(line.contains("upsd") && line.contains(&upsd.port.to_string()), "{line}");
    nothing_is_good(&stand).await;
    upsd.start_again().await;
    is_well(&stand, "0.92").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ups_that_upsd_does_not_know_is_trouble_and_disturbs_no_other() {
    let upsd = Upsd::with(&["bat"]).await;
    let both = source("ups", upsd.port, "bat", "") + &source("none", upsd.port, "batt", "");
    let stand = Stand::start(Room::with(&["node-1"]).and(&both)).await;
    let line = trouble(&stand, "none").await;
    assert!(line.contains("UNKNOWN-UPS") && line.contains("upsc -l"), "{line}");
    is_heard(&stand, "ups", "0.92").await;
    stand.assert_undecided("an unknown UPS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_variable_that_this_ups_has_not_is_missing_alone() {
    let upsd = Upsd::with(&["bat"]).await;
    let more = "[[channel]]\nsource = \"ups\"\nsignal = \"battery_temperature\"\nid = \"ups.heat\"";
    let stand = Stand::start(Room::with(&["node-1"]).and(&source("ups", upsd.port, "bat", more))).await;
    is_heard(&stand, "ups", "0.92").await;
    let line = trouble(&stand, "ups.heat").await;
    assert!(line.contains("no value"), "{line}");
    assert!(stand.api.count("nut_variable").await >= 1);
    is_heard(&stand, "ups", "0.92").await;
}

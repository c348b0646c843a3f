//! What a UPS says about the power, and what follows from it.

use muster_core::Level;

use super::server::Upsd;
use super::{is_heard, source, watching};
use crate::stand::{Room, Stand};

/// Waits for a contact of the UPS.
async fn shows(stand: &Stand, signal: &str, value: &str) {
    let (channel, what) = (format!("ups.{signal}"), format!("{signal} is {value}"));
    let is_so = |c: &muster_core::ChannelView| c.value.as_deref() == Some(value);
    stand.api.until_channel(&channel, &what, is_so).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_battery_is_prepare_and_neither_a_low_battery_nor_a_forced_shutdown_evacuates() {
    let mut upsd = Upsd::with(&["bat"]).await;
    let stand = watching(upsd.port).await;
    stand.assert_undecided("mains");
    let logins = upsd.ask(&["GET NUMLOGINS bat"]).await;
    assert_eq!(logins, "NUMLOGINS bat 0", "nobody waits for us");

    upsd.says("bat", "OB DISCHRG", 80);
    let view = stand.until("prepare", |v| v.level == Level::Prepare).await;
    assert!(view.why.contains("ups.on_battery: on battery"), "{}", view.why);
    assert!(view.votes.is_empty(), "on battery is no fire: {:?}", view.votes);

    upsd.says("bat", "ALARM OB LB", 5);
    shows(&stand, "battery_low", "1").await;
    let login = ["USERNAME keeper", "PASSWORD secret", "LOGIN bat", "PRIMARY bat"];
    assert_eq!(upsd.ask(&[&login[..], &["FSD bat"]].concat()).await, "OK FSD-SET");
    shows(&stand, "forced_shutdown", "1").await;
    assert_eq!(stand.view().level, Level::Prepare);

    upsd.says("bat", "OL CHRG", 30);
    is_heard(&stand, "ups", "0.3").await;
    shows(&stand, "on_battery", "0").await;
    stand.until("prepare is over", |v| v.level < Level::Prepare).await;
    // upsd keeps it until it is restarted.
    shows(&stand, "forced_shutdown", "1").await;
    assert!(!stand.evacuates());
    assert_eq!(stand.api.count("nut_answer").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_upses_of_one_upsd_are_never_taken_for_each_other() {
    let mut upsd = Upsd::with(&["bat", "bat2"]).await;
    let both = source("one", upsd.port, "bat", "") + &source("two", upsd.port, "bat2", "");
    let stand = Stand::start(Room::with(&["node-1"]).and(&both)).await;
    is_heard(&stand, "one", "0.92").await;
    upsd.says("bat2", "OB", 11);
    is_heard(&stand, "two", "0.11").await;
    let view = stand.until("prepare", |v| v.level == Level::Prepare).await;
    assert!(view.why.contains("two.on_battery"), "{}", view.why);
    is_heard(&stand, "one", "0.92").await;
    assert_eq!(stand.api.channel("one.on_battery").await.value.as_deref(), Some("0"));
    upsd.kill_driver("bat2").await;
    assert!(super::trouble(&stand, "two").await.contains("DRIVER-NOT-CONNECTED"));
    is_heard(&stand, "one", "0.92").await;
    assert!(stand.view().troubles.iter().all(|t| !t.subject.starts_with("one")));
}

//! Debian's snmpd, which nobody here wrote, with a UPS in it.

use muster_core::Level;

use super::{EATON, Snmpd};
use crate::stand::{Room, Stand};

/// First reading, on battery, dead, back, another device in its place: by SNMP v3 with SHA-256 and AES.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ups_is_read_by_v3_lost_found_and_never_mixed_up() {
    let mut snmpd = Snmpd::start().await;
    let stand = Stand::start(Room::with(&[]).and(&snmpd.v3("ups", "auth", "privacy"))).await;
    let api = &stand.api;
    let shows = |value: &'static str| move |c: &muster_core::ChannelView| c.value.as_deref() == Some(value);
    api.until_channel("ups.on_battery", "it is on mains", shows("0")).await;
    api.until_channel("ups.charge", "87 %", shows("0.87")).await;
    api.until_channel("ups.battery_voltage", "0.1 V", shows("218.5")).await;
    api.until_channel("ups.battery_temperature_bad", "no alarm", shows("0"))
        .await;
    // What it does not have is absent, and only that.
    api.until_channel("ups.load", "absent", |c| c.value.is_none() && c.quality == "bus")
        .await;
    stand.assert_undecided("the first readings");

    snmpd.kill().await;
    let lost = stand
        .until("trouble", |v| {
            v.troubles.iter().any(|t| t.line.contains("no answer from"))
        })
        .await;
    let line = &lost
        .troubles
        .iter()
        .find(|t| t.line.contains("no answer from"))
        .unwrap()
        .line;
    assert!(line.contains("asked twice") && line.contains("it is off"), "{line}");
    api.until_count("snmp_timeout", 2).await;
    stand.assert_undecided("a dead agent");

    snmpd.revive(EATON).await;
    api.until_channel("ups.on_battery", "it is back", |c| c.quality == "good" && shows("0")(c))
        .await;
    snmpd.ups(5, &[]);
    let view = stand.until("prepare", |v| v.level >= Level::Prepare).await;
    assert_eq!(view.level, Level::Prepare, "{}", view.why);
    assert!(!stand.evacuates(), "a load on battery alone evacuated");
}

/// A card of somebody else at its address, whose UPS is on battery.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_device_than_the_profile_is_for_gives_nothing() {
    let mut snmpd = Snmpd::start().await;
    snmpd.kill().await;
    snmpd.ups(5, &[]);
    snmpd.revive("1.3.6.1.4.1.9999.7").await;
    let for_eaton = snmpd
        .v3("ups", "auth", "privacy")
        .replace("segment", "profile = \"eaton/xups\"\nsegment");
    let stand = Stand::start(Room::with(&[]).and(&for_eaton)).await;
    stand
        .until("another device", |v| {
            v.troubles
                .iter()
                .any(|t| t.line.contains("another device: its sysObjectID is 1.3.6.1.4.1.9999.7"))
        })
        .await;
    stand.api.until_count("snmp_identity", 2).await;
    stand.assert_undecided("another device");
}

/// A table that lists alarms, by GETBULK; and a card that is swapped while Muster polls it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alarms_of_a_table_are_heard_and_a_swapped_card_is_noticed() {
    let mut snmpd = Snmpd::start().await;
    let stand = Stand::start(Room::with(&[]).and(&snmpd.v2c("ups", ""))).await;
    let api = &stand.api;
    api.until_channel("ups.battery_temperature_bad", "no alarm", |c| {
        c.value.as_deref() == Some("0")
    })
    .await;
    snmpd.ups(3, &[2, 18]);
    api.until_channel("ups.general_fault", "alarm 18", |c| c.value.as_deref() == Some("1"))
        .await;
    stand.assert_undecided("a fault of its own");
    snmpd.ups(3, &[5]);
    let view = stand.until("the vote", |v| !v.votes.is_empty()).await;
    assert_eq!((view.votes.len(), view.level), (1, Level::Prepare), "{}", view.why);
    api.until_channel("ups.general_fault", "over", |c| c.value.as_deref() == Some("0"))
        .await;

    snmpd.kill().await;
    snmpd.ups(3, &[]);
    snmpd.revive("1.3.6.1.4.1.9999.7").await;
    // This profile takes any UPS: the other card is identified as what it is, and then believed.
    api.until_channel("ups.battery_temperature_bad", "the other card's", |c| {
        c.value.as_deref() == Some("0")
    })
    .await;
}

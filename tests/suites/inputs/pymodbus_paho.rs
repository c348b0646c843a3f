//! Devices that pymodbus plays.

use super::peers::Canary;
use super::whole_way::{pymodbus, set};
use crate::stand::{Room, Stand};

/// Muster's own map of a battery monitor: alarm in bit 0 of register 0, canary in register 5.
fn battery(address: &str) -> String {
    format!(
        "[[source]]\nid = \"bms\"\nkind = \"modbus\"\naddress = \"{address}\"\nprofile = \"generic/battery-monitor\"\n\
         zone = \"room\"\nsignals = [\"battery_alarm\"]\n"
    )
}

const CANARY_REGISTER: u16 = 5;
const CANARY_VALUE: u16 = 0x4D42;
const READ_DISCRETE: u8 = 2;
const READ_INPUT: u8 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_register_that_changes_discards_the_cycle() {
    let (mut bms, address) = pymodbus(&[1]).await;
    set(&mut bms, READ_INPUT, CANARY_REGISTER, CANARY_VALUE).await;
    let stand = Stand::start(Room::with(&[Canary::ID]).and(&battery(&address))).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    stand
        .api
        .until_channel("bms.battery_alarm", "it is good", |c| c.value.as_deref() == Some("0"))
        .await;

    set(&mut bms, READ_INPUT, CANARY_REGISTER, 0x4D43).await;
    stand.api.until_count("modbus_canary", 1).await;
    // Now every cycle says that there is a fire, from a device that is not the one we know.
    set(&mut bms, READ_INPUT, 0, 1).await;
    stand.api.until_count("modbus_canary", 4).await;
    stand
        .until("trouble", |v| v.troubles.iter().any(|t| t.subject.starts_with("bms")))
        .await;
    stand
        .api
        .until_channel("bms.battery_alarm", "not good", |c| c.quality != "good" && !c.alarm)
        .await;
    canary.is_heard(&stand.api).await;
    stand.assert_undecided("a wrong canary");

    set(&mut bms, READ_INPUT, CANARY_REGISTER, CANARY_VALUE).await;
    stand
        .until("the vote of the right device", |v| {
            v.votes.iter().any(|vote| vote.group.starts_with("bus"))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_answers_with_exceptions_is_trouble_and_disturbs_no_other() {
    // Unit 1 is asked, and stands behind neither of the first two: pymodbus answers with an exception.
    let (_absent, absent_at) = pymodbus(&[7]).await;
    let (mut good, good_at) = pymodbus(&[1]).await;
    let room = Room::with(&[Canary::ID])
        .contacts("absent", &absent_at)
        .contacts("good", &good_at);
    let stand = Stand::start(room).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    stand.api.until_count("modbus_exception", 3).await;
    stand
        .until("trouble", |v| {
            v.troubles.iter().any(|t| t.subject.starts_with("absent"))
        })
        .await;
    let channel = stand.api.channel("good.in1").await;
    assert!(
        channel.quality == "good" && channel.age_ms.is_some_and(|ms| ms < 1_000),
        "{channel:?}"
    );
    canary.is_heard(&stand.api).await;
    stand.assert_undecided("exceptions");
    set(&mut good, READ_DISCRETE, 0, 1).await;
    let view = stand.until("the vote of the good one", |v| !v.votes.is_empty()).await;
    assert_eq!(view.votes.len(), 1, "{:?}", view.votes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_dies_and_comes_back_is_heard_again() {
    let (panel, address) = pymodbus(&[1]).await;
    let stand = Stand::start(Room::with(&[Canary::ID]).contacts("panel", &address)).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    stand
        .api
        .until_channel("panel.in1", "it is good", |c| c.value.as_deref() == Some("0"))
        .await;
    panel.kill().await;
    stand
        .until("trouble", |v| v.troubles.iter().any(|t| t.subject.starts_with("panel")))
        .await;
    stand.api.until_count("modbus_connect", 1).await;
    canary.alone_votes(&stand, "a dead panel").await;
}

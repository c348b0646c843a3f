//! pymodbus behind a serial line, and behind a server of serial lines.

use serde_json::json;

use super::{Cable, printed, room, until_value};
use crate::stand::{Script, Stand};

const READ_DISCRETE: u8 = 2;
const READ_INPUT: u8 = 4;
const CANARY: (u16, u16) = (5, 0x4D42);

async fn set(server: &mut Script, unit: u8, function: u8, (address, value): (u16, u16)) {
    let answer = server
        .ask(&json!({"set": [function, address, value], "unit": unit}))
        .await;
    assert_eq!(answer["set"], true);
}

async fn battery(server: &mut Script) {
    for register in [(1, 251), (4, 873), CANARY] {
        set(server, 7, READ_INPUT, register).await;
    }
}

async fn is_read_and_votes(stand: &Stand, server: &mut Script) {
    until_value(stand, "bms.max_cell_temperature", "25.1").await;
    until_value(stand, "bms.charge", "0.873").await;
    until_value(stand, "panel.fire_alarm", "0").await;
    stand.assert_undecided("two devices at rest");
    set(server, 1, READ_DISCRETE, (0, 1)).await;
    let view = stand.until("the panel's vote", |view| !view.votes.is_empty()).await;
    assert_eq!(view.votes.len(), 1, "one line is one group: {:?}", view.votes);
    set(server, 7, READ_INPUT, (0, 1)).await;
    until_value(stand, "bms.battery_alarm", "1").await;
    assert!(!stand.evacuates(), "two devices of one line are one vote");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_on_a_line_are_read_and_are_one_vote() {
    let cable = Cable::new();
    let mut server = Script::start(
        "inputs/modbus_server.py",
        &json!({"units": [1, 7], "serial": cable.far}),
    );
    server.hear().await;
    battery(&mut server).await;
    let port = format!("address = \"{}\"\nbaud = 115200\nparity = \"none\"", cable.near);
    let stand = Stand::start(room(&port)).await;
    is_read_and_votes(&stand, &mut server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_behind_a_server_is_read_as_well() {
    let mut server = Script::start("inputs/modbus_server.py", &json!({"units": [1, 7], "framer": "rtu"}));
    let at = server.hear().await["port"].as_u64().unwrap();
    battery(&mut server).await;
    let port = format!("address = \"rtu-over-tcp://127.0.0.1:{at}\"\nbaud = 115200");
    let stand = Stand::start(room(&port)).await;
    is_read_and_votes(&stand, &mut server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_on_a_line_is_probed_and_recorded() {
    let cable = Cable::new();
    let mut server = Script::start("inputs/modbus_server.py", &json!({"units": [7], "serial": cable.far}));
    server.hear().await;
    battery(&mut server).await;
    let line = ["--baud", "115200", "--parity", "none", "--unit", "7"];
    let profile = ["--profile", "generic/battery-monitor"];
    let probed = printed(&[&["probe", &cable.near], &line[..], &profile[..]].concat()).await;
    for shown in ["25.1", "parity = \"none\"", "baud = 115200", "unit = 7"] {
        assert!(probed.contains(shown), "{shown}: {probed}");
    }
    let recorded = printed(&[&["capture", &cable.near], &line[..], &profile[..]].concat()).await;
    assert!(
        recorded.contains("input 5: 0x4D42") || recorded.contains("0x4D42"),
        "{recorded}"
    );
}

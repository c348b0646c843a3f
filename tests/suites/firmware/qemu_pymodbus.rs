//! An emulated board with a device on its serial line: a real one (pymodbus), and one that nobody may believe.

use std::time::Duration;

use muster_core::ChannelView;
use serde_json::json;
use tokio::net::TcpListener;

use super::emulator::{power_on_line, until_said};
use super::slave::{Answer, Slave};
use crate::stand::{Room, SITE, Script, Stand};

const READ_INPUT: u8 = 4;
const CANARY: (u16, u16) = (5, 0x4D42);

fn room() -> Room {
    let channel = |signal: &str, quantity: &str| {
        format!(
            "[[channel]]\nsource = \"n1\"\nsignal = \"bus-{signal}\"\nquantity = \"{quantity}\"\nsupervision_s = 5\n"
        )
    };
    let channels: String = [
        ("battery-alarm", "battery_alarm"),
        ("fault", "fault"),
        ("string-off-line", "contact"),
        ("max-cell-temperature", "temperature"),
        ("string-voltage", "voltage"),
        ("current", "current"),
        ("charge", "charge"),
    ]
    .map(|(signal, quantity)| channel(signal, quantity))
    .concat();
    Room::with(&["n1"]).and(&channels)
}

async fn board(stand: &Stand, line: u16, more: &str) -> muster_sim::emulator::Board {
    let settings = format!(
        "site={SITE} node=n1 port={} simulated=no sample_ms=200 heartbeat_ms=400 modbus=generic/battery-monitor \
         modbus-poll-ms=200 modbus-baud=115200 {more}",
        stand.mqtt()
    );
    power_on_line(&settings, line).await
}

async fn until(stand: &Stand, signal: &str, what: &str, is_so: impl Fn(&ChannelView) -> bool) {
    stand.api.until_channel(&format!("n1.{signal}"), what, is_so).await;
}

fn shows(expected: f64) -> impl Fn(&ChannelView) -> bool {
    move |c| {
        let near = |v: &str| v.parse::<f64>().is_ok_and(|v| (v - expected).abs() < 0.000_1);
        c.quality == "good" && c.value.as_deref().is_some_and(near)
    }
}

#[tokio::test]
async fn a_battery_behind_a_board_is_read_and_votes() {
    let (mut battery, port) = pymodbus().await;
    let stand = Stand::start(room()).await;
    let board = board(&stand, port, "").await;
    // Its canary is not there yet: it may be any device.
    until(&stand, "bus-charge", "another device", |c| c.quality.contains("config")).await;
    set(&mut battery, CANARY).await;
    for (signal, value) in [
        ("battery-alarm", 0.0),
        ("max-cell-temperature", 25.1),
        ("string-voltage", 481.2),
        ("current", -3.7),
        ("charge", 0.873),
    ] {
        until(&stand, &format!("bus-{signal}"), "it is read", shows(value)).await;
    }
    set(&mut battery, (2, 0xFFFF)).await;
    until(&stand, "bus-string-voltage", "no value", |c| c.quality.contains("bus")).await;
    stand.assert_undecided("a battery at rest");

    set(&mut battery, (0, 1)).await;
    let view = stand.until("the battery's vote", |view| !view.votes.is_empty()).await;
    assert_eq!(
        view.votes.len(),
        1,
        "what stands behind a board is of its group: {:?}",
        view.votes
    );

    battery.kill().await;
    a_dead_device_disturbs_nothing(&stand).await;
    until_said(&board, "line: cycles", 1).await;
}

async fn a_dead_device_disturbs_nothing(stand: &Stand) {
    until(stand, "bus-charge", "a dead device", |c| c.quality.contains("bus")).await;
    for _ in 0..20 {
        let own = stand.api.channel("n1.temperature").await;
        let fresh = own.quality == "good" && own.age_ms.is_some_and(|ms| ms < 1_500);
        assert!(fresh, "a dead device slows its board: {own:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Starts the real device: its port.
async fn pymodbus() -> (Script, u16) {
    let mut battery = Script::start("inputs/modbus_server.py", &json!({"units": [1], "framer": "rtu"}));
    let port = battery.hear().await["port"].as_u64().unwrap();
    for (address, value) in [(1, 251), (2, 4_812), (3, 0xFFDB), (4, 873)] {
        set(&mut battery, (address, value)).await;
    }
    (battery, u16::try_from(port).unwrap())
}

async fn set(battery: &mut Script, (address, value): (u16, u16)) {
    battery.ask(&json!({"set": [READ_INPUT, address, value]})).await;
}

/// A battery in which every register is another's neighbour, never its equal.
fn registers(_: u8, address: u16) -> u16 {
    [0b100, 251, 4_812, (-37_i16).cast_unsigned(), 873, CANARY.1][usize::from(address)]
}

/// Whether it is fresh; whatever it shows is what it has to show.
fn is_right(channel: &ChannelView, expected: f64) -> bool {
    let value = channel.value.as_deref().map(|v| v.parse::<f64>().unwrap());
    let near = value.is_none_or(|v| (v - expected).abs() < 0.000_1);
    assert!(near, "taken for another: {channel:?}");
    // Its quality is that of a device that comes and goes: the gateway wants some good ones in a row.
    value.is_some() && channel.age_ms.is_some_and(|ms| ms < 300)
}

/// A port at which a device misbehaves now and then.
async fn hostile() -> u16 {
    let ms = Duration::from_millis;
    let mischief = [
        Answer::Twice(ms(30)),
        Answer::LastAgain,
        Answer::OtherUnit,
        Answer::InNoise,
        Answer::OtherFunction,
        Answer::Late(ms(800)),
        Answer::Longer,
        Answer::Damaged,
        Answer::Twice(ms(0)),
        Answer::Half,
    ];
    // Each after a few cycles of truth, of two questions each, so that there is something to be wrong about.
    let how = move |number: usize| match number % 9 {
        0 => mischief[number / 9 % mischief.len()],
        _ => Answer::Right,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (line, _) = listener.accept().await.unwrap();
        let slave = Slave {
            line,
            unit: 9,
            holds: registers,
        };
        slave.serve(how).await;
    });
    port
}

#[tokio::test]
async fn a_hostile_device_behind_a_board_is_right_or_absent() {
    let ms = Duration::from_millis;
    let port = hostile().await;
    let stand = Stand::start(room()).await;
    let board = board(&stand, port, "modbus-unit=9").await;
    let means = [
        ("n1.bus-battery-alarm", 0.0),
        ("n1.bus-fault", 0.0),
        ("n1.bus-string-off-line", 1.0),
        ("n1.bus-max-cell-temperature", 25.1),
        ("n1.bus-string-voltage", 481.2),
        ("n1.bus-current", -3.7),
        ("n1.bus-charge", 0.873),
    ];
    let (mut right, mut absent) = (0, 0);
    for _ in 0..150 {
        for channel in stand.api.channels().await {
            match means.iter().find(|(id, _)| *id == channel.id) {
                Some((_, expected)) if is_right(&channel, *expected) => right += 1,
                Some(_) => absent += 1,
                None => {}
            }
        }
        tokio::time::sleep(ms(50)).await;
    }
    let all = stand.api.channels().await;
    assert!(
        right > 50 && absent > 50,
        "{right} right, {absent} absent: {:#?} {all:#?}",
        board.console().borrow()
    );
    until_said(&board, "line: cycles", 1).await;
    println!(
        "{}",
        board
            .console()
            .borrow()
            .lines()
            .filter(|line| line.starts_with("line:"))
            .last()
            .unwrap()
    );
    stand.assert_undecided("a hostile device");
}

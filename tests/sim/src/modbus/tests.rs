use std::time::Duration;

use tokio::time::timeout;
use tokio_modbus::client::{Context, tcp};
use tokio_modbus::prelude::*;

use super::*;
use crate::{HandClock, Scenario};

const UNIT: u8 = 7;
const SILENCE: Duration = Duration::from_millis(200);

async fn put_up(kind: DeviceKind, at_s: i64) -> (Device, Arc<HandClock>, Context) {
    let story = Arc::new(HandClock::new(at_s * 1_000, 1));
    let room = Room::new(Scenario::Pangyo2022, 3);
    let bind = "127.0.0.1:0".parse().unwrap();
    let device = spawn(kind, bind, UNIT, room, story.clone()).await.unwrap();
    let master = tcp::connect_slave(device.addr(), Slave(UNIT)).await.unwrap();
    (device, story, master)
}

#[tokio::test]
async fn smart_ups_shows_mains_heat_and_its_end() {
    let (_device, story, mut master) = put_up(DeviceKind::SmartUps(UpsPlace::BesideRack), -60).await;
    let states = master.read_holding_registers(0, 2).await.unwrap().unwrap();
    assert_eq!(states, [0, 0b10], "on line, high word first");
    assert_eq!(
        master.read_holding_registers(128, 2).await.unwrap().unwrap(),
        [0, 1_800]
    );
    assert_eq!(master.read_holding_registers(130, 1).await.unwrap().unwrap(), [51_200]);
    let battery_c = f64::from(master.read_holding_registers(135, 1).await.unwrap().unwrap()[0]) / 128.0;
    assert!((24.5..25.5).contains(&battery_c), "{battery_c}");
    let model = master.read_holding_registers(532, 16).await.unwrap().unwrap();
    let letters: Vec<u8> = model.iter().flat_map(|w| w.to_be_bytes()).collect();
    assert!(letters.starts_with(b"Smart-UPS") && letters.iter().all(u8::is_ascii));

    story.set(430_000);
    assert_eq!(
        master.read_holding_registers(20, 3).await.unwrap().unwrap(),
        [0, 1 << 4, 1 << 3]
    );
    story.set(480_000);
    assert_eq!(
        master.read_holding_registers(1, 1).await.unwrap().unwrap(),
        [0b11_0000],
        "off, fault"
    );
    story.set(500_000);
    timeout(SILENCE, master.read_holding_registers(0, 2)).await.unwrap_err();
}

#[tokio::test]
async fn the_other_ups_carries_on_from_its_battery() {
    let (_device, story, mut master) = put_up(DeviceKind::SmartUps(UpsPlace::Elsewhere), 480).await;
    assert_eq!(master.read_holding_registers(1, 1).await.unwrap().unwrap(), [0b10]);
    story.set(5_880_000);
    assert_eq!(
        master.read_holding_registers(1, 1).await.unwrap().unwrap(),
        [0b100_0100],
        "on battery, input bad"
    );
    assert_eq!(
        master.read_holding_registers(128, 2).await.unwrap().unwrap(),
        [0, 1_500]
    );
    assert_eq!(master.read_holding_registers(151, 1).await.unwrap().unwrap(), [0]);
}

#[tokio::test]
async fn fire_panel_closes_its_contacts() {
    let (_device, story, mut master) = put_up(DeviceKind::FirePanel, -1).await;
    assert_eq!(master.read_discrete_inputs(0, 8).await.unwrap().unwrap(), [false; 8]);
    story.set(3_000);
    let closed = master.read_discrete_inputs(0, 8).await.unwrap().unwrap();
    assert_eq!(closed, [true, true, false, false, false, false, false, false]);
}

#[tokio::test]
async fn battery_monitor_is_flat_then_alarms_then_burns() {
    let (_device, story, mut master) = put_up(DeviceKind::BatteryMonitor { period_ms: 10_000 }, -5).await;
    let flat = master.read_input_registers(0, 6).await.unwrap().unwrap();
    assert_eq!((flat[0], flat[4], flat[5]), (0, 980, 0x4D42));
    assert!(
        (250..=254).contains(&flat[1]) && (4_030..=4_034).contains(&flat[2]),
        "{flat:?}"
    );
    story.set(40_000);
    assert_eq!(master.read_input_registers(0, 1).await.unwrap().unwrap(), [1]);
    story.set(80_000);
    timeout(SILENCE, master.read_input_registers(0, 1)).await.unwrap_err();
}

#[tokio::test]
async fn a_ten_minute_bms_burns_before_it_looks() {
    let (_device, story, mut master) = put_up(DeviceKind::BatteryMonitor { period_ms: 600_000 }, 0).await;
    for at_ms in (0..75_000).step_by(500) {
        story.set(at_ms);
        let shown = master.read_input_registers(0, 2).await.unwrap().unwrap();
        assert!(shown[0] == 0 && shown[1] < 260, "{shown:?} at {at_ms} ms");
    }
}

#[tokio::test]
async fn wrong_questions_get_exceptions() {
    let (_device, _story, mut master) = put_up(DeviceKind::SmartUps(UpsPlace::Elsewhere), 0).await;
    let undefined = master.read_holding_registers(3, 1).await.unwrap();
    assert_eq!(undefined, Err(ExceptionCode::IllegalDataAddress));
    assert_eq!(
        master.read_holding_registers(3, 2).await.unwrap().unwrap(),
        [0, 0],
        "zeros out of a block"
    );
    assert_eq!(
        master.read_input_registers(0, 1).await.unwrap(),
        Err(ExceptionCode::IllegalFunction)
    );
    assert_eq!(
        master.read_holding_registers(0, 126).await.unwrap(),
        Err(ExceptionCode::IllegalDataValue)
    );
    assert_eq!(
        master.read_holding_registers(65_535, 2).await.unwrap(),
        Err(ExceptionCode::IllegalDataAddress)
    );
    master.set_slave(Slave(UNIT + 1));
    assert_eq!(
        master.read_holding_registers(0, 1).await.unwrap(),
        Err(ExceptionCode::GatewayTargetDevice)
    );
}

#[tokio::test]
async fn one_master_too_many_is_hung_up_on_and_a_place_comes_free() {
    let (device, _story, first) = put_up(DeviceKind::FirePanel, 0).await;
    let mut masters = vec![first];
    for _ in 1..16 {
        masters.push(tcp::connect_slave(device.addr(), Slave(UNIT)).await.unwrap());
    }
    for master in &mut masters {
        master.read_discrete_inputs(0, 1).await.unwrap().unwrap();
    }
    let mut late = tcp::connect_slave(device.addr(), Slave(UNIT)).await.unwrap();
    late.read_discrete_inputs(0, 1).await.unwrap_err();
    masters.pop();
    let again = async {
        loop {
            let mut next = tcp::connect_slave(device.addr(), Slave(UNIT)).await.unwrap();
            if next.read_discrete_inputs(0, 1).await.is_ok() {
                break;
            }
        }
    };
    timeout(Duration::from_secs(10), again).await.unwrap();
}

#[tokio::test]
async fn garbage_hurts_nobody_else() {
    use tokio::io::AsyncWriteExt as _;
    let (device, _story, mut master) = put_up(DeviceKind::FirePanel, 0).await;
    let mut rude = tokio::net::TcpStream::connect(device.addr()).await.unwrap();
    rude.write_all(&[0xFF; 600]).await.unwrap();
    master.read_discrete_inputs(0, 8).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stopped_device_frees_its_port() {
    let (device, story, mut master) = put_up(DeviceKind::FirePanel, 0).await;
    let addr = device.addr();
    device.stop().await;
    let _ = timeout(SILENCE, master.read_discrete_inputs(0, 1))
        .await
        .unwrap()
        .unwrap_err();
    tokio::net::TcpStream::connect(addr).await.unwrap_err();
    let room = Room::new(Scenario::Quiet, 1);
    spawn(DeviceKind::FirePanel, addr, UNIT, room, story).await.unwrap();
}

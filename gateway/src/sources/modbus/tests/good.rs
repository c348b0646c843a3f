//! A device that behaves: the library's own server behind shipped profiles, and what the poller owes the engine.

use std::sync::atomic::Ordering;

use muster_core::Input;
use muster_profiles::Profile;
use muster_wire::{Absence, Micro, Quantity};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Duration, sleep, timeout};
use tokio_modbus::ExceptionCode;

use super::peer::{Act, Peer};
use super::server::{Registers, serve, sunspec};
use super::{PROFILE, poll, poll_test_peer, source};
use crate::clock::Clock;
use crate::counters::Counters;
use crate::lanes::{Batch, Lanes, lanes};
use crate::sources::ear::{Bench, Heard, PATIENCE};

fn shipped(address: String, profile: &str, signals: &[&str]) -> Bench {
    poll(source(
        address,
        muster_profiles::shipped(profile)
            .and_then(muster_profiles::Device::into_modbus)
            .unwrap(),
        signals,
    ))
}

#[tokio::test]
async fn a_contact_that_closes_is_heard_on_the_lane_of_alarms() {
    let registers = Registers::default();
    let address = serve(registers.clone()).await;
    let mut bench = shipped(address, "generic/dry-contacts", &["in1", "in8"]);
    assert_eq!(bench.hear().await, Heard::Alarm(vec![(0, Ok(0)), (1, Ok(0))]));
    registers.set(7, &[1]);
    let closed = Heard::Alarm(vec![(0, Ok(0)), (1, Ok(1_000_000))]);
    bench.hear_until(|h| *h == closed).await;
    assert_eq!(bench.counted(), []);
}

#[tokio::test]
async fn trip_signals_and_the_rest_take_their_own_lanes() {
    let registers = Registers::default();
    registers.set(0, &[0b001, 251, 5_120, (-100_i16) as u16, 0xFFFF, 0x4D42]);
    let address = serve(registers).await;
    let signals = ["battery_alarm", "max_cell_temperature", "current", "charge"];
    let mut bench = shipped(address, "generic/battery-monitor", &signals);
    assert_eq!(bench.hear().await, Heard::Alarm(vec![(0, Ok(1_000_000))]));
    let heard = bench.hear_until(|h| matches!(h, Heard::Data(_))).await;
    let rest = Heard::Data(vec![(1, Ok(25_100_000)), (2, Ok(-10_000_000)), (3, Err(Absence::Bus))]);
    assert_eq!(heard.last(), Some(&rest));
    let next = bench.hear_until(|h| matches!(h, Heard::Data(_))).await;
    assert!(next.len() >= 5, "trip signals are read far more often: {}", next.len());
}

#[tokio::test]
async fn a_smart_ups_on_battery() {
    let registers = Registers::default();
    registers.set(0, &[0, 0b100]);
    registers.set(128, &[0, 720, 25_600, 1_752]);
    registers.set(532, &[0x536D, 0x6172, 0x742D, 0x5550]);
    let address = serve(registers.clone()).await;
    let mut bench = shipped(
        address,
        "apc/smart-ups",
        &["on_battery", "runtime", "charge", "battery_voltage"],
    );
    assert_eq!(bench.hear().await, Heard::Alarm(vec![(0, Ok(1_000_000))]));
    let rest = Heard::Data(vec![(1, Ok(720_000_000)), (2, Ok(500_000)), (3, Ok(54_750_000))]);
    assert_eq!(bench.hear().await, rest);
    registers.set(532, &[0, 0, 0, 0]);
    let heard = bench.hear_until(|h| matches!(h, Heard::Lost(_))).await;
    assert!(heard.len() <= 3, "a model without a name is another device: {heard:?}");
    assert!(
        bench.counted().iter().all(|(cause, _)| *cause == "modbus_canary"),
        "{:?}",
        bench.counted()
    );
}

#[tokio::test]
async fn a_detector_that_warms_up_or_is_calibrated_trips_nothing_and_says_why() {
    let registers = Registers::default();
    registers.set(13, &[0, 0b10]);
    let address = serve(registers.clone()).await;
    let mut bench = shipped(address, "xtralis/sensepoint-xcl", &["alarm_2"]);
    for (state, value) in [
        (2, Err(Absence::Warmup)),
        (12, Err(Absence::Config)),
        (1, Ok(1_000_000)),
    ] {
        registers.set(10, &[state]);
        let expected = Heard::Alarm(vec![(0, value)]);
        bench.hear_until(|h| *h == expected).await;
    }
    assert_eq!(bench.counted(), []);
}

/// Its levels would vote: what says that it is isolated, and its own faults, stays.
#[tokio::test]
async fn an_isolated_detector_casts_no_vote_and_says_so_on_its_line() {
    let registers = Registers::default();
    registers.set(11, &[3_000, 0b1_1000]);
    let address = serve(registers.clone()).await;
    let mut bench = shipped(address, "system-sensor/faast", &["fire_1", "fire_2", "isolated"]);
    let alarm = Heard::Alarm(vec![(0, Ok(1_000_000)), (1, Ok(1_000_000))]);
    bench.hear_until(|h| *h == alarm).await;
    assert_eq!(bench.polling.now().note, None);
    registers.set(7, &[0x80]);
    let isolated = Heard::Alarm(vec![(0, Err(Absence::Config)), (1, Err(Absence::Config))]);
    bench.hear_until(|h| *h == isolated).await;
    bench.hear_until(|h| *h == Heard::Data(vec![(2, Ok(1_000_000))])).await;
    let note = bench.polling.now().note.unwrap().line().to_owned();
    assert!(note.contains("isolated") && note.contains("casts no vote"), "{note}");
    registers.set(7, &[0]);
    bench.hear_until(|h| *h == alarm).await;
    assert_eq!((bench.polling.now().note, bench.counted()), (None, vec![]));
}

#[tokio::test]
async fn a_smart_ups_that_tests_its_battery_is_not_on_battery() {
    let registers = Registers::default();
    registers.set(0, &[0, 0b100]);
    registers.set(532, &[0x536D, 0x6172]);
    let address = serve(registers.clone()).await;
    let mut bench = shipped(address, "apc/smart-ups", &["on_battery"]);
    let (no, yes) = (Heard::Alarm(vec![(0, Ok(0))]), Heard::Alarm(vec![(0, Ok(1_000_000))]));
    bench.hear_until(|h| *h == yes).await;
    for (at, status) in [(1, 0b1000_0100), (23, 0b10), (24, 0b10)] {
        registers.set(at, &[status]);
        bench.hear_until(|h| *h == no).await;
        registers.set(at, &[if at == 1 { 0b100 } else { 0 }]);
        bench.hear_until(|h| *h == yes).await;
    }
    assert_eq!(bench.counted(), []);
}

/// Two trip signals in one block, which are compared with single reads.
fn compared() -> Profile {
    let text = PROFILE
        .replace("address = 200", "address = 102")
        .replace("[canary]", "check_singly = true\n[canary]");
    Profile::parse(&text, "test").unwrap()
}

/// What a device with these two in a block, and that one by itself, is heard to say.
async fn heard_of(block: [u16; 3], alone: Result<u16, ExceptionCode>) -> (Bench, Registers) {
    let registers = Registers::default();
    registers.set(900, &[0xBEEF]);
    registers.set(100, &block);
    registers.alone.lock().unwrap().insert(102, alone);
    let address = serve(registers.clone()).await;
    (poll(source(address, compared(), &["first", "second"])), registers)
}

fn both(second: Result<i64, Absence>) -> Heard {
    Heard::Alarm(vec![(0, Ok(7_000_000)), (1, second)])
}

#[tokio::test]
async fn zero_in_a_block_of_a_register_that_is_refused_alone_is_no_value() {
    let (mut bench, registers) = heard_of([7, 0, 0], Err(ExceptionCode::IllegalDataAddress)).await;
    assert_eq!(bench.hear().await, both(Ok(0)), "what was read is handed on first");
    let muted = both(Err(Absence::Config));
    bench.hear_until(|h| *h == muted).await;
    assert_eq!((bench.hear().await, bench.hear().await), (muted.clone(), muted.clone()));
    assert_eq!(bench.counted(), [("modbus_disagrees", 1)], "once");
    let note = bench.polling.now().note.unwrap().line().to_owned();
    assert!(
        note.starts_with("second is refused when it is asked for by itself"),
        "{note}"
    );
    // Another device takes its place.
    registers.set(900, &[0]);
    bench.hear_until(|h| matches!(h, Heard::Lost(_))).await;
    registers.alone.lock().unwrap().clear();
    registers.set(900, &[0xBEEF]);
    bench.hear_until(|h| *h == both(Ok(0))).await;
    for _ in 0..4 {
        assert_eq!(bench.hear().await, both(Ok(0)));
    }
    assert_eq!(bench.polling.now().note, None);
    let (mut bench, _) = heard_of([7, 0, 0], Ok(8)).await;
    bench.hear_until(|h| *h == muted).await;
    bench.hear().await;
    assert!(bench.polling.now().note.unwrap().line().contains("neither is believed"));
    let (mut bench, _) = heard_of([7, 0, 8], Ok(0)).await;
    bench.hear_until(|h| *h == muted).await;
}

/// A number moves, and who is busy has not said that there is no such register.
#[tokio::test]
async fn what_is_said_by_itself_mutes_only_what_it_proves() {
    for (alone, counted) in [
        (Ok(8), vec![]),
        (Err(ExceptionCode::ServerDeviceBusy), vec![("modbus_exception", 1)]),
        (Err(ExceptionCode::GatewayTargetDevice), vec![("modbus_exception", 1)]),
    ] {
        let (mut bench, _) = heard_of([7, 0, 9], alone).await;
        for _ in 0..6 {
            assert_eq!(bench.hear().await, both(Ok(9_000_000)), "{alone:?}");
        }
        assert_eq!(
            (bench.counted(), bench.polling.now().note),
            (counted, None),
            "{alone:?}"
        );
    }
}

/// [`compared`], of which a peer says with every register's own address that it is the case.
fn states() -> Profile {
    let mut profile = compared();
    for signal in &mut profile.signals {
        (signal.quantity, signal.states) = (Quantity::Contact, vec![i64::from(signal.address)]);
    }
    profile
}

/// Neither a block that cannot be read again, nor an answer that does not come, proves anything; and what was read before
/// has been handed on.
#[tokio::test]
async fn a_comparison_that_fails_takes_nothing_away_and_is_not_repeated_at_once() {
    for (acts, cause, connections) in [
        (&[Act::OffByOne, Act::Busy][..], "modbus_exception", 1),
        (&[Act::Silent], "modbus_timeout", 2),
        (&[Act::Exception], "modbus_disagrees", 1),
        (
            &[Act::OffByOne, Act::Answer, Act::OffByOne, Act::Answer],
            "modbus_disagrees",
            1,
        ),
        (&[Act::OffByOne, Act::Answer, Act::Answer], "", 1),
    ] {
        let peer = Peer::start([&[Act::Answer, Act::Answer], acts].concat()).await;
        let mut bench = poll(source(peer.address.clone(), states(), &["first", "second"]));
        let (yes, counted) = (Ok(1_000_000), if cause.is_empty() { vec![] } else { vec![(cause, 1)] });
        let first = if cause == "modbus_disagrees" {
            Err(Absence::Config)
        } else {
            yes
        };
        assert_eq!(bench.hear().await, Heard::Alarm(vec![(0, yes), (1, yes)]));
        for _ in 0..8 {
            assert_eq!(bench.hear().await, Heard::Alarm(vec![(0, first), (1, yes)]), "{acts:?}");
        }
        assert_eq!(bench.counted(), counted, "{acts:?}");
        assert_eq!(peer.state.connections.load(Ordering::SeqCst), connections, "{acts:?}");
    }
}

/// What agrees at once costs one question.
#[tokio::test]
async fn one_signal_a_turn_is_asked_for_by_itself() {
    let peer = Peer::start(Vec::new()).await;
    let mut bench = poll(source(peer.address.clone(), states(), &["first", "second"]));
    for _ in 0..6 {
        bench.hear().await;
    }
    // Two a cycle, two comparisons; and whatever of the next cycle has begun.
    let served = peer.state.served.load(Ordering::SeqCst);
    assert!((14..=16).contains(&served), "{served}");
}

/// [`PROFILE`], but its canary has to move every second.
fn moving() -> Profile {
    let text = PROFILE.replace("expect = 0xBEEF", "expect = \"moving\"\nwithin_ms = 1000");
    Profile::parse(&text, "test").unwrap()
}

#[tokio::test]
async fn a_device_that_answers_and_does_not_work_any_more_is_lost_until_it_does() {
    let registers = Registers::default();
    let address = serve(registers.clone()).await;
    let mut bench = poll(source(address, moving(), &["first", "second"]));
    assert!(matches!(bench.hear().await, Heard::Alarm(_)));
    let heard = bench.hear_until(|h| matches!(h, Heard::Lost(_))).await;
    let Some(Heard::Lost(why)) = heard.last() else {
        unreachable!()
    };
    assert!(why.contains("stood still for 1 s"), "{why}");
    assert!(bench.counted().iter().all(|(cause, _)| *cause == "modbus_canary"));
    registers.set(900, &[1]);
    bench.hear_until(|h| matches!(h, Heard::Alarm(_))).await;
}

#[tokio::test]
async fn a_sunspec_model_is_found_where_the_device_has_it() {
    for start in [40_000, 50_000, 0] {
        let registers = Registers::default();
        sunspec(&registers, start);
        let address = serve(registers.clone()).await;
        let mut bench = shipped(
            address,
            "sunspec/battery-802",
            &["over_temperature", "charge", "voltage"],
        );
        assert_eq!(bench.hear().await, Heard::Alarm(vec![(0, Ok(1_000_000))]), "{start}");
        let rest = Heard::Data(vec![(1, Ok(875_000)), (2, Err(Absence::Config))]);
        assert_eq!(bench.hear().await, rest, "a voltage without its scale factor is none");
    }
}

#[tokio::test]
async fn a_device_without_the_model_is_another_device() {
    let circle = Registers::default();
    circle.set(40_000, &[0x5375, 0x6E53, 1, 0, 1, 0]);
    for registers in [Registers::default(), circle] {
        let address = serve(registers).await;
        let mut bench = shipped(address, "sunspec/battery-802", &["charge"]);
        let Heard::Lost(why) = bench.hear().await else {
            panic!("a reading")
        };
        assert!(why.contains("no SunSpec model 802"), "{why}");
    }
}

/// Lanes of which that of alarms holds one batch.
fn narrow() -> (Lanes, mpsc::Receiver<Batch>, crate::lanes::LaneEnds) {
    let (mut lanes, ends) = lanes();
    let (alarm, alarm_end) = mpsc::channel(1);
    lanes.alarm = alarm;
    (lanes, alarm_end, ends)
}

#[tokio::test]
async fn a_full_lane_slows_the_device_and_the_wait_counts_as_age() {
    let peer = Peer::start(Vec::new()).await;
    let profile = Profile::parse(PROFILE, "test").unwrap();
    let (lanes, mut alarm, _ends) = narrow();
    let clock = Clock::starting_at(0);
    clock.set_speed(1_000);
    let device = source(peer.address.clone(), profile, &["first", "second"]);
    let task = tokio::spawn(super::super::poller::run(
        device,
        lanes,
        Counters::default(),
        clock,
        false,
        crate::sources::polls::Polling::default(),
    ));
    // One cycle lies in the lane, one waits in front of it: more than six requests there cannot be.
    let waiting = async {
        while peer.state.served.load(Ordering::SeqCst) < 6 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap();
    // Time that has to pass, not a wait for anything: 100 s of engine time.
    sleep(Duration::from_millis(100)).await;
    assert_eq!(peer.state.served.load(Ordering::SeqCst), 6);
    let mut ages = Vec::new();
    for _ in 0..2 {
        let batch = timeout(PATIENCE, alarm.recv()).await.unwrap().unwrap();
        assert!(batch.mark.is_none() && batch.inputs.len() == 2);
        ages.extend(batch.inputs.iter().map(age_of_a_real_reading));
    }
    assert!(ages[2] >= 50_000 && ages[3] == ages[2], "{ages:?}");
    task.abort();
}

fn age_of_a_real_reading(input: &Input) -> u32 {
    match input {
        Input::Reading {
            simulated: false,
            age_ms,
            ..
        } => *age_ms,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn the_task_ends_with_the_engine() {
    let peer = Peer::start(Vec::new()).await;
    let mut bench = poll_test_peer(peer.address);
    let (_, empty) = lanes();
    drop(std::mem::replace(&mut bench.ends, empty));
    timeout(PATIENCE, &mut bench.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_recording_is_read_as_the_device_is() {
    let registers = Registers::default();
    sunspec(&registers, 50_000);
    let address = serve(registers.clone()).await;
    let device = muster_profiles::shipped("sunspec/battery-802").unwrap();
    let profile = device.clone().into_modbus().unwrap();
    let mut recorder = super::super::Recorder::of_profile(crate::config::Port::Tcp(address), 7, &profile)
        .await
        .unwrap();
    let (lines, answered) = recorder.look().await;
    assert_eq!(lines.len(), answered, "{lines:#?}");
    assert_eq!(recorder.look().await, (Vec::new(), answered), "nothing has changed");
    registers.set(50_008 + 11, &[500]);
    let (later, _) = recorder.look().await;
    let text = format!("at 0 ms\n{}\nat 1000 ms\n{}\n", lines.join("\n"), later.join("\n"));
    let capture = muster_profiles::capture::Capture::parse(&text, &device).unwrap();
    let charges: Vec<_> = capture
        .decode(&device)
        .into_iter()
        .filter_map(|moment| moment.all.iter().find(|d| d.name == "charge")?.value)
        .collect();
    assert_eq!(charges, [Ok(Micro(875_000)), Ok(Micro(500_000))], "{text}");
}

#[tokio::test]
async fn what_is_refused_or_silent_is_recorded_as_such() {
    let block = |table, start| muster_profiles::Block { table, start, count: 2 };
    let blocks = vec![
        block(muster_profiles::Table::Holding, 0),
        block(muster_profiles::Table::Coil, 0),
    ];
    let address = serve(Registers::default()).await;
    let mut recorder = super::super::Recorder::new(
        crate::config::Port::Tcp(address),
        1,
        Duration::from_secs(2),
        blocks.clone(),
    );
    let (lines, answered) = recorder.look().await;
    assert_eq!(answered, 2);
    assert_eq!(lines[0], "holding 0: 0x0000 0x0000");
    assert!(lines[1].starts_with("refused coil 0 2: "), "{lines:?}");
    let nobody = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let mut recorder = super::super::Recorder::new(crate::config::Port::Tcp(nobody), 1, Duration::from_secs(2), blocks);
    let (lines, answered) = recorder.look().await;
    assert!(
        answered == 0 && lines.iter().all(|line| line.starts_with("silent ")),
        "{lines:?}"
    );
}

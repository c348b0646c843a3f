//! The node's Modbus master over a line in memory: every rule by which an answer is one, and that no value is ever taken for
//! another register's.

use std::cell::RefCell;
use std::time::Duration;

use embedded_io_adapters::tokio_1::FromTokio;
use muster::clock::Stopwatch;
use muster_node::modbus::{LineCounters, LineSettings, LineTrace, Map, Master};
use muster_profiles::{Device, Profile, shipped, shipped_names};
use muster_wire::{Absence, Micro};
use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::timeout;

use super::slave::{Answer, Slave};
use crate::stand::SOON;

const UNIT: u8 = 17;
const BATTERY: &str = "generic/battery-monitor";
const UPS: &str = "apc/smart-ups";
const CANARY: u16 = 0x4D42;

type Cycle = Vec<Result<Micro, Absence>>;

fn settings(profile: &str, poll_ms: u64) -> LineSettings {
    let mut settings = LineSettings::default();
    let poll_ms = poll_ms.to_string();
    for (key, value) in [
        ("modbus", profile),
        ("modbus-unit", "17"),
        ("modbus-baud", "115200"),
        ("modbus-poll-ms", &poll_ms),
    ] {
        settings.take(key, value).unwrap();
    }
    settings
}

/// Runs a master until `enough`; what it told, cycle by cycle, and what it counted.
async fn listen(
    line: DuplexStream,
    settings: LineSettings,
    enough: impl Fn(&[Cycle]) -> bool,
) -> (Vec<Cycle>, LineCounters) {
    let trace = LineTrace::new();
    let (told, changed) = (RefCell::new(Vec::<Cycle>::new()), tokio::sync::Notify::new());
    let master = Master::new(FromTokio::new(line), settings, &trace).unwrap();
    let run = master.run(|values| {
        told.borrow_mut().push(values.to_vec());
        changed.notify_one();
    });
    let until = async {
        while !enough(&told.borrow()) {
            changed.notified().await;
        }
    };
    let ended = timeout(SOON, async {
        tokio::select! { never = run => never, () = until => () }
    })
    .await;
    assert!(ended.is_ok(), "not enough: {:?}, {:?}", told.borrow(), trace.counters());
    (told.into_inner(), trace.counters())
}

/// As [`listen`], to a device that answers so.
async fn hear(
    profile: &str,
    holds: fn(u8, u16) -> u16,
    how: impl FnMut(usize) -> Answer,
    enough: impl Fn(&[Cycle]) -> bool,
) -> (Vec<Cycle>, LineCounters) {
    let (near, line) = duplex(1024);
    let slave = Slave {
        line,
        unit: UNIT,
        holds,
    };
    tokio::select! {
        heard = listen(near, settings(profile, 10), enough) => heard,
        () = slave.serve(how) => panic!("the line has ended"),
    }
}

/// A battery in which every register is another's neighbour, never its equal.
fn battery(_: u8, address: u16) -> u16 {
    [0b100, 251, 4_812, (-37_i16).cast_unsigned(), 873, CANARY][usize::from(address)]
}

/// What it means: alarm, fault, off line, hottest cell, volts, amperes, charge.
fn battery_means() -> Cycle {
    [0, 0, 1_000_000, 25_100_000, 481_200_000, -3_700_000, 873_000]
        .map(|micro| Ok(Micro(micro)))
        .to_vec()
}

#[tokio::test]
async fn a_good_device_is_read_rightly() {
    let (told, counted) = hear(BATTERY, battery, |_| Answer::Right, |told| told.len() == 3).await;
    assert!(told.iter().all(|cycle| *cycle == battery_means()), "{told:?}");
    let expected = LineCounters {
        cycles: counted.cycles,
        good: counted.good,
        ..LineCounters::default()
    };
    assert_eq!(counted, expected, "nothing odd");
}

/// Each kind of wrong answer to the first question: absent with its reason, counted by its name, and well again behind it.
#[tokio::test]
async fn every_wrong_answer_is_an_absence_with_a_name_and_the_line_recovers() {
    let ms = Duration::from_millis;
    type Counter = fn(&LineCounters) -> u32;
    let cases: [(Answer, Absence, Counter); 9] = [
        (Answer::None, Absence::Bus, |c| c.timeouts),
        (Answer::Late(ms(620)), Absence::Bus, |c| c.timeouts),
        (Answer::Half, Absence::Bus, |c| c.timeouts),
        (Answer::OtherUnit, Absence::Bus, |c| c.wrong_unit),
        (Answer::InNoise, Absence::Bus, |c| c.wrong_unit),
        (Answer::OtherFunction, Absence::Bus, |c| c.wrong_function),
        (Answer::Longer, Absence::Bus, |c| c.wrong_length),
        (Answer::Damaged, Absence::Crc, |c| c.checksum),
        (Answer::Exception(4), Absence::Bus, |c| c.exceptions),
    ];
    let each = cases.map(|(answer, why, counter)| async move {
        let how = |number| if number == 0 { answer } else { Answer::Right };
        let (told, counted) = hear(BATTERY, battery, how, |told| told.len() == 3).await;
        assert_eq!(told[0], vec![Err(why); 7], "{answer:?}");
        assert_eq!(counter(&counted), 1, "{answer:?}: {counted:?}");
        assert_eq!(told[1..], [battery_means(), battery_means()], "{answer:?}: {counted:?}");
    });
    futures_of(each).await;
}

/// All at once: most of the time they wait.
async fn futures_of<const N: usize>(each: [impl Future<Output = ()>; N]) {
    let mut each: Vec<_> = each.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        each.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if each.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

#[tokio::test]
async fn a_canary_that_does_not_hold_discards_the_cycle() {
    fn other(function: u8, address: u16) -> u16 {
        if address == 5 {
            CANARY + 1
        } else {
            battery(function, address)
        }
    }
    let (told, counted) = hear(BATTERY, other, |_| Answer::Right, |told| told.len() == 2).await;
    assert!(
        told.iter().all(|cycle| *cycle == vec![Err(Absence::Config); 7]),
        "{told:?}"
    );
    assert!(counted.canary >= 2 && counted.good == 0, "{counted:?}");
}

/// Registers of a UPS, each unlike all others, so that any mix-up would show.
fn ups(_: u8, address: u16) -> u16 {
    match address {
        532..=547 => 0x4150,
        0 => 0,
        1 => 0b100,
        128 => 0,
        _ => 3_000 + 7 * address,
    }
}

fn ups_means() -> Cycle {
    let profile = shipped(UPS).and_then(Device::into_modbus).unwrap();
    let words = |signal: &muster_profiles::Signal| -> Vec<u16> {
        (signal.address..signal.address + signal.words())
            .map(|at| ups(3, at))
            .collect()
    };
    profile
        .signals
        .iter()
        .map(|signal| signal.decode(&words(signal)))
        .collect()
}

/// Every kind of mischief, one after the other, over four questions a cycle: what is told is right or absent.
#[tokio::test]
async fn a_hostile_device_is_never_believed_for_another_register() {
    let ms = Duration::from_millis;
    let mischief = [
        Answer::Twice(ms(0)),
        Answer::LastAgain,
        Answer::Twice(ms(20)),
        Answer::Right,
        Answer::Twice(ms(120)),
        Answer::Right,
        Answer::InNoise,
        Answer::Late(ms(300)),
        Answer::LastAgain,
        Answer::Twice(ms(70)),
        Answer::Right,
        Answer::Exception(6),
        Answer::Right,
        Answer::Right,
        Answer::Right,
        Answer::Twice(ms(0)),
        Answer::Right,
        Answer::Right,
    ];
    let right = ups_means();
    let how = |number: usize| mischief[number % mischief.len()];
    let (told, counted) = hear(UPS, ups, how, |told| told.len() == 9).await;
    for cycle in &told {
        for (value, right) in cycle.iter().zip(&right) {
            assert!(value == right || value.is_err(), "{value:?} is told for {right:?}");
        }
    }
    assert!(
        told.iter().any(|cycle| cycle.iter().any(Result::is_ok)),
        "nothing was believed at all"
    );
    assert!(
        counted.discarded > 0 && counted.wrong_length > 0 && counted.exceptions > 0,
        "{counted:?}"
    );
}

/// The node's decoder and the gateway's, made from the same profiles and written apart, say the same of any registers.
#[tokio::test]
async fn both_decoders_agree_on_any_registers() {
    let carried = |name: &&str| Map::of(name).is_some();
    for name in shipped_names().filter(carried) {
        let profile = shipped(name).and_then(Device::into_modbus).unwrap();
        for round in 0..12_u16 {
            agree(name, &profile, round).await;
        }
    }
}

thread_local! {
    static ROUND: std::cell::Cell<u16> = const { std::cell::Cell::new(0) };
}

/// Registers of a round: the ends of what one can hold, and anything between.
fn any(function: u8, address: u16) -> u16 {
    let round = ROUND.get();
    let mixed = (address ^ round.rotate_left(7)).wrapping_mul(40_503) ^ round.wrapping_mul(2_654);
    let word = match round {
        0 => 0,
        1 => 0xFFFF,
        2 => 0x8000,
        3 => 0x7FFF,
        _ => mixed,
    };
    match (function, address) {
        (4, 5) => CANARY,
        (3, 532..=547) => 0x4150,
        (1 | 2, _) => word & 1,
        _ => word,
    }
}

async fn agree(name: &str, profile: &Profile, round: u16) {
    ROUND.set(round);
    let (told, counted) = hear(name, any, |_| Answer::Right, |told| !told.is_empty()).await;
    let map = Map::of(name).unwrap();
    let channels = map.channels();
    for (value, channel) in told[0].iter().zip(&channels) {
        let signal = profile
            .signals
            .iter()
            .find(|s| format!("bus-{}", s.name.replace('_', "-")) == channel.name);
        let signal = signal.unwrap();
        let code = signal.table as u8;
        let function = [3, 4, 1, 2][usize::from(code)];
        let words: Vec<u16> = (signal.address..signal.address + signal.words())
            .map(|at| any(function, at))
            .collect();
        match signal.decode(&words) {
            // The channel's own checks name what is out of range.
            Err(Absence::Range) => {
                let (min, max) = channel.quantity.range_units();
                let inside = |v: &Micro| v.0 >= min * 1_000_000 && v.0 <= max * 1_000_000;
                assert!(!value.as_ref().is_ok_and(inside), "{name} {}: {value:?}", signal.name);
            }
            other => assert_eq!(*value, other, "{name} {} of {words:?}; {counted:?}", signal.name),
        }
    }
    assert_eq!(told[0].len(), profile.signals.len());
}

#[tokio::test]
async fn a_line_that_is_never_quiet_and_one_that_has_ended_are_absent_and_take_no_time_of_others() {
    let (near, mut line) = duplex(1024);
    let chatter = async {
        loop {
            line.write_all(&[0x55; 16]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (told, counted) = tokio::select! {
        heard = listen(near, settings(BATTERY, 100), |told| !told.is_empty()) => heard,
        () = chatter => unreachable!(),
    };
    assert_eq!(told[0], vec![Err(Absence::Bus); 7]);
    assert!(counted.busy == 1 && counted.discarded > 500, "{counted:?}");

    let (near, line) = duplex(1024);
    drop(line);
    let since = Stopwatch::start();
    let (told, _) = listen(near, settings(BATTERY, 100), |told| told.len() == 4).await;
    assert!(told.iter().all(|cycle| *cycle == vec![Err(Absence::Bus); 7]));
    assert!(since.elapsed() > Duration::from_millis(250), "it would spin");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let mut settings = LineSettings::default();
    for (key, value) in [
        ("modbus", "no/such"),
        ("modbus", "sunspec/battery-802"),
        ("modbus-unit", "0"),
        ("modbus-unit", "248"),
        ("modbus-baud", "300"),
        ("modbus-parity", "mark"),
        ("modbus-poll-ms", "5"),
        ("modbus-write", "1"),
    ] {
        assert_eq!(settings.take(key, value), None, "{key}={value}");
    }
    assert_eq!(settings, LineSettings::default());
    let shipped: Vec<&str> = shipped_names().collect();
    assert!(
        Map::names().all(|name| shipped.contains(&name)),
        "a map of no shipped profile"
    );
    assert_eq!(Map::names().count(), 3);
}

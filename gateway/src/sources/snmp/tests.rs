//! What is read out of answers, without a network.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_snmp::{Oid, Value};
use muster_core::{ChannelIx, Input, SourceIx};
use muster_profiles::Device;
use muster_sim::snmp::{Object, Played};
use muster_wire::{Absence, Micro};
use tokio::net::UdpSocket;

use super::SnmpSource;
use super::hints::Hints;
use super::plan::{Answers, Poll, pace};
use crate::config::{Secret, SnmpLogin, SnmpWay};
use crate::sources::ear::{Bench, Heard};
use crate::sources::excuse::Excuses;

fn source(profile: &str, signals: &[&str], poll_ms: Option<u64>) -> SnmpSource {
    let channels = (0..).zip(signals).map(|(i, s)| ((*s).to_owned(), ChannelIx(i)));
    let Some(Device::Snmp(profile)) = muster_profiles::shipped(profile) else {
        panic!("no profile")
    };
    SnmpSource {
        source: SourceIx(0),
        id: "ups".into(),
        address: "127.0.0.1:161".into(),
        channels: channels.collect(),
        poll_ms,
        way: SnmpWay {
            login: SnmpLogin::Community(Secret(b"house".to_vec())),
            profile: Arc::new(profile),
        },
    }
}

fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

fn values(poll: &Poll, objects: &[(&str, Value)]) -> Vec<Result<Micro, Absence>> {
    let objects: BTreeMap<_, _> = objects.iter().map(|(o, v)| (oid(o), v.clone())).collect();
    let columns = BTreeMap::new();
    let value = |input| match input {
        Input::Reading { value, .. } => value,
        other => panic!("{other:?}"),
    };
    poll.samples(
        &Answers {
            objects,
            columns,
            ..Answers::default()
        },
        &mut Excuses::default(),
        0,
    )
    .into_iter()
    .map(|sample| value(sample.input(false, 0)))
    .collect()
}

const CHARGE: &str = "1.3.6.1.2.1.33.1.2.4.0";
const RUNTIME: &str = "1.3.6.1.2.1.33.1.2.3.0";

#[test]
fn numbers_come_in_any_type_and_ticks_are_none() {
    let agent = "1.3.6.1.4.1.534".parse().unwrap();
    let poll = Poll::of(&source("generic/ups-mib", &["charge"], None), &agent, false);
    let charge = |value| values(&poll, &[(CHARGE, value)])[0];
    for value in [
        Value::Integer(87),
        Value::Gauge32(87),
        Value::Counter32(87),
        Value::Counter64(87),
        Value::OctetString("87".into()),
    ] {
        assert_eq!(charge(value.clone()), Ok(Micro(870_000)), "{value:?}");
    }
    for value in [
        Value::TimeTicks(0),
        Value::Null,
        Value::NoSuchObject,
        Value::NoSuchInstance,
        Value::OctetString("full".into()),
        Value::OctetString(vec![0xFF].into()),
        Value::ObjectIdentifier(oid("1.3")),
    ] {
        assert_eq!(charge(value.clone()), Err(Absence::Bus), "{value:?}");
    }
    for value in [Value::Counter64(u64::MAX), Value::Gauge32(101)] {
        assert_eq!(charge(value.clone()), Err(Absence::Range), "{value:?}");
    }
    assert_eq!(
        values(&poll, &[(RUNTIME, Value::Integer(5))])[0],
        Err(Absence::Bus),
        "another object"
    );
}

#[test]
fn ticks_are_hundredths_of_a_second() {
    let agent = "1.3.6.1.4.1.318.1.3.27".parse().unwrap();
    let poll = Poll::of(&source("apc/powernet", &["runtime"], None), &agent, false);
    let runtime = |value| values(&poll, &[("1.3.6.1.4.1.318.1.1.1.2.2.3.0", value)])[0];
    assert_eq!(
        runtime(Value::TimeTicks(6_000)),
        Ok(Micro(60_000_000)),
        "hundredths of a second"
    );
    assert_eq!(runtime(Value::Integer(6_000)), Err(Absence::Bus));
}

#[test]
fn what_an_agent_does_not_mean_is_not_asked_and_says_why() {
    let of = |agent: &str| {
        let source = source("generic/ups-mib", &["runtime", "charge"], None);
        Poll::of(&source, &agent.parse().unwrap(), false)
    };
    assert_eq!(of("1.3.6.1.4.1.534").objects(), [oid(RUNTIME), oid(CHARGE)]);
    let santak = of("1.3.6.1.4.1.2468.1.2.1");
    assert_eq!(santak.objects(), [oid(CHARGE)]);
    let said = values(&santak, &[(CHARGE, Value::Integer(50)), (RUNTIME, Value::Integer(5))]);
    assert_eq!(said, [Ok(Micro(500_000)), Err(Absence::Config)]);
}

#[test]
fn a_table_is_walked_only_where_it_has_rows() {
    const COUNT: &str = "1.3.6.1.2.1.33.1.6.1.0";
    let agent = "1.3.6.1.4.1.534".parse().unwrap();
    let poll = Poll::of(
        &source("generic/ups-mib", &["general_fault", "battery_bad"], None),
        &agent,
        false,
    );
    let columns = |count: Option<Value>| {
        let objects = count.map(|count| (oid(COUNT), count));
        poll.columns(&objects.into_iter().collect()).len()
    };
    assert_eq!(poll.objects(), [oid(COUNT)], "once for both");
    assert_eq!(columns(Some(Value::Gauge32(2))), 1, "once for both");
    assert_eq!(
        (
            columns(Some(Value::Gauge32(0))),
            columns(Some(Value::NoSuchObject)),
            columns(None)
        ),
        (0, 0, 0)
    );
}

/// Whether the test has a channel or not: it is asked for with what it excuses.
#[test]
fn on_battery_in_a_self_test_is_not_on_battery_for_an_hour() {
    const STATUS: &str = "1.3.6.1.4.1.318.1.1.1.4.1.1.0";
    const CALIBRATION: &str = "1.3.6.1.4.1.318.1.1.1.7.2.6.0";
    let agent = "1.3.6.1.4.1.318.1.3.27".parse().unwrap();
    let poll = Poll::of(&source("apc/powernet", &["on_battery"], None), &agent, true);
    assert!(poll.objects().contains(&oid(CALIBRATION)) && poll.objects().len() == 3);
    let mut excuses = Excuses::default();
    let mut at = |calibration, now| {
        let objects = [(oid(STATUS), Value::Integer(3)), (oid(CALIBRATION), calibration)];
        let answers = Answers {
            objects: objects.into_iter().collect(),
            ..Answers::default()
        };
        poll.samples(&answers, &mut excuses, now)[0].value
    };
    let (no, yes) = (Ok(Micro(0)), Ok(Micro(1_000_000)));
    assert_eq!((at(Value::Integer(3), 0), at(Value::Integer(3), 3_599_999)), (no, no));
    assert_eq!(at(Value::Integer(3), 3_600_000), yes, "it stays for ever");
    // Now and then it cannot be read, or is not said.
    assert_eq!(
        (at(Value::Null, 3_600_001), at(Value::Integer(1), 3_700_000)),
        (yes, yes)
    );
    assert_eq!(
        (at(Value::Integer(3), 3_700_001), at(Value::Integer(1), 3_700_002)),
        (yes, yes)
    );
    assert_eq!(at(Value::Integer(1), 3_760_002), yes);
    assert_eq!(at(Value::Integer(3), 3_760_003), no, "a new one");
}

#[test]
fn periods_follow_the_config_then_the_profile() {
    let periods = |signals: &[&str], poll_ms| {
        let periods = pace(&source("generic/ups-mib", signals, poll_ms));
        (periods.period.as_millis(), periods.rest_every)
    };
    assert_eq!(periods(&["on_battery", "charge"], None), (1_000, 1));
    assert_eq!(periods(&["on_battery", "charge"], Some(300)), (300, 4));
    assert_eq!(periods(&["charge"], Some(300)), (1_000, 1), "nothing trips");
    assert_eq!(periods(&["on_battery"], Some(0)), (10, 100), "never a busy loop");
}

/// Between a poller and its agent: passes everything on but GETBULK, which a column is walked by.
async fn without_bulk(agent: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    const GETBULK: u8 = 0xA5;
    let (front, back) = (
        UdpSocket::bind("127.0.0.1:0").await.unwrap(),
        UdpSocket::bind("127.0.0.1:0").await.unwrap(),
    );
    back.connect(agent).await.unwrap();
    let (at, dropped) = (front.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = dropped.clone();
    tokio::spawn(async move {
        let (mut there, mut here, mut peer) = ([0; 2_048], [0; 2_048], None);
        loop {
            tokio::select! {
                Ok((n, from)) = front.recv_from(&mut there) => {
                    peer = Some(from);
                    // 30 len, 02 01 01 (v2c), 04 05 "house", and the PDU.
                    let pdu = if there[1] < 0x80 { 12 } else { 13 };
                    if there[pdu] == GETBULK {
                        counted.fetch_add(1, Ordering::SeqCst);
                    } else {
                        back.send(&there[..n]).await.unwrap();
                    }
                }
                Ok(n) = back.recv(&mut here) => {
                    front.send_to(&here[..n], peer.unwrap()).await.unwrap();
                }
            }
        }
    });
    (at, dropped)
}

/// What would excuse it cannot be read: it is on battery, cycle after cycle.
#[tokio::test]
async fn a_column_that_only_excuses_and_is_not_answered_costs_one_time_out_and_nothing_else() {
    let object = |oid: &str, tag: u8, value: &str| Object {
        arcs: Oid::parse(oid).unwrap().arcs().to_vec(),
        tag,
        bytes: value.as_bytes().to_vec(),
    };
    let objects = [
        object("1.3.6.1.2.1.1.2.0", 6, "1.3.6.1.4.1.534.1"),
        object("1.3.6.1.2.1.1.3.0", 67, "100"),
        object("1.3.6.1.2.1.33.1.4.1.0", 2, "5"),
        object("1.3.6.1.2.1.33.1.6.1.0", 66, "1"),
        object("1.3.6.1.2.1.33.1.6.2.1.2.1", 6, "1.3.6.1.2.1.33.1.6.3.24"),
    ];
    let agent = Played::start(&objects, "127.0.0.1:0".parse().unwrap(), "house")
        .await
        .unwrap();
    let (address, dropped) = without_bulk(agent.addr()).await;
    let mut source = source("generic/ups-mib", &["on_battery"], Some(50));
    source.address = address.to_string();
    Arc::make_mut(&mut source.way.profile).head.min_poll_ms = 50;
    Arc::make_mut(&mut source.way.profile).head.timeout_ms = 300;
    let hint = Hints::default().of_one();
    let mut bench = Bench::of(|lanes, counters, clock, polling| {
        super::poller::run(source, (lanes, counters, clock), true, hint, polling)
    });
    for _ in 0..6 {
        assert_eq!(bench.hear().await, Heard::Alarm(vec![(0, Ok(1_000_000))]));
    }
    assert_eq!(bench.counted(), [("snmp_timeout", 1)]);
    assert!((1..=2).contains(&dropped.load(Ordering::SeqCst)), "{dropped:?}");
}

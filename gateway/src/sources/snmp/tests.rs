//! What is read out of answers, without a network.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_snmp::{Oid, Value};
use muster_core::{ChannelIx, Input, SourceIx};
use muster_profiles::Device;
use muster_wire::{Absence, Micro};

use super::SnmpSource;
use super::plan::{Answers, Poll, pace};
use crate::config::{Secret, SnmpLogin, SnmpWay};
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
    poll.samples(&Answers { objects, columns }, &mut Excuses::default(), 0)
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
            columns: BTreeMap::new(),
        };
        poll.samples(&answers, &mut excuses, now)[0].value
    };
    let (no, yes) = (Ok(Micro(0)), Ok(Micro(1_000_000)));
    assert_eq!((at(Value::Integer(3), 0), at(Value::Integer(3), 3_599_999)), (no, no));
    assert_eq!(at(Value::Integer(3), 3_600_000), yes, "it stays for ever");
    assert_eq!(
        (at(Value::Integer(1), 3_600_001), at(Value::Null, 3_600_002)),
        (yes, yes)
    );
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

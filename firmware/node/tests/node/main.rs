//! What a node says, when, and what it keeps, as the gateway reads it.
#![expect(
    clippy::unwrap_used,
    reason = "helpers stand outside of `#[test]`, where .clippy.toml does not reach; a test may fail loudly"
)]

mod last;

use muster_node::{ChannelSpec, Limit, Node, NodeSpec, PACK_BYTES, Sensor, SpecError};
use muster_wire::senml::{Pack, Value};
use muster_wire::{Absence, MICRO, Mark, Micro, Quantity, TopicKind, Unit};
use proptest::prelude::*;

const SAMPLE_MS: u64 = 100;
const HEARTBEAT_MS: u64 = 10_000;
const BOOT: u64 = 3;

/// A sensor that says what it was told last.
struct Told(Result<Micro, Absence>);

impl Sensor for Told {
    fn sample(&mut self) -> Result<Micro, Absence> {
        self.0
    }
}

fn units(value: i64) -> Micro {
    Micro(value * MICRO)
}

fn gas() -> ChannelSpec<'static> {
    ChannelSpec {
        name: "gas-0",
        quantity: Quantity::Voc,
        alarm: Some(Limit {
            set: units(50),
            clear: units(40),
            above: true,
        }),
        report_delta: Some(units(5)),
        max_rate_per_s: None,
        stuck_after_ms: None,
        every: 1,
        last_gasp: false,
    }
}

fn temp() -> ChannelSpec<'static> {
    ChannelSpec {
        name: "temp",
        quantity: Quantity::Temperature,
        alarm: None,
        report_delta: None,
        max_rate_per_s: Some(units(10)),
        stuck_after_ms: Some(1000),
        every: 1,
        last_gasp: false,
    }
}

fn spec<const N: usize>(channels: [ChannelSpec<'static>; N]) -> NodeSpec<'static, N> {
    NodeSpec {
        id: "n1",
        boot: BOOT,
        boot_kept: true,
        simulated: true,
        sample_ms: SAMPLE_MS,
        heartbeat_ms: HEARTBEAT_MS,
        birth: &[],
        channels,
    }
}

/// A pack as the gateway read it: topic, sequence, and every record with its age.
#[derive(Clone, Debug, PartialEq)]
struct Heard {
    alarm: bool,
    seq: u64,
    said: Vec<(String, Result<i64, Absence>, u32)>,
}

/// One node with one `gas-0` channel and all it needs.
struct Bench<const STORE: usize> {
    node: Node<'static, 1, STORE>,
    now_ms: u64,
}

impl<const STORE: usize> Bench<STORE> {
    fn new(channel: ChannelSpec<'static>) -> Self {
        Self {
            node: Node::new(spec([channel])).unwrap(),
            now_ms: 0,
        }
    }

    fn sample(&mut self, value: Result<Micro, Absence>) {
        self.node.tick(self.now_ms, &mut [&mut Told(value)]);
        self.now_ms += SAMPLE_MS;
    }

    fn say(&mut self, value: i64) {
        self.sample(Ok(units(value)));
    }

    fn hear(&mut self) -> Vec<Heard> {
        hear(&mut self.node, self.now_ms)
    }

    /// Samples and hears at once what came of it.
    fn step(&mut self, value: i64) -> Vec<Heard> {
        self.say(value);
        hear(&mut self.node, self.now_ms - SAMPLE_MS)
    }
}

fn hear<const C: usize, const S: usize>(node: &mut Node<'_, C, S>, now_ms: u64) -> Vec<Heard> {
    let mut heard = vec![];
    let mut buf = [0; PACK_BYTES];
    while let Some((kind, bytes)) = node.poll_pack(now_ms, &mut buf) {
        let pack = Pack::parse(bytes).unwrap();
        let mark = pack.header().mark.unwrap();
        assert_eq!(
            (pack.header().node, mark.boot, pack.header().simulated),
            ("n1", BOOT, true)
        );
        let said = pack.records().map(|record| {
            let record = record.unwrap();
            let value = match record.value {
                Value::Micro(value) => Ok(value.0 / MICRO),
                Value::Absent(reason) => Err(reason),
                other => unreachable!("{other:?}"),
            };
            (record.name.to_owned(), value, record.age_ms)
        });
        heard.push(Heard {
            alarm: kind == TopicKind::Alarm,
            seq: mark.seq,
            said: said.collect(),
        });
    }
    heard
}

fn heard(alarm: bool, seq: u64, value: i64) -> Vec<Heard> {
    vec![Heard {
        alarm,
        seq,
        said: vec![("gas-0".into(), Ok(value), 0)],
    }]
}

#[test]
fn reports_by_exception() {
    let mut bench = Bench::<8>::new(gas());
    assert_eq!(bench.step(10), heard(false, 1, 10), "the first sample is news");
    assert_eq!(bench.step(14), [], "below the delta");
    assert_eq!(bench.step(15), heard(false, 2, 15));
    assert_eq!(bench.step(15), []);
    assert_eq!(bench.step(9), heard(false, 3, 9));
}

#[test]
fn a_heartbeat_reports_every_channel_once_a_period() {
    let mut node = Node::<2, 64>::new(spec([gas(), temp()])).unwrap();
    let mut packs = vec![];
    for now_ms in (0..=2 * HEARTBEAT_MS).step_by(10) {
        let wobble = (now_ms / SAMPLE_MS % 2) as i64;
        let mut temp = Told(Ok(Micro(units(25).0 + wobble)));
        node.tick(now_ms, &mut [&mut Told(Ok(units(1))), &mut temp]);
        packs.extend(hear(&mut node, now_ms).into_iter().map(|heard| (now_ms, heard)));
    }
    let times: Vec<_> = packs
        .iter()
        .map(|(now_ms, heard)| (*now_ms, heard.seq, heard.said.len()))
        .collect();
    assert_eq!(times, [(0, 1, 2), (HEARTBEAT_MS, 2, 2), (2 * HEARTBEAT_MS, 3, 2)]);
}

#[test]
fn an_alarm_goes_out_at_once_and_with_every_sample_until_it_clears() {
    let mut bench = Bench::<16>::new(gas());
    bench.step(10);
    assert_eq!(bench.step(50), heard(true, 2, 50));
    assert_eq!(
        bench.step(50),
        heard(true, 3, 50),
        "unchanged, and said again: the gateway counts samples"
    );
    assert_eq!(bench.step(40), heard(true, 4, 40), "not inside clear");
    assert_eq!(
        bench.step(39),
        heard(false, 5, 39),
        "the end of it is news, however small the change"
    );
    assert_eq!(bench.step(45), heard(false, 6, 45), "not at set again");
    assert_eq!(bench.step(45), []);
}

#[test]
fn one_sample_is_sent_one_way_even_on_a_heartbeat() {
    let mut bench = Bench::<512>::new(gas());
    let samples = 3 * HEARTBEAT_MS / SAMPLE_MS;
    let said: usize = (0..samples)
        .flat_map(|_| bench.step(60))
        .map(|heard| heard.said.len())
        .sum();
    assert_eq!(said as u64, samples);
}

#[test]
fn a_low_limit_works_downwards() {
    let mut low = gas();
    low.alarm = Some(Limit {
        set: units(10),
        clear: units(12),
        above: false,
    });
    let mut bench = Bench::<16>::new(low);
    let alarms: Vec<_> = [20, 11, 10, 11, 12, 13, 10]
        .map(|v| bench.step(v).iter().any(|h| h.alarm))
        .into();
    assert_eq!(alarms, [false, false, true, true, true, false, true]);
}

#[test]
fn absence_is_news_once_and_keeps_its_reason() {
    let mut bench = Bench::<16>::new(gas());
    bench.step(60);
    let mut absent = |reason| {
        bench.sample(Err(reason));
        let heard = hear(&mut bench.node, 0);
        heard.iter().map(|h| (h.alarm, h.said[0].1)).collect::<Vec<_>>()
    };
    assert_eq!(absent(Absence::Bus), [(true, Err(Absence::Bus))], "lost while in alarm");
    assert_eq!(absent(Absence::Bus), []);
    assert_eq!(absent(Absence::Crc), [(true, Err(Absence::Crc))]);
    assert_eq!(bench.step(41), heard(true, 4, 41), "still in alarm where it comes back");
    assert_eq!(bench.step(20_000)[0].said[0].1, Err(Absence::Range));
}

#[test]
fn self_checks_tell_a_jump_and_a_stuck_sensor() {
    let mut bench = Bench::<64>::new(temp());
    let mut said = |micro: i64| {
        bench.sample(Ok(Micro(micro)));
        bench.hear().first().map(|heard| heard.said[0].1)
    };
    assert_eq!(said(25_000_000), Some(Ok(25)));
    assert_eq!(said(26_000_000), None, "10 a second is allowed");
    assert_eq!(said(27_000_001), Some(Err(Absence::Rate)));
    assert_eq!(said(27_000_001), Some(Ok(27)), "a true step costs one sample");
    let stuck: Vec<_> = (0..12).filter_map(|_| said(27_000_001)).collect();
    assert_eq!(stuck, [Err(Absence::Stuck)]);
    assert_eq!(said(27_000_002), Some(Ok(27)));
}

#[test]
fn keeps_samples_while_the_network_is_away_with_their_age() {
    let mut bench = Bench::<8>::new(gas());
    bench.say(10);
    bench.say(60);
    bench.say(61);
    bench.say(20);
    let packs = bench.hear();
    let said = |value, age_ms| ("gas-0".to_owned(), Ok(value), age_ms);
    let alarm = Heard {
        alarm: true,
        seq: 1,
        said: vec![said(60, 300), said(61, 200)],
    };
    let data = Heard {
        alarm: false,
        seq: 2,
        said: vec![said(10, 400), said(20, 100)],
    };
    assert_eq!(packs, [alarm, data], "alarms first");
}

#[test]
fn what_was_not_acknowledged_goes_again_under_its_number() {
    let mut bench = Bench::<8>::new(gas());
    let first = bench.step(10);
    let second = bench.step(60);
    assert_eq!(bench.hear(), [], "on its way: not said twice on one connection");
    bench.node.on_ack(Mark { boot: BOOT, seq: 1 });
    bench.say(70);
    bench.node.on_link_up();
    let again = bench.hear();
    let numbers: Vec<_> = again.iter().map(|heard| (heard.seq, heard.said[0].1)).collect();
    assert_eq!(numbers, [(2, Ok(60)), (3, Ok(70))]);
    assert_eq!((first[0].seq, second[0].seq), (1, 2));
    assert_eq!(again[0].said[0].2, 200, "older by now");
}

#[test]
fn an_acknowledgement_of_something_else_trims_nothing() {
    let mut bench = Bench::<8>::new(gas());
    bench.step(10);
    for mark in [
        Mark { boot: BOOT - 1, seq: 1 },
        Mark { boot: BOOT + 1, seq: 1 },
        Mark { boot: BOOT, seq: 2 },
    ] {
        bench.node.on_ack(mark);
        bench.node.on_link_up();
        assert_eq!(bench.hear().len(), 1, "{mark:?}");
    }
    bench.node.on_ack(Mark { boot: BOOT, seq: 1 });
    bench.node.on_link_up();
    assert_eq!(bench.hear(), []);
}

#[test]
fn a_new_connection_reports_every_channel_at_the_next_sample() {
    let mut bench = Bench::<8>::new(gas());
    bench.step(10);
    bench.node.on_ack(Mark { boot: BOOT, seq: 1 });
    assert_eq!(bench.step(10), []);
    bench.node.on_link_up();
    assert_eq!(bench.step(10), heard(false, 2, 10));
}

#[test]
fn a_full_store_drops_the_oldest_data_and_says_how_many() {
    let mut bench = Bench::<4>::new(gas());
    [10, 60, 61, 20, 30, 39].into_iter().for_each(|value| bench.say(value));
    assert_eq!(bench.node.lost(), 2);
    let packs = bench.hear();
    let values: Vec<_> = packs
        .iter()
        .flat_map(|h| &h.said)
        .map(|(name, value, _)| (&**name, value.unwrap()))
        .collect();
    assert_eq!(
        values,
        [
            ("gas-0", 60),
            ("gas-0", 61),
            ("lost", 2),
            ("gas-0", 30),
            ("gas-0", 39),
            ("lost", 2)
        ]
    );
}

#[test]
fn a_store_full_of_alarms_takes_only_newer_alarms() {
    let mut bench = Bench::<2>::new(gas());
    [60, 61, 62, 10].into_iter().for_each(|value| bench.say(value));
    let packs = bench.hear();
    let values: Vec<_> = packs[0].said.iter().map(|(_, value, _)| value.unwrap()).collect();
    assert_eq!((values, packs.len(), bench.node.lost()), (vec![61, 62, 2], 1, 2));
    let mut none = Bench::<0>::new(gas());
    none.say(60);
    assert_eq!((none.hear(), none.node.lost()), (vec![], 1));
}

#[test]
fn the_largest_packs_fit_whatever_their_age() {
    const NAMES: [&str; 2] = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"];
    let channel = |name| ChannelSpec {
        name,
        quantity: Quantity::Counter,
        alarm: None,
        report_delta: Some(Micro(1)),
        ..gas()
    };
    assert_eq!(Quantity::Counter.unit(), Unit::Count);
    let id = "cccccccccccccccccccccccccccccccc";
    let spec = NodeSpec {
        id,
        boot: i64::MAX as u64,
        ..spec(NAMES.map(channel))
    };
    let mut node = Node::<2, 200>::new(spec).unwrap();
    for at in 0..150_i64 {
        let value = Ok(Micro(4_294_967_294_999_999 - at % 2));
        node.tick(at as u64 * SAMPLE_MS, &mut [&mut Told(value), &mut Told(value)]);
    }
    let mut buf = [0; PACK_BYTES];
    let mut records = 0;
    while let Some((_, bytes)) = node.poll_pack(u64::MAX / 2, &mut buf) {
        records += Pack::parse(bytes)
            .unwrap()
            .records()
            .flatten()
            .filter(|record| record.name != "lost")
            .count();
    }
    assert_eq!((records, node.lost()), (200, 100));
}

#[test]
fn a_late_tick_samples_once_and_a_node_knows_when_it_is_next() {
    let mut bench = Bench::<64>::new(gas());
    assert_eq!(bench.node.next_tick_ms(), 0);
    bench.say(60);
    assert_eq!(bench.node.next_tick_ms(), 100);
    bench.now_ms = 950;
    bench.say(60);
    assert_eq!(bench.node.next_tick_ms(), 1050);
    bench.now_ms = 1049;
    bench.say(60);
    assert_eq!(bench.hear()[0].said.len(), 2);
}

#[test]
fn a_spec_that_cannot_be_is_refused() {
    let with = |change: fn(&mut NodeSpec<'static, 2>)| {
        let mut spec = spec([gas(), temp()]);
        change(&mut spec);
        Node::<2, 8>::new(spec).map(|_| ())
    };
    assert_eq!(with(|_| ()), Ok(()));
    assert_eq!(with(|s| s.id = "N1"), Err(SpecError::Identity));
    assert_eq!(with(|s| s.boot = u64::MAX), Err(SpecError::Identity));
    assert_eq!(with(|s| s.sample_ms = 0), Err(SpecError::Period));
    assert_eq!(with(|s| s.heartbeat_ms = 99), Err(SpecError::Period));
    assert_eq!(with(|s| s.channels[1].name = "gas-0"), Err(SpecError::Name(1)));
    assert_eq!(with(|s| s.channels[0].name = "seq"), Err(SpecError::Name(0)));
    let crossed = |s: &mut NodeSpec<'static, 2>| {
        s.channels[0].alarm = Some(Limit {
            set: units(1),
            clear: units(2),
            above: true,
        });
    };
    assert_eq!(with(crossed), Err(SpecError::Limit(0)));
}

/// What may befall a node between two samples.
#[derive(Clone, Debug)]
enum Event {
    Sample(Result<i64, Absence>),
    Hear,
    Ack(u64),
    LinkUp,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..100_i64).prop_map(|v| Event::Sample(Ok(v))),
        1 => Just(Event::Sample(Err(Absence::Bus))),
        3 => Just(Event::Hear),
        2 => (0..50_u64).prop_map(Event::Ack),
        1 => Just(Event::LinkUp),
    ]
}

proptest! {
    /// Through any outage a gateway that takes only rising numbers hears every alarm sample that was not dropped for a
    /// newer alarm, none twice, and every number rises within a connection.
    #[test]
    fn no_alarm_is_doubled_and_none_is_lost_unsaid(events in proptest::collection::vec(event(), 0..200)) {
        let mut bench = Bench::<6>::new(gas());
        let (mut high, mut last, mut alarms) = (0, 0, vec![]);
        let mut expected = vec![];
        for event in events.into_iter().chain([Event::LinkUp, Event::Hear]) {
            let now_ms = bench.now_ms;
            match event {
                Event::Sample(value) => {
                    if value.is_ok_and(|v| v >= 50) {
                        expected.push(now_ms);
                    }
                    bench.sample(value.map(units));
                }
                Event::Ack(seq) => bench.node.on_ack(Mark { boot: BOOT, seq: seq.min(high) }),
                Event::LinkUp => {
                    bench.node.on_link_up();
                    last = 0;
                }
                Event::Hear => for heard in bench.hear() {
                    prop_assert!(heard.seq > last);
                    last = heard.seq;
                    if heard.seq > high {
                        high = heard.seq;
                        let set = heard.said.iter().filter(|(name, value, _)| name == "gas-0" && value.is_ok_and(|v| v >= 50));
                        alarms.extend(set.map(|(_, _, age_ms)| now_ms - u64::from(*age_ms)));
                    }
                },
            }
        }
        let mut once = alarms.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), alarms.len());
        let missing = expected.len() - alarms.len();
        prop_assert!(missing <= bench.node.lost() as usize);
    }
}

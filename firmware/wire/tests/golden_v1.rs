//! Do not change these bytes: a changed byte is a new version (see `muster_wire::VERSION`).
#![expect(
    clippy::unwrap_used,
    reason = "helpers stand outside of `#[test]`, where .clippy.toml does not reach; a test may fail loudly"
)]

use muster_wire::senml::{Header, Pack, PackWriter, Record, Value};
use muster_wire::{Absence, Mark, Micro, Topic, TopicKind};

/// `[{bn:"room1-n2:",n:"boot",v:7},{n:"seq",v:41},{n:"gas-0",u:"ppm",v:12.5},{n:"temp",v:25},{n:"door",vb:true,t:-1.5}]`
const DATA: &str = "9f a3 21 69 726f6f6d312d6e323a 00 64 626f6f74 02 07 a2 00 63 736571 02 18 29 \
    a3 00 65 6761732d30 01 63 70706d 02 c4 82 20 18 7d \
    a2 00 64 74656d70 02 18 19 \
    a3 00 64 646f6f72 04 f5 06 c4 82 20 2e ff";

/// `[{bn:"room1-n2:",n:"boot",v:7},{n:"seq",v:42},{n:"gas-0",u:"ppm",v:812.25},{n:"smoke",vs:"crc"}]`
const ALARM: &str = "9f a3 21 69 726f6f6d312d6e323a 00 64 626f6f74 02 07 a2 00 63 736571 02 18 2a \
    a3 00 65 6761732d30 01 63 70706d 02 c4 82 21 1a 00013d49 \
    a2 00 65 736d6f6b65 03 63 637263 ff";

/// `[{bn:"room1-n2:",sim_:true,n:"boot",v:4294967296},{n:"seq",v:0},{n:"temp",v:-0.000001,t:-3600}]`
const SIMULATED: &str = "9f a4 21 69 726f6f6d312d6e323a 64 73696d5f f5 00 64 626f6f74 02 1b 0000000100000000 \
    a2 00 63 736571 02 00 a3 00 64 74656d70 02 c4 82 25 20 06 39 0e0f ff";

/// An acknowledgement: `boot` and `seq`, nothing else.
const ACK: &str = "9f a3 21 69 726f6f6d312d6e323a 00 64 626f6f74 02 07 a2 00 63 736571 02 18 29 ff";

const NODE: &str = "room1-n2";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn record<'a>(name: &'a str, value: Value<'a>, age_ms: u32, unit: Option<&'a str>) -> Record<'a> {
    Record {
        name,
        value,
        age_ms,
        unit,
    }
}

fn data() -> Vec<Record<'static>> {
    vec![
        record("gas-0", Value::Micro(Micro(12_500_000)), 0, Some("ppm")),
        record("temp", Value::Micro(Micro(25_000_000)), 0, None),
        record("door", Value::Bool(true), 1500, None),
    ]
}

fn alarm() -> Vec<Record<'static>> {
    vec![
        record("gas-0", Value::Micro(Micro(812_250_000)), 0, Some("ppm")),
        record("smoke", Value::Absent(Absence::Crc), 0, None),
    ]
}

fn simulated() -> Vec<Record<'static>> {
    vec![record("temp", Value::Micro(Micro(-1)), 3_600_000, None)]
}

fn reads(payload: &[u8], header: Header<'_>, records: &[Record<'_>]) {
    let pack = Pack::parse(payload).unwrap();
    assert_eq!(pack.header(), header);
    assert_eq!(pack.records().collect::<Result<Vec<_>, _>>().unwrap(), records);
}

fn both_ways(golden: &str, header: Header<'_>, records: &[Record<'_>]) {
    let golden = bytes(golden);
    reads(&golden, header, records);
    let mut buf = [0; 256];
    let mut writer = PackWriter::new(&mut buf, header.node, header.mark.unwrap(), header.simulated).unwrap();
    for record in records {
        writer.push(record).unwrap();
    }
    assert_eq!(writer.finish(), golden);
}

const fn header(boot: u64, seq: u64, simulated: bool) -> Header<'static> {
    Header {
        node: NODE,
        mark: Some(Mark { boot, seq }),
        simulated,
    }
}

#[test]
fn packs_in_cbor() {
    both_ways(DATA, header(7, 41, false), &data());
    both_ways(ALARM, header(7, 42, false), &alarm());
    both_ways(SIMULATED, header(1 << 32, 0, true), &simulated());
    both_ways(ACK, header(7, 41, false), &[]);
}

#[cfg(feature = "json")]
#[test]
fn packs_in_json() {
    let data_json = br#"[{"bn":"room1-n2:","n":"boot","v":7},{"n":"seq","v":41},{"n":"gas-0","u":"ppm","v":12.5},{"n":"temp","v":25},{"n":"door","vb":true,"t":-1.5}]"#;
    reads(data_json, header(7, 41, false), &data());
    let alarm_json = br#"
        [{"bn":"room1-n2:","n":"boot","v":7},{"n":"seq","v":42},
         {"n":"gas-0","u":"ppm","v":812.25},{"n":"smoke","vs":"crc"}]"#;
    reads(alarm_json, header(7, 42, false), &alarm());
    let simulated_json = br#"[{"bn":"room1-n2:","sim_":true,"n":"boot","v":4294967296},{"n":"seq","v":0},{"n":"temp","v":-1e-6,"t":-3600}]"#;
    reads(simulated_json, header(1 << 32, 0, true), &simulated());
}

#[test]
fn topics() {
    for (text, kind) in [
        ("muster/v1/pangyo/room1-n2/data", TopicKind::Data),
        ("muster/v1/pangyo/room1-n2/alarm", TopicKind::Alarm),
        ("muster/v1/pangyo/room1-n2/birth", TopicKind::Birth),
        ("muster/v1/pangyo/room1-n2/state", TopicKind::State),
        ("muster/v1/pangyo/room1-n2/ack", TopicKind::Ack),
        ("muster/v1/pangyo/room1-n2/cmd/self-test", TopicKind::Cmd("self-test")),
    ] {
        let topic = Topic {
            site: "pangyo",
            node: NODE,
            kind,
        };
        assert_eq!(topic.to_string(), text);
        assert_eq!(Topic::parse(text), Ok(topic));
    }
}

#[test]
fn words() {
    let words: Vec<_> = Absence::ALL.iter().map(|a| a.as_str()).collect();
    assert_eq!(
        words.join(" "),
        "warmup bus crc range rate stuck open short config lost"
    );
    assert_eq!((muster_wire::ONLINE, muster_wire::OFFLINE), ("online", "offline"));
}

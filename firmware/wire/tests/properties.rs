//! What has to hold for every pack and for any bytes at all.
#![expect(
    clippy::unwrap_used,
    reason = "helpers stand outside of `#[test]`, where .clippy.toml does not reach; a test may fail loudly"
)]

use muster_wire::senml::{Full, MAX_PACK_BYTES, Pack, PackWriter, Record, Value};
use muster_wire::{Absence, Mark, Micro, Topic};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Said {
    Micro(i64),
    Bool(bool),
    Absent(Absence),
    Text(String),
}

#[derive(Clone, Debug)]
struct Sample {
    name: String,
    said: Said,
    age_ms: u32,
    unit: Option<String>,
}

impl Sample {
    fn record(&self) -> Record<'_> {
        let value = match &self.said {
            Said::Micro(value) => Value::Micro(Micro(*value)),
            Said::Bool(value) => Value::Bool(*value),
            Said::Absent(reason) => Value::Absent(*reason),
            Said::Text(word) => Value::Text(word),
        };
        Record {
            name: &self.name,
            value,
            age_ms: self.age_ms,
            unit: self.unit.as_deref(),
        }
    }
}

fn sample() -> impl Strategy<Value = Sample> {
    let said = prop_oneof![
        4 => any::<i64>().prop_map(Said::Micro),
        2 => (-1_000..1_000_000_i64).prop_map(|v| Said::Micro(v * 1000)),
        1 => any::<bool>().prop_map(Said::Bool),
        1 => proptest::sample::select(&Absence::ALL[..]).prop_map(Said::Absent),
        1 => "[A-Z ]{0,10}".prop_map(Said::Text),
    ];
    let age_ms = prop_oneof![Just(0), any::<u32>()];
    let unit = proptest::option::of("[a-zA-Z%/]{1,5}");
    ("[a-z0-9-]{1,32}", said, age_ms, unit).prop_map(|(name, said, age_ms, unit)| Sample {
        name,
        said,
        age_ms,
        unit,
    })
}

#[derive(Clone, Debug)]
struct Sent {
    node: String,
    mark: Mark,
    simulated: bool,
    samples: Vec<Sample>,
}

fn sent() -> impl Strategy<Value = Sent> {
    let count = 0..=i64::MAX as u64;
    let samples = proptest::collection::vec(sample(), 0..20);
    ("[a-z0-9-]{1,32}", count.clone(), count, any::<bool>(), samples).prop_map(
        |(node, boot, seq, simulated, samples)| Sent {
            node,
            mark: Mark { boot, seq },
            simulated,
            samples,
        },
    )
}

fn encode(sent: &Sent) -> Vec<u8> {
    let mut buf = [0; MAX_PACK_BYTES];
    let mut writer = PackWriter::new(&mut buf, &sent.node, sent.mark, sent.simulated).unwrap();
    for sample in &sent.samples {
        writer.push(&sample.record()).unwrap();
    }
    writer.finish().to_vec()
}

/// Reads everything there is to read; the point is that it comes back.
fn exhaust(payload: &[u8]) -> bool {
    let Ok(pack) = Pack::parse(payload) else { return false };
    assert!(pack.records().count() <= payload.len());
    true
}

fn assert_reads(payload: &[u8], sent: &Sent) {
    let pack = Pack::parse(payload).unwrap();
    let header = pack.header();
    assert_eq!((header.node, header.mark), (&*sent.node, Some(sent.mark)));
    assert_eq!(header.simulated, sent.simulated);
    let read: Vec<_> = pack.records().collect::<Result<_, _>>().unwrap();
    let expected: Vec<_> = sent.samples.iter().map(Sample::record).collect();
    assert_eq!(read, expected);
}

/// How payloads begin that get beyond the first byte.
const HEADS: &[&[u8]] = &[
    b"",
    b"[",
    b" [",
    b"\x9f",
    b"\x9f\xbf",
    b"\x82\xa3\x21\x62a:",
    b"[{\"bn\":",
];

proptest! {
    #[test]
    fn what_is_written_is_read(sent in sent()) {
        assert_reads(&encode(&sent), &sent);
    }

    #[test]
    fn a_truncated_pack_is_refused_at_every_length(sent in sent()) {
        let payload = encode(&sent);
        for end in 0..payload.len() {
            prop_assert!(Pack::parse(&payload[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_pack_with_something_behind_it_is_refused(sent in sent(), tail in proptest::collection::vec(any::<u8>(), 1..9)) {
        let payload = [encode(&sent), tail].concat();
        prop_assert!(Pack::parse(&payload).is_err());
    }

    #[test]
    fn a_mutated_pack_is_read_or_refused(
        sent in sent(), changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)
    ) {
        let mut payload = encode(&sent);
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        exhaust(&payload);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        head in proptest::sample::select(HEADS),
        tail in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        exhaust(&[head, &tail].concat());
    }

    #[test]
    fn a_full_pack_keeps_what_it_has(sent in sent(), size in 0..700_usize) {
        let mut buf = vec![0; size];
        let Ok(mut writer) = PackWriter::new(&mut buf, &sent.node, sent.mark, sent.simulated) else {
            prop_assert!(size < 96);
            return Ok(());
        };
        let mut kept = sent.clone();
        kept.samples.retain(|sample| writer.push(&sample.record()) != Err(Full));
        assert_reads(writer.finish(), &kept);
    }

    #[test]
    fn any_topic_is_read_back_or_refused(topic in "(muster/v1/)?[a-z0-9/-]{0,80}") {
        if let Ok(read) = Topic::parse(&topic) {
            prop_assert_eq!(read.to_string(), topic);
        }
    }
}

#[cfg(feature = "json")]
mod json {
    use super::*;

    fn json(sent: &Sent) -> String {
        let Sent {
            node,
            mark,
            simulated,
            samples,
        } = sent;
        let mut text = format!(
            r#"[{{"bn":"{node}:","sim_":{simulated},"n":"boot","v":{}}},{{"n":"seq","v":{}}}"#,
            mark.boot, mark.seq
        );
        for Sample {
            name,
            said,
            age_ms,
            unit,
        } in samples
        {
            let value = match said {
                Said::Micro(value) => format!(r#""v":{}"#, Micro(*value)),
                Said::Bool(value) => format!(r#""vb":{value}"#),
                Said::Absent(reason) => format!(r#""vs":"{}""#, reason.as_str()),
                Said::Text(word) => format!(r#""vs":"{word}""#),
            };
            let unit = unit.as_ref().map_or(String::new(), |unit| format!(r#","u":"{unit}""#));
            let time = Micro(-1000 * i64::from(*age_ms));
            text += &format!(r#",{{"n":"{name}",{value}{unit},"t":{time}}}"#);
        }
        text + "]"
    }

    /// A double holds 15 digits: nine before the point beside our six behind it.
    fn in_double_range(mut sent: Sent) -> Sent {
        for sample in &mut sent.samples {
            if let Said::Micro(value) = &mut sample.said {
                *value %= 1_000_000_000_000_000;
            }
        }
        sent.samples.truncate(16);
        sent
    }

    proptest! {
        #[test]
        fn both_encodings_say_the_same(sent in sent()) {
            let sent = in_double_range(sent);
            assert_reads(json(&sent).as_bytes(), &sent);
        }

        #[test]
        fn a_truncated_pack_is_refused_at_every_length_in_json(sent in sent()) {
            let text = json(&in_double_range(sent));
            for end in 0..text.len() {
                prop_assert!(Pack::parse(&text.as_bytes()[..end]).is_err(), "cut at {end}");
            }
        }

        #[test]
        fn a_mutated_pack_is_read_or_refused_in_json(
            sent in sent(), changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)
        ) {
            let mut payload = json(&in_double_range(sent)).into_bytes();
            for (at, byte) in changes {
                let at = at.index(payload.len());
                payload[at] = byte;
            }
            exhaust(&payload);
        }
    }
}

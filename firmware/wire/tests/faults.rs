//! Each way in which a pack or a record can be wrong, and what survives it.
#![expect(
    clippy::unwrap_used,
    reason = "helpers stand outside of `#[test]`, where .clippy.toml does not reach; a test may fail loudly"
)]

use muster_wire::Micro;
use muster_wire::senml::{MAX_PACK_BYTES, Pack, PackFault, Record, RecordFault, Value};

/// `[{bn:"a:"},` and what follows, until the break.
fn cbor(records: &[u8]) -> Vec<u8> {
    [b"\x9f\xa1\x21\x62a:", records, b"\xff"].concat()
}

/// One record `{n:"x", v: …}` in CBOR and what comes of it, with `{n:"y", v:1}` after it, which has to survive.
fn value(value: &[u8]) -> Result<Micro, RecordFault> {
    let payload = cbor(&[b"\xa2\x00\x61x\x02", value, b"\xa2\x00\x61y\x02\x01"].concat());
    let pack = Pack::parse(&payload).unwrap();
    let mut records = pack.records();
    let first = records.next().unwrap();
    assert_eq!(records.next().unwrap().unwrap().value, Value::Micro(Micro(1_000_000)));
    assert!(records.next().is_none());
    match first {
        Ok(Record {
            value: Value::Micro(value),
            ..
        }) => Ok(value),
        Ok(other) => unreachable!("{other:?}"),
        Err(refused) => Err(refused.fault),
    }
}

#[test]
fn every_number_of_cbor() {
    for (bytes, micro) in [
        (&b"\x17"[..], 23_000_000),
        (b"\x18\xff", 255_000_000),
        (b"\x37", -24_000_000),
        (b"\x3a\x00\x01\x86\x9f", -100_000_000_000),
        (b"\xf9\x3c\x00", 1_000_000),
        (b"\xf9\xc4\x00", -4_000_000),
        (b"\xf9\x7b\xff", 65_504_000_000),
        (b"\xf9\x00\x01", 0),
        (b"\xf9\x04\x00", 61),
        (b"\xfa\x41\xc8\xcc\xcd", 25_100_000),
        (b"\xfb\x40\x39\x19\x99\x99\x99\x99\x9a", 25_100_000),
        (b"\xc4\x82\x20\x18\xfb", 25_100_000),
        (b"\xc4\x82\x03\x02", 2_000_000_000),
        (b"\xc4\x9f\x20\x18\xfb\xff", i64::MIN),
    ] {
        let expected = if micro == i64::MIN {
            Err(RecordFault::WrongType)
        } else {
            Ok(Micro(micro))
        };
        assert_eq!(value(bytes), expected, "{bytes:x?}");
    }
}

#[test]
fn what_is_no_number_costs_only_its_record() {
    for bytes in [
        &b"\xf9\x7e\x00"[..],
        b"\xf9\x7c\x00",
        b"\xfa\x7f\xc0\x00\x00",
        b"\xfa\xff\x80\x00\x00",
        b"\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00",
        b"\xfb\x7e\x37\xe4\x3c\x88\x00\x75\x9c",
        b"\x1b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xc4\x82\x12\x09",
        b"\xc4\x82\x1b\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ] {
        assert_eq!(value(bytes), Err(RecordFault::NotANumber), "{bytes:x?}");
    }
    for bytes in [
        &b"\xf5"[..],
        b"\xf6",
        b"\x61z",
        b"\x7f\x61z\xff",
        b"\x41z",
        b"\x81\x01",
        b"\xa1\x01\x02",
        b"\xc2\x41\x01",
        b"\xc4\x81\x01",
        b"\xc4\x01",
        b"\xc4\x82\x20\x61z",
    ] {
        assert_eq!(value(bytes), Err(RecordFault::WrongType), "{bytes:x?}");
    }
}

#[test]
fn malformed_cbor_is_refused_whole() {
    for payload in [
        &b""[..],
        b"\x00",
        b"\x80\x00",
        b"\xa0",
        b"\xf6",
        b"\xff",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        let fault = Pack::parse(payload).unwrap_err();
        assert!(matches!(fault, PackFault::Malformed), "{payload:x?}: {fault}");
    }
    for records in [
        &b"\x01"[..],
        b"\xa1\x00",
        b"\xa1\x00\xff",
        b"\xa1\x07\xff",
        b"\xa1\x41a\x01",
        b"\xa1\x7f\x61_\xff\x01",
        b"\xa1\x62\xff\xfe\x01",
        b"\xa1\x00\x61\xff",
        b"\xa2\x00\x61x\x00\x61x",
        b"\xa2\x00\x61x\x61n\x61x",
        b"\xa1\x22\x61x",
        b"\xa1\x23\x01",
        b"\xa1\x24\xf9\x7e\x00",
    ] {
        assert_eq!(
            Pack::parse(&cbor(records)).unwrap_err(),
            PackFault::Malformed,
            "{records:x?}"
        );
    }
}

#[test]
fn depth_and_size_are_bounded() {
    for (nested, well) in [(7, true), (8, false), (4000, false)] {
        for head in [0x81, 0xc6] {
            let deep = [&b"\xa1\x07"[..], &vec![head; nested], b"\x00"].concat();
            assert_eq!(Pack::parse(&cbor(&deep)).is_ok(), well, "{nested} × {head:x}");
        }
    }
    assert_eq!(Pack::parse(&[0x81; MAX_PACK_BYTES]).unwrap_err(), PackFault::Malformed);
    assert_eq!(
        Pack::parse(&[0x81; MAX_PACK_BYTES + 1]).unwrap_err(),
        PackFault::Oversized
    );
}

#[test]
fn what_is_unknown_is_skipped_unless_it_must_be_understood() {
    for unknown in [
        &b"\x82\x01\x9f\x02\x81\x03\xff"[..],
        b"\xbf\x01\xa1\x02\x03\xff",
        b"\xf8\xff",
        b"\x5f\x41a\xff",
    ] {
        let skipped = cbor(&[b"\xa4\x00\x61x\x02\x01\x18\x63", unknown, b"\x63new\xf7"].concat());
        assert_eq!(
            Pack::parse(&skipped).unwrap().records().flatten().count(),
            1,
            "{unknown:x?}"
        );
    }
    for broken in [&b"\x81\xff"[..], b"\xc6\xff", b"\xbf\x01\xff", b"\xa1\x01\xff", b"\x1c"] {
        let broken = cbor(&[b"\xa3\x00\x61x\x02\x01\x18\x63", broken].concat());
        assert_eq!(Pack::parse(&broken).unwrap_err(), PackFault::Malformed, "{broken:x?}");
    }
    let demanded = cbor(b"\xa3\x00\x61x\x02\x01\x64new_\xf7");
    assert_eq!(Pack::parse(&demanded).unwrap_err(), PackFault::MustUnderstand);
}

#[cfg(feature = "json")]
mod json {
    use super::*;
    use muster_wire::{Absence, Mark};

    fn fault(text: &str) -> PackFault {
        Pack::parse(text.as_bytes()).unwrap_err()
    }

    /// What comes of each record of `[{"bn":"a:"}, …]`.
    fn faults(records: &str) -> Vec<Result<(), RecordFault>> {
        let text = format!(r#"[{{"bn":"a:"}},{records}]"#);
        let pack = Pack::parse(text.as_bytes()).unwrap();
        pack.records().map(|r| r.map(drop).map_err(|r| r.fault)).collect()
    }

    #[test]
    fn packs_refused_whole() {
        for (text, expected) in [
            (r"[", PackFault::Malformed),
            (r"[]", PackFault::BaseName),
            (r"{}", PackFault::Malformed),
            (r"[1]", PackFault::Malformed),
            (r#"[{"n":"x","v":1}]"#, PackFault::BaseName),
            (r#"[{"bn":"a","n":"x","v":1}]"#, PackFault::BaseName),
            (r#"[{"bn":":"}]"#, PackFault::BaseName),
            (r#"[{"bn":"A:"}]"#, PackFault::BaseName),
            (r#"[{"bn":1}]"#, PackFault::BaseName),
            (r#"[{"bn":"a:"},{"bn":"b:"}]"#, PackFault::BaseName),
            (r#"[{"bn":"a:","bver":5}]"#, PackFault::Version),
            (r#"[{"bn":"a:","bver":11}]"#, PackFault::Version),
            (r#"[{"bn":"a:","x_":1}]"#, PackFault::MustUnderstand),
            (r#"[{"bn":"a:","x\u005f":1}]"#, PackFault::MustUnderstand),
            (r#"[{"bn":"a:","sim_":1}]"#, PackFault::MustUnderstand),
            (r#"[{"bn":"a:"},{"sim_":true}]"#, PackFault::MustUnderstand),
            (r#"[{"bn":"a:","n":"boot","v":1}]"#, PackFault::Mark),
            (r#"[{"bn":"a:","n":"boot","v":1},{"n":"x","v":1}]"#, PackFault::Mark),
            (r#"[{"bn":"a:","n":"boot","v":-1},{"n":"seq","v":1}]"#, PackFault::Mark),
            (r#"[{"bn":"a:","n":"boot","v":1.5},{"n":"seq","v":1}]"#, PackFault::Mark),
            (
                r#"[{"bn":"a:","n":"boot","vs":"1"},{"n":"seq","v":1}]"#,
                PackFault::Mark,
            ),
            (
                r#"[{"bn":"a:","bv":1,"n":"boot","v":1},{"n":"seq","v":1}]"#,
                PackFault::Mark,
            ),
            (
                r#"[{"bn":"a:","n":"boot","v":1},{"n":"seq","v":18446744073709551615}]"#,
                PackFault::Mark,
            ),
            (r#"[{"bn":"a:"},{"n":"\u0078","v":1}]"#, PackFault::Escape),
            (r#"[{"bn":"a:"},{"n":"x","n":"x","v":1}]"#, PackFault::Malformed),
            (r#"[{"bn":"a:"}] ]"#, PackFault::Malformed),
            (r#"[{"bn":"a:"},{"n":"x","v":NaN}]"#, PackFault::Malformed),
            (r#"[{"bn":"a:"},{"n":"x","v":1e999}]"#, PackFault::Malformed),
        ] {
            assert_eq!(fault(text), expected, "{text}");
        }
        let deep = format!(r#"[{{"bn":"a:","v":{}"#, "[".repeat(4000));
        assert_eq!(fault(&deep), PackFault::Malformed);
    }

    #[test]
    fn records_refused_alone() {
        for (record, expected) in [
            (r#"{"n":"x","v":true}"#, RecordFault::WrongType),
            (r#"{"n":"x","v":"1"}"#, RecordFault::WrongType),
            (r#"{"n":"x","v":null}"#, RecordFault::WrongType),
            (r#"{"n":"x","v":[[1]]}"#, RecordFault::WrongType),
            (r#"{"n":"x","v":{"v":{}}}"#, RecordFault::WrongType),
            (r#"{"n":"x","vb":1}"#, RecordFault::WrongType),
            (r#"{"n":"x","vs":1}"#, RecordFault::WrongType),
            (r#"{"n":"x"}"#, RecordFault::WrongType),
            (r#"{"n":"x","v":1,"vs":"bus"}"#, RecordFault::WrongType),
            (r#"{"n":"x","v":1,"u":1}"#, RecordFault::WrongType),
            (r#"{"n":"x","v":1,"t":"now"}"#, RecordFault::WrongType),
            (r#"{"n":"x","v":1e13}"#, RecordFault::NotANumber),
            (r#"{"n":"x","v":9223372036854775807}"#, RecordFault::NotANumber),
            (r#"{"n":"x","v":1,"t":-1e13}"#, RecordFault::NotANumber),
            (r#"{"n":"x","v":1,"t":0.001}"#, RecordFault::Future),
            (r#"{"n":"x","v":1,"t":268435455}"#, RecordFault::Future),
            (r#"{"v":1}"#, RecordFault::NoName),
            (r#"{"n":"","v":1}"#, RecordFault::NoName),
            (r#"{"n":5,"v":1}"#, RecordFault::NoName),
        ] {
            let both = format!(r#"{record},{{"n":"y","v":1}}"#);
            assert_eq!(faults(&both), [Err(expected), Ok(())], "{record}");
        }
    }

    #[test]
    fn base_fields_stand_until_replaced() {
        let text = br#"[{"bn":"a:","bver":10,"bt":-10,"bu":"Cel","bv":20,"n":"p","v":1.5},
            {"n":"q","v":2,"t":-0.0004,"u":"V"}, {"bt":0}, {"n":"r","vs":"stuck"}, {"n":"s","vs":"Stuck","bu":"A"}]"#;
        let pack = Pack::parse(text).unwrap();
        let records: Vec<_> = pack.records().collect::<Result<_, _>>().unwrap();
        let said = |name, value, age_ms, unit| Record {
            name,
            value,
            age_ms,
            unit: Some(unit),
        };
        let expected = [
            said("p", Value::Micro(Micro(21_500_000)), 10_000, "Cel"),
            said("q", Value::Micro(Micro(22_000_000)), 10_001, "V"),
            said("r", Value::Absent(Absence::Stuck), 0, "Cel"),
            said("s", Value::Text("Stuck"), 0, "A"),
        ];
        assert_eq!(records, expected);
        assert_eq!(pack.header().mark, None);
    }

    #[test]
    fn an_absolute_time_decides_nothing() {
        for time in ["268435456", "1665814740", "4102444800"] {
            let text = format!(r#"[{{"bn":"a:","n":"x","v":1,"t":{time}}}]"#);
            let pack = Pack::parse(text.as_bytes()).unwrap();
            assert_eq!(pack.records().next().unwrap().unwrap().age_ms, 0);
        }
        assert_eq!(faults(r#"{"bt":1665814740,"n":"x","v":1,"t":-5}"#), [Ok(())]);
        let old = br#"[{"bn":"a:","n":"x","v":1,"t":-99999999}]"#;
        assert_eq!(
            Pack::parse(old).unwrap().records().next().unwrap().unwrap().age_ms,
            u32::MAX
        );
    }

    #[test]
    fn boot_and_seq_are_exact_to_the_last_bit() {
        let text = br#"[{"bn":"a:","n":"boot","v":9223372036854775807},{"n":"seq","v":9007199254740993}]"#;
        let mark = Mark {
            boot: i64::MAX as u64,
            seq: 9_007_199_254_740_993,
        };
        assert_eq!(Pack::parse(text).unwrap().header().mark, Some(mark));
    }

    #[test]
    fn a_pack_without_boot_has_all_its_records() {
        let text = br#"[{"bn":"a:","n":"seq","v":1},{"n":"boot","v":2},{"n":"x","v":3}]"#;
        let pack = Pack::parse(text).unwrap();
        assert_eq!((pack.header().mark, pack.records().count()), (None, 3));
    }
}

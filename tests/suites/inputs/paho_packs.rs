//! Packs that must not be believed, one by one: each counted under its cause, each alarming if it were taken.

use super::peers::{Canary, Paho, heat, pack, topic, voc};
use crate::stand::{Room, Stand};

const NODE: &str = "node-1";

/// A payload, where it goes, and what it is counted as.
struct Bad {
    name: &'static str,
    cause: &'static str,
    kind: &'static str,
    payload: Vec<u8>,
    retain: bool,
}

fn bad(name: &'static str, cause: &'static str, payload: Vec<u8>) -> Bad {
    Bad {
        name,
        cause,
        kind: "alarm",
        payload,
        retain: false,
    }
}

fn retained(name: &'static str, kind: &'static str, payload: Vec<u8>) -> Bad {
    let bad = bad(name, "retained", payload);
    Bad {
        kind,
        retain: true,
        ..bad
    }
}

fn padded(mut pack: Vec<u8>, bytes: usize) -> Vec<u8> {
    pack.resize(bytes, b' ');
    pack
}

/// `[{-2: "node-1:", 0: "boot", 2: 1}, {0: "seq", 2: seq}, {0: "voc", 2: half}, {0: "temperature", 2: celsius}]`.
fn cbor(seq: u8, half: u16, celsius: u8) -> Vec<u8> {
    let mut bytes = vec![0x84, 0xA3, 0x21, 0x67];
    bytes.extend(b"node-1:");
    bytes.extend([0x00, 0x64]);
    bytes.extend(b"boot");
    bytes.extend([0x02, 0x01, 0xA2, 0x00, 0x63]);
    bytes.extend(b"seq");
    bytes.extend([0x02, 0x18, seq, 0xA2, 0x00, 0x63]);
    bytes.extend(b"voc");
    bytes.extend([0x02, 0xF9]);
    bytes.extend(half.to_be_bytes());
    bytes.extend([0xA2, 0x00, 0x6B]);
    bytes.extend(b"temperature");
    bytes.extend([0x02, 0x18, celsius]);
    bytes
}

/// Refused as a whole. None of them may raise the node's mark: all say a sequence far ahead.
fn whole_packs() -> Vec<Bad> {
    let good = pack(NODE, 1, 900, &voc(100.0));
    let without_end = good[..good.len() - 7].to_vec();
    let json = |text: &str| text.as_bytes().to_vec();
    vec![
        bad("truncated", "malformed", without_end),
        bad("truncated CBOR", "malformed", cbor(90, 0x5640, 70)[..20].to_vec()),
        bad("nothing", "malformed", Vec::new()),
        bad("noise", "malformed", vec![0xFF; 300]),
        bad("not a list", "malformed", json(r#"{"bn":"node-1:","n":"voc","v":100}"#)),
        bad("two packs", "malformed", [good.clone(), good.clone()].concat()),
        bad(
            "NaN in JSON",
            "malformed",
            json(r#"[{"bn":"node-1:","n":"voc","v":NaN}]"#),
        ),
        bad("deep", "malformed", vec![b'['; 4_000]),
        bad("over 4 KiB", "oversized", padded(good.clone(), 4_097)),
        bad("far over 4 KiB", "oversized", padded(good.clone(), 8_000)),
        bad(
            "a field that must be understood",
            "must_understand",
            json(r#"[{"bn":"node-1:","n":"boot","v":1,"new_":1},{"n":"seq","v":900},{"n":"voc","v":100}]"#),
        ),
        bad("of another node", "identity", pack("node-2", 1, 900, &voc(100.0))),
        bad("of the canary", "identity", pack(Canary::ID, 1, 900, &voc(100.0))),
        bad(
            "without a name",
            "identity",
            json(r#"[{"n":"boot","v":1},{"n":"seq","v":900},{"n":"voc","v":100}]"#),
        ),
        bad(
            "without boot and seq",
            "no_sequence",
            json(r#"[{"bn":"node-1:","n":"voc","v":100}]"#),
        ),
        bad(
            "without seq",
            "no_sequence",
            json(r#"[{"bn":"node-1:","n":"boot","v":1},{"n":"voc","v":100}]"#),
        ),
        bad(
            "with half a seq",
            "no_sequence",
            json(r#"[{"bn":"node-1:","n":"boot","v":1},{"n":"seq","v":2.5},{"n":"voc","v":100}]"#),
        ),
        retained("retained data", "data", good.clone()),
        retained("retained alarm", "alarm", good.clone()),
        retained("retained birth", "birth", good.clone()),
        retained("retained and large", "alarm", padded(good, 1_000)),
        Bad {
            kind: "state",
            ..bad("a state of another kind", "malformed", json("alarm"))
        },
    ]
}

/// Good packs with one record that is not; the record beside it must be taken. `n` makes each unlike the last.
fn single_records() -> Vec<(&'static str, &'static str, &'static str)> {
    vec![
        ("text for a number", "wrong_type", r#"{"n":"voc","u":"ppm","v":"100"}"#),
        ("true for a number", "wrong_type", r#"{"n":"voc","u":"ppm","vb":true}"#),
        (
            "a list for a number",
            "wrong_type",
            r#"{"n":"voc","u":"ppm","v":[100]}"#,
        ),
        ("two values", "wrong_type", r#"{"n":"voc","u":"ppm","v":100,"vb":true}"#),
        ("no value", "wrong_type", r#"{"n":"voc","u":"ppm"}"#),
        ("a word that is no reason", "wrong_type", r#"{"n":"voc","vs":"fire"}"#),
        ("another unit", "wrong_type", r#"{"n":"voc","u":"Cel","v":100}"#),
        ("a unit that is near", "wrong_type", r#"{"n":"voc","u":"ppb","v":100}"#),
        ("a unit of the wrong type", "wrong_type", r#"{"n":"voc","u":7,"v":100}"#),
        ("too large a number", "nan", r#"{"n":"voc","u":"ppm","v":1e300}"#),
        ("from the future", "future", r#"{"n":"voc","u":"ppm","v":100,"t":5}"#),
        (
            "from the far future",
            "future",
            r#"{"n":"voc","u":"ppm","v":100,"t":200000000}"#,
        ),
        (
            "an unknown channel",
            "unknown_channel",
            r#"{"n":"smoke","u":"%/m","v":90}"#,
        ),
        (
            "a channel by another's name",
            "unknown_channel",
            r#"{"n":"canary.voc","u":"ppm","v":100}"#,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_pack_is_counted_and_decides_nothing() {
    let stand = Stand::start(Room::with(&[Canary::ID, NODE])).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    let mut node = Paho::connect(stand.mqtt(), NODE, 5).await;
    for bad in whole_packs() {
        let before = stand.api.dropped().await;
        node.publish(&topic(NODE, bad.kind), &bad.payload, bad.retain).await;
        assert_eq!(stand.api.dropped().await, one_more(before, bad.cause), "{}", bad.name);
        stand.assert_undecided(bad.name);
    }
    canary.is_heard(&stand.api).await;
    // None of them has raised the mark: a pack with a low sequence is taken.
    node.send(&topic(NODE, "data"), &pack(NODE, 1, 1, &heat(33.0))).await;
    stand
        .api
        .until_channel("node-1.temperature", "it is heard", |c| {
            c.value.as_deref() == Some("33")
        })
        .await;
    canary.alone_votes(&stand, "packs refused as a whole").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_record_costs_that_record_only() {
    let stand = Stand::start(Room::with(&[Canary::ID, NODE])).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    let mut node = Paho::connect(stand.mqtt(), NODE, 4).await;
    let packs = (1..).zip(single_records()).map(|(seq, (name, cause, record))| {
        let celsius = 20 + seq;
        (
            name,
            cause,
            pack(NODE, 1, seq, &format!("{record},{}", heat(celsius as f64))),
            celsius,
        )
    });
    let not_numbers = [
        (51, "NaN", 0x7E00),
        (52, "infinity", 0x7C00),
        (53, "minus infinity", 0xFC00),
    ];
    let not_numbers =
        not_numbers.map(|(seq, name, half)| (name, "nan", cbor(seq, half, seq - 10), u64::from(seq) - 10));
    for (name, cause, payload, celsius) in packs.chain(not_numbers) {
        let before = stand.api.dropped().await;
        node.send(&topic(NODE, "alarm"), &payload).await;
        assert_eq!(stand.api.dropped().await, one_more(before, cause), "{name}");
        let beside = |value: &Option<String>| value.as_deref() == Some(celsius.to_string().as_str());
        stand
            .api
            .until_channel("node-1.temperature", name, |c| beside(&c.value))
            .await;
        stand.assert_undecided(name);
    }
    canary.alone_votes(&stand, "bad records").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_before_does_not_count_again() {
    let stand = Stand::start(Room::with(&[Canary::ID, NODE])).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    let mut node = Paho::connect(stand.mqtt(), NODE, 5).await;
    node.send(&topic(NODE, "data"), &pack(NODE, 5, 10, &voc(1.0))).await;
    for (n, (boot, seq)) in (1..).zip([(5, 10), (5, 9), (5, 1), (4, 11), (0, u64::from(u32::MAX)), (5, 10)]) {
        node.send(&topic(NODE, "alarm"), &pack(NODE, boot, seq, &voc(100.0)))
            .await;
        assert_eq!(stand.api.count("replayed").await, n, "boot {boot} seq {seq}");
    }
    // A gap is no fault, and a new start begins again at the bottom.
    for (boot, seq) in [(5, 20), (6, 0), (9, 3)] {
        let celsius = 20 + boot + seq;
        node.send(&topic(NODE, "data"), &pack(NODE, boot, seq, &heat(celsius as f64)))
            .await;
        let shown = celsius.to_string();
        stand
            .api
            .until_channel("node-1.temperature", "it is heard", |c| {
                c.value.as_ref() == Some(&shown)
            })
            .await;
    }
    assert_eq!(stand.api.dropped().await, [("replayed".to_owned(), 6)]);
    canary.alone_votes(&stand, "replays").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packs_without_sequence_are_taken_where_the_config_says_so() {
    let free = "[[channel]]\nsource = \"other\"\nsignal = \"smoke\"\nquantity = \"smoke\"\nzone = \"room\"\nsequence = false\n\
                [[channel]]\nsource = \"other\"\nsignal = \"voc\"\nquantity = \"voc\"\nzone = \"room\"\nk = 1\nn = 1\n";
    let source = format!("[[source]]\nid = \"other\"\nkind = \"node\"\nzone = \"room\"\n{free}");
    let stand = Stand::start(Room::with(&[Canary::ID, NODE]).and(&source)).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    let mut other = Paho::connect(stand.mqtt(), "other", 4).await;
    let payload = br#"[{"bn":"other:","n":"smoke","u":"%/m","v":0.25},{"n":"voc","u":"ppm","v":100}]"#;
    other.send(&topic("other", "data"), payload).await;
    stand
        .api
        .until_channel("other.smoke", "it is heard", |c| c.value.as_deref() == Some("0.25"))
        .await;
    assert_eq!(
        stand.api.dropped().await,
        [("no_sequence".to_owned(), 1)],
        "the other channel needs one"
    );
    canary.alone_votes(&stand, "a pack without sequence").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_a_measurement_is_trouble_and_never_a_vote() {
    let stand = Stand::start(Room::with(&[Canary::ID, NODE])).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    let mut node = Paho::connect(stand.mqtt(), NODE, 5).await;
    let words = [
        "warmup", "bus", "crc", "range", "rate", "stuck", "open", "short", "config", "lost",
    ];
    let absent = words.map(|word| (word, format!(r#"{{"n":"voc","vs":"{word}"}}"#)));
    let out_of_range = [("bad", voc(1e6)), ("bad", voc(-1.0))];
    for (seq, (quality, record)) in (1..).zip(absent.into_iter().chain(out_of_range)) {
        node.send(&topic(NODE, "alarm"), &pack(NODE, 1, seq, &record)).await;
        stand
            .api
            .until_channel("node-1.voc", quality, |c| c.quality == quality && !c.alarm)
            .await;
        stand
            .until("trouble", |v| v.troubles.iter().any(|t| t.subject == "node-1.voc"))
            .await;
        stand.assert_undecided(quality);
    }
    let simulated =
        r#"[{"bn":"node-1:","n":"boot","v":1,"sim_":true},{"n":"seq","v":20},{"n":"voc","u":"ppm","v":100}]"#;
    node.send(&topic(NODE, "alarm"), simulated.as_bytes()).await;
    stand
        .api
        .until_channel("node-1.voc", "simulated", |c| c.quality == "simulated" && !c.alarm)
        .await;
    assert_eq!(
        stand.api.dropped().await,
        [],
        "a reason for absence is nothing to turn away"
    );
    canary.alone_votes(&stand, "absences").await;
}

fn one_more(mut counts: Vec<(String, u64)>, cause: &str) -> Vec<(String, u64)> {
    match counts.iter_mut().find(|(c, _)| c == cause) {
        Some((_, n)) => *n += 1,
        None => counts.push((cause.to_owned(), 1)),
    }
    counts.sort();
    counts
}

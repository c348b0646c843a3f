//! `[[source]]` of kind `mqtt-json`.

use super::{brief, example};
use crate::config::{Config, Finding, Meaning, Severity, Word, parse};
use muster_wire::Micro;

const HEAD: &str = "[site]\nid = \"here\"\nsingle_group = true\n[[zone]]\nid = \"room\"\n";
const CONNECT: &str = "[mqtt]\ninsecure = true\nconnect = \"mqtt://127.0.0.1\"\n";
const LISTEN: &str = "[mqtt]\ninsecure = true\nlisten = \"127.0.0.1:0\"\n";

fn read(mqtt: &str, tables: &str) -> Result<(Config, Vec<Finding>), Vec<Finding>> {
    parse(&format!("{HEAD}{mqtt}{tables}"), std::path::Path::new("site.toml"))
}

fn source(id: &str, keys: &str) -> String {
    format!("[[source]]\nid = \"{id}\"\nkind = \"mqtt-json\"\nzone = \"room\"\nreport_s = 10\n{keys}\n")
}

fn channel(source: &str, keys: &str) -> String {
    format!("[[channel]]\nsource = \"{source}\"\n{keys}\n")
}

const HEAT: &str = "signal = \"/t\"\nquantity = \"temperature\"";

/// The one error of a file, as one text.
fn fault(mqtt: &str, tables: &str) -> String {
    let findings = match read(mqtt, tables) {
        Ok((_, findings)) | Err(findings) => findings,
    };
    let errors: Vec<_> = findings.iter().filter(|f| f.severity == Severity::Error).collect();
    assert_eq!(errors.len(), 1, "{tables}\n{:#?}", brief(&findings));
    format!("{}; {}", errors[0].what, errors[0].hint)
}

#[test]
fn the_example_reads_four_makers() {
    let (config, _) = example("other-sensors.toml");
    let ids: Vec<_> = config.sensors.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["shelf", "shelly-smoke", "shelly-probe", "rack-7", "esp-gas"]);
    let groups: Vec<_> = config.site.groups.iter().map(|g| g.id.as_str()).collect();
    assert_eq!(
        groups,
        ["bus-10-0-4-17", "mqtt"],
        "whoever has the broker speaks for all of them"
    );
    let esp = &config.sensors[4];
    assert_eq!(
        esp.all_topics().collect::<Vec<_>>(),
        [
            "esp-gas/binary_sensor/leak/state",
            "esp-gas/sensor/hydrogen/state",
            "esp-gas/status"
        ]
    );
    let leak = &esp.topics["esp-gas/binary_sensor/leak/state"][0];
    let [on, off] = ["ON", "OFF"].map(|word| Word::Text(word.into()));
    assert_eq!(leak.meaning, Meaning::Contact { on, off });
    let channel = &config.site.channels[leak.channel.at()];
    assert_eq!((channel.id.as_str(), channel.supervision_ms), ("esp-gas.leak", 30_000));
}

#[test]
fn numbers_are_scaled_and_contacts_have_two_words() {
    let volts = "signal = \"/mv\"\nquantity = \"voltage\"\nscale = 0.001\noffset = -0.5";
    let door = "signal = \"/contact\"\nquantity = \"contact\"\non = false";
    let tables = source("x", "topic = \"x\"") + &channel("x", volts) + &channel("x", door);
    let (config, _) = read(CONNECT, &tables).unwrap();
    let meanings: Vec<_> = config.sensors[0].topics["x"].iter().map(|p| &p.meaning).collect();
    let (scale, offset) = (Micro(1_000), Micro(-500_000));
    let (on, off) = (Word::Flag(false), Word::Flag(true));
    assert_eq!(
        meanings,
        [&Meaning::Number { scale, offset }, &Meaning::Contact { on, off }]
    );
}

#[test]
fn a_topic_is_one_device() {
    for topic in [
        "tele/+/SENSOR",
        "zigbee2mqtt/#",
        "",
        "$SYS/x",
        "muster/v1/here/node-1/data",
        "muster",
    ] {
        let tables = source("x", &format!("topic = \"{topic}\"")) + &channel("x", &format!("{HEAT}\ntopic = \"y\""));
        assert!(fault(CONNECT, &tables).contains("not the topic of a sensor"), "{topic}");
    }
    let two = source("x", "topic = \"t\"") + &channel("x", HEAT) + &source("y", "topic = \"t\"") + &channel("y", HEAT);
    assert!(fault(CONNECT, &two).contains("are heard on one topic"));
    let none = source("x", "") + &channel("x", HEAT);
    assert!(fault(CONNECT, &none).contains("neither this channel nor its source has a `topic`"));
    // A bridge may speak for several of its devices.
    let bridge = "availability_topic = \"zigbee2mqtt/bridge/state\"\ntopic";
    let both = source("x", &format!("{bridge} = \"t\"")) + &channel("x", HEAT);
    let both = both + &source("y", &format!("{bridge} = \"u\"")) + &channel("y", HEAT);
    assert!(read(CONNECT, &both).is_ok());
}

/// Keys of a channel, and what is said of them.
const FAULTY: [(&str, &str); 11] = [
    ("signal = \"t\"\nquantity = \"temperature\"", "not a JSON pointer"),
    ("signal = \"/a~2\"\nquantity = \"temperature\"", "not a JSON pointer"),
    ("signal = \"/t\"", "nothing says what this channel measures"),
    ("signal = \"/t\"\nquantity = \"temperature\"\nscale = 0", "`scale` is 0"),
    (
        "signal = \"/t\"\nquantity = \"temperature\"\non = true",
        "`on` means nothing for temperature",
    ),
    (
        "signal = \"/t\"\nquantity = \"leak\"\nscale = 2",
        "`scale` means nothing for leak",
    ),
    (
        "signal = \"/t\"\nquantity = \"leak\"\non = \"ON\"",
        "one of `on` and `off` only",
    ),
    (
        "signal = \"/t\"\nquantity = \"leak\"\non = 1\noff = 1",
        "`on` and `off` are the same",
    ),
    (
        "signal = \"/t\"\nquantity = \"temperature\"\nsequence = true",
        "no `boot` and `seq`",
    ),
    (
        "signal = \"/t\"\nquantity = \"temperature\"\nsupervision_s = 5",
        "less than the 10 s between two reports",
    ),
    (
        "signal = \"/t\"\nquantity = \"temperature\"\ngroup = \"own\"",
        "one group",
    ),
];

#[test]
fn every_fault_of_a_channel_is_named() {
    for (keys, words) in FAULTY {
        let tables = source("x", "topic = \"x\"") + &channel("x", keys);
        assert!(
            fault(CONNECT, &tables).contains(words),
            "{keys}: {}",
            fault(CONNECT, &tables)
        );
    }
    let twice = source("x", "topic = \"x\"") + &channel("x", HEAT) + &channel("x", HEAT);
    assert!(fault(CONNECT, &twice).contains("a second channel with the id `x.temperature`"));
    let node = "[[source]]\nid = \"n\"\nkind = \"node\"\nzone = \"room\"\n";
    assert!(
        fault(
            CONNECT,
            &(node.to_owned() + &channel("n", "signal = \"voc\"\nscale = 2"))
        )
        .contains("`scale` means nothing")
    );
    assert!(
        fault(CONNECT, &format!("{node}signals = [\"voc\"]\ntopic = \"x\"\n"))
            .contains("`topic` means nothing for a node")
    );
}

#[test]
fn a_sensor_that_reports_seldom_is_said_to_alarm_late() {
    let slow = "[[source]]\nid = \"x\"\nkind = \"mqtt-json\"\nzone = \"room\"\ntopic = \"x\"\n";
    let warned = |channel_keys: &str| {
        let (config, findings) = read(CONNECT, &(slow.to_owned() + &channel("x", channel_keys))).unwrap();
        let late = findings
            .iter()
            .filter(|f| f.what.contains("may be 300 s apart"))
            .count();
        (late, config.site.channels[0].supervision_ms)
    };
    assert_eq!(warned(HEAT), (1, 900_000), "three reports of 300 s");
    assert_eq!(warned(&format!("{HEAT}\nalarm = false")), (0, 900_000));
    assert_eq!(
        warned(&format!("{HEAT}\nk = 1\nn = 1\nsupervision_s = 1200")),
        (0, 1_200_000)
    );
}

#[test]
fn at_our_own_broker_a_client_has_to_be_named() {
    let named = |client: &str| source("x", &format!("topic = \"x\"\nclient = \"{client}\"")) + &channel("x", HEAT);
    let (config, _) = read(LISTEN, &named("DVES_3C01B5")).unwrap();
    assert_eq!(config.sensors[0].client.as_deref(), Some("DVES_3C01B5"));
    let without = source("x", "topic = \"x\"") + &channel("x", HEAT);
    assert!(fault(LISTEN, &without).contains("give `client`"));
    assert!(fault(CONNECT, &named("a")).contains("`client` means nothing at somebody else's broker"));
    assert!(fault(LISTEN, &named("a b")).contains("not an MQTT client id"));
    let node = "[[source]]\nid = \"n\"\nkind = \"node\"\nzone = \"room\"\nsignals = [\"voc\"]\n";
    assert!(fault(LISTEN, &(node.to_owned() + &named("n"))).contains("`n` is a node"));
}

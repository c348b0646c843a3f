use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use muster_core::{FaultView, SourceIx, SourceView};
use muster_profiles::Device;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::stand::{SOON, Stand, client};
use super::story;
use crate::cli::devices::Args;
use crate::cli::exit;
use crate::clock::Stopwatch;
use crate::config::{NutWay, PollWay, Polled, SnmpAuth, SnmpPrivacy, UpsName};
use crate::counters::Cause;
use crate::lanes::Control;
use crate::sources::polls::Note;

fn ups(id: &str) -> Polled {
    let Some(Device::Nut(profile)) = muster_profiles::shipped("nut/ups") else {
        unreachable!("it is shipped")
    };
    Polled {
        source: SourceIx(0),
        id: id.to_owned(),
        address: "10.0.0.9:3493".to_owned(),
        channels: BTreeMap::new(),
        poll_ms: None,
        way: PollWay::Nut(NutWay {
            ups: UpsName::new("bat").unwrap(),
            ca: None,
            profile: Arc::new(profile),
        }),
    }
}

fn source(id: &str, fault: Option<&str>) -> SourceView {
    let fault = fault.map(|quality| FaultView {
        channel: format!("{id}.charge"),
        quality: quality.to_owned(),
        line: "no good reading for 15.0 s".to_owned(),
    });
    SourceView {
        id: id.to_owned(),
        zones: vec!["battery-b3".to_owned()],
        groups: vec!["a".to_owned()],
        channels_good: 1,
        channels_total: 1 + u32::from(fault.is_some()),
        faults: fault.into_iter().collect(),
        last_good_ms: Some(3),
        alarm: false,
        watch: false,
    }
}

/// The engine's answer, once it is asked, and that there is no more.
async fn answer(stand: &mut Stand, sources: Vec<SourceView>) {
    for piece in [sources, vec![]] {
        let control = timeout(SOON, stand.ends.control.recv()).await.unwrap().unwrap();
        let Control::Sources { answer, .. } = control else {
            unreachable!("nothing else was asked")
        };
        answer.send(piece).unwrap();
    }
}

async fn devices(stand: &mut Stand) -> Value {
    let asked = tokio::spawn(client().get(stand.url("/api/v1/devices")).send());
    answer(stand, vec![source("ups-1", Some("stale")), source("node-1", None)]).await;
    let mut document: Value = asked.await.unwrap().unwrap().json().await.unwrap();
    document["devices"].take()
}

#[tokio::test]
async fn the_command_ends_by_how_the_devices_are() {
    let mut stand = Stand::with(story::normal).await;
    for (fault, code) in [(None, 0), (Some("stale"), 1)] {
        let asked = tokio::spawn(crate::cli::devices::run(Args::of(&stand.url(""))));
        answer(&mut stand, vec![source("node-1", fault)]).await;
        assert_eq!(asked.await.unwrap(), ExitCode::from(code), "{fault:?}");
    }
    // The engine does not answer: nobody knows how they are.
    let code = crate::cli::devices::run(Args::of(&stand.url(""))).await;
    assert_eq!(code, ExitCode::from(exit::UNREACHABLE));
}

#[tokio::test]
async fn a_polled_device_says_how_it_is_asked_and_what_went_wrong() {
    let mut stand = Stand::with(story::normal).await;
    let polling = stand.polls.open(&ups("ups-1"));
    let seen = devices(&mut stand).await;
    assert_eq!(seen[0]["id"], "node-1");
    assert_eq!(seen[0]["kind"], "mqtt");
    assert_eq!(seen[0]["faults"], json!([]));
    assert!(seen[0]["address"].is_null() && seen[0]["last_error"].is_null());
    assert_eq!(seen[1]["kind"], "nut");
    assert_eq!(seen[1]["address"], "10.0.0.9:3493");
    assert_eq!(seen[1]["profile"], "nut/ups");
    assert_eq!(
        seen[1]["faults"],
        json!([{ "channel": "ups-1.charge", "quality": "stale", "line": "no good reading for 15.0 s" }])
    );
    assert_eq!((&seen[0]["state"], &seen[0]["next"]), (&json!("ok"), &Value::Null));
    assert_eq!(seen[1]["state"], "faults");
    assert!(seen[1]["cycle_ms"].is_null() && seen[1]["poll_ms"].is_null() && seen[1]["answered_ms"].is_null());

    polling.every(Duration::from_millis(750));
    polling.heard(&Stopwatch::start());
    polling.failed(Cause::NutDriver, &"no answer ".repeat(100));
    polling.missed(2);
    polling.missed(0);
    let seen = devices(&mut stand).await;
    assert_eq!(
        (&seen[1]["poll_ms"], &seen[1]["missed_polls"]),
        (&json!(750), &json!(2))
    );
    assert_eq!(stand.polls.totals(), (1, 2), "what /metrics says of all together");
    assert!(seen[1]["cycle_ms"].is_u64() && seen[1]["answered_ms"].is_u64());
    let error = &seen[1]["last_error"];
    assert!(error["age_ms"].is_u64() && error["line"].as_str().unwrap().starts_with("no answer"));
    assert_eq!(error["line"].as_str().unwrap().chars().count(), 300);
    assert_eq!(error["cause"], "nut_driver");
    let next = seen[1]["next"].as_str().unwrap();
    assert!(next.contains("restart the driver on 10.0.0.9:3493"), "{next}");
}

#[tokio::test]
async fn a_poller_before_this_one_and_a_device_no_longer_polled_say_nothing() {
    let stand = Stand::with(story::normal).await;
    let before = stand.polls.open(&ups("ups-1"));
    drop(stand.polls.open(&ups("ups-1")));
    before.failed(Cause::NutTimeout, "late");
    assert_eq!(stand.polls.of("ups-1").unwrap().now.last_error, None);
    stand.polls.keep(&[ups("ups-1")]);
    assert!(stand.polls.of("ups-1").is_some());
    stand.polls.keep(&[ups("ups-2")]);
    assert!(stand.polls.of("ups-1").is_none());
}

/// With a thousand devices a frame goes out every second, and somebody looks at it on a phone.
#[tokio::test]
async fn a_page_of_a_thousand_devices_is_short_and_begins_with_those_that_are_not_well() {
    let mut stand = Stand::with(story::normal).await;
    let sources = (0..1_000).map(|n| source(&format!("ups-{n:03}"), (n % 250 == 7).then_some("stale")));
    let asked = tokio::spawn(client().get(stand.url("/")).send());
    answer(&mut stand, sources.collect()).await;
    let page = asked.await.unwrap().unwrap().text().await.unwrap();
    assert!(page.len() < 100_000, "{} bytes", page.len());
    let at = |what: &str| page.find(what).unwrap_or_else(|| panic!("{what} is not in {page}"));
    assert!(page.contains("996 of 1000 well") && page.contains("4 with faults"));
    assert!(at("ups-257") < at("ups-000"), "those that are not well come first");
    assert!(page.contains("ups-257.charge: no good reading for 15.0 s"));
    assert!(
        page.contains("and 896 more that are well"),
        "a page that cuts silently lies"
    );
    println!("a page of 1,000 devices: {} bytes", page.len());
}

/// Half of it is heard again: what was said when nothing was is not true any more.
#[tokio::test]
async fn a_device_that_is_heard_again_in_part_says_what_is_wrong_now() {
    let mut stand = Stand::with(story::trouble).await;
    for (good, state) in [(0, "trouble"), (1, "faults")] {
        let asked = tokio::spawn(client().get(stand.url("/api/v1/devices")).send());
        let mut bus = source("bms-bus", Some("open"));
        bus.channels_good = good;
        answer(&mut stand, vec![bus]).await;
        let document: Value = asked.await.unwrap().unwrap().json().await.unwrap();
        let device = &document["devices"][0];
        assert_eq!(device["state"], state, "{device}");
        assert_eq!(device["trouble"].is_null(), good > 0, "{device}");
    }
}

/// Somebody looks while the engine hangs: the page comes, and says how old what it shows is.
#[tokio::test]
async fn an_engine_that_does_not_answer_keeps_no_page_back() {
    let stand = Stand::with(story::normal).await;
    let since = Stopwatch::start();
    let page = stand.get("/").await.text().await.unwrap();
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    assert!(
        page.contains("Not known yet: the decision loop has not answered."),
        "{page}"
    );
}

fn on_line(id: &str, unit: u8, port: &str) -> Polled {
    let profile = muster_profiles::shipped("generic/battery-monitor").and_then(Device::into_modbus);
    let port = crate::config::Port::parse(port).unwrap().with(Some(9_600), None, None);
    Polled {
        address: port.to_string(),
        way: PollWay::Modbus(crate::config::ModbusWay {
            port,
            unit,
            profile: Arc::new(profile.unwrap()),
        }),
        ..ups(id)
    }
}

/// What somebody is told to type reaches the device as polling does.
#[test]
fn a_probe_carries_the_unit_and_the_settings_of_its_line() {
    let of = |polled: Polled| polled.probe_command();
    assert_eq!(of(ups("u")), "muster probe 10.0.0.9:3493 --kind nut");
    assert_eq!(
        of(on_line("b", 3, "/dev/ttyUSB0")),
        "muster probe /dev/ttyUSB0 --baud 9600 --parity even --stop-bits 1 --unit 3"
    );
    let behind = of(on_line("b", 1, "rtu-over-tcp://10.0.4.9:4001"));
    assert_eq!(behind, "muster probe rtu-over-tcp://10.0.4.9:4001 --baud 9600");
    assert_eq!(
        of(on_line("b", 2, "10.0.4.9:502")),
        "muster probe 10.0.4.9:502 --kind modbus --unit 2"
    );
    let snmp = |login| {
        let profile = muster_profiles::shipped("eaton/xups")
            .and_then(Device::into_snmp)
            .unwrap();
        let way = crate::config::SnmpWay {
            login,
            profile: Arc::new(profile),
        };
        of(Polled {
            way: PollWay::Snmp(way),
            address: "10.0.4.21:161".to_owned(),
            ..ups("s")
        })
    };
    let community = crate::config::SnmpLogin::Community(crate::config::Secret(b"house".to_vec()));
    assert_eq!(
        snmp(community),
        "muster probe 10.0.4.21:161 --kind snmp --community-file FILE"
    );
    let user = |auth, privacy| {
        let secret = || crate::config::Secret(b"ten bytes!".to_vec());
        snmp(crate::config::SnmpLogin::User(Box::new(crate::config::SnmpUser {
            name: "muster".to_owned(),
            auth,
            auth_password: secret(),
            privacy,
            privacy_password: secret(),
        })))
    };
    assert_eq!(
        user(SnmpAuth::Sha256, SnmpPrivacy::Aes128),
        "muster probe 10.0.4.21:161 --kind snmp --user muster --auth-file FILE --privacy-file FILE"
    );
    assert_eq!(
        user(SnmpAuth::Sha512, SnmpPrivacy::Aes256Cisco),
        "muster probe 10.0.4.21:161 --kind snmp --user muster --auth sha-512 --auth-file FILE --privacy aes-256-cisco \
         --privacy-file FILE"
    );
}

#[tokio::test]
async fn devices_of_one_line_name_each_other_and_what_to_do_names_the_line() {
    let mut stand = Stand::with(story::normal).await;
    let polling = stand.polls.open(&on_line("ups-1", 3, "/dev/ttyUSB0"));
    drop(stand.polls.open(&on_line("node-1", 4, "/dev/ttyUSB0")));
    for (cause, what) in [
        (Cause::ModbusConnect, "adapter plugged in"),
        (Cause::ModbusTimeout, "the cable to its line"),
        (Cause::ModbusNoise, "termination"),
        (Cause::ModbusDisagrees, "another model or firmware"),
    ] {
        polling.failed(cause, "as it is");
        let seen = devices(&mut stand).await;
        let next = seen[1]["next"].as_str().unwrap();
        assert!(next.contains(what), "{next}");
        assert!(
            next.contains("`muster probe /dev/ttyUSB0 --baud 9600 --parity even --stop-bits 1 --unit 3`"),
            "{next}"
        );
        assert_eq!(
            (&seen[0]["bus"], &seen[1]["bus"]),
            (&json!("/dev/ttyUSB0"), &json!("/dev/ttyUSB0"))
        );
        assert_eq!(
            (&seen[0]["shares_bus_with"], &seen[1]["shares_bus_with"]),
            (&json!(["ups-1"]), &json!(["node-1"]))
        );
    }
    polling.heard(&Stopwatch::start());
    polling.note(Some(Note::Doubted("fire_2 is refused alone".to_owned())));
    let seen = devices(&mut stand).await;
    assert!(
        seen[1]["next"].as_str().unwrap().contains("another model or firmware"),
        "{}",
        seen[1]["next"]
    );
    polling.note(Some(Note::Idle("it says that it is isolated")));
    let seen = devices(&mut stand).await;
    assert_eq!(seen[1]["note"], "it says that it is isolated");
    assert!(
        seen[1]["next"]
            .as_str()
            .unwrap()
            .contains("switch it back at the device"),
        "{}",
        seen[1]["next"]
    );
    drop(stand.polls.open(&ups("ups-1")));
    let seen = devices(&mut stand).await;
    assert!(
        seen[1]["bus"].is_null() && seen[1]["shares_bus_with"].is_null(),
        "alone at its address"
    );
    assert_eq!(
        seen[0]["shares_bus_with"],
        json!([]),
        "a line is a bus, whoever is on it"
    );
}

//! Other people's sensors through mosquitto: the published example, with messages as their makers' devices send them.

use muster::config;
use muster::gateway::Gateway;
use muster_core::{Level, View};

use super::broker::Broker;
use super::watched::{HEALED, trouble};
use crate::stand::{Api, Catcher};

/// Channel, topic, message, and what is to be shown.
const MESSAGES: [(&str, &str, &str, &str); 6] = [
    (
        "shelf.temperature",
        "zigbee2mqtt/battery-shelf",
        r#"{"battery":97,"humidity":41.25,"linkquality":120,"pressure":1011.2,"temperature":23.41,"voltage":2995}"#,
        "23.41",
    ),
    (
        "shelly-smoke.fire_alarm",
        "shellyplussmoke-80646fd3b2a0/status/smoke:0",
        r#"{"id":0,"alarm":false,"mute":false}"#,
        "0",
    ),
    (
        "shelly-probe.temperature",
        "shellyplusuni-4855199c9a14/events/rpc",
        r#"{"src":"shellyplusuni-4855199c9a14","method":"NotifyStatus","params":{"ts":1795733001.42,"temperature:100":{"id":100,"tC":24.6,"tF":76.3}}}"#,
        "24.6",
    ),
    (
        "rack-7.temperature",
        "tele/rack-7/SENSOR",
        r#"{"Time":"2026-11-26T21:03:11","DS18B20":{"Id":"3C01B556A3B4","Temperature":24.4},"TempUnit":"C"}"#,
        "24.4",
    ),
    ("esp-gas.hydrogen", "esp-gas/sensor/hydrogen/state", "312", "312"),
    ("esp-gas.leak", "esp-gas/binary_sensor/leak/state", "OFF", "0"),
];

struct Site {
    gateway: Gateway,
    api: Api,
    catcher: Catcher,
    broker: Broker,
    _folder: tempfile::TempDir,
}

impl Site {
    /// The example, with its broker and its hook here, and armed. Its fire panel is not there: one group decides.
    async fn start() -> Self {
        Self::at(Broker::mosquitto("").await).await
    }

    async fn at(broker: Broker) -> Self {
        let (folder, catcher) = (tempfile::tempdir().unwrap(), Catcher::start().await);
        let example =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/examples/other-sensors.toml");
        let text = std::fs::read_to_string(example).unwrap();
        let changes = [
            ("armed = false", "armed = true\nsingle_group = true".to_owned()),
            ("connect = \"mqtts://broker.example:8883\"", broker.plain()),
            (
                "https://relocate.example/muster\"",
                format!("http://{}/\"\nallow_loopback = true", catcher.address),
            ),
            ("[http]", "[http]\nlisten = \"127.0.0.1:0\"".to_owned()),
            ("10.0.4.17:502", "127.0.0.1:9".to_owned()),
        ];
        let text = changes.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "the example has changed: {from}");
            text.replacen(from, to, 1)
        });
        let (config, _) = config::parse(&text, &folder.path().join("site.toml")).unwrap();
        let gateway = Gateway::start(&config, None, Box::new(|_, _| {})).await.unwrap();
        let api = Api::of(gateway.http);
        Self {
            gateway,
            api,
            catcher,
            broker,
            _folder: folder,
        }
    }

    async fn until(&self, what: &str, is_so: impl Fn(&View) -> bool) -> View {
        let mut view = self.gateway.view.clone();
        let found = tokio::time::timeout(HEALED, view.wait_for(|v| is_so(v))).await;
        found
            .unwrap_or_else(|_| panic!("not so: {what}; {:#?}", self.gateway.view.borrow()))
            .unwrap()
            .as_ref()
            .clone()
    }

    /// Every message of the table is shown as its value.
    async fn all_are_heard(&self) {
        // A broker keeps nothing for a stranger: we have to have subscribed.
        let since = muster::clock::Stopwatch::start();
        for (channel, topic, message, shown) in MESSAGES {
            while self.api.channel(channel).await.value.as_deref() != Some(shown) {
                self.broker.publish(topic, message).await;
                assert!(since.elapsed() < HEALED, "{channel} is not heard");
            }
        }
        self.until("the line is well", |v| trouble(v).is_none()).await;
    }
}

fn lost(view: &View, channel: &str) -> bool {
    view.troubles
        .iter()
        .any(|t| t.subject.starts_with(channel.split('.').next().unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_makers_are_heard_and_two_hot_messages_are_a_vote() {
    let site = Site::start().await;
    site.all_are_heard().await;
    let hot = MESSAGES[3].2.replace("24.4", "71.5");
    site.broker.publish("tele/rack-7/SENSOR", &hot).await;
    // From 24.4 at once: it is doubted, and counts once the next one bears it out.
    let is_doubted = |c: &muster_core::ChannelView| c.quality == "bad";
    site.api
        .until_channel("rack-7.temperature", "it is doubted", is_doubted)
        .await;
    assert!(site.gateway.view.borrow().votes.is_empty(), "one sample decided");
    site.broker.publish("tele/rack-7/SENSOR", &hot).await;
    let view = site.until("a vote", |v| !v.votes.is_empty()).await;
    assert_eq!(
        (view.votes.len(), view.votes[0].group.as_str()),
        (1, "mqtt"),
        "{:?}",
        view.votes
    );
    assert!(view.votes[0].why.contains("rack-7.temperature"), "{:?}", view.votes);
    site.until("evacuation on one group", |v| v.level == Level::Evacuate)
        .await;
    site.catcher
        .until("the hook", |call| call.word("phase") == "evacuate")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_kept_by_the_broker_is_no_news_and_no_vote() {
    let broker = Broker::mosquitto("").await;
    let (_, topic, message, _) = MESSAGES[1];
    let alarm = message.replace("\"alarm\":false", "\"alarm\":true");
    broker.publish_with(&["-r"], topic, &alarm).await;
    let availability = "zigbee2mqtt/battery-shelf/availability";
    broker
        .publish_with(&["-r"], availability, r#"{"state":"offline"}"#)
        .await;
    let site = Site::at(broker).await;
    site.api.until_count("retained", 1).await;
    // That somebody is offline may be old: it raises trouble, and fresh news clear it.
    site.until("it is said to be offline", |v| lost(v, "shelf")).await;
    assert!(
        site.gateway.view.borrow().votes.is_empty(),
        "an alarm of nobody knows when voted"
    );
    site.all_are_heard().await;
    // The same message, live, is a vote: one is enough for this contact, whether or not it asks to be kept.
    site.broker.publish_with(&["-r"], topic, &alarm).await;
    let view = site.until("a vote", |v| !v.votes.is_empty()).await;
    assert!(
        view.votes[0].why.contains("shelly-smoke.fire_alarm"),
        "{:?}",
        view.votes
    );
    assert_eq!(site.api.count("retained").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_counted_and_decides_nothing() {
    let site = Site::start().await;
    site.all_are_heard().await;
    for (topic, message, cause) in [
        ("tele/rack-7/SENSOR", "{\"DS18B20\":", "malformed"),
        ("tele/rack-7/SENSOR", "71.5", "malformed"),
        (
            "tele/rack-7/SENSOR",
            r#"{"DS18B20":{"Temperature":"hot"}}"#,
            "wrong_type",
        ),
        ("esp-gas/binary_sensor/leak/state", "WET", "wrong_type"),
        (
            "shellyplussmoke-80646fd3b2a0/status/smoke:0",
            r#"{"alarm":1}"#,
            "wrong_type",
        ),
        ("esp-gas/sensor/hydrogen/state", "1e300", "nan"),
    ] {
        let before = site.api.count(cause).await;
        site.broker.publish(topic, message).await;
        site.api.until_count(cause, before + 1).await;
    }
    site.broker.publish("esp-gas/sensor/hydrogen/state", "nan").await;
    site.api
        .until_channel("esp-gas.hydrogen", "no value", |c| c.quality == "lost")
        .await;
    site.broker.publish("tele/rack-7/LWT", "Offline").await;
    let view = site.until("the rest is offline", |v| lost(v, "rack-7")).await;
    assert!(view.votes.is_empty() && view.incident.is_none(), "{:?}", view.votes);
}

//! Who may say and hear what, and for how long.

use serde_json::json;

use super::peers::{Canary, Paho, heat, pack, topic, voc};
use crate::stand::{Room, Stand};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_speaks_and_hears_for_itself_only() {
    let stand = Stand::start(Room::with(&[Canary::ID, "thief"])).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    for version in [5, 4] {
        let mut thief = Paho::connect(stand.mqtt(), "thief", version).await;
        let topics = [
            topic(Canary::ID, "alarm"),
            topic(Canary::ID, "data"),
            topic(Canary::ID, "state"),
            topic("thief", "ack"),
            topic("thief", "cmd/test"),
            "muster/v1/other-site/thief/alarm".into(),
            "muster/v2/s1/thief/alarm".into(),
            "muster/v1/s1/thief/alarm/more".into(),
            "anything".into(),
        ];
        for topic in topics {
            let before = stand.api.count("identity").await;
            let said = thief.publish(&topic, &pack(Canary::ID, 9, 9, &voc(100.0)), false).await;
            // 3.1.1 has no words for it: the broker's answer is one of MQTT 5, at which paho hangs up.
            if !said.connected {
                thief = Paho::connect(stand.mqtt(), "thief", version).await;
            }
            assert!(version == 4 || said.reason == "Not authorized", "{topic}: {said:?}");
            assert_eq!(stand.api.count("identity").await, before + 1, "{topic}");
        }
        for filter in [
            "#",
            "+/#",
            "muster/#",
            "muster/v1/s1/+/cmd/#",
            "muster/v1/s1/canary/data",
            "$SYS/#",
        ] {
            let before = stand.api.count("identity").await;
            let said = thief.subscribe(filter).await;
            assert!(!said.reason.starts_with("Granted"), "{filter}: {said:?}");
            if !said.connected {
                thief = Paho::connect(stand.mqtt(), "thief", version).await;
            }
            assert_eq!(stand.api.count("identity").await, before + 1, "{filter}");
        }
        let said = thief.subscribe(&topic("thief", "cmd/#")).await;
        assert_eq!(said.reason, "Granted QoS 1");
    }
    canary.alone_votes(&stand, "a thief").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_that_cannot_be_supervised_are_refused() {
    let stand = Stand::start(Room::with(&[Canary::ID, "node-1"])).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    let will = |topic: String| json!({"will": {"topic": topic, "payload": "offline"}});
    let cases = [
        ("node-1", json!({"keepalive": 0})),
        ("node-1", json!({"keepalive": 121})),
        ("NODE-1", json!({})),
        ("no/de", json!({})),
        ("a-name-of-more-than-thirty-two-bytes", json!({})),
        ("node-1", will(topic(Canary::ID, "state"))),
        ("node-1", will("anything".into())),
    ];
    for (n, (id, options)) in (1..).zip(cases) {
        let version = if n % 2 == 0 { 4 } else { 5 };
        let refused = Paho::login(stand.mqtt(), id, version, options.clone()).await;
        assert!(!refused.login.connected, "{id} {options}: {:?}", refused.login);
        assert_eq!(stand.api.count("identity").await, n, "{id} {options}");
    }
    assert_eq!(
        stand.api.dropped().await,
        [("identity".to_owned(), 7)],
        "each is counted once"
    );
    canary.alone_votes(&stand, "refused logins").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_the_config_does_not_name_are_counted() {
    let stand = Stand::start(Room::with(&[Canary::ID, "node-1"])).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    let mut stranger = Paho::connect(stand.mqtt(), "stranger", 5).await;
    for (n, kind) in (1..).zip(["data", "alarm", "birth", "state"]) {
        stranger
            .send(&topic("stranger", kind), &pack("stranger", 1, n, &voc(100.0)))
            .await;
        assert_eq!(stand.api.count("unknown_node").await, n);
    }
    canary.alone_votes(&stand, "a stranger").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_take_over_is_trouble_for_that_node_alone() {
    let stand = Stand::start(Room::with(&[Canary::ID, "node-1"])).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    let mut first = Paho::connect(stand.mqtt(), "node-1", 5).await;
    first
        .send(&topic("node-1", "data"), &pack("node-1", 1, 1, &heat(25.0)))
        .await;
    let mut second = Paho::connect(stand.mqtt(), "node-1", 4).await;
    assert_eq!(
        first.until_disconnected().await.reason,
        "disconnected: Session taken over"
    );
    stand
        .until("trouble", |v| {
            v.troubles.iter().any(|t| t.subject.starts_with("node-1"))
        })
        .await;
    second
        .send(&topic("node-1", "data"), &pack("node-1", 1, 2, &heat(26.0)))
        .await;
    stand
        .api
        .until_channel("node-1.temperature", "the second is heard", |c| {
            c.value.as_deref() == Some("26")
        })
        .await;
    canary.alone_votes(&stand, "a take-over").await;
    assert!(!stand.view().troubles.iter().any(|t| t.subject.starts_with(Canary::ID)));
}

//! A gateway that hears a node through a broker, and what is asserted of it again and again.

use std::time::Duration;

use muster_core::{Level, View};

use super::broker::Broker;
use crate::stand::{Room, SITE, Stand};

/// The node of these rooms: one sample decides.
pub(super) const NODE: &str = "node-1";
/// A dead network has to be noticed within this.
pub(super) const NOTICED: Duration = Duration::from_secs(15);
/// A broker that is back has to be heard again within this: the longest pause, a login and a proof of life.
pub(super) const HEALED: Duration = Duration::from_secs(20);

/// A topic of the node.
pub(super) fn topic(kind: &str) -> String {
    format!("muster/v1/{SITE}/{NODE}/{kind}")
}

/// A pack of the node.
pub(super) fn pack(seq: u64, celsius: f64) -> String {
    format!(
        r#"[{{"bn":"{NODE}:","n":"boot","v":1}},{{"n":"seq","v":{seq}}},{{"n":"temperature","u":"Cel","v":{celsius}}}]"#
    )
}

/// What is said of the line; none if it is well.
pub(super) fn trouble(view: &View) -> Option<&str> {
    let own = view.troubles.iter().find(|t| t.subject == "mqtt");
    own.map(|t| t.line.as_str())
}

/// A gateway at a broker, whose line is well and whose node has been heard.
pub(super) async fn start(broker: &Broker) -> Stand {
    let stand = Stand::start(Room::with(&[NODE]).connect(&broker.plain())).await;
    is_heard(&stand, broker, 1).await;
    stand
}

/// The line is well, and a pack arrives and clears whatever was said of the node.
pub(super) async fn is_heard(stand: &Stand, broker: &Broker, seq: u64) {
    stand.within(HEALED, "the line is well", |v| trouble(v).is_none()).await;
    let celsius = 20.0 + seq as f64 / 1_000.0;
    let since = muster::clock::Stopwatch::start();
    // At the very start nobody may have subscribed yet, and a broker keeps nothing for a stranger.
    for seq in seq.. {
        broker.publish(&topic("data"), &pack(seq, celsius)).await;
        let channel = stand.api.channel("node-1.temperature").await;
        let value: Option<f64> = channel.value.as_deref().and_then(|v| v.parse().ok());
        if channel.quality == "good" && value.is_some_and(|v| (v - celsius).abs() < 1e-6) {
            return;
        }
        assert!(since.elapsed() < HEALED, "the node is not heard: {channel:?}");
    }
}

/// The line is down: said at once or within the bound, and so of the node. Gives what is said.
pub(super) async fn is_down(stand: &Stand, bound: Duration) -> String {
    let is_so = |v: &View| trouble(v).is_some() && v.troubles.iter().any(|t| t.subject.starts_with(NODE));
    let (view, took) = stand.within(bound, "trouble of the line and of its node", is_so).await;
    println!("noticed within {took:?}: {}", trouble(&view).unwrap());
    assert!(view.votes.is_empty(), "a line that is down voted: {:?}", view.votes);
    trouble(&view).unwrap().to_owned()
}

/// An alarm of the node evacuates.
pub(super) async fn alarm_evacuates(stand: &Stand, broker: &Broker) {
    stand.assert_undecided("what happened to the broker");
    broker.publish(&topic("alarm"), &pack(1_000_000, 90.0)).await;
    let view = stand.until("evacuation", |v| v.level == Level::Evacuate).await;
    assert_eq!(view.votes.len(), 1, "{:?}", view.votes);
    let call = stand
        .catcher
        .until("the hook", |call| call.word("phase") == "evacuate")
        .await;
    assert!(call.signed);
}

//! What happens to brokers, to nats-server, which speaks MQTT 3.1.1 only and keeps sessions on disk.

use super::broker::Broker;
use super::watched::{HEALED, NODE, NOTICED, alarm_evacuates, is_down, is_heard, pack, start, topic, trouble};
use crate::stand::{Room, SITE, SOON, Stand};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_pub_is_heard_through_nats_whatever_happens_to_it() {
    let mut broker = Broker::nats("").await;
    let stand = start(&broker).await;
    broker.kill().await;
    is_down(&stand, SOON).await;
    broker.start_again().await;
    is_heard(&stand, &broker, 100).await;
    broker.pause().await;
    is_down(&stand, NOTICED).await;
    broker.resume().await;
    is_heard(&stand, &broker, 200).await;
    alarm_evacuates(&stand, &broker).await;
}

/// Users of the broker: ours may not hear alarms, anybody may publish.
fn users(denied: &str) -> String {
    format!(
        "authorization {{ users = [ {{ user: muster, password: secret, permissions: {{ subscribe: {{ deny: [{denied}] }} }} }},\n\
         {{ user: node, password: node }} ] }}\nno_auth_user: node"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_pub_goes_on_being_heard_where_nats_refuses_a_part_of_what_we_ask() {
    let broker = Broker::nats(&users(&format!("\"muster.v1.{SITE}.*.alarm\""))).await;
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "secret\n").unwrap();
    let keys = format!(
        "{}\nusername = \"muster\"\npassword_file = {password:?}",
        broker.plain()
    );
    let stand = Stand::start(Room::with(&[NODE]).connect(&keys)).await;
    let said = |v: &muster_core::View| {
        trouble(v).is_some_and(|t| t.contains("refuses our subscription") && t.contains("/alarm"))
    };
    stand.within(HEALED, "what is refused is named", said).await;
    // The rest is heard, and the line stands: nothing is given up and taken up again.
    broker.publish(&topic("data"), &pack(10, 33.0)).await;
    let is_33 = |c: &muster_core::ChannelView| c.value.as_deref() == Some("33");
    stand
        .api
        .until_channel("node-1.temperature", "it is heard", is_33)
        .await;
    let left = tokio::time::timeout(NOTICED, async {
        let mut view = stand.gateway.view.clone();
        view.wait_for(|v| !said(v) || v.troubles.iter().any(|t| t.subject.starts_with(NODE)))
            .await
            .is_ok()
    });
    assert!(left.await.is_err(), "it flaps: {:?}", stand.view().troubles);
}

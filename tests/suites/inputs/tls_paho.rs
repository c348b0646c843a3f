//! Nodes that prove who they are, and those who cannot.

use muster_core::Level;

use super::peers::{Canary, Paho, heat, pack, topic, voc};
use crate::stand::{Enrolled, Room, Stand};

pub(super) const NODE: &str = "node-1";

pub(super) async fn site() -> (Enrolled, Stand) {
    let site = Enrolled::with(&[Canary::ID, NODE, "stranger"]);
    let stand = Stand::start(Room::with(&[Canary::ID, NODE]).enrolled(&site)).await;
    (site, stand)
}

pub(super) async fn canary(site: &Enrolled, stand: &Stand) -> Canary {
    Canary::proven(stand.mqtt(), &site.paho(Some(&site.shown(Canary::ID)))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_key_logs_in_as_its_own_node_only() {
    let (site, stand) = site().await;
    let mut canary = canary(&site, &stand).await;
    canary.is_heard(&stand.api).await;
    let proof = site.paho(Some(&site.shown(NODE)));
    // Another name than the certificate's, and somebody else's last will.
    for (id, more) in [
        (Canary::ID, proof.clone()),
        ("stranger", proof.clone()),
        ("", proof.clone()),
        (NODE, with_will(&proof, &topic(Canary::ID, "state"))),
    ] {
        let before = stand.api.count("identity").await;
        let refused = Paho::login(stand.mqtt(), id, 5, more).await;
        assert!(!refused.login.connected, "{id}: {:?}", refused.login);
        assert_eq!(
            stand.api.count("identity").await,
            before + 1,
            "{id}: {:?}",
            stand.api.dropped().await
        );
    }
    canary.alone_votes(&stand, "false names").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_key_has_one_vote_and_no_other_voice() {
    let (site, stand) = site().await;
    let mut canary = canary(&site, &stand).await;
    canary.is_heard(&stand.api).await;
    let proof = site.paho(Some(&site.shown(NODE)));
    let mut thief = Paho::login(stand.mqtt(), NODE, 5, proof).await;
    assert!(thief.login.connected, "{:?}", thief.login);
    for kind in ["alarm", "data", "state", "ack", "cmd/x"] {
        let said = thief
            .publish(&topic(Canary::ID, kind), &pack(Canary::ID, 9, 9, &voc(100.0)), false)
            .await;
        assert_eq!(said.reason, "Not authorized", "{kind}");
    }
    // On its own topic in another's name.
    let said = thief
        .publish(&topic(NODE, "alarm"), &pack(Canary::ID, 9, 9, &voc(100.0)), false)
        .await;
    assert_eq!(said.reason, "Success");
    for filter in [
        "#",
        "+/#",
        "muster/v1/s1/+/cmd/#",
        "muster/v1/s1/canary/ack",
        "$share/g/muster/v1/s1/node-1/ack",
    ] {
        let said = thief.subscribe(filter).await;
        assert!(!said.reason.starts_with("Granted"), "{filter}: {said:?}");
    }
    assert_eq!(thief.subscribe(&topic(NODE, "ack")).await.reason, "Granted QoS 1");
    // Its own voice is one vote, and no more.
    thief.send(&topic(NODE, "alarm"), &pack(NODE, 1, 1, &voc(100.0))).await;
    let voted = |v: &muster_core::View| v.votes.iter().any(|vote| vote.group == NODE);
    let view = stand.until("the thief's one vote", voted).await;
    assert_eq!((view.votes.len(), view.level), (1, Level::Prepare), "{}", view.why);
}

fn with_will(proof: &serde_json::Value, topic: &str) -> serde_json::Value {
    let mut proof = proof.clone();
    proof["will"] = serde_json::json!({"topic": topic, "payload": "offline"});
    proof
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_certificate_is_out_at_the_reload_and_a_new_one_of_its_node_is_in() {
    let (site, stand) = site().await;
    let mut canary = canary(&site, &stand).await;
    let mut thief = Paho::login(stand.mqtt(), NODE, 5, site.paho(Some(&site.shown(NODE)))).await;
    assert!(thief.login.connected);
    let old = site.copied(NODE);
    site.folder().revoke(NODE).unwrap();
    site.folder().node(NODE, None, 100, true).unwrap();
    assert!(
        stand.gateway.reload_tls(&site.files()).unwrap(),
        "the list is another one"
    );
    assert!(!stand.gateway.reload_tls(&site.files()).unwrap(), "the same once more");
    thief.until_disconnected().await;
    stand.api.until_count("certificate_revoked", 1).await;
    let refused = Paho::login(stand.mqtt(), NODE, 5, site.paho(Some(&old))).await;
    assert!(!refused.login.connected, "{:?}", refused.login);
    stand.api.until_count("certificate_revoked", 2).await;
    let mut node = Paho::login(stand.mqtt(), NODE, 5, site.paho(Some(&site.shown(NODE)))).await;
    assert!(node.login.connected, "{:?}", node.login);
    node.send(&topic(NODE, "data"), &pack(NODE, 2, 1, &heat(25.0))).await;
    // Files that cannot be used change nothing.
    let mut broken = site.files();
    broken.key = site.node(NODE).join("node.key");
    assert!(stand.gateway.reload_tls(&broken).is_err());
    node.send(&topic(NODE, "data"), &pack(NODE, 2, 2, &heat(25.0))).await;
    assert!(
        Paho::login(stand.mqtt(), NODE, 5, site.paho(Some(&site.shown(NODE))))
            .await
            .login
            .connected
    );
    // A second connection takes over from the first, and is named.
    stand.api.until_count("take_over", 1).await;
    // The canary's connection has outlived both reloads.
    canary.alone_votes(&stand, "a reload").await;
}

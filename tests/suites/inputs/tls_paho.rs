//! Nodes that prove who they are, and those who cannot.

use muster::clock::Stopwatch;
use muster_core::Level;
use rcgen::{DnType, ExtendedKeyUsagePurpose, date_time_ymd};

use super::peers::{Canary, Paho, heat, pack, topic, voc};
use crate::stand::{Enrolled, Process, Room, SOON, Stand};

const NODE: &str = "node-1";

async fn site() -> (Enrolled, Stand) {
    let site = Enrolled::with(&[Canary::ID, NODE, "stranger"]);
    let stand = Stand::start(Room::with(&[Canary::ID, NODE]).enrolled(&site)).await;
    (site, stand)
}

async fn canary(site: &Enrolled, stand: &Stand) -> Canary {
    Canary::proven(stand.mqtt(), &site.paho(Some(&site.shown(Canary::ID)))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_key_speaks_for_its_own_node_only() {
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
async fn a_certificate_that_is_not_good_is_refused_and_the_reason_counted() {
    let (site, stand) = site().await;
    let mut canary = canary(&site, &stand).await;
    let (ca, other) = (site.path("node-ca.pem"), Enrolled::with(&[NODE]));
    let server = |p: &mut rcgen::CertificateParams| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let gone = |p: &mut rcgen::CertificateParams| p.not_after = date_time_ymd(2024, 1, 1);
    let early = |p: &mut rcgen::CertificateParams| p.not_before = date_time_ymd(2090, 1, 1);
    let two = |p: &mut rcgen::CertificateParams| p.distinguished_name.push(DnType::OrganizationName, "x");
    let gateway = crate::stand::Shown {
        cert: site.path("gateway/gateway.pem"),
        key: site.path("gateway/gateway.key"),
    };
    let cases = [
        ("none", None, "certificate_missing"),
        ("another site's", Some(other.shown(NODE)), "certificate_untrusted"),
        ("self-signed", Some(site.self_signed(NODE)), "certificate_untrusted"),
        ("the gateway's", Some(gateway), "certificate_untrusted"),
        (
            "the site CA's",
            Some(site.forged(&site.path("site-ca.pem"), NODE, |_| {})),
            "certificate_untrusted",
        ),
        (
            "a node's",
            Some(site.forged(&site.node(Canary::ID).join("node.pem"), NODE, |_| {})),
            "certificate_untrusted",
        ),
        (
            "a server's",
            Some(site.forged(&ca, NODE, server)),
            "certificate_untrusted",
        ),
        ("expired", Some(site.forged(&ca, NODE, gone)), "certificate_expired"),
        (
            "not valid yet",
            Some(site.forged(&ca, NODE, early)),
            "certificate_expired",
        ),
        ("nobody's", Some(site.forged(&ca, "", |_| {})), "certificate_name"),
        ("no id", Some(site.forged(&ca, "node-1/#", |_| {})), "certificate_name"),
        (
            "no id",
            Some(site.forged(&ca, "node-1\u{0}x", |_| {})),
            "certificate_name",
        ),
        ("a stranger's", Some(site.shown("stranger")), "unknown_node"),
    ];
    for (what, shown, cause) in cases {
        let before = stand.api.count(cause).await;
        let id = if cause == "unknown_node" { "stranger" } else { NODE };
        let refused = Paho::login(stand.mqtt(), id, 5, site.paho(shown.as_ref())).await;
        assert!(!refused.login.connected, "{what}: {:?}", refused.login);
        stand.api.until_count(cause, before + 1).await;
        assert_eq!(
            stand.api.count(cause).await,
            before + 1,
            "{what}: {:?}",
            stand.api.dropped().await
        );
    }
    // More than one fact in the name, and still one common name: that is fine.
    let fine = site.forged(&ca, NODE, two);
    assert!(
        Paho::login(stand.mqtt(), NODE, 4, site.paho(Some(&fine)))
            .await
            .login
            .connected
    );
    canary.alone_votes(&stand, "bad certificates").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_certificate_is_out_at_the_reload_and_a_new_one_of_its_node_is_in() {
    let (site, stand) = site().await;
    let mut canary = canary(&site, &stand).await;
    let stolen = site.paho(Some(&site.shown(NODE)));
    let mut thief = Paho::login(stand.mqtt(), NODE, 5, stolen.clone()).await;
    assert!(thief.login.connected);
    let copy = tempfile::tempdir().unwrap();
    for file in ["node.pem", "node.key"] {
        std::fs::copy(site.node(NODE).join(file), copy.path().join(file)).unwrap();
    }
    site.folder().revoke(NODE).unwrap();
    site.folder().node(NODE, None, 100, true).unwrap();
    stand.gateway.reload_tls(&site.files()).unwrap();
    thief.until_disconnected().await;
    stand.api.until_count("certificate_revoked", 1).await;
    let old = crate::stand::Shown {
        cert: copy.path().join("node.pem"),
        key: copy.path().join("node.key"),
    };
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

/// Two nodes alarm. What they amount to is what the listener can prove.
async fn two_nodes_alarm(proof: Option<&Enrolled>) -> Level {
    let config = |room: Room| {
        room.text(std::net::SocketAddr::from(([127, 0, 0, 1], 9)))
            .replace("single_group = true\n", "")
    };
    // A polled panel beside them: a room needs two groups.
    let room = Room::with(&["node-1", "node-2"]).contacts("panel", "127.0.0.1:9");
    let muster = match proof {
        Some(site) => Process::of(&config(room.enrolled(site))).await,
        None => Process::of(&config(room)).await,
    };
    let mut nodes = Vec::new();
    for id in ["node-1", "node-2"] {
        let more = proof.map_or(serde_json::json!({}), |site| site.paho(Some(&site.shown(id))));
        let mut node = Paho::login(muster.mqtt, id, 5, more).await;
        assert!(node.login.connected, "{:?}", node.login);
        node.send(&topic(id, "alarm"), &pack(id, 1, 1, &voc(100.0))).await;
        nodes.push(node);
    }
    for (id, node) in ["node-1", "node-2"].into_iter().zip(&mut nodes) {
        let alarms = |c: &muster_core::ChannelView| c.value.as_deref() == Some("100");
        muster
            .api
            .until_channel(&format!("{id}.voc"), "it is heard", alarms)
            .await;
        // Again, so that whatever it decides has been decided.
        node.send(&topic(id, "alarm"), &pack(id, 1, 2, &voc(101.0))).await;
        let again = |c: &muster_core::ChannelView| c.value.as_deref() == Some("101");
        muster
            .api
            .until_channel(&format!("{id}.voc"), "it is heard again", again)
            .await;
    }
    // The page follows the decision within a moment; whatever else there was to decide has been by then.
    let since = Stopwatch::start();
    let mut status = muster.api.status().await;
    let votes = if proof.is_some() { 2 } else { 1 };
    while status["votes"].as_array().unwrap().len() < votes && since.elapsed() < SOON {
        status = muster.api.status().await;
    }
    assert_eq!(status["votes"].as_array().unwrap().len(), votes, "{status}");
    assert_eq!(
        status["insecure"].as_array().unwrap().is_empty(),
        proof.is_some(),
        "{status}"
    );
    let says = status["headline"]
        .as_array()
        .unwrap()
        .iter()
        .any(|line| line.as_str().unwrap().starts_with("INSECURE"));
    assert_eq!(says, proof.is_none(), "{status}");
    serde_json::from_value(status["level"].clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_evacuate_with_certificates_and_never_without() {
    assert_eq!(two_nodes_alarm(None).await, Level::Prepare);
    let site = Enrolled::with(&["node-1", "node-2"]);
    assert_eq!(two_nodes_alarm(Some(&site)).await, Level::Evacuate);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_our_own_that_ends_soon_is_trouble_until_a_new_one_is_loaded() {
    let site = Enrolled::with(&[Canary::ID, NODE]);
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    // Ended: it is trouble, and nodes that do not look at dates are still heard.
    site.folder().gateway(&names, -2, true).unwrap();
    let stand = Stand::start(Room::with(&[Canary::ID, NODE]).enrolled(&site)).await;
    let troubled = |v: &muster_core::View| v.troubles.iter().any(|t| t.line.contains("has expired 2 days ago"));
    stand.until("trouble with our own certificate", troubled).await;
    let refused = Paho::login(stand.mqtt(), NODE, 5, site.paho(Some(&site.shown(NODE)))).await;
    assert!(
        refused.login.reason.contains("certificate has expired"),
        "paho looks at dates: {:?}",
        refused.login
    );
    site.folder().gateway(&names, 700, true).unwrap();
    stand.gateway.reload_tls(&site.files()).unwrap();
    stand.until("no trouble any more", |v| !troubled(v)).await;
    canary(&site, &stand)
        .await
        .alone_votes(&stand, "an old certificate")
        .await;
}

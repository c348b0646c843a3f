//! Certificates that are not good, each with the reason it is refused and counted for.

use std::path::PathBuf;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, date_time_ymd};

use super::peers::{Canary, Paho};
use super::tls_paho::{NODE, canary, site};
use crate::stand::{Enrolled, Room, Shown, Stand};

/// What is shown, and for what it is refused.
fn bad(site: &Enrolled, other: &Enrolled) -> Vec<(Option<Shown>, &'static str)> {
    let node_ca = site.path("node-ca.pem");
    let made = |name: &str, change: fn(&mut CertificateParams)| Some(site.forged(&node_ca, name, change));
    let by = |signer: PathBuf| Some(site.forged(&signer, NODE, |_| {}));
    let gateway = Shown {
        cert: site.path("gateway/gateway.pem"),
        key: site.path("gateway/gateway.key"),
    };
    vec![
        (None, "certificate_missing"),
        (Some(other.shown(NODE)), "certificate_untrusted"),
        (Some(site.self_signed(NODE)), "certificate_untrusted"),
        (Some(gateway), "certificate_untrusted"),
        (by(site.path("site-ca.pem")), "certificate_untrusted"),
        // By a key that a node has, and any node's key may be stolen.
        (by(site.node(Canary::ID).join("node.pem")), "certificate_untrusted"),
        (made(NODE, for_a_server), "certificate_untrusted"),
        (
            made(NODE, |p| p.not_after = date_time_ymd(2024, 1, 1)),
            "certificate_expired",
        ),
        (
            made(NODE, |p| p.not_before = date_time_ymd(2090, 1, 1)),
            "certificate_expired",
        ),
        (made("", |_| {}), "certificate_name"),
        (made("node-1/#", |_| {}), "certificate_name"),
        (made("node-1\u{0}x", |_| {}), "certificate_name"),
        (Some(site.shown("stranger")), "unknown_node"),
    ]
}

fn for_a_server(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_not_good_is_refused_and_the_reason_counted() {
    let (site, stand) = site().await;
    let mut canary = canary(&site, &stand).await;
    let other = Enrolled::with(&[NODE]);
    for (n, (shown, cause)) in bad(&site, &other).into_iter().enumerate() {
        let before = stand.api.count(cause).await;
        let id = if cause == "unknown_node" { "stranger" } else { NODE };
        let refused = Paho::login(stand.mqtt(), id, 5, site.paho(shown.as_ref())).await;
        assert!(!refused.login.connected, "{n}, {cause}: {:?}", refused.login);
        stand.api.until_count(cause, before + 1).await;
        let counted = stand.api.dropped().await;
        assert!(
            counted.contains(&(cause.to_owned(), before + 1)),
            "{n}, {cause}: {counted:?}"
        );
    }
    // More than one fact in the name, and still one common name: that is fine.
    let more = |p: &mut CertificateParams| p.distinguished_name.push(DnType::OrganizationName, "x");
    let fine = site.paho(Some(&site.forged(&site.path("node-ca.pem"), NODE, more)));
    let node = Paho::login(stand.mqtt(), NODE, 4, fine).await;
    assert!(node.login.connected, "{:?}", node.login);
    canary.alone_votes(&stand, "bad certificates").await;
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

//! LXD: containers of doomed members are verified elsewhere before the cut, through the whole gateway.

use muster::hooks::Hook;
use muster::hooks::preflight::{Answer, There};
use muster_core::{HookOutcome, Phase};

use super::alone::{LOSS_S, alone, call, carried, home, would_go, would_not_go};
use super::lxd_cluster::Cluster;
use crate::site::acting_site::SiteText;
use crate::site::hosted::Hosted;
use crate::site::talk::{SOON, state_of, step_of};

/// A hook that is reached over HTTPS by the member that does not burn first.
fn hook(cluster: &Cluster, id: &str, more: &str) -> String {
    let file = |name| cluster.file(name).display().to_string();
    format!(
        "[[hook]]\nid = \"{id}\"\nkind = \"lxd\"\nurls = [\"{}\", \"{}\"]\ncert_file = \"{}\"\nkey_file = \"{}\"\n\
         pinned_file = \"{}\"\nracks = {{ r1 = [\"m1\"], r2 = [\"m2\"] }}\ndestinations = {{ busan = [\"m3\"] }}\n{more}\n",
        cluster.url("m3"),
        cluster.url("m1"),
        file("client.crt"),
        file("client.key"),
        file("server.crt"),
    )
}

/// A workload that is an instance of this name.
fn workload(id: &str, rack: &str, hook: &str, object: &str) -> String {
    format!(
        "[[workload]]\nid = \"{id}\"\ntier = 1\nruns_on = \"{rack}\"\nobject = \"{object}\"\nrung = [\n\
         {{ kind = \"move\", hook = \"{hook}\", to = \"busan\", needs_s = 30 }},\n\
         {{ kind = \"stop\", hook = \"{hook}\", needs_s = 5 }},\n]\n"
    )
}

fn standing(cluster: &super::lxd_cluster::Standing, name: &str) -> (String, String) {
    cluster.get(name).cloned().unwrap_or_default()
}

fn at(status: &str, member: &str) -> (String, String) {
    (status.into(), member.into())
}

/// Five that run, of which two do not stop when they are told to, one that does not, and one that nobody has.
async fn seven_workloads() -> (Cluster, SiteText) {
    let cluster = Cluster::up(0).await;
    for (name, member, stubborn) in [
        ("a1", "m1", false),
        ("a2", "m1", false),
        ("b1", "m2", false),
        ("hard", "m2", true),
        ("deaf", "m1", true),
    ] {
        cluster.container(name, member, stubborn).await;
    }
    cluster.lxc("m1", &["init", "bare", "idle", "--target", "m1"]).await;
    let site = SiteText::new(true, LOSS_S)
        .table(&hook(&cluster, "lxd", ""))
        .table(&hook(&cluster, "rough", "allow_force_stop = true"))
        .table(&workload("shop", "r1", "lxd", "a1"))
        .table(&workload("mail", "r1", "lxd", "a2"))
        .table(&workload("wiki", "r2", "lxd", "b1"))
        .table(&workload("spare", "r1", "lxd", "idle"))
        .table(&workload("hard", "r2", "rough", "hard"))
        .table(&workload("deaf", "r1", "lxd", "deaf"))
        .table(&workload("ghost", "r1", "lxd", "nobody"));
    (cluster, site)
}

async fn where_they_are(cluster: &Cluster) {
    let found = cluster.standing("m3").await;
    for name in ["a1", "a2", "b1", "hard"] {
        assert_eq!(standing(&found, name), at("RUNNING", "m3"), "{name}: {found:?}");
    }
    assert_eq!(standing(&found, "idle"), at("STOPPED", "m3"), "it did not run before");
    assert_eq!(
        standing(&found, "deaf"),
        at("RUNNING", "m1"),
        "nobody gave leave to end it"
    );
    for member in ["m1", "m2"] {
        assert_eq!(
            cluster.setting(member, "scheduler.instance").await,
            "manual",
            "{member}"
        );
    }
    assert_eq!(cluster.setting("m3", "scheduler.instance").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_doomed_members_are_empty_before_the_cut_and_what_stays_is_named() {
    let (cluster, site) = seven_workloads().await;
    let mut hosted = Hosted::start(&site).await;
    hosted.burn().await;

    let status = hosted
        .api
        .until("five are moved, one is stranded and one does not stop", |status| {
            let moved = ["shop", "mail", "wiki", "spare", "hard"].map(|w| state_of(status, w) == "moved");
            let deaf = step_of(status, "deaf.move.evacuate.busan")["note"].to_string();
            moved == [true; 5] && state_of(status, "ghost") == "stranded" && deaf.contains("has not stopped")
        })
        .await;
    let note = step_of(&status, "ghost.stop.evacuate")["note"].to_string();
    assert!(note.contains("no instance nobody"), "{note}");

    where_they_are(&cluster).await;
    cluster.cut("m1").await;
    cluster.cut("m2").await;
    for name in ["a1", "a2", "b1", "hard"] {
        assert!(cluster.lives(name, "m3"), "{name} went with the power");
    }
    assert!(!cluster.lives("deaf", "m1"), "the power was not cut at all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_dies_first_is_named_and_the_others_go() {
    let cluster = Cluster::up(1).await;
    cluster.container("gone", "m1", false).await;
    cluster.container("goes", "m2", false).await;
    cluster.cut("m1").await;
    // It led: the others choose another first.
    assert_eq!(standing(&cluster.standing("m3").await, "gone"), at("ERROR", "m1"));
    let site = SiteText::new(true, LOSS_S)
        .table(&hook(&cluster, "lxd", ""))
        .table(&workload("gone", "r1", "lxd", "gone"))
        .table(&workload("goes", "r2", "lxd", "goes"));
    let mut hosted = Hosted::start(&site).await;
    hosted.burn().await;
    hosted
        .api
        .until("the other is moved", |status| state_of(status, "goes") == "moved")
        .await;
    let status = hosted.api.until("it is said where this one is", |status| {
        let note = step_of(status, "gone.move.evacuate.busan")["note"].to_string();
        note.contains("on m1, which does not answer") || note.contains("its rack has m1")
    });
    assert_ne!(state_of(&status.await, "gone"), "moved");
    assert_eq!(standing(&cluster.standing("m3").await, "goes"), at("RUNNING", "m3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_changes_nothing() {
    let cluster = Cluster::up(2).await;
    cluster.container("a1", "m1", false).await;
    let before = cluster.lxc("m1", &["config", "show", "a1"]).await;
    let site = SiteText::new(false, LOSS_S)
        .table(&hook(&cluster, "lxd", ""))
        .table(&workload("shop", "r1", "lxd", "a1"));
    let mut hosted = Hosted::start(&site).await;
    hosted.burn().await;
    hosted.api.until_all_safe().await;
    assert_eq!(cluster.standing("m1").await["a1"], at("RUNNING", "m1"));
    assert_eq!(cluster.lxc("m1", &["config", "show", "a1"]).await, before);
    assert_eq!(cluster.setting("m1", "scheduler.instance").await, "");
}

async fn seen_beforehand(hook: &Hook) {
    let preflight = hook.preflight().await;
    let left = |seen: &str| seen.contains("LEFT BEHIND") && seen.contains("other on m2");
    assert!(
        matches!(&preflight.rights, Answer::Yes { seen } if left(seen)),
        "{preflight:#?}"
    );
    would_go(&preflight, "shop");
    would_not_go(&preflight, "mail", "no instance a2");
    assert!(
        matches!(&preflight.room["busan"], Answer::Yes { seen } if seen.contains("m3 has ")),
        "{preflight:#?}"
    );
    assert_eq!(preflight.there["busan"], There::Somebody);
    let stock = &preflight.stock;
    assert!(stock.needs["shop"][0].takes["memory"] > 0, "{stock:?}");
    assert!(stock.clone().take("busan", "shop").is_ok(), "{stock:?}");
}

/// Two gateways, or two attempts, at once, while somebody has a shell open there; and one that comes late.
async fn done_once(cluster: &Cluster, hook: &Hook) {
    let _session = cluster.session("a1");
    let opened = async { while !cluster.has_session("a1").await {} };
    tokio::time::timeout(SOON, opened).await.unwrap();
    let evacuate = call("shop", Phase::Evacuate, 9);
    let (one, other) = tokio::join!(carried(hook, &evacuate), carried(hook, &evacuate));
    let both = [one, other];
    assert!(both.contains(&HookOutcome::Done), "{both:?}");
    assert_eq!(carried(hook, &evacuate).await, HookOutcome::Done, "{both:?}");
    let found = cluster.standing("m1").await;
    assert_eq!(
        (found.len(), standing(&found, "a1")),
        (2, at("RUNNING", "m3")),
        "{found:?}"
    );
    assert_eq!(carried(hook, &call("shop", Phase::Verify, 10)).await, HookOutcome::Done);
    let late = carried(hook, &call("shop", Phase::Evacuate, 6)).await;
    assert_eq!(late, HookOutcome::TokenRefused);
}

async fn brought_home(cluster: &Cluster, hook: &Hook) {
    let HookOutcome::Retry { cause } = carried(hook, &home("shop", 11)).await else {
        panic!("at home before it came back")
    };
    assert!(cause.contains("a1 is Running on m3"), "{cause}");
    assert_eq!(
        carried(hook, &call("shop", Phase::Restore, 11)).await,
        HookOutcome::Done
    );
    assert_eq!(cluster.standing("m1").await["a1"], at("RUNNING", "m1"));
    assert_eq!(carried(hook, &home("shop", 12)).await, HookOutcome::Done);
    assert_eq!(cluster.setting("m1", "scheduler.instance").await, "group");
    assert_eq!(cluster.setting("m1", "user.muster-scheduler").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_done_once_fenced_and_brought_home() {
    let cluster = Cluster::up(3).await;
    cluster.container("a1", "m1", false).await;
    cluster.container("other", "m2", false).await;
    cluster
        .lxc("m1", &["cluster", "set", "m1", "scheduler.instance", "group"])
        .await;
    let works = [workload("shop", "r1", "lxd", "a1"), workload("mail", "r1", "lxd", "a2")].concat();
    let hook = alone(&hook(&cluster, "lxd", ""), &works);

    seen_beforehand(&hook).await;
    assert_eq!(
        carried(&hook, &call("shop", Phase::Prepare, 7)).await,
        HookOutcome::Done
    );
    assert_eq!(cluster.setting("m1", "scheduler.instance").await, "manual");
    assert_eq!(
        cluster.setting("m2", "scheduler.instance").await,
        "",
        "its rack is not doomed"
    );
    let HookOutcome::Retry { cause } = carried(&hook, &call("shop", Phase::Verify, 8)).await else {
        panic!("verified before it moved")
    };
    assert!(cause.contains("a1 is Running on m1"), "{cause}");

    done_once(&cluster, &hook).await;
    brought_home(&cluster, &hook).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_is_not_believed_and_ours_has_to_be_trusted() {
    let cluster = Cluster::up(4).await;
    let works = workload("shop", "r1", "lxd", "a1");
    let text = hook(&cluster, "lxd", "");
    // Ours is a certificate as good as any, and not that of the members.
    let forged = text.replace("server.crt", "client.crt");
    let refused = alone(&forged, &works).preflight().await;
    assert!(
        matches!(&refused.reachable, Answer::No { why, .. } if why.contains("certificate")),
        "{refused:#?}"
    );
    let HookOutcome::Retry { .. } = carried(&alone(&forged, &works), &call("shop", Phase::Evacuate, 1)).await else {
        panic!("spoke to a stranger")
    };

    let fingerprint = cluster.lxc("m1", &["config", "trust", "list", "--format", "csv"]).await;
    let line = fingerprint.lines().find(|line| line.starts_with("client,")).unwrap();
    cluster
        .lxc("m1", &["config", "trust", "remove", line.split(',').nth(3).unwrap()])
        .await;
    let stranger = alone(&text, &works).preflight().await;
    assert!(
        matches!(&stranger.reachable, Answer::No { mend, .. } if mend.contains("trust add")),
        "{stranger:#?}"
    );

    // The socket of a member needs no certificate.
    let socket = cluster.socket("m2").display().to_string();
    let by_socket = format!(
        "[[hook]]\nid = \"lxd\"\nkind = \"lxd\"\nsocket = \"{socket}\"\nracks = {{ r1 = [\"m1\"] }}\n\
         destinations = {{ busan = [\"m3\"] }}\n"
    );
    let reached = alone(&by_socket, &works).preflight().await;
    assert!(
        matches!(&reached.reachable, Answer::Yes { seen } if seen.starts_with("lxd 5.")),
        "{reached:#?}"
    );
}

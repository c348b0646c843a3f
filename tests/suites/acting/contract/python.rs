//! Webhooks: the reference receiver, and what people get wrong in theirs.

use std::time::Duration;

use muster::clock::Stopwatch;

use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{Judged, passes_for_real_and_over_a_kill};
use crate::site::receiver::Receiver;

/// What only programs can show, and what is not seen without being asked for.
const AS_A_DRILL: [&str; 4] = ["cut-off", "drill", "restart", "once"];

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_receiver_passes_as_a_drill() {
    let folder = TempDir::new().unwrap();
    let receiver = Receiver::start(folder.path(), "0.05").await;
    Judged::of(&[&receiver.url]).await.assert_passed(&AS_A_DRILL);
    assert!(receiver.effects().is_empty(), "{:?}", receiver.effects());
    assert!(receiver.calls().iter().all(|call| call.mode == "drill"));
    // A second trial does not stumble over the first.
    Judged::of(&[&receiver.url]).await.assert_passed(&AS_A_DRILL);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_receiver_passes_for_real_and_over_a_kill() {
    let folder = TempDir::new().unwrap();
    for work_s in ["0", "0.05"] {
        let start = async |port| Receiver::start_at(folder.path(), work_s, port).await;
        passes_for_real_and_over_a_kill(work_s, start).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_knows_its_workloads_is_asked_for_one_of_them() {
    let folder = TempDir::new().unwrap();
    let receiver = Receiver::start(folder.path(), "0").await;
    let judged = Judged::of(&[&receiver.url, "--workload", "db", "--to", "busan", "--token", "77"]).await;
    judged.assert_passed(&[
        "progress",
        "verify-unmoved",
        "large-tokens",
        "cut-off",
        "drill",
        "restart",
        "once",
    ]);
    let calls = receiver.calls();
    assert!(
        calls
            .iter()
            .all(|call| call.key.contains(".db.move.") && call.token >= 77 && call.token < 200)
    );
    // Its drill fence is above the first token now, which is said.
    let judged = Judged::of(&[&receiver.url, "--workload", "db", "--token", "5"]).await;
    judged.assert_found("a token too low", "prepare");
}

/// A fault of the broken receiver, the case that has to find it, how long a step takes, and how it is tried.
type Fault = (&'static str, &'static str, &'static str, &'static [&'static str]);

const LIVE: &[&str] = &["--live", "--effects"];
const RESTART: &[&str] = &["--restart"];

const FAULTS: [Fault; 23] = [
    ("believes_everybody", "unsigned", "0", &[]),
    ("believes_everybody", "changed-body", "0", &[]),
    ("believes_old_stamps", "old", "0", &[]),
    ("believes_old_stamps", "future", "0", &[]),
    ("answers_422_to_strangers", "wrong-signature", "0", &[]),
    ("takes_one_signature", "two-signatures", "0", &[]),
    ("takes_old_tokens", "old-token", "0", &[]),
    ("counts_in_floats", "large-tokens", "0", &[]),
    ("fences_before_keys", "ended-key", "0", &[]),
    ("has_one_fence_for_both_modes", "drill", "0", LIVE),
    ("questions_raise_its_fence", "verify-fence", "0", &[]),
    ("forgets_keys_over_a_restart", "restart", "0", RESTART),
    ("forgets_everything_over_a_restart", "restart", "0", RESTART),
    ("does_it_again_for_a_known_key", "once", "0", LIVE),
    ("takes_drills_for_real", "once", "0", &["--effects"]),
    ("says_safe_without_looking", "verify-unmoved", "0", &[]),
    ("never_says_home", "way-back", "0", &[]),
    ("never_says_safe", "verify", "0", &[]),
    ("refuses_what_it_does_not_know", "unknown-fields", "0", &[]),
    ("takes_small_bodies_only", "large", "0", &[]),
    ("refuses_what_is_late", "late", "0", &[]),
    ("refuses_what_comes_at_once", "at-once", "0", &[]),
    ("remembers_what_it_refuses", "wrong-signature", "0", &[]),
];

async fn is_found((fault, case, work_s, how): Fault) {
    let folder = TempDir::new().unwrap();
    let mut receiver = Some(Receiver::broken(folder.path(), fault, work_s, None).await);
    let url = receiver.as_ref().unwrap().url.clone();
    let effects = format!("{url}effects");
    let mut arguments = vec![url.as_str(), "--wait-s", "1"];
    arguments.extend(how);
    if how.contains(&"--effects") {
        arguments.push(&effects);
    }
    let restart = async |_: &mut String| {
        let port = receiver.take().unwrap().kill().await;
        receiver = Some(Receiver::broken(folder.path(), fault, work_s, Some(port)).await);
    };
    Judged::with_input(&arguments, restart).await.assert_found(fault, case);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_that_people_make_is_found() {
    let slow = [
        ("is_never_heard_of_again", "prepare", "0.05", &[][..]),
        ("shows_another_bearer", "progress", "0.05", &[]),
    ];
    let mut all = FAULTS.into_iter().chain(slow);
    let mut found = JoinSet::new();
    for fault in all.by_ref().take(3) {
        found.spawn(is_found(fault));
    }
    // Three at a time, so that a small machine does not look like a receiver that hangs.
    while let Some(one) = found.join_next().await {
        one.unwrap();
        if let Some(fault) = all.next() {
            found.spawn(is_found(fault));
        }
    }
}

/// Found long before the 60 s that a step may take: nobody waits a minute for a typing error.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_port_and_another_secret_are_named_within_seconds() {
    let folder = TempDir::new().unwrap();
    let receiver = Receiver::start(folder.path(), "0").await;
    let wrong = folder.path().join("other.secret");
    std::fs::write(&wrong, "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n").unwrap();
    let wrong = wrong.to_str().unwrap();
    let url = receiver.url.as_str();
    for (arguments, code, why, mend) in [
        (
            &["http://127.0.0.1:9/"][..],
            69,
            "http://127.0.0.1:9: not reached: Connection refused",
            "start the receiver",
        ),
        (
            &[url, "--secret-file", wrong],
            1,
            "its secret differs",
            "same whole `whsec_",
        ),
    ] {
        let since = Stopwatch::start();
        let judged = Judged::of(arguments).await;
        let case = &judged.report["cases"][0];
        assert!(case["why"].as_str().unwrap().contains(why), "{case}");
        assert!(case["mend"].as_str().unwrap().contains(mend), "{case}");
        assert_eq!(judged.code, Some(code), "{case}");
        assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_not_there_is_unreachable_and_usage_is_usage() {
    let judged = Judged::of(&["http://127.0.0.1:9/", "--wait-s", "1"]).await;
    assert_eq!((judged.code, judged.cases("fail")), (Some(69), vec!["prepare"]));
    for wrong in [
        &["hooks", "test"][..],
        &["hooks", "test", "ftp://a/"],
        &["hooks", "test", "--config", "x.toml"],
        &["hooks", "test", "--", "/no/such/program"],
        &["hooks", "test", "http://127.0.0.1:9/", "--workload", "DB"],
        &["hooks", "test", "http://127.0.0.1:9/", "--secret-file", "/no/such"],
    ] {
        let output = crate::site::process::muster(wrong).await;
        assert_eq!(output.status.code(), Some(64), "{wrong:?}: {output:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{wrong:?}");
    }
}

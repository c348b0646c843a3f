//! An API in trouble, and rights that are missing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::Method;
use muster::clock::{Clock, Stopwatch};
use muster::config::{HookTarget, HookWay, Placed};
use muster::counters::{Cause, Counters};
use muster::hooks::preflight::Answer;
use muster::hooks::webhook::Limits;
use muster::hooks::{Clients, Hook};
use muster_core::{HookOutcome, Mode, Phase, RungKind};

use serde_json::{Value, json};

use super::Double;
use super::double::Fault;
use crate::targets::attempts::words;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_others_change_is_looked_at_again() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.doomed_deployment("shop", 2).await;
    for path in ["/nodes/m1", "/nodes/m1", "/deployments/shop"] {
        double.fail(Method::PATCH, path, Fault::Overtaken(json!({})));
    }
    let bench = cluster.bench(&cluster.object("shop"));
    assert_eq!(bench.step(Phase::Evacuate, RungKind::Move, 1).await, HookOutcome::Done);
    assert_eq!(cluster.nodes_of("shop").await, ["m3", "m3"]);
}

/// A cordon that somebody else sets between our look and our write stays theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cordon_of_others_in_the_same_moment_stays_theirs() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.doomed_deployment("shop", 1).await;
    let closed = json!({ "spec": { "unschedulable": true } });
    double.fail(Method::PATCH, "/nodes/m1", Fault::Overtaken(closed));
    let bench = cluster.bench(&cluster.object("shop"));
    assert_eq!(bench.step(Phase::Prepare, RungKind::Move, 1).await, HookOutcome::Done);
    let marks =
        async |node: &str| cluster.get(&format!("/api/v1/nodes/{node}")).await["metadata"]["annotations"].clone();
    assert!(marks("m1").await["muster/cordoned"].is_null());
    assert_eq!(marks("m2").await["muster/cordoned"], "ansan-1");
    let back = muster_core::Call {
        doomed: None,
        ..bench.call(Phase::Restore, RungKind::Move, 2)
    };
    assert_eq!(bench.to_end(&back).await, HookOutcome::Done);
    assert!(cluster.is_closed("m1").await && !cluster.is_closed("m2").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_counted_and_tried_again() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.doomed_deployment("shop", 1).await;
    let bench = cluster.bench(&cluster.object("shop"));
    let call = bench.call(Phase::Evacuate, RungKind::Move, 1);
    for (fault, cause) in [
        (Fault::Code(503), Cause::HookStatus),
        (Fault::Code(429), Cause::HookStatus),
        (Fault::Code(401), Cause::HookStatus),
        (Fault::Garbage, Cause::HookBody),
        (Fault::Hang, Cause::HookTimeout),
    ] {
        let before = bench.counters.get(cause);
        double.fail(Method::GET, "/nodes", fault.clone());
        let outcome = bench.once(&call).await;
        assert!(matches!(outcome, HookOutcome::Retry { .. }), "{fault:?}: {outcome:?}");
        assert_eq!(bench.counters.get(cause), before + 1, "{fault:?}");
    }
    assert_eq!(bench.to_end(&call).await, HookOutcome::Done);
}

/// The API's own rate limit is no budget, and no reason to go down a rung.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_eviction_that_is_rate_limited_is_asked_again() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.doomed_deployment("shop", 1).await;
    double.fail(Method::POST, "/eviction", Fault::Code(429));
    double.fail(Method::POST, "/eviction", Fault::Code(404));
    double.fail(Method::POST, "/eviction", Fault::Code(409));
    let bench = cluster.bench(&cluster.object("shop"));
    assert_eq!(bench.step(Phase::Evacuate, RungKind::Move, 1).await, HookOutcome::Done);
    assert_eq!(cluster.nodes_of("shop").await, ["m3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_missing_is_named_before_and_takes_the_next_rung() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.doomed_deployment("shop", 1).await;
    double.world.forbidden.lock().unwrap().push(("create", "pods/eviction"));
    let bench = cluster.bench(&cluster.object("shop"));
    let preflight = bench.hook.preflight().await;
    let Answer::No { why, mend } = preflight.rights else {
        panic!("{preflight:?}")
    };
    assert!(
        why.contains("create pods/eviction in prod") && mend.contains("ClusterRole"),
        "{why}"
    );
    let no = bench.step(Phase::Evacuate, RungKind::Move, 1).await;
    assert!(
        matches!(no, HookOutcome::Cannot { .. }) && words(&no).contains("403"),
        "{no:?}"
    );
    assert_eq!(bench.step(Phase::Evacuate, RungKind::Stop, 2).await, HookOutcome::Done);
}

/// The last rung needs no cordon, and one node that cannot be closed keeps no other open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cordon_that_cannot_be_had_blocks_no_evacuation() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.doomed_deployment("shop", 1).await;
    let bench = cluster.bench(&cluster.object("shop"));
    double.fail(Method::PATCH, "/nodes/m1", Fault::Code(503));
    let outcome = bench.once(&bench.call(Phase::Prepare, RungKind::Move, 1)).await;
    assert!(matches!(outcome, HookOutcome::Retry { .. }), "{outcome:?}");
    assert!(!cluster.is_closed("m1").await && cluster.is_closed("m2").await);

    let before = bench.counters.get(Cause::HookStatus);
    cluster.set_closed("m3", true).await;
    double.fail(Method::PATCH, "/nodes/m1", Fault::Code(503));
    let outcome = bench.once(&bench.call(Phase::Evacuate, RungKind::Move, 2)).await;
    assert!(words(&outcome).contains("503"), "nowhere to go: {outcome:?}");
    double.fail(Method::PATCH, "/nodes/m1", Fault::Code(503));
    let stop = bench.call(Phase::Evacuate, RungKind::Stop, 3);
    assert_eq!(bench.once(&stop).await, HookOutcome::Done);
    assert_eq!(bench.counters.get(Cause::HookStatus), before + 2);
    assert!(cluster.pods("shop").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_that_no_pod_has_are_no_stop() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    let bench = cluster.bench(&format!("{}/pods/app=shpo", cluster.namespace));
    let no = bench.once(&bench.call(Phase::Evacuate, RungKind::Stop, 1)).await;
    assert!(
        matches!(no, HookOutcome::Cannot { .. }) && words(&no).contains("no pod with app=shpo"),
        "{no:?}"
    );
}

/// A token that was replaced meanwhile is read anew; one that is missing says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_is_read_at_each_use() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.doomed_deployment("shop", 1).await;
    let bench = cluster.bench(&cluster.object("shop"));
    let good = std::fs::read(double.token_file()).unwrap();
    let call = bench.call(Phase::Prepare, RungKind::Move, 1);
    std::fs::write(double.token_file(), "secret-of-yesterday").unwrap();
    let outcome = bench.once(&call).await;
    assert!(
        matches!(outcome, HookOutcome::Retry { .. }) && words(&outcome).contains("401"),
        "{outcome:?}"
    );
    std::fs::write(double.token_file(), "two words\n").unwrap();
    let outcome = bench.once(&call).await;
    assert!(
        words(&outcome).contains("holds no token") && !words(&outcome).contains("words\n"),
        "{outcome:?}"
    );
    std::fs::remove_file(double.token_file()).unwrap();
    assert!(words(&bench.once(&call).await).contains("cannot be read"));
    std::fs::write(double.token_file(), good).unwrap();
    assert_eq!(bench.once(&call).await, HookOutcome::Done);
}

/// A StatefulSet's pod keeps its name: between our look and our word it has gone, and come up elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_has_come_up_elsewhere_under_its_old_name_is_never_hit() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.doomed_deployment("shop", 1).await;
    let before = cluster.pods("shop").await;
    for (rung, method, path) in [
        (RungKind::Move, Method::POST, "/eviction"),
        (RungKind::Failover, Method::DELETE, "/pods/"),
    ] {
        let again = json!({ "metadata": { "uid": format!("by-{rung}") }, "spec": { "nodeName": "m3" } });
        double.fail(method, path, Fault::Overtaken(again));
        let bench = cluster.bench(&cluster.object("shop"));
        assert_eq!(bench.step(Phase::Evacuate, rung, 1).await, HookOutcome::Done);
        assert_eq!(
            cluster.pods("shop").await.keys().collect::<Vec<_>>(),
            before.keys().collect::<Vec<_>>()
        );
        let at = cluster.in_namespace("api/v1", &format!("pods/{}", before.keys().next().unwrap()));
        cluster.patch(&at, &json!({ "spec": { "nodeName": "m1" } })).await;
    }
}

/// Every write of a drill is a dry run, whatever the API does with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_writes_only_dry() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.doomed_deployment("shop", 2).await;
    let bench = cluster.bench(&cluster.object("shop"));
    let before = double.writes().len();
    for rung in [RungKind::Move, RungKind::Failover, RungKind::Stop] {
        for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify, Phase::Restore] {
            let drill = muster_core::Call {
                mode: Mode::Drill,
                ..bench.call(phase, rung, 9)
            };
            assert_eq!(bench.to_end(&drill).await, HookOutcome::Done, "{rung} {phase}");
        }
    }
    let writes = double.writes().split_off(before);
    assert!(writes.len() >= 8, "{writes:?}");
    assert!(writes.iter().all(|write| write.ends_with("?dryRun=All")), "{writes:?}");
}

/// Nobody hears the attempt any more: it goes no further.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_is_cancelled_stops_asking() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.set_closed("m3", true).await;
    let grace = serde_json::json!({ "terminationGracePeriodSeconds": 600 });
    cluster.deployment("shop", 1, "100m", &grace).await;
    cluster.set_closed("m3", false).await;
    let bench = cluster.bench(&cluster.object("shop"));
    let call = bench.call(Phase::Evacuate, RungKind::Move, 1);
    let envelopes =
        muster::hooks::envelope::Envelopes::new(bench.clock.clone(), "http://127.0.0.1:1", [3; 32]).unwrap();
    let reply = bench.hook.attempt(&call, &envelopes.of(&call).unwrap()).await;
    assert!(reply.follow.is_some(), "{:?}", reply.outcome);
    drop(reply);
    let asked = async || {
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        double.world.asked_so_far()
    };
    let (first, second) = (asked().await, asked().await);
    assert_eq!(first, second, "it went on asking");
}

/// The power of a node has gone while its pods were ending: their end is never confirmed, and they run elsewhere. A stop is
/// not believed so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_with_pods_that_were_ending_holds_nothing_up() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.set_closed("m3", true).await;
    let grace = json!({ "terminationGracePeriodSeconds": 600 });
    cluster.deployment("shop", 1, "100m", &grace).await;
    cluster.set_closed("m3", false).await;
    let bench = cluster.bench(&cluster.object("shop"));
    let call = bench.call(Phase::Evacuate, RungKind::Move, 1);
    let dies = async {
        let pods = cluster.in_namespace("api/v1", "pods");
        let begun = |list: &Value| list["items"].as_array().is_some_and(|all| all.len() == 2);
        cluster.until(&pods, "the eviction has begun", begun).await;
        for node in ["m1", "m2"] {
            let dead = json!({ "status": { "conditions": [{ "type": "Ready", "status": "Unknown" }] } });
            cluster.patch(&format!("/api/v1/nodes/{node}"), &dead).await;
        }
    };
    let ((), outcome) = tokio::join!(dies, bench.to_end(&call));
    assert_eq!(outcome, HookOutcome::Done);
    assert_eq!(bench.step(Phase::Verify, RungKind::Move, 2).await, HookOutcome::Done);
    let stopped = bench.once(&bench.call(Phase::Verify, RungKind::Stop, 3)).await;
    assert!(words(&stopped).contains("left on doomed nodes"), "{stopped:?}");
}

/// Hundreds of workloads at a slow API: pods, nodes and budgets are read once, and the rest side by side.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_workloads_are_asked_for_in_time() {
    let double = Double::start().await;
    let cluster = double.cluster();
    cluster.begin().await;
    cluster.doomed_deployment("shop", 2).await;
    cluster.budget("strict", "shop", 2).await;
    let placed = || Placed {
        object: cluster.object("shop"),
        rack: "r1".into(),
    };
    let target = HookTarget {
        id: "target".into(),
        way: HookWay::Kubernetes(Box::new(cluster.target())),
        works: (0..400).map(|n| (format!("work-{n}"), placed())).collect(),
    };
    let (clock, limits) = (Clock::starting_at(0), Limits::default());
    let clients = Clients::new(limits.connect).unwrap();
    let hook = Hook::new(target, &clients, limits, clock, Counters::default()).unwrap();
    double.world.slow_ms.store(50, Ordering::Relaxed);
    let before = ["/pods", "/nodes", "/poddisruptionbudgets"].map(|end| double.world.questions(end));
    let since = Stopwatch::start();
    let preflight = hook.preflight().await;
    // One after the other they would take 20 s, which is longer than anybody waits for them.
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    assert_eq!(preflight.workloads.len(), 400);
    assert!(
        preflight
            .workloads
            .values()
            .all(|answer| matches!(answer, Answer::Yes { .. }))
    );
    assert_eq!(preflight.moves.len(), 400, "each knows its budget");
    let after = ["/pods", "/nodes", "/poddisruptionbudgets"].map(|end| double.world.questions(end));
    assert_eq!([0, 1, 2].map(|n| after[n] - before[n]), [1, 1, 1]);
}

//! What has to hold on any cluster.

use std::collections::BTreeSet;

use muster::config::KubernetesTarget;
use muster::hooks::preflight::Answer;
use muster_core::{HookOutcome, Mode, Phase, RungKind};
use serde_json::json;

use super::Cluster;
use crate::targets::attempts::words;

/// The whole way: nothing lands on a doomed node, the probe waits for readiness, the way back opens what we closed.
pub(crate) async fn a_workload_moves_and_the_cordon_stands_first(cluster: &Cluster) {
    cluster.begin().await;
    cluster.doomed_deployment("shop", 3).await;
    cluster.budget("shop", "shop", 2).await;
    let before: BTreeSet<String> = cluster.pods("shop").await.into_keys().collect();
    let bench = cluster.bench(&cluster.object("shop"));
    assert_eq!(bench.step(Phase::Prepare, RungKind::Move, 1).await, HookOutcome::Done);
    assert!(cluster.is_closed("m1").await && cluster.is_closed("m2").await && !cluster.is_closed("m3").await);
    let early = bench.once(&bench.call(Phase::Verify, RungKind::Move, 2)).await;
    assert!(words(&early).contains("3 left on doomed nodes"), "{early:?}");
    assert_eq!(bench.step(Phase::Evacuate, RungKind::Move, 3).await, HookOutcome::Done);
    assert_eq!(bench.step(Phase::Verify, RungKind::Move, 4).await, HookOutcome::Done);
    assert_eq!(cluster.nodes_of("shop").await, ["m3", "m3", "m3"]);
    assert!(cluster.pods("shop").await.into_keys().all(|pod| !before.contains(&pod)));
    // Once more is nothing more.
    let after = cluster.pods("shop").await;
    assert_eq!(bench.step(Phase::Evacuate, RungKind::Move, 3).await, HookOutcome::Done);
    assert_eq!(cluster.pods("shop").await, after);
    let back = muster_core::Call {
        doomed: None,
        ..bench.call(Phase::Restore, RungKind::Move, 5)
    };
    assert_eq!(bench.to_end(&back).await, HookOutcome::Done);
    assert!(!cluster.is_closed("m1").await && !cluster.is_closed("m2").await);
}

/// Gone is not there: a pod that finds no node is named, and waited for. Where nodes are added, it is sent away all the same.
pub(crate) async fn a_move_is_done_when_it_is_ready_elsewhere(cluster: &Cluster) {
    cluster.begin().await;
    cluster.doomed_deployment("shop", 2).await;
    cluster.set_closed("m3", true).await;
    let mut target = cluster.target();
    let bench = cluster.bench(&cluster.object("shop"));
    let waits = bench.once(&bench.call(Phase::Evacuate, RungKind::Move, 1)).await;
    assert!(
        matches!(waits, HookOutcome::Retry { .. }) && words(&waits).contains("m3 is not ready or closed"),
        "{waits:?}"
    );
    target.autoscales = true;
    let bench = Cluster::bench_of(target, &cluster.object("shop"));
    assert_eq!(bench.step(Phase::Evacuate, RungKind::Move, 2).await, HookOutcome::Done);
    let early = bench.once(&bench.call(Phase::Verify, RungKind::Move, 3)).await;
    assert!(words(&early).contains("0 of 2 ready elsewhere"), "{early:?}");
    cluster.set_closed("m3", false).await;
    assert_eq!(bench.step(Phase::Verify, RungKind::Move, 3).await, HookOutcome::Done);
    assert_eq!(cluster.nodes_of("shop").await, ["m3", "m3"]);
}

/// 429 is heeded, named, and given up at the stated moment; once the budget allows it, the same step goes through.
pub(crate) async fn a_budget_is_waited_for_then_given_up(cluster: &Cluster) {
    cluster.begin().await;
    cluster.doomed_deployment("shop", 2).await;
    cluster.budget("strict", "shop", 2).await;
    let mut target = cluster.target();
    target.pdb_until_ms = Some(120_000);
    let bench = Cluster::bench_of(target, &cluster.object("shop"));
    let call = bench.call(Phase::Evacuate, RungKind::Move, 1);
    let before = cluster.pods("shop").await;
    let held = bench.once(&call).await;
    assert!(matches!(held, HookOutcome::Retry { .. }), "{held:?}");
    assert!(
        words(&held).contains("waits") && words(&held).contains("strict"),
        "{held:?}"
    );
    let late = muster_core::Call {
        deadline: bench.clock.now() + 119_000,
        ..call.clone()
    };
    let given_up = bench.once(&late).await;
    assert!(
        matches!(given_up, HookOutcome::Cannot { .. }) && words(&given_up).contains("too late"),
        "{given_up:?}"
    );
    assert_eq!(cluster.pods("shop").await, before, "a refused pod was touched");
    cluster.set_budget("strict", 1).await;
    assert_eq!(bench.to_end(&call).await, HookOutcome::Done);
    assert_eq!(bench.step(Phase::Verify, RungKind::Move, 2).await, HookOutcome::Done);
    assert_eq!(cluster.nodes_of("shop").await, ["m3", "m3"]);
}

pub(crate) async fn two_budgets_are_no_way(cluster: &Cluster) {
    cluster.begin().await;
    cluster.doomed_deployment("shop", 1).await;
    cluster.budget("one", "shop", 0).await;
    cluster.budget("two", "shop", 0).await;
    let bench = cluster.bench(&cluster.object("shop"));
    let no = bench.step(Phase::Evacuate, RungKind::Move, 1).await;
    assert!(
        matches!(no, HookOutcome::Cannot { .. }) && words(&no).contains("more than one"),
        "{no:?}"
    );
}

pub(crate) async fn a_failover_deletes_past_the_budget(cluster: &Cluster) {
    cluster.begin().await;
    cluster.doomed_deployment("shop", 2).await;
    cluster.budget("strict", "shop", 2).await;
    let bench = cluster.bench(&cluster.object("shop"));
    assert_eq!(
        bench.step(Phase::Evacuate, RungKind::Failover, 1).await,
        HookOutcome::Done
    );
    assert_eq!(
        bench.step(Phase::Verify, RungKind::Failover, 2).await,
        HookOutcome::Done
    );
    assert_eq!(cluster.nodes_of("shop").await, ["m3", "m3"]);
}

/// How many there were is marked in the same write, so that the way back survives our own death.
pub(crate) async fn a_stop_scales_to_nothing_and_back(cluster: &Cluster) {
    cluster.begin().await;
    cluster.doomed_deployment("shop", 2).await;
    let bench = cluster.bench(&cluster.object("shop"));
    assert_eq!(bench.step(Phase::Evacuate, RungKind::Stop, 1).await, HookOutcome::Done);
    assert_eq!(bench.step(Phase::Verify, RungKind::Stop, 2).await, HookOutcome::Done);
    assert!(cluster.pods("shop").await.is_empty());
    let stopped = cluster.scaled("shop").await;
    assert_eq!(stopped["spec"]["replicas"], 0);
    assert_eq!(stopped["metadata"]["annotations"]["muster/replicas"], "2");
    // Another gateway, which has seen nothing of it.
    let other = cluster.bench(&cluster.object("shop"));
    let back = muster_core::Call {
        doomed: None,
        ..other.call(Phase::Restore, RungKind::Stop, 3)
    };
    assert_eq!(other.to_end(&back).await, HookOutcome::Done);
    let started = cluster.scaled("shop").await;
    assert_eq!(started["spec"]["replicas"], 2);
    assert!(started["metadata"]["annotations"]["muster/replicas"].is_null());
    assert_eq!(cluster.pods("shop").await.len(), 2);
}

pub(crate) async fn a_stop_leaves_alone_what_stands_elsewhere(cluster: &Cluster) {
    cluster.begin().await;
    for node in ["m1", "m2"] {
        cluster.set_closed(node, true).await;
    }
    cluster.deployment("shop", 1, "100m", &json!({})).await;
    for (node, closed) in [("m1", false), ("m2", false), ("m3", true)] {
        cluster.set_closed(node, closed).await;
    }
    let path = cluster.in_namespace("apis/apps/v1", "deployments/shop");
    cluster.patch(&path, &json!({ "spec": { "replicas": 3 } })).await;
    let pods = cluster.in_namespace("api/v1", "pods?labelSelector=app%3Dshop");
    let placed = |list: &serde_json::Value| {
        let items = list["items"].as_array().unwrap();
        items.len() == 3 && items.iter().all(|pod| pod["spec"]["nodeName"].is_string())
    };
    cluster.until(&pods, "three pods are placed", placed).await;
    cluster.set_closed("m3", false).await;
    let stays = cluster
        .pods("shop")
        .await
        .into_iter()
        .find(|(_, node)| node == "m3")
        .unwrap();
    let bench = cluster.bench(&cluster.object("shop"));
    assert_eq!(bench.step(Phase::Evacuate, RungKind::Stop, 1).await, HookOutcome::Done);
    assert_eq!(bench.step(Phase::Verify, RungKind::Stop, 2).await, HookOutcome::Done);
    let after = cluster.pods("shop").await;
    assert!(after.contains_key(&stays.0), "what stood elsewhere was stopped");
    assert!(after.values().all(|node| node != "m1" && node != "m2"), "{after:?}");
}

pub(crate) async fn a_lower_token_is_refused(cluster: &Cluster) {
    cluster.begin().await;
    cluster.doomed_deployment("shop", 1).await;
    let bench = cluster.bench(&cluster.object("shop"));
    assert_eq!(
        bench.step(Phase::Evacuate, RungKind::Move, u64::MAX).await,
        HookOutcome::Done
    );
    assert_eq!(
        bench.step(Phase::Verify, RungKind::Move, u64::MAX).await,
        HookOutcome::Done
    );
    let moved = cluster.pods("shop").await;
    let mut late = bench.call(Phase::Evacuate, RungKind::Stop, u64::MAX - 1);
    late.doomed = None;
    assert_eq!(bench.once(&late).await, HookOutcome::TokenRefused);
    assert_eq!(cluster.pods("shop").await, moved);
}

/// Every phase of every rung, and the cluster is as it was, to the last version of every object.
pub(crate) async fn a_drill_changes_nothing(cluster: &Cluster) {
    cluster.begin().await;
    cluster.doomed_deployment("shop", 2).await;
    let version = async |path: &str| cluster.get(path).await["metadata"]["resourceVersion"].clone();
    let deployment = cluster.in_namespace("apis/apps/v1", "deployments/shop");
    let (pods, before) = (cluster.pods("shop").await, version(&deployment).await);
    let bench = cluster.bench(&cluster.object("shop"));
    for rung in [RungKind::Move, RungKind::Failover, RungKind::Stop] {
        for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify, Phase::Restore] {
            let drill = muster_core::Call {
                mode: Mode::Drill,
                ..bench.call(phase, rung, 9)
            };
            assert_eq!(bench.to_end(&drill).await, HookOutcome::Done, "{rung} {phase}");
        }
    }
    assert_eq!(cluster.pods("shop").await, pods);
    assert_eq!(version(&deployment).await, before);
    for node in ["m1", "m2", "m3"] {
        assert!(!cluster.is_closed(node).await, "{node}");
    }
    // And what would be refused in a fire is refused in the drill.
    cluster.budget("strict", "shop", 2).await;
    let drill = muster_core::Call {
        mode: Mode::Drill,
        ..bench.call(Phase::Evacuate, RungKind::Move, 9)
    };
    let held = bench.once(&drill).await;
    assert!(
        matches!(held, HookOutcome::Retry { .. }) && words(&held).contains("strict"),
        "{held:?}"
    );
}

/// Preflight names what is stuck, and what would mend it.
pub(crate) async fn what_would_not_go_is_said_before(cluster: &Cluster) {
    cluster.begin().await;
    cluster.doomed_deployment("shop", 2).await;
    let bench = cluster.bench(&cluster.object("shop"));
    let good = bench.hook.preflight().await;
    assert!(matches!(good.reachable, Answer::Yes { .. }), "{good:?}");
    assert!(matches!(good.rights, Answer::Yes { .. }), "{good:?}");
    assert!(
        matches!(&good.room["busan"], Answer::Yes { seen } if seen.contains("free on 1 nodes")),
        "{good:?}"
    );
    assert!(matches!(good.workloads["work"], Answer::Yes { .. }), "{good:?}");
    cluster.budget("strict", "shop", 2).await;
    let held = bench.hook.preflight().await;
    assert!(
        matches!(held.workloads["work"], Answer::Yes { .. }),
        "a stop passes it: {held:?}"
    );
    let Answer::No { why, mend } = &held.moves["work"] else {
        panic!("{held:?}")
    };
    assert!(why.contains("strict") && mend.contains("replicas"), "{why}: {mend}");
    let nowhere = cluster.bench(&cluster.object("none")).hook.preflight().await;
    assert!(
        matches!(&nowhere.workloads["work"], Answer::No { why, .. } if why.contains("no such object")),
        "{nowhere:?}"
    );
    cluster.set_closed("m3", true).await;
    let full = bench.hook.preflight().await;
    cluster.set_closed("m3", false).await;
    assert!(matches!(full.room["busan"], Answer::No { .. }), "{full:?}");
}

/// The target with each node of this site on a rack of its own.
fn on_two_racks(cluster: &Cluster) -> KubernetesTarget {
    let mut target = cluster.target();
    target.places.racks = [
        ("r1".to_owned(), vec!["m1".to_owned()]),
        ("r2".to_owned(), vec!["m2".to_owned()]),
    ]
    .into();
    target
}

pub(crate) async fn a_node_is_emptied(cluster: &Cluster) {
    cluster.begin().await;
    cluster.doomed_deployment("shop", 2).await;
    let bench = Cluster::bench_of(on_two_racks(cluster), "node/m1");
    assert_eq!(bench.step(Phase::Evacuate, RungKind::Move, 1).await, HookOutcome::Done);
    assert_eq!(bench.step(Phase::Verify, RungKind::Move, 2).await, HookOutcome::Done);
    let nodes = cluster.nodes_of("shop").await;
    assert!(nodes.len() == 2 && nodes.iter().all(|node| node != "m1"), "{nodes:?}");
    // It leaves for another site, so no rack of this one takes what was on it.
    assert!(cluster.is_closed("m1").await && cluster.is_closed("m2").await);
    let back = muster_core::Call {
        doomed: None,
        ..bench.call(Phase::Restore, RungKind::Move, 3)
    };
    assert_eq!(bench.to_end(&back).await, HookOutcome::Done);
    assert!(!cluster.is_closed("m1").await && !cluster.is_closed("m2").await);
}

/// A pod on another rack of this very site has not moved, whatever the doomed racks are said to be.
pub(crate) async fn another_rack_of_this_site_is_not_elsewhere(cluster: &Cluster) {
    cluster.begin().await;
    cluster.doomed_deployment("shop", 2).await;
    let bench = Cluster::bench_of(on_two_racks(cluster), &cluster.object("shop"));
    for doomed in [vec![], vec!["r1".to_owned()]] {
        let probe = muster_core::Call {
            doomed: Some(doomed),
            ..bench.call(Phase::Verify, RungKind::Move, 1)
        };
        let early = bench.once(&probe).await;
        assert!(words(&early).contains("2 left on doomed nodes"), "{early:?}");
    }
    let nowhere = muster_core::Call {
        doomed: Some(vec![]),
        ..bench.call(Phase::Evacuate, RungKind::Move, 2)
    };
    assert_eq!(bench.to_end(&nowhere).await, HookOutcome::Done);
    assert_eq!(cluster.nodes_of("shop").await, ["m3", "m3"]);
    cluster.set_closed("m1", false).await;
    cluster.set_closed("m2", false).await;
}

pub(crate) async fn pods_by_labels_move(cluster: &Cluster) {
    cluster.begin().await;
    cluster.doomed_deployment("shop", 2).await;
    let bench = cluster.bench(&format!("{}/pods/app=shop", cluster.namespace));
    assert_eq!(bench.step(Phase::Evacuate, RungKind::Move, 1).await, HookOutcome::Done);
    assert_eq!(bench.step(Phase::Verify, RungKind::Move, 2).await, HookOutcome::Done);
    assert_eq!(cluster.nodes_of("shop").await, ["m3", "m3"]);
}

/// What would not come back is not sent away.
pub(crate) async fn bare_pods_and_no_room_are_no_way(cluster: &Cluster) {
    cluster.begin().await;
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "bare", "labels": { "app": "bare" } },
        "spec": { "nodeName": "m1", "containers": [{ "name": "c", "image": "x" }] },
    });
    cluster.post(&cluster.in_namespace("api/v1", "pods"), &pod).await;
    let bare = cluster.bench(&format!("{}/pods/app=bare", cluster.namespace));
    let no = bare.step(Phase::Evacuate, RungKind::Move, 1).await;
    assert!(
        matches!(no, HookOutcome::Cannot { .. }) && words(&no).contains("no controller"),
        "{no:?}"
    );
    assert_eq!(cluster.pods("bare").await.len(), 1);

    let here = json!({ "nodeSelector": { "kubernetes.io/hostname": "m1" } });
    // The cordon of the step before.
    cluster.set_closed("m1", false).await;
    cluster.deployment("pinned", 1, "100m", &here).await;
    let before = cluster.pods("pinned").await;
    let pinned = cluster.bench(&cluster.object("pinned"));
    let no = pinned.step(Phase::Evacuate, RungKind::Move, 2).await;
    assert!(
        matches!(no, HookOutcome::Cannot { .. }) && words(&no).contains("no node that stays"),
        "{no:?}"
    );
    assert_eq!(cluster.pods("pinned").await, before);
}

pub(crate) async fn others_cordons_stay_theirs(cluster: &Cluster) {
    cluster.begin().await;
    cluster.doomed_deployment("shop", 1).await;
    cluster.set_closed("m2", true).await;
    let bench = cluster.bench(&cluster.object("shop"));
    assert_eq!(bench.step(Phase::Prepare, RungKind::Move, 1).await, HookOutcome::Done);
    // While the rack is doomed, nothing of it is opened.
    assert_eq!(bench.step(Phase::Restore, RungKind::Move, 2).await, HookOutcome::Done);
    assert!(cluster.is_closed("m1").await);
    let back = muster_core::Call {
        doomed: None,
        ..bench.call(Phase::Restore, RungKind::Move, 3)
    };
    assert_eq!(bench.to_end(&back).await, HookOutcome::Done);
    assert!(!cluster.is_closed("m1").await && cluster.is_closed("m2").await);
    cluster.set_closed("m2", false).await;
}

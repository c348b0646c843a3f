//! Slurm, with Debian's munge, slurmctld and two slurmd: `c1` on rack `r1`, `c2` elsewhere.

mod cluster;

use std::collections::BTreeMap;
use std::time::Duration;

use cluster::Cluster;
use muster::config::{HookWay, SlurmTarget};
use muster::counters::Cause;
use muster::hooks::preflight::Answer;
use muster_core::{Call, HookOutcome, Mode, Phase, RungKind};

use super::attempts::{Bench, words};

fn bench(cluster: &Cluster, checkpoint: Option<&str>) -> Bench {
    let target = SlurmTarget {
        commands: "/usr/bin".into(),
        conf: Some(cluster.conf()),
        racks: BTreeMap::from([("r1".to_owned(), vec!["c1".to_owned()])]),
        checkpoint: checkpoint.map(|signal| (signal.to_owned(), Duration::from_secs(1))),
    };
    Bench::new(HookWay::Slurm(target), "partition/batch")
}

/// Draining stops nothing, so jobs are requeued; what runs elsewhere, and what others drain, is left alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_leave_a_doomed_node_and_the_node_comes_back() {
    let cluster = Cluster::start().await;
    let (here, there) = (
        cluster.submit(&["--nodelist=c1"]).await,
        cluster.submit(&["--nodelist=c2"]).await,
    );
    let free = cluster.submit(&["--exclude=c2"]).await;
    for job in [&here, &there, &free] {
        cluster.until_state(job, "RUNNING").await;
    }
    let bench = bench(&cluster, None);
    assert_eq!(bench.step(Phase::Prepare, RungKind::Move, 1).await, HookOutcome::Done);
    assert!(cluster.node("c1").await.starts_with("drain"));
    assert!(cluster.node("c1").await.ends_with("muster:ansan-1"));
    assert_eq!(cluster.state(&here).await, "RUNNING", "a drain alone stops nothing");
    let early = bench.once(&bench.call(Phase::Verify, RungKind::Move, 2)).await;
    assert!(words(&early).contains("left on doomed nodes"), "{early:?}");
    assert_eq!(bench.step(Phase::Evacuate, RungKind::Move, 3).await, HookOutcome::Done);
    assert_eq!(bench.step(Phase::Verify, RungKind::Move, 4).await, HookOutcome::Done);
    for (job, state) in [(&here, "PENDING"), (&free, "PENDING"), (&there, "RUNNING")] {
        assert_eq!(cluster.state(job).await, state, "{job}");
    }
    assert_eq!(bench.step(Phase::Evacuate, RungKind::Move, 3).await, HookOutcome::Done);
    let back = Call {
        doomed: None,
        ..bench.call(Phase::Restore, RungKind::Move, 5)
    };
    assert_eq!(bench.to_end(&back).await, HookOutcome::Done);
    assert!(
        !cluster.node("c1").await.starts_with("drain"),
        "{}",
        cluster.node("c1").await
    );
    // Somebody else's drain stays theirs, there and back.
    let update = ["update", "NodeName=c1", "State=DRAIN", "Reason=fan"];
    cluster.run("scontrol", &update).await;
    assert_eq!(bench.step(Phase::Prepare, RungKind::Move, 6).await, HookOutcome::Done);
    assert_eq!(bench.to_end(&back).await, HookOutcome::Done);
    assert!(cluster.node("c1").await.starts_with("drain") && cluster.node("c1").await.ends_with("fan"));
    cluster.end().await;
}

/// What cannot be requeued is named, takes the next rung, and writes a checkpoint before it is ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_cannot_be_requeued_is_named_and_stopped_last() {
    let cluster = Cluster::start().await;
    let pinned = cluster.submit(&["--nodelist=c1"]).await;
    cluster.until_state(&pinned, "RUNNING").await;
    let bench = bench(&cluster, Some("USR1"));
    let stuck = bench.hook.preflight().await;
    assert!(
        matches!(&stuck.reachable, Answer::Yes { seen } if seen.contains("is UP")),
        "{stuck:?}"
    );
    assert!(matches!(stuck.rights, Answer::Yes { .. }), "{stuck:?}");
    let Answer::No { why, mend } = &stuck.workloads["work"] else {
        panic!("{stuck:?}")
    };
    assert!(
        why.contains(&pinned) && why.contains("by name") && mend.contains("-w"),
        "{why}: {mend}"
    );

    let rigid = cluster.submit(&["--exclude=c2", "--no-requeue"]).await;
    cluster.until_state(&rigid, "RUNNING").await;
    cluster.until_written("ready", &rigid).await;
    let stuck = bench.hook.preflight().await;
    let Answer::No { why, .. } = &stuck.workloads["work"] else {
        panic!("{stuck:?}")
    };
    assert!(why.contains(&rigid) && why.contains("cannot be requeued"), "{why}");

    let no = bench.step(Phase::Evacuate, RungKind::Move, 1).await;
    assert!(
        matches!(no, HookOutcome::Cannot { .. }) && words(&no).contains(&rigid),
        "{no:?}"
    );
    assert_eq!(cluster.state(&rigid).await, "RUNNING");
    assert_eq!(bench.step(Phase::Evacuate, RungKind::Stop, 2).await, HookOutcome::Done);
    assert_eq!(bench.step(Phase::Verify, RungKind::Stop, 3).await, HookOutcome::Done);
    cluster.until_written("checkpoint", &rigid).await;
    assert_eq!(cluster.state(&rigid).await, "CANCELLED");
    assert_eq!(cluster.state(&pinned).await, "PENDING", "it waits for its node");
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_changes_nothing_a_later_incident_refuses_and_a_dead_controller_is_said() {
    let mut cluster = Cluster::start().await;
    let job = cluster.submit(&["--exclude=c2"]).await;
    cluster.until_state(&job, "RUNNING").await;
    let bench = bench(&cluster, Some("USR1"));
    for rung in [RungKind::Move, RungKind::Stop] {
        for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify, Phase::Restore] {
            let drill = Call {
                mode: Mode::Drill,
                ..bench.call(phase, rung, 9)
            };
            assert_eq!(bench.to_end(&drill).await, HookOutcome::Done, "{rung} {phase}");
        }
    }
    assert_eq!(cluster.state(&job).await, "RUNNING");
    assert!(!cluster.node("c1").await.starts_with("drain"));

    cluster
        .run(
            "scontrol",
            &["update", "NodeName=c1", "State=DRAIN", "Reason=muster:ansan-2"],
        )
        .await;
    let late = bench.step(Phase::Evacuate, RungKind::Move, 1).await;
    assert_eq!(late, HookOutcome::TokenRefused);
    assert_eq!(cluster.state(&job).await, "RUNNING");

    cluster.kill_controller().await;
    let call = bench.call(Phase::Prepare, RungKind::Move, 2);
    let dead = bench.once(&call).await;
    assert!(matches!(dead, HookOutcome::Retry { .. }), "{dead:?}");
    let counted = bench.counters.get(Cause::HookExit) + bench.counters.get(Cause::HookTimeout);
    assert_eq!(counted, 1, "{dead:?}");
    let preflight = bench.hook.preflight().await;
    assert!(
        matches!(&preflight.reachable, Answer::No { mend, .. } if mend.contains("slurmctld")),
        "{preflight:?}"
    );
    cluster.end().await;
}

#[test]
fn the_example_is_a_config() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/examples/slurm.toml");
    let loaded = muster::config::load(&file);
    assert!(loaded.is_ok(), "{:#?}", loaded.unwrap_err());
}

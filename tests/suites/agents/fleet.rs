//! Many agents, and dead ones among them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use muster::clock::Stopwatch;
use tokio::time::sleep;

use super::answers::Answers;
use super::{free_port, source};
use crate::stand::{Process, Room, Stand};

const LOGIN: &str = "community = \"house\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_agents_change_nothing_for_the_others() {
    let answers = Answers::start(20).await;
    let living = answers
        .ports
        .iter()
        .enumerate()
        .map(|(n, port)| (format!("a{n}"), *port));
    let dead = (0..10).map(|n| (format!("dead{n}"), free_port()));
    let tables: String = living.chain(dead).map(|(id, port)| source(&id, port, LOGIN)).collect();
    let stand = Stand::start(Room::with(&[]).and(&tables)).await;
    stand.api.until_count("snmp_timeout", 20).await;
    for _ in 0..20 {
        let channels = stand.api.channels().await;
        let of_living = channels
            .iter()
            .filter(|c| c.id.starts_with('a') && c.id.ends_with(".on_battery"));
        let ages: Vec<_> = of_living.map(|c| c.age_ms.unwrap_or(i64::MAX)).collect();
        assert_eq!(ages.len(), 20);
        assert!(ages.iter().all(|ms| *ms < 2_500), "{ages:?}");
        sleep(Duration::from_millis(50)).await;
    }
    stand.assert_undecided("ten dead agents");
}

/// CPU seconds a process has used, from the system's own account (proc(5); 100 ticks a second on Linux).
fn cpu_s(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let after_name: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: u64 = [11, 12]
        .map(|field: usize| after_name[field].parse::<u64>().unwrap())
        .iter()
        .sum();
    ticks as f64 / 100.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "heavy: measures for 20 s"]
async fn two_hundred_agents_at_1_hz_and_what_they_cost() {
    const AGENTS: usize = 200;
    let answers = Answers::start(AGENTS).await;
    let tables: String = answers
        .ports
        .iter()
        .enumerate()
        .map(|(n, port)| source(&format!("a{n}"), *port, LOGIN))
        .collect();
    let muster = Process::run(&Room::with(&[]).and(&tables)).await;
    sleep(Duration::from_secs(5)).await;
    let (since, cpu, asked) = (
        Stopwatch::start(),
        cpu_s(muster.id()),
        answers.answered.load(Ordering::Relaxed),
    );
    sleep(Duration::from_secs(20)).await;
    let seconds = since.elapsed().as_secs_f64();
    let asked = (answers.answered.load(Ordering::Relaxed) - asked) as f64 / seconds;
    let core = (cpu_s(muster.id()) - cpu) / seconds;
    let dropped = muster.api.dropped().await;
    println!(
        "{AGENTS} SNMP v2c agents at 1 Hz, 15 signals each: {asked:.0} GETs/s answered, {:.1} % of one core, dropped {dropped:?}",
        core * 100.0
    );
    // Two GETs a second and agent: trip signals, and the rest.
    assert!(asked > 0.98 * 2.0 * AGENTS as f64, "{asked}");
    assert!(dropped.is_empty(), "{dropped:?}");
}

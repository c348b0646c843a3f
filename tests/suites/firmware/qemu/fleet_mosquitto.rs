//! A fleet of boards on one machine: what it costs, and that nothing of it is lost.

use std::time::Duration;

use muster::clock::Stopwatch;
use muster_sim::emulator::{Board, Load};
use tokio::task::JoinSet;

use super::ear::Ear;
use super::{readings, settings_at};
use crate::firmware::emulator::power;
use crate::stand::{Room, Stand};
use crate::uplink::broker::Broker;

const BOARDS: usize = 20;
const LONG: Duration = Duration::from_secs(60);

/// Switches on a board with each of these settings, all at once.
async fn all_on(settings: Vec<String>) -> Vec<Board> {
    let mut starting = JoinSet::new();
    for settings in settings {
        starting.spawn(async move { power(&settings).await });
    }
    starting.join_all().await
}

fn load(boards: &[Board]) -> (f64, u64) {
    let loads: Vec<_> = boards.iter().map(|board| Load::of(board.process()).unwrap()).collect();
    let cpu: Duration = loads.iter().map(|load| load.cpu).sum();
    (cpu.as_secs_f64(), loads.iter().map(|load| load.rss_kib).sum())
}

/// What the machine as a whole was asked for in the last minute, beside which the figures stand.
fn beside() -> String {
    std::fs::read_to_string("/proc/loadavg")
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned()
}

async fn a_minute_of(what: &str, more: &str, most_of_a_core: f64) {
    let ids: Vec<_> = (1..=BOARDS).map(|n| format!("n{n}")).collect();
    let names: Vec<_> = ids.iter().map(String::as_str).collect();
    let broker = Broker::mosquitto("").await;
    let stand = Stand::start(Room::with(&names).connect(&broker.plain())).await;
    let ear = Ear::at(&broker).await;
    let settings = |id: &String| settings_at(broker.port, id, &format!("sample_ms=1000 heartbeat_ms=1000 {more}"));
    let boards = all_on(ids.iter().map(settings).collect()).await;
    for id in &ids {
        ear.until(id, "it is heard", |all| !all.is_empty()).await;
    }
    let (since, (cpu, _), taken) = (Stopwatch::start(), load(&boards), readings(&stand).await);
    tokio::time::sleep(LONG).await;
    let (span, (cpu_after, rss_kib)) = (since.elapsed().as_secs_f64(), load(&boards));
    let (taken, share) = (readings(&stand).await - taken, (cpu_after - cpu) / span);
    let packs: usize = ids.iter().map(|id| ear.assert_none_missing(id)).sum();
    let samples: usize = ids.iter().map(|id| ear.sampled(id, "temperature").len()).sum();
    println!(
        "{BOARDS} boards at 1 Hz, {what}, {span:.0} s: {taken} readings in the gateway; {packs} packs, 0 missing by number; \
         {:.1} % of one core; {} MiB, {} MiB each; load beside it {}",
        share * 100.0,
        rss_kib / 1_024,
        rss_kib / 1_024 / BOARDS as u64,
        beside()
    );
    let due = BOARDS * usize::try_from(LONG.as_secs()).unwrap();
    assert!(samples >= due, "{samples} samples of {due}");
    assert!(share <= most_of_a_core, "{share} of a core");
    assert_eq!(stand.api.count("node_lost").await, 0);
    stand.assert_undecided("a quiet minute");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "heavy: twenty boards for a minute"]
async fn twenty_boards_at_one_hertz_take_less_than_a_core() {
    a_minute_of("one sensor each", "", 1.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "heavy: twenty boards with all their sensors for a minute"]
async fn twenty_boards_with_all_their_sensors_take_less_than_a_core() {
    a_minute_of("eight sensors each", "room=yes warmup=2", 1.0).await;
}

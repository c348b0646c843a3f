//! Cables that are cut, boards that hang and brokers that go, with an ear on the wire: what the boards really said.

use std::time::Duration;

use muster::clock::Stopwatch;
use muster_wire::senml::RESET;

use super::ear::Ear;
use super::{is_missed, settings_at};
use crate::firmware::emulator::power;
use crate::stand::{Room, Stand};
use crate::uplink::broker::Broker;

/// Beats of the board here, which reports every sample.
const BEAT: Duration = Duration::from_secs(1);
/// A broken connection is given up, and another one made, within this: two deadlines of 10 s, and the longest pause.
const AGAIN: Duration = Duration::from_secs(40);
/// The requirement: trouble within three missed beats. And what a busy machine may take to say so.
const NOTICED: Duration = Duration::from_secs(3 + 1);

/// Between two samples.
fn longest(times: &[Duration]) -> Duration {
    let apart = times.windows(2).map(|pair| pair[1] - pair[0]);
    apart.max().unwrap()
}

async fn cut_cable(out: Duration) {
    let broker = Broker::mosquitto("").await;
    let stand = Stand::start(Room::with(&["n1"]).supervision_s(3).connect(&broker.plain())).await;
    let ear = Ear::at(&broker).await;
    let mut board = power(&settings_at(broker.port, "n1", "sample_ms=1000 heartbeat_ms=1000")).await;
    ear.until("n1", "three beats", |all| all.len() >= 3).await;
    stand.until("it is not missed", |view| !is_missed(view, "n1")).await;
    let since = Stopwatch::start();
    board.cable(false).await.unwrap();
    let (_, noticed) = stand
        .within(NOTICED, "it is missed", |view| is_missed(view, "n1"))
        .await;
    tokio::time::sleep(out.saturating_sub(since.elapsed())).await;
    board.cable(true).await.unwrap();
    stand
        .within(AGAIN, "it is heard again", |view| !is_missed(view, "n1"))
        .await;
    // The store has been sent, and what comes now is new.
    let least = usize::try_from(out.as_secs()).unwrap() + 3;
    let taken = |ear: &Ear| ear.sampled("n1", "temperature");
    ear.within(AGAIN, "n1", "the samples of the cut", |_| taken(&ear).len() >= least)
        .await;
    let packs = ear.assert_none_missing("n1");
    let times = taken(&ear);
    let longest = longest(&times);
    assert!(longest < BEAT * 2, "no sample for {longest:?}: {times:?}");
    println!(
        "cut for {out:?}: trouble after {noticed:?}; {packs} packs, no number missing; {} samples, none more than {:?} after \
         the last",
        times.len(),
        longest
    );
    assert_eq!(stand.api.count("node_lost").await, 0);
    stand.assert_undecided("a cut cable");
}

#[tokio::test]
async fn a_cut_cable_is_trouble_in_three_beats_and_no_number_is_missing() {
    cut_cable(Duration::from_secs(6)).await;
}

#[tokio::test]
#[ignore = "heavy: a cable that is out for a minute"]
async fn a_cable_cut_for_a_minute_loses_no_number_and_no_sample() {
    cut_cable(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_birth_says_why_the_board_began_anew() {
    let broker = Broker::mosquitto("").await;
    let ear = Ear::at(&broker).await;
    let _board = power(&settings_at(broker.port, "n1", "sample_ms=200 hang_after_ms=4000")).await;
    let says = |cause: &'static str| {
        move |all: &[super::ear::Heard]| {
            let texts = all.iter().flat_map(|pack| &pack.texts);
            texts.filter(|(name, text)| name == RESET && text == cause).count() > 0
        }
    };
    ear.until("n1", "born after power", says("power")).await;
    let first = ear.of("n1")[0].mark.boot;
    // It hangs; the watchdog bites after two times 8 s.
    let bites = Duration::from_secs(40);
    ear.within(bites, "n1", "born after the watchdog", says("watchdog"))
        .await;
    assert!(ear.of("n1").last().unwrap().mark.boot > first);
}

/// The broker is killed and comes back without a memory: the board comes back by itself, and was never out of step.
#[tokio::test]
async fn a_broker_that_is_killed_and_comes_back_is_spoken_to_again() {
    let mut broker = Broker::mosquitto("").await;
    let stand = Stand::start(Room::with(&["n1"]).supervision_s(3).connect(&broker.plain())).await;
    let _board = power(&settings_at(broker.port, "n1", "sample_ms=500 heartbeat_ms=500")).await;
    stand.until("it is heard", |view| view.channels_good == 1).await;
    broker.kill().await;
    stand.until("it is missed", |view| view.channels_good == 0).await;
    broker.start_again().await;
    stand
        .within(AGAIN, "it is heard again", |view| view.channels_good == 1)
        .await;
    assert_eq!(stand.api.count("node_reset").await, 0);
    stand.assert_undecided("a broker that was killed");
}

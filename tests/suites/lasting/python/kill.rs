//! kill -9 at points spread over an evacuation.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::story::Story;
use crate::site::alarm_node::both;
use crate::site::process::Muster;

/// Evacuations at a time, so that a small machine does not stretch them.
const AT_A_TIME: usize = 4;

/// When to kill: at an event (its kind, words of its line, which of them), and so much later.
#[derive(Clone, Copy, Debug)]
struct Point {
    kind: &'static str,
    words: &'static str,
    nth: usize,
    later_us: u64,
}

const fn at(kind: &'static str, words: &'static str, nth: usize, later_us: u64) -> Point {
    Point {
        kind,
        words,
        nth,
        later_us,
    }
}

/// The turning points, each as soon as it is said. Between a vote and the first calls lie the intents' commits.
const TURNS: [Point; 19] = [
    at("incident", "opens", 1, 0),
    at("vote", "mqtt votes", 1, 0),
    at("vote", "mqtt votes", 1, 1_500),
    at("step", "called", 1, 0),
    at("step", "called", 2, 3_000),
    at("vote", "votes", 2, 0),
    at("vote", "votes", 2, 700),
    at("vote", "votes", 2, 2_000),
    at("vote", "votes", 2, 4_000),
    at("level", "-> evacuate", 1, 10_000),
    at("step", "move takes", 6, 0),
    at("step", "move takes", 6, 5_000),
    at("step", "done", 3, 0),
    at("step", "done", 6, 0),
    at("step", "done", 7, 2_000),
    at("workload", "safe", 1, 0),
    at("workload", "safe", 2, 1_000),
    at("workload", "safe", 3, 0),
    at("workload", "safe", 5, 0),
];

async fn kill_at(point: Point) {
    let story = Story::new().await;
    let muster = story.start().await;
    let mut nodes = both(muster.mqtt, muster.panel, 1);
    nodes[0].alarm().await;
    if point.kind != "incident" && point.words != "mqtt votes" {
        // After the first calls if they are what is waited for: reversible steps run on one vote.
        if point.words == "called" {
            muster.until_said("step", "called", point.nth).await;
        } else {
            nodes[1].alarm().await;
        }
    }
    strike(&muster, point).await;
    muster.kill().await;
    story.goes_on_and_ends_well(&format!("{point:?}")).await;
}

async fn strike(muster: &Muster, point: Point) {
    muster.until_said(point.kind, point.words, point.nth).await;
    tokio::time::sleep(Duration::from_micros(point.later_us)).await;
}

async fn sweep(points: impl Iterator<Item = Point>) -> usize {
    let slots = Arc::new(Semaphore::new(AT_A_TIME));
    let mut killed = JoinSet::new();
    for point in points {
        let slots = Arc::clone(&slots);
        killed.spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            kill_at(point).await;
        });
    }
    let mut total = 0;
    while let Some(one) = killed.join_next().await {
        one.unwrap();
        total += 1;
    }
    total
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_its_turning_points_it_goes_on() {
    // And by time alone, over the whole evacuation.
    let by_time = (0..9).map(|i| at("vote", "votes", 2, i * 170_000));
    let killed = sweep(TURNS.into_iter().chain(by_time)).await;
    assert_eq!(killed, TURNS.len() + 9);
}

#[ignore = "heavy: 1,000 evacuations, half an hour"]
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_1000_moments_it_goes_on() {
    // Spread evenly over the 1.7 s that an evacuation takes, which is denser than anything drawn.
    let by_time = (0..1_000_u64).map(|i| at("vote", "votes", 1 + (i % 2) as usize, i * 1_700));
    assert_eq!(sweep(by_time).await, 1_000);
}

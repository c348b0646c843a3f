//! Killed at every write of the journal: each state that its files can be in when the process dies.

use std::path::Path;

use super::story::Story;
use crate::site::alarm_node::both;
use crate::site::talk;

/// Kills in the common run, spread over all boundaries.
const SAMPLED: usize = 22;

/// Writes of the journal so far.
fn writes(strace: &Path) -> usize {
    let text = std::fs::read_to_string(strace).unwrap_or_default();
    text.lines().filter(|line| line.contains("pwrite64(")).count()
}

/// One evacuation that nobody kills: its writes until it watched, and until its end.
async fn boundaries() -> (usize, usize) {
    let story = Story::new().await;
    let strace = story.file("strace");
    let muster = story.start_traced(None, &strace).await;
    let begun = writes(&strace);
    let mut nodes = both(muster.mqtt, muster.panel, 1);
    for node in &mut nodes {
        node.alarm().await;
    }
    muster.api.until_all_safe().await;
    (begun, writes(&strace))
}

/// Kills the gateway before it makes its `nth` write; whether it had one before its evacuation was over.
async fn killed_before(nth: usize) -> bool {
    let story = Story::new().await;
    let mut muster = story.start_traced(Some(nth), &story.file("strace")).await;
    let mut nodes = both(muster.mqtt, muster.panel, 1);
    for node in &mut nodes {
        node.alarm().await;
    }
    let over = || {
        muster
            .is_gone()
            .then_some(true)
            .or_else(|| (muster.said("workload", "safe") >= 5).then_some(false))
    };
    let hit = talk::until("the kill, or the end", over).await;
    if !hit {
        muster.kill().await;
    }
    drop(nodes);
    story.goes_on_and_ends_well(&format!("before write {nth}")).await;
    hit
}

/// Each in turn: a second one beside it would stretch the first, and move its writes.
async fn sweep(step: impl Fn(usize) -> usize) -> (usize, usize) {
    let (first, last) = boundaries().await;
    assert!(
        first > 0 && last > first + 20,
        "{first} writes to the start, {last} in all"
    );
    let (mut killed, mut hit) = (0, 0);
    for nth in (first + 1..=last).step_by(step(last - first)) {
        killed += 1;
        hit += usize::from(killed_before(nth).await);
    }
    println!("{killed} kills at {} writes, {hit} before the end", last - first);
    (killed, hit)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_some_writes_it_goes_on() {
    let (killed, hit) = sweep(|all| all.div_ceil(SAMPLED).max(1)).await;
    assert!(hit * 2 > killed, "only {hit} of {killed} kills met a write");
}

#[ignore = "heavy: an evacuation for every write of the journal, some minutes"]
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_write_it_goes_on() {
    let (killed, hit) = sweep(|_| 1).await;
    assert!(hit * 2 > killed, "only {hit} of {killed} kills met a write");
}

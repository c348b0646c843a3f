//! The gateway, and its broker with it, goes and comes back.

use std::time::Duration;

use muster::clock::Stopwatch;

use super::{heard, readings, settings};
use crate::firmware::emulator::power;
use crate::stand::{Room, Stand};

/// What a board samples while nobody is there comes once somebody is: the gateway that has come back counts it.
#[tokio::test]
async fn what_is_sampled_while_the_gateway_is_away_arrives_when_it_is_back() {
    const AWAY: Duration = Duration::from_secs(5);
    const SAMPLE_MS: u128 = 200;
    let stand = Stand::start(Room::with(&["n1"]).on_one_port()).await;
    let _board = power(&settings(&stand, "n1", "sample_ms=200 heartbeat_ms=200")).await;
    heard(&stand, "n1").await;
    let since = Stopwatch::start();
    let stand = stand.restart_after(AWAY).await;
    assert_eq!(readings(&stand).await, 0, "a new process counts from nothing");
    let catching_up = Stopwatch::start();
    // Half a second of samples may be on its way, and those of the stop itself were taken by the first gateway.
    let all = || u64::try_from(since.elapsed().as_millis() / SAMPLE_MS).unwrap() - 6;
    while readings(&stand).await < all() {
        let (has, wants) = (readings(&stand).await, all());
        assert!(
            catching_up.elapsed() < Duration::from_secs(15),
            "{has} samples of {wants}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for cause in ["node_lost", "node_reset"] {
        assert_eq!(stand.api.count(cause).await, 0, "{cause}");
    }
    stand.assert_undecided("a gateway that was away");
}

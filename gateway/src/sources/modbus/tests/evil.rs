//! Each misbehaviour at each place of a cycle.

use std::sync::atomic::Ordering;

use tokio::net::TcpListener;

use super::peer::{Act, Peer};
use super::poll_test_peer;
use crate::sources::ear::Heard;
use muster_wire::Absence;

/// Requests of one cycle: two blocks and the canary.
const CYCLE: usize = 3;

fn sound() -> Heard {
    Heard::Alarm(vec![(0, Ok(100_000_000)), (1, Ok(200_000_000))])
}

/// One sound cycle, one in which `act` happens at `place`, then sound ones: exactly one count, one loss, and nothing
/// but sound readings before and after it.
async fn is_survived_at(place: usize, act: Act, cause: &'static str) -> String {
    let mut script = vec![Act::Answer; CYCLE + place];
    script.push(act);
    let peer = Peer::start(script).await;
    let mut bench = poll_test_peer(peer.address.clone());
    assert_eq!(bench.hear().await, sound(), "{act:?} at {place}: before");
    let Heard::Lost(why) = bench.hear().await else {
        unreachable!("{act:?} at {place}: a reading instead of a loss")
    };
    for _ in 0..3 {
        assert_eq!(bench.hear().await, sound(), "{act:?} at {place}: after");
    }
    assert_eq!(bench.counted(), [(cause, 1)], "{act:?} at {place}");
    let now = bench.polling.now();
    let line = now.last_error.as_ref().map(|error| &error.line);
    assert!(
        now.poll_ms.is_some() && now.cycle_ms.is_some() && line == Some(&why),
        "{now:?}"
    );
    assert!(
        !peer.state.reused.load(Ordering::SeqCst),
        "{act:?} at {place}: connection used again"
    );
    why
}

async fn is_survived(act: Act, cause: &'static str) {
    for place in 0..CYCLE {
        let why = is_survived_at(place, act, cause).await;
        assert!(!why.is_empty() && !why.contains('\n'), "{why}");
    }
}

#[tokio::test]
async fn a_silent_peer() {
    is_survived(Act::Silent, "modbus_timeout").await;
}

#[tokio::test]
async fn a_late_answer_never_meets_the_next_request() {
    is_survived(Act::Late, "modbus_timeout").await;
    is_survived(Act::LateInDisguise, "modbus_timeout").await;
}

#[tokio::test]
async fn half_a_frame_and_then_silence() {
    is_survived(Act::CutAndSilent, "modbus_timeout").await;
}

#[tokio::test]
async fn answers_of_the_wrong_length() {
    is_survived(Act::Short, "modbus_short").await;
    is_survived(Act::Long, "modbus_short").await;
    is_survived(Act::Hollow, "modbus_short").await;
    is_survived(Act::Huge, "modbus_short").await;
}

#[tokio::test]
async fn answers_of_somebody_else() {
    is_survived(Act::WrongUnit, "modbus_header").await;
    is_survived(Act::WrongTransaction, "modbus_header").await;
    is_survived(Act::WrongFunction, "modbus_header").await;
    is_survived(Act::WrongProtocol, "modbus_short").await;
}

#[tokio::test]
async fn a_connection_that_breaks() {
    is_survived(Act::Close, "modbus_connect").await;
    is_survived(Act::CutAndClose, "modbus_connect").await;
}

#[tokio::test]
async fn a_canary_that_does_not_hold_discards_the_cycle() {
    let why = is_survived_at(CYCLE - 1, Act::OffByOne, "modbus_canary").await;
    assert!(why.contains("canary"), "{why}");
}

#[tokio::test]
async fn addresses_that_are_off_by_one_give_no_reading_at_all() {
    let mut script = vec![Act::OffByOne; 3 * CYCLE];
    script.extend([Act::Answer; CYCLE]);
    let peer = Peer::start(script).await;
    let mut bench = poll_test_peer(peer.address.clone());
    assert!(matches!(bench.hear().await, Heard::Lost(_)));
    assert_eq!(bench.hear().await, sound());
    assert_eq!(
        bench.counted(),
        [("modbus_canary", 3)],
        "one loss, however often it fails"
    );
}

#[tokio::test]
async fn a_doubled_answer_is_never_taken_for_another() {
    for place in 0..CYCLE {
        let mut script = vec![Act::Answer; CYCLE + place];
        script.push(Act::Twice);
        let peer = Peer::start(script).await;
        let mut bench = poll_test_peer(peer.address.clone());
        let mut sounds = 0;
        while sounds < 4 {
            match bench.hear().await {
                Heard::Lost(_) => assert_eq!(bench.counted(), [("modbus_header", 1)]),
                heard => assert_eq!(heard, sound()),
            }
            sounds += 1;
        }
    }
}

#[tokio::test]
async fn an_exception_makes_its_channels_absent_and_keeps_the_connection() {
    let mut script = vec![Act::Answer; CYCLE + 1];
    script.push(Act::Exception);
    let peer = Peer::start(script).await;
    let mut bench = poll_test_peer(peer.address.clone());
    assert_eq!(bench.hear().await, sound());
    let partial = Heard::Alarm(vec![(0, Ok(100_000_000)), (1, Err(Absence::Bus))]);
    assert_eq!(bench.hear().await, partial);
    assert_eq!(bench.hear().await, sound());
    assert_eq!(bench.counted(), [("modbus_exception", 1)]);
    assert_eq!(peer.state.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refused_canary_discards_the_cycle_and_keeps_the_connection() {
    let peer = Peer::start(vec![Act::Answer, Act::Answer, Act::Exception]).await;
    let mut bench = poll_test_peer(peer.address.clone());
    let Heard::Lost(why) = bench.hear().await else {
        unreachable!("a reading that no canary vouches for")
    };
    assert!(why.starts_with("canary refused: "), "{why}");
    assert_eq!(bench.hear().await, sound());
    assert_eq!(bench.counted(), [("modbus_exception", 1)]);
    assert_eq!(peer.state.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_loss_is_told_once_an_episode() {
    let mut script = vec![Act::Answer; CYCLE];
    script.extend([Act::Silent, Act::Close, Act::WrongUnit, Act::Short]);
    script.extend([Act::Answer; CYCLE]);
    script.push(Act::Close);
    let peer = Peer::start(script).await;
    let mut bench = poll_test_peer(peer.address.clone());
    let lost = |h: &Heard| matches!(h, Heard::Lost(_));
    let first = bench.hear_until(lost).await;
    assert_eq!(first.len(), 2, "a sound cycle, then the loss: {first:?}");
    assert_eq!(bench.hear().await, sound(), "four failures later");
    assert!(lost(&bench.hear().await), "a new episode");
    assert_eq!(bench.hear().await, sound());
}

#[tokio::test]
async fn a_device_that_is_not_there_yet() {
    let held = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = held.local_addr().unwrap();
    drop(held);
    let mut bench = poll_test_peer(address.to_string());
    let Heard::Lost(why) = bench.hear().await else {
        unreachable!("a reading of nobody")
    };
    assert!(why.starts_with("cannot connect to 127.0.0.1:"), "{why}");
    let _peer = Peer::serve(TcpListener::bind(address).await.unwrap(), Vec::new());
    assert_eq!(bench.hear().await, sound());
    assert!(matches!(bench.counted()[..], [("modbus_connect", 1..)]));
}

#[tokio::test]
async fn an_address_that_means_nothing_is_a_loss_and_not_a_crash() {
    let mut bench = poll_test_peer("no port here".into());
    assert!(matches!(bench.hear().await, Heard::Lost(_)));
    assert!(!bench.task.is_finished());
}

#[tokio::test]
async fn noise_is_never_a_reading() {
    let mut script = Vec::new();
    for seed in 0..24 {
        script.extend([Act::Answer; CYCLE]);
        // At any place of the cycle.
        script.extend(std::iter::repeat_n(Act::Answer, seed as usize % CYCLE));
        script.push(Act::Noise(seed));
    }
    let last = script.len();
    let peer = Peer::start(script).await;
    let mut bench = poll_test_peer(peer.address.clone());
    let all_played = |_: &Heard| peer.state.served.load(Ordering::SeqCst) >= last + CYCLE;
    for heard in bench.hear_until(all_played).await {
        assert!(heard == sound() || matches!(heard, Heard::Lost(_)), "{heard:?}");
    }
    let counted = bench.counted();
    assert!(counted.iter().map(|(_, n)| n).sum::<u64>() >= 24, "{counted:?}");
}

//! The last message of a board whose supply fails: before all that waits, whatever waits.

use std::time::Duration;

use muster::clock::Stopwatch;
use muster_core::Level;
use muster_sim::silicon::Wire;

use super::emulator::power;
use super::tap::{Sent, Tap, Way};
use crate::stand::{Room, SITE, Stand};

/// The room's contact and its supply; one sample of the supply is enough to watch, for there may be no other.
const ROOM: &str = "[[source]]\nid = \"n1\"\nkind = \"node\"\nzone = \"room\"\n\
    signals = [\"temperature\", \"humidity\", \"voc\", \"hydrogen\", \"voltage\", \"current\"]\n\
    [[channel]]\nsource = \"n1\"\nsignal = \"fire-contact\"\nquantity = \"fire_alarm\"\n\
    [[channel]]\nsource = \"n1\"\nsignal = \"board-temperature\"\nquantity = \"temperature\"\n\
    [[channel]]\nsource = \"n1\"\nsignal = \"supply\"\nquantity = \"voltage\"\nwatch = 10.5\nbelow = true\nk = 1\nn = 1\n";

/// A board behind a tap, that has been heard.
async fn bench() -> (Stand, Tap, muster_sim::emulator::Board) {
    let stand = Stand::start(Room::with(&[]).and(ROOM)).await;
    let tap = Tap::before(stand.mqtt()).await;
    let settings = format!(
        "site={SITE} node=n1 port={} simulated=no room=yes warmup=0 supply_ms=50 sample_ms=500 heartbeat_ms=500 \
         period-voc=1000 period-fire-contact=250",
        tap.port
    );
    let board = power(&settings).await;
    stand
        .api
        .until_channel("n1.supply", "it is heard", |c| c.quality == "good")
        .await;
    (stand, tap, board)
}

fn is_the_sag(sent: &Sent) {
    let volts = sent.values.iter().find(|(name, _)| name == "supply");
    assert!(
        volts.is_some_and(|(_, volts)| volts.is_some_and(|v| v < 10.5)),
        "{sent:?}"
    );
    assert_eq!(sent.kind, "alarm", "{sent:?}");
}

#[tokio::test]
async fn a_sag_is_the_first_message_after_a_cut_before_a_queue_of_alarms() {
    let (stand, tap, mut board) = bench().await;
    board.cable(false).await.unwrap();
    let cut = tap.sent().last().map(|sent| sent.connection);
    // Alarms for seconds: none gets through, until the board has given the connection up.
    board
        .around
        .change(|m| (m.line, m.temperature_c) = (Wire::Active, 70.0));
    tokio::time::sleep(Duration::from_secs(13)).await;
    board.around.change(|m| m.supply_v = 8.0);
    tokio::time::sleep(Duration::from_millis(700)).await;
    board.cable(true).await.unwrap();
    let first = tap.next(0, cut).await;
    is_the_sag(&first);
    assert!(first.says("fire-contact"), "with the alarms that waited: {first:?}");
    stand
        .api
        .until_channel("n1.supply", "it is below its limit", |c| c.watch)
        .await;
    stand
        .until("and the alarms with it", |view| view.votes.len() == 1)
        .await;
    assert_eq!(stand.api.count("node_lost").await, 0);
}

#[tokio::test]
async fn a_sag_does_not_wait_for_a_gateway_that_acknowledges_nothing() {
    let (stand, tap, board) = bench().await;
    tap.set(Way::Slow);
    // Both places of data are taken, and more waits.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let waits = tap.sent().len();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(tap.sent().len(), waits, "it goes on without an acknowledgement");
    let since = Stopwatch::start();
    board.around.change(|m| m.supply_v = 8.0);
    let next = tap.next(waits, None).await;
    println!("a sag is on the wire after {:?}", since.elapsed());
    is_the_sag(&next);
    assert!(
        since.elapsed() < Duration::from_millis(450),
        "it waited for a sample: {:?}",
        since.elapsed()
    );
    // The gateway's own words.
    let view = stand
        .until("the sag is seen", |view| view.why.contains("n1.supply"))
        .await;
    println!("the gateway: {}: {}", view.level, view.why);
    assert_eq!(view.level, Level::Watch);
    stand.assert_undecided("a supply that sags");
}

//! Emulated boards against the gateway: what a room of real ones would do.

mod ear;
mod fleet_mosquitto;
mod impostors;
mod mosquitto_cut;
mod restart;
mod sim;

use std::time::Duration;

use muster::clock::Stopwatch;
use muster_core::{ChannelView, Level, View};
use muster_sim::silicon::Wire;

use super::emulator::{power, until_said};
use crate::stand::{Enrolled, Room, SITE, Stand};

fn settings(stand: &Stand, node: &str, more: &str) -> String {
    settings_at(stand.mqtt(), node, more)
}

fn settings_at(port: u16, node: &str, more: &str) -> String {
    format!("site={SITE} node={node} port={port} simulated=no {more}")
}

async fn heard(stand: &Stand, node: &str) {
    let id = format!("{node}.temperature");
    stand
        .api
        .until_channel(&id, "it is heard", |channel| channel.value.is_some())
        .await;
}

#[tokio::test]
async fn heat_rises_in_two_emulated_sensors_and_a_hook_is_called() {
    let stand = Stand::start(Room::with(&["n1", "n2"])).await;
    let mut boards = Vec::new();
    for node in ["n1", "n2"] {
        let began = Stopwatch::start();
        boards.push(power(&settings(&stand, node, "sample_ms=100")).await);
        heard(&stand, node).await;
        println!("{node}: first reading in the gateway {:?} after power", began.elapsed());
    }
    boards[0].warm_to(70.0).await.unwrap();
    stand.until("one group votes", |view| view.votes.len() == 1).await;
    assert_eq!(stand.view().level, Level::Prepare);
    let began = Stopwatch::start();
    boards[1].warm_to(70.0).await.unwrap();
    let call = stand
        .catcher
        .until("evacuate", |call| call.word("phase") == "evacuate")
        .await;
    println!("injected step to evacuate hook: {:?}", began.elapsed());
    assert!(call.signed);
}

#[tokio::test]
async fn a_board_without_power_is_trouble_and_comes_back_with_a_higher_boot() {
    let stand = Stand::start(Room::with(&["n1"])).await;
    let mut board = power(&settings(&stand, "n1", "")).await;
    heard(&stand, "n1").await;
    for _ in 0..3 {
        board = board.again(&settings(&stand, "n1", "")).await.unwrap();
        // Only a fresh reading is good again, and only a higher boot count makes it fresh.
        for (what, good) in [("it is missed", false), ("it is heard again", true)] {
            stand
                .api
                .until_channel("n1.temperature", what, |c| (c.quality == "good") == good)
                .await;
        }
    }
    stand.assert_undecided("three power cuts");
}

#[tokio::test]
async fn a_board_whose_memory_has_failed_is_told_its_boot_count_and_heard_again() {
    let stand = Stand::start(Room::with(&["n1"])).await;
    let board = power(&settings(&stand, "n1", "boot=50")).await;
    heard(&stand, "n1").await;
    let mut board = board.again(&settings(&stand, "n1", "boot=1 kept=no")).await.unwrap();
    board.warm_to(33.0).await.unwrap();
    stand.api.until_count("replayed", 1).await;
    stand
        .api
        .until_channel("n1.temperature", "it is heard again", |c| {
            c.value.as_deref() == Some("33")
        })
        .await;
    stand.assert_undecided("a dead memory");
}

/// How long the cable is out in the quick test; the heavy one takes the minute of the requirement.
async fn cut_cable(out: Duration) {
    let stand = Stand::start(Room::with(&["n1"]).supervision_s(3)).await;
    let mut board = power(&settings(&stand, "n1", "sample_ms=200 heartbeat_ms=200")).await;
    heard(&stand, "n1").await;
    let (since, before) = (Stopwatch::start(), readings(&stand).await);
    board.cable(false).await.unwrap();
    let (_, noticed) = stand
        .within(Duration::from_secs(20), "it is missed", |view| is_missed(view, "n1"))
        .await;
    println!("a cut cable is trouble after {noticed:?}; beats of 1 s were expected");
    tokio::time::sleep(out.saturating_sub(since.elapsed())).await;
    board.cable(true).await.unwrap();
    stand.until("it is heard again", |view| !is_missed(view, "n1")).await;
    // Every sample is reported, so their number says whether one is missing; half a second of them may be on its way.
    let enough = |ms: u128| u64::try_from(ms / 200).unwrap() - 3;
    let catching_up = Stopwatch::start();
    while readings(&stand).await - before < enough(since.elapsed().as_millis()) {
        assert!(catching_up.elapsed() < Duration::from_secs(15), "samples are missing");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(stand.api.count("node_lost").await, 0);
    stand.assert_undecided("a cut cable");
}

async fn readings(stand: &Stand) -> u64 {
    stand.api.metric("muster_readings_total").await
}

fn is_missed(view: &View, node: &str) -> bool {
    let channel = format!("{node}.temperature");
    view.troubles.iter().any(|t| t.subject == channel || t.subject == node)
}

#[tokio::test]
async fn a_cut_cable_loses_no_sample() {
    cut_cable(Duration::from_secs(8)).await;
}

/// Milliseconds pass 2^32 while the board is being heard: samples go on, one by one and in order.
#[tokio::test]
async fn a_clock_that_passes_32_bits_is_no_event() {
    const LEAD: Duration = Duration::from_secs(6);
    let stand = Stand::start(Room::with(&["n1"])).await;
    let uptime = (1_u64 << 32) - u64::try_from(LEAD.as_millis()).unwrap();
    let since = Stopwatch::start();
    let more = format!("sample_ms=200 heartbeat_ms=200 uptime_ms={uptime}");
    let mut board = power(&settings(&stand, "n1", &more)).await;
    heard(&stand, "n1").await;
    assert!(
        since.elapsed() < LEAD,
        "the machine is too busy: it was first heard after the wrap"
    );
    for celsius in (20..).step_by(5).map(f64::from) {
        board.warm_to(celsius).await.unwrap();
        let shown = |value: &str| value.parse::<f64>().is_ok_and(|v| (v - celsius).abs() < 0.3);
        let is_so = |c: &ChannelView| c.quality == "good" && c.value.as_deref().is_some_and(shown);
        stand.api.until_channel("n1.temperature", "it follows", is_so).await;
        let before = readings(&stand).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let more = readings(&stand).await - before;
        assert!(
            (3..=8).contains(&more),
            "{more} samples in a second, {:?} after power",
            since.elapsed()
        );
        if since.elapsed() > LEAD + Duration::from_secs(3) {
            break;
        }
    }
    for cause in ["replayed", "future", "node_reset", "broken", "take_over"] {
        assert_eq!(stand.api.count(cause).await, 0, "{cause}");
    }
    stand.assert_undecided("a wrap of the clock");
}

#[tokio::test]
async fn a_board_that_hangs_is_reset_and_says_why() {
    let stand = Stand::start(Room::with(&["n1"])).await;
    let board = power(&settings(&stand, "n1", "hang_after_ms=2000")).await;
    until_said(&board, "after watchdog", 1).await;
    stand.api.until_count("node_reset", 1).await;
}

/// Every sensor of a room through the drivers that run on the board, and every way in which one can fail.
#[tokio::test]
async fn a_whole_room_is_measured_and_every_fault_has_its_name() {
    let room = "[[source]]\nid = \"n1\"\nkind = \"node\"\nzone = \"room\"\n\
                signals = [\"temperature\", \"humidity\", \"voc\", \"hydrogen\", \"voltage\", \"current\"]\n\
                [[channel]]\nsource = \"n1\"\nsignal = \"fire-contact\"\nquantity = \"fire_alarm\"\nzone = \"room\"\n\
                [[channel]]\nsource = \"n1\"\nsignal = \"board-temperature\"\nquantity = \"temperature\"\nzone = \"room\"\n";
    let stand = Stand::start(Room::with(&[]).and(room)).await;
    let more = "room=yes warmup=2 sample_ms=500 heartbeat_ms=500";
    let board = power(&settings(&stand, "n1", more)).await;
    let shows = async |signal: &str, expected: f64, within: f64| {
        let near = |value: &str| value.parse::<f64>().is_ok_and(|v| (v - expected).abs() <= within);
        let is_so = |c: &ChannelView| c.quality == "good" && c.value.as_deref().is_some_and(near);
        stand
            .api
            .until_channel(&format!("n1.{signal}"), &format!("{expected}"), is_so)
            .await;
    };
    for (signal, expected, within) in [
        ("temperature", 24.0, 0.1),
        ("humidity", 45.0, 0.1),
        ("voc", 0.5, 0.05),
        ("hydrogen", 0.0, 5.0),
        ("fire-contact", 0.0, 0.0),
        ("voltage", 480.0, 0.1),
        ("current", 0.5, 0.1),
    ] {
        shows(signal, expected, within).await;
    }
    let absent = async |signal: &str, why: &str| {
        let says = format!("absent({why})");
        let is_so = |c: &ChannelView| c.quality.contains(why);
        stand.api.until_channel(&format!("n1.{signal}"), &says, is_so).await;
    };
    board.around.change(|m| m.line = Wire::Cut);
    absent("fire-contact", "open").await;
    board.around.change(|m| (m.line, m.noise) = (Wire::Shorted, true));
    absent("fire-contact", "short").await;
    absent("temperature", "crc").await;
    board
        .around
        .change(|m| (m.line, m.noise, m.unplugged) = (Wire::Rest, false, Some(0x40)));
    absent("voltage", "bus").await;
    board.around.change(|m| m.unplugged = None);
    shows("voltage", 480.0, 0.1).await;
    stand.assert_undecided("faults of sensors and wires");
    board.around.change(|m| (m.voc_ppm, m.line) = (120.0, Wire::Active));
    let view = stand.until("the node votes once", |view| !view.votes.is_empty()).await;
    assert_eq!(view.votes.len(), 1, "one board is one group: {:?}", view.votes);
}

/// With the files of `muster enroll`, as they are: two boards are two groups; a board with a stranger's files is not let in,
/// and one whose files are of another site does not speak to this gateway.
#[tokio::test]
async fn enrolled_boards_are_groups_of_their_own_and_strangers_are_none() {
    let site = Enrolled::with(&["n1", "n2"]);
    let elsewhere = Enrolled::with(&["n1"]);
    let stand = Stand::start(Room::with(&["n1", "n2"]).enrolled(&site)).await;
    let files = |of: &Enrolled, node: &str| format!("sample_ms=200 gateway=localhost tls={}", of.node(node).display());
    let stranger = power(&settings(&stand, "n1", &files(&elsewhere, "n1"))).await;
    until_said(&stranger, "TLS: ", 2).await;
    let thief = power(&settings(&stand, "n2", &files(&site, "n1"))).await;
    stand.api.until_count("identity", 1).await;
    stand.assert_undecided("a stranger and a thief");
    drop((stranger, thief));
    let mut boards = Vec::new();
    for node in ["n1", "n2"] {
        boards.push(power(&settings(&stand, node, &files(&site, node))).await);
        heard(&stand, node).await;
    }
    boards[0].warm_to(70.0).await.unwrap();
    stand.until("one group votes", |view| view.votes.len() == 1).await;
    boards[1].warm_to(70.0).await.unwrap();
    stand
        .catcher
        .until("evacuate", |call| call.word("phase") == "evacuate")
        .await;
}

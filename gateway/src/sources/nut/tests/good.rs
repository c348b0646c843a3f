//! What is sound, however unusual.

use std::sync::atomic::Ordering;

use muster_wire::{Absence, MICRO};
use tokio::net::TcpListener;

use super::peer::{Act, Peer, SOUND};
use super::{poll, source};
use crate::sources::ear::Heard;

#[tokio::test]
async fn trip_signals_go_to_the_lane_of_alarms_and_the_rest_to_that_of_data_once_a_second() {
    let peer = Peer::start(Vec::new()).await;
    let mut bench = poll(source(
        &peer.address,
        &["charge", "on_battery", "battery_low", "runtime"],
    ));
    let alarm = Heard::Alarm(vec![(1, Ok(0)), (2, Ok(0))]);
    assert_eq!(bench.hear().await, alarm);
    let data = Heard::Data(vec![(0, Ok(MICRO / 2)), (3, Err(Absence::Bus))]);
    assert_eq!(
        bench.hear().await,
        data,
        "a variable that is not there is absent, and alone"
    );
    let more = bench.hear_until(|h| *h == data).await;
    assert!(more.len() > 20, "trip signals every 20 ms: {}", more.len());
    assert_eq!(bench.counted(), [("nut_variable", 2)]);
    assert_eq!(peer.state.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn words_bytes_and_line_ends_that_nobody_has_heard_of_change_nothing() {
    let status = |status: &str| {
        Act::say(&format!(
            "BEGIN LIST VAR bat\nVAR bat ups.status \"{status}\"\nEND LIST VAR bat\n"
        ))
    };
    let mut latin = b"BEGIN LIST VAR bat\nVAR bat ups.mfr \"Sch\xe4fer\"\n".to_vec();
    latin.extend(b"VAR bat ups.status \"OB\"\nEND LIST VAR bat\n");
    let script = vec![
        status("OB HE COMMOK X-1"),
        status(""),
        status("  OL   TRIM "),
        Act::Say(latin),
        Act::say(&SOUND.replace('\n', "\r\n")),
        status("OB TEST"),
        status("OB CAL LB"),
        status("FSD OB LB"),
    ];
    let peer = Peer::start(script).await;
    let mut bench = poll(source(&peer.address, &["on_battery"]));
    let mut seen = Vec::new();
    for _ in 0..8 {
        let Heard::Alarm(readings) = bench.hear().await else {
            unreachable!("{seen:?} {:?}", bench.counted())
        };
        seen.push(readings[0].1.map(|micro| micro / MICRO));
    }
    assert_eq!(seen, [1, 0, 0, 1, 0, 0, 0, 1].map(Ok));
    assert_eq!(bench.counted(), []);
}

#[tokio::test]
async fn a_connection_that_upsd_ends_between_two_answers_is_no_trouble() {
    let ended = || Act::SayAndClose(SOUND.as_bytes().to_vec());
    let peer = Peer::start(vec![ended(), ended(), ended()]).await;
    let mut bench = poll(source(&peer.address, &["on_battery"]));
    for _ in 0..5 {
        assert_eq!(bench.hear().await, Heard::Alarm(vec![(0, Ok(0))]));
    }
    assert_eq!(bench.counted(), []);
    assert_eq!(peer.state.connections.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn an_upsd_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut bench = poll(source(&address, &["on_battery"]));
    let Heard::Lost(why) = bench.hear().await else {
        unreachable!("nobody is there")
    };
    assert!(
        why.starts_with(&format!("cannot connect to upsd at {address}: ")),
        "{why}"
    );
    while bench.counted().iter().all(|(_, n)| *n < 3) {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.counted()[0].0, "nut_connect");
    assert!(bench.ends.control.try_recv().is_err(), "told once");
}

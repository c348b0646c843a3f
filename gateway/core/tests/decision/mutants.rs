//! Small things that no other test would miss, found by changing the code: each of these fails for at least one change of an
//! operator or a body in the files that decide.
use core::num::NonZeroU64;

use crate::stand::{ANN, MINUTE, SECOND, Stand, site, smoke, source, ups};
use muster_core::{ChannelIx, HookOutcome, Input, Level, Millis, Site, SourceIx, Target, Verb, Verdict};
use muster_wire::{Absence, Micro, Quantity};

/// Three groups in one room, and one far away over the same broker.
fn room() -> Site {
    let mut s = site();
    s.zones.iter_mut().for_each(|zone| zone.adjacent.clear());
    let ids = ["n1", "n2", "n3", "far"];
    s.sources = ids.iter().map(|id| source(id, &["mqtt"])).collect();
    s.channels = vec![
        smoke("a1", 0, 0, 0),
        smoke("a2", 0, 1, 1),
        smoke("a3", 0, 2, 2),
        smoke("c", 2, 3, 3),
    ];
    s
}

const ALL: [(u32, i64); 4] = [(0, 0), (1, 0), (2, 0), (3, 0)];
/// The first alarms; the second is not heard.
const BURNS: [(u32, i64); 3] = [(0, 20), (2, 0), (3, 0)];

fn calm(site: Site) -> Stand {
    let mut stand = Stand::new(site);
    stand.keep(&ALL, 20 * SECOND);
    stand
}

/// The first alarms, and after a while the second dies.
fn dies_after(stand: &mut Stand, ms: Millis) {
    stand.alarm(0);
    stand.keep(&[(0, 20), (1, 0), (2, 0), (3, 0)], ms);
    stand.sample(1, Err(Absence::Bus));
}

/// How long the open window still is.
fn window(stand: &Stand) -> Option<Millis> {
    let orders = stand.view().orders;
    let open = orders.iter().find(|o| o.verb == "abort" && !o.waits)?;
    Some(open.until? - stand.now)
}

#[test]
fn the_first_word_of_two_is_shown_for_five_minutes_and_then_said_to_lapse() {
    let mut stand = calm(room());
    assert_eq!(stand.order(ANN, Verb::Evacuate), Verdict::Pending);
    stand.keep(&ALL, 5 * MINUTE - SECOND);
    assert_eq!(stand.view().orders.len(), 1);
    stand.keep(&ALL, 2 * SECOND);
    assert!(stand.view().orders.is_empty());
    assert!(stand.events.iter().any(|e| e.line.contains("evacuate lapses")));
}

#[test]
fn a_window_shrinks_with_the_runway() {
    let mut s = room();
    s.channels
        .extend([ups("ob", Quantity::OnBattery), ups("rt", Quantity::Runtime)]);
    let mut stand = calm(s);
    dies_after(&mut stand, 5 * SECOND);
    assert!(window(&stand).unwrap() > 100 * SECOND);
    stand.settle_at(4, 1);
    stand.settle_at(5, 130);
    // 130 s, less 100 s to move.
    assert!(window(&stand).unwrap() <= 30 * SECOND, "{:?}", window(&stand));
}

#[test]
fn a_restart_after_a_long_absence_listens_for_a_minute_before_a_window_ends() {
    let mut stand = calm(room());
    dies_after(&mut stand, 5 * SECOND);
    stand.now += 200 * SECOND;
    let mut next = stand.restart(u64::MAX);
    assert_eq!((next.level(), window(&next)), (Level::Prepare, Some(60 * SECOND)));
    next.keep(&BURNS, 61 * SECOND);
    assert_eq!(next.level(), Level::Evacuate);
}

#[test]
fn what_dies_a_minute_after_the_alarm_is_trouble() {
    let after = |ms| {
        let mut stand = calm(room());
        dies_after(&mut stand, ms);
        stand.wait(SECOND);
        (window(&stand).is_some(), stand.votes().len())
    };
    assert_eq!((after(55 * SECOND), after(65 * SECOND)), ((true, 1), (false, 1)));
}

/// Fire burns the cable of a whole node: it says nothing at all.
#[test]
fn a_neighbour_that_falls_silent_after_the_alarm_has_died() {
    let mut s = room();
    s.channels.push(smoke("a2-too", 0, 1, 1));
    let mut stand = calm(s);
    stand.keep(&[(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)], 20 * SECOND);
    stand.alarm(0);
    stand.keep(&BURNS, MINUTE);
    assert!(window(&stand).is_some(), "{:?}", stand.troubles());
    let dead = stand.view().zones[0].why.clone();
    assert!(dead.contains("n2") || dead.contains("a2"), "{dead}");
}

#[test]
fn what_is_heard_again_within_the_minute_was_not_burnt() {
    let mut stand = calm(room());
    dies_after(&mut stand, 5 * SECOND);
    stand.keep(&BURNS, 10 * SECOND);
    assert!(window(&stand).is_some());
    stand.keep(&[(0, 20), (1, 0), (2, 0), (3, 0)], 4 * MINUTE);
    assert_eq!((window(&stand), stand.level()), (None, Level::Prepare));
    assert_eq!(stand.votes().len(), 1);
}

/// Ann bypasses the third node.
fn bypass(stand: &mut Stand, for_ms: Millis) -> Option<Verdict> {
    stand.input(&Input::Bypass {
        by: ANN,
        target: Target::Source(SourceIx(2)),
        until: Some(stand.now + for_ms),
        reason: "fan".into(),
        nonce: 1,
    });
    stand.answers.last().map(|answer| answer.verdict)
}

#[test]
fn a_bypass_is_named_in_its_own_room_alone() {
    let mut stand = calm(room());
    assert_eq!(bypass(&mut stand, MINUTE), Some(Verdict::Taken));
    let zones = stand.view().zones;
    assert!(zones[0].why.contains("bypass of n3"), "{}", zones[0].why);
    assert!(!zones[2].why.contains("bypass"), "{}", zones[2].why);
}

#[test]
fn a_bypass_lasts_for_eight_hours_at_most() {
    let mut stand = calm(room());
    assert_eq!(bypass(&mut stand, 8 * 60 * MINUTE + 1), Some(Verdict::Refused));
    assert_eq!(bypass(&mut stand, 8 * 60 * MINUTE), Some(Verdict::Taken));
}

#[test]
fn a_channel_at_fault_is_not_counted_as_good() {
    let mut stand = calm(room());
    let before = stand.view().channels_good;
    stand.sample(1, Err(Absence::Crc));
    assert_eq!((before, stand.view().channels_good), (4, 3));
}

#[test]
fn a_slow_rise_is_the_reason_that_is_named() {
    let mut s = room();
    // 3 units an hour.
    s.channels[0].checks.trend = NonZeroU64::new(3_000_000);
    let mut stand = calm(s);
    for i in 0..60 {
        let value = Micro(i * 50_000);
        stand.sample(0, Ok(value));
        stand.keep(&ALL[1..], 20 * SECOND);
    }
    let zone = &stand.view().zones[0];
    assert_eq!(zone.level, Level::Watch);
    assert!(zone.why.contains("rising by"), "{}", zone.why);
    assert_eq!(
        stand.state.channels(stand.now)[ChannelIx(0).at()].value.as_deref(),
        Some("2.95")
    );
}

/// What was last heard before the alarm may have died before it as well.
#[test]
fn who_was_not_heard_after_the_alarm_has_not_died_of_it() {
    let mut stand = calm(room());
    stand.wait(SECOND);
    stand.alarm(0);
    stand.wait(SECOND);
    stand.sample(1, Err(Absence::Bus));
    assert_eq!(window(&stand), None);
}

/// Two channels of `n2`, as `room` has them, and a third one beside them.
fn two_of_n2() -> Stand {
    let mut s = room();
    s.channels.push(smoke("a2-too", 0, 1, 1));
    let mut stand = calm(s);
    stand.keep(&[(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)], 20 * SECOND);
    stand
}

/// What many channels of a node wait for is said once, when it begins and when it ends.
#[test]
fn the_end_of_what_many_channels_had_is_said_once() {
    let mut stand = two_of_n2();
    let both = [1, 4];
    both.iter()
        .for_each(|channel| stand.sample(*channel, Err(Absence::Warmup)));
    let from = stand.events.len();
    stand.keep(&[(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)], MINUTE);
    let said: Vec<&str> = stand.events[from..].iter().map(|event| event.line.as_str()).collect();
    assert_eq!(
        said,
        ["a2-too is good again; nothing of n2 has this any more: no value (warmup)"]
    );
}

/// Once a node is heard again, what is wrong with a channel of it is named by itself.
#[test]
fn a_node_that_is_heard_again_does_not_cover_a_channel_at_fault() {
    let mut stand = two_of_n2();
    stand.keep(&[(0, 0), (2, 0), (3, 0)], MINUTE);
    assert_eq!(stand.troubles(), ["n2"]);
    stand.sample(1, Err(Absence::Bus));
    stand.read(4, 0);
    assert_eq!(stand.troubles(), ["a2"]);
}

/// A hook that cannot just now is asked again after 250 ms, and twice that each time, up to half a minute.
#[test]
fn a_step_is_tried_again_less_and_less_often() {
    let mut stand = Stand::new(site());
    stand.fire();
    let mut waited = Vec::new();
    for n in 1..=3 {
        let from = stand.now;
        stand.answer("db.move.evacuate.far", HookOutcome::Retry { cause: "500".into() });
        while stand.attempts("db.move.evacuate.far") == n {
            stand.wait(50);
            assert!(stand.now - from < MINUTE);
        }
        waited.push(stand.now - from);
    }
    assert_eq!(waited, [250, 500, 1_000]);
}

//! What a channel's samples are held against beside its limits: jumps, standing still, a reference outside, how fast it
//! rises, and when a limit is left.
#![expect(
    clippy::unwrap_used,
    reason = "helpers stand outside of `#[test]`, where .clippy.toml does not reach; a test may fail loudly"
)]
use core::num::NonZeroU64;

use crate::stand::{MINUTE, SECOND, Stand, site, units};
use muster_core::{ChannelIx, Checks, Input, Level, Millis, Site};
use muster_wire::{Micro, Quantity};

const HOUR: Millis = 60 * MINUTE;

/// Channel 0 is a temperature with the usual limits, heard every 5 s.
fn hot(checks: Checks) -> Site {
    let mut s = site();
    let c = &mut s.channels[0];
    (c.quantity, c.range, c.supervision_ms, c.checks) =
        (Quantity::Temperature, (units(-40), units(200)), 15 * SECOND, checks);
    let limits = [(&mut c.watch, 45, 40), (&mut c.alarm, 60, 55)];
    for (limit, set, clear) in limits {
        let limit = limit.as_mut().unwrap();
        (limit.set, limit.clear) = (units(set), units(clear));
    }
    s
}

fn micro(n: u64) -> Option<NonZeroU64> {
    NonZeroU64::new(n)
}

/// One sample in thousandths, and five seconds.
fn feed(stand: &mut Stand, milli: i64) {
    stand.sample(0, Ok(Micro(milli * 1_000)));
    stand.wait(5 * SECOND);
}

fn shown(stand: &Stand) -> (bool, bool, String) {
    let c = &stand.state.channels(stand.now)[0];
    (c.watch, c.alarm, c.quality.clone())
}

fn says(stand: &Stand, what: &str) -> bool {
    stand.events.iter().any(|e| e.line.contains(what))
}

#[test]
fn a_spike_is_doubted_and_a_fire_as_fast_is_believed_with_its_second_sample() {
    let jump = Checks {
        jump: micro(20_000_000),
        ..Checks::default()
    };
    let mut stand = Stand::new(hot(jump));
    (0..4).for_each(|_| feed(&mut stand, 20_000));
    // 20 °C/s for 5 s is 100 °C: 130 is not credible, and is gone with the next sample; so is every second one.
    for _ in 0..10 {
        feed(&mut stand, 130_000);
        feed(&mut stand, 20_000);
    }
    assert_eq!((shown(&stand).0, shown(&stand).1), (false, false));
    assert!(says(
        &stand,
        "a1: 130 Cel came faster than it can change; not believed unless the next sample bears it out"
    ));
    feed(&mut stand, 130_000);
    assert!(!shown(&stand).1, "one sample never decides");
    feed(&mut stand, 131_000);
    assert!(
        shown(&stand).1,
        "the second bears the first out: two that are beyond, and it burns"
    );
    // 12 °C/s against 10: each sample is too far from the one before, and each goes on the same way.
    let slow = Checks {
        jump: micro(10_000_000),
        ..Checks::default()
    };
    let mut stand = Stand::new(hot(slow));
    (0..4).for_each(|_| feed(&mut stand, 20_000));
    [80_000, 140_000, 199_000]
        .into_iter()
        .for_each(|milli| feed(&mut stand, milli));
    assert!(shown(&stand).1, "it goes on rising");
    // 10 °C/s, the fast fire: never doubted.
    let mut stand = Stand::new(hot(jump));
    (0..4).for_each(|_| feed(&mut stand, 20_000));
    (0..4).for_each(|i| feed(&mut stand, 20_000 + i * 50_000));
    assert!(shown(&stand).1 && !stand.troubles().contains(&"a1".to_string()));
}

/// Two of three that must all be beyond: the doubted one counts once, and so does the one that bears it out.
#[test]
fn a_doubted_sample_counts_once() {
    let mut site = hot(Checks {
        jump: micro(20_000_000),
        ..Checks::default()
    });
    (site.channels[0].k, site.channels[0].n) = (3, 3);
    let mut stand = Stand::new(site);
    (0..4).for_each(|_| feed(&mut stand, 20_000));
    [130_000, 131_000].into_iter().for_each(|milli| feed(&mut stand, milli));
    assert!(!shown(&stand).1, "two samples are not three");
    feed(&mut stand, 131_500);
    assert!(shown(&stand).1);
}

/// At 20 °C for a while, and it can change by a degree a second.
fn calm_and_slow() -> Stand {
    let mut stand = Stand::new(hot(Checks {
        jump: micro(1_000_000),
        ..Checks::default()
    }));
    (0..4).for_each(|_| feed(&mut stand, 20_000));
    stand
}

/// One that is below the limit bears nothing out that is beyond it.
#[test]
fn a_doubted_sample_counts_only_with_one_beyond_as_well() {
    let mut stand = calm_and_slow();
    // 58 °C is nearer to 62 than a second each second, and below the limit of 60.
    [62_000, 58_000, 58_000]
        .into_iter()
        .for_each(|milli| feed(&mut stand, milli));
    assert_eq!((shown(&stand).0, shown(&stand).1), (true, false));
    feed(&mut stand, 62_000);
    assert!(!shown(&stand).1, "one of the last three is beyond");
    feed(&mut stand, 62_000);
    assert!(shown(&stand).1);
}

/// A straggler says what was: it is held against nothing that came after it.
#[test]
fn what_is_older_than_the_newest_is_not_doubted() {
    let mut stand = calm_and_slow();
    stand.input(&Input::Reading {
        channel: ChannelIx(0),
        value: Ok(units(50)),
        simulated: false,
        age_ms: 12_000,
    });
    assert!(!says(&stand, "faster than it can change"), "{:?}", stand.events);
}

#[test]
fn one_broken_value_for_ever_is_stuck_and_a_whole_one_is_not() {
    let stuck = Checks {
        stuck_ms: micro(HOUR as u64),
        ..Checks::default()
    };
    for (milli, is_stuck) in [(21_370, true), (21_000, false)] {
        let mut stand = Stand::new(hot(stuck));
        let end = HOUR - 10 * SECOND;
        while stand.now < end {
            feed(&mut stand, milli);
        }
        assert!(!stand.troubles().contains(&"a1".to_string()), "not yet");
        (0..4).for_each(|_| feed(&mut stand, milli));
        assert_eq!(stand.troubles().contains(&"a1".to_string()), is_stuck, "{milli}");
        assert_eq!(says(&stand, "exactly the same value for 1 h"), is_stuck);
        (0..3).for_each(|i| feed(&mut stand, milli + 1 + i));
        assert!(!stand.troubles().contains(&"a1".to_string()), "it moves");
    }
}

#[test]
fn what_a_reference_outside_shows_too_is_not_the_rooms() {
    // c3, in another room, is the reference of a1. Watch 5, alarm 10.
    let with = |reference: bool| {
        let mut s = site();
        s.channels[0].checks.reference = reference.then_some(ChannelIx(4));
        s.channels[4].alarm = None;
        let mut stand = Stand::new(s);
        stand.settle_at(4, 9);
        stand.settle_at(0, 13);
        stand
    };
    assert!(shown(&with(false)).1, "without one it alarms");
    let mut stand = with(true);
    assert_eq!(
        shown(&stand),
        (false, false, "good".into()),
        "13, of which 9 are outside: 4"
    );
    assert_eq!(
        stand.state.channels(stand.now)[0].value.as_deref(),
        Some("13"),
        "and 13 is what is shown"
    );
    stand.settle_at(0, 15);
    assert_eq!((shown(&stand).0, shown(&stand).1), (true, false));
    assert!(says(
        &stand,
        "a1 15 %/m (9 %/m of it outside too), at or above its limit of 5 %/m"
    ));
    // However wrong the reference is, it hides one limit at most.
    stand.settle_at(4, 99);
    stand.settle_at(0, 20);
    assert!(shown(&stand).1, "20 less one limit of 10");

    let mut silent = with(true);
    silent.wait(10 * SECOND);
    silent.settle_at(0, 13);
    assert!(shown(&silent).1, "a reference that is not heard hides nothing");
    let mut sick = with(true);
    sick.sample(4, Err(muster_wire::Absence::Stuck));
    sick.settle_at(0, 13);
    assert!(shown(&sick).1, "nor does one that is not believed");
}

#[test]
fn a_fast_rise_beyond_the_watch_limit_alarms_before_the_limit() {
    let rise = Checks {
        rise: micro(10_000_000),
        ..Checks::default()
    };
    // (°C a minute, alarms below 60 °C)
    for (per_min, early) in [(30, true), (12, true), (8, false)] {
        let mut stand = Stand::new(hot(rise));
        let mut milli = 25_000;
        while milli < 59_500 {
            feed(&mut stand, milli);
            milli += per_min * 1_000 / 12;
        }
        assert_eq!(shown(&stand).1, early, "{per_min} °C/min");
        assert_eq!(
            says(&stand, "Cel/min, limit 10 Cel/min, in 2 of the last 3 samples"),
            early
        );
    }
    // Below the watch limit the steepest rise is none: a door, the morning sun.
    let mut stand = Stand::new(hot(rise));
    (0..16).for_each(|i| feed(&mut stand, 10_000 + i * 2_200));
    assert_eq!(shown(&stand), (false, false, "good".into()));
    // A sensor that flips between two values does not rise.
    let mut stand = Stand::new(hot(rise));
    (0..200).for_each(|i| feed(&mut stand, if i % 5 == 0 { 58_000 } else { 46_000 }));
    assert!(!shown(&stand).1);
}

#[test]
fn a_slow_trend_is_a_watch_long_before_the_heat_and_never_a_vote() {
    let trend = Checks {
        trend: micro(9_000_000),
        ..Checks::default()
    };
    // 0.005 °C/s, the slow fire, is 18 °C/h; a hot day has 3.
    for (per_hour, watches) in [(18, true), (12, true), (3, false), (-30, false)] {
        let mut stand = Stand::new(hot(trend));
        for i in 0..(30 * 12) {
            feed(
                &mut stand,
                22_000 + per_hour * 1_000 * i / 720 + [0, 90, -60][i as usize % 3],
            );
        }
        assert_eq!((shown(&stand).0, shown(&stand).1), (watches, false), "{per_hour} °C/h");
        assert_eq!(says(&stand, "Cel/h, limit 9 Cel/h"), watches);
        assert!(stand.votes().is_empty());
        let level = if watches { Level::Watch } else { stand.zone(0) };
        assert_eq!(stand.zone(0), level);
    }
    // It ends with the rise.
    let mut stand = Stand::new(hot(trend));
    (0..300).for_each(|i| feed(&mut stand, 22_000 + i * 25));
    assert!(shown(&stand).0);
    (0..300).for_each(|i| feed(&mut stand, 29_500 + i % 3));
    assert!(!shown(&stand).0);
}

#[test]
fn a_limit_is_left_only_after_its_delay() {
    let delay = Checks {
        off_ms: 60_000,
        ..Checks::default()
    };
    let mut stand = Stand::new(hot(delay));
    (0..3).for_each(|_| feed(&mut stand, 70_000));
    // Clear for 55 s, then back for a moment: all of it is one alarm.
    for _ in 0..5 {
        (0..11).for_each(|_| feed(&mut stand, 20_000));
        feed(&mut stand, 57_000);
    }
    assert!(shown(&stand).1);
    (0..12).for_each(|_| feed(&mut stand, 20_000));
    assert!(shown(&stand).1, "55 s since the first of these");
    feed(&mut stand, 20_000);
    assert!(!shown(&stand).1);
    let alarms = stand
        .events
        .iter()
        .filter(|e| e.subject == "a1" && e.line.contains("limit of 60"))
        .count();
    assert_eq!(alarms, 1, "no chatter");
}

#[test]
fn a_stale_runtime_runs_down_at_the_worst_credible_rate() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.settle_at(6, 1);
    stand.wait(SECOND);
    stand.read(7, 400);
    stand.wait(SECOND);
    stand.read(7, 400);
    let end = |stand: &Stand| stand.view().runway.loss.unwrap().earliest;
    assert_eq!(end(&stand), 321_600, "four fifths of 402 s");
    stand.wait(9 * SECOND);
    assert_eq!(end(&stand), 321_600, "not stale yet");
    stand.wait(SECOND);
    assert_eq!(end(&stand), 161_600, "stale: the load may have doubled");
    assert!(
        stand
            .view()
            .runway
            .loss
            .unwrap()
            .why
            .contains("not heard since, so half of it")
    );
    assert!(
        stand.votes().len() == 1 && stand.zone(0) == Level::Prepare,
        "never a vote"
    );
    stand.input(&Input::Tick);
    stand.read(7, 390);
    stand.read(7, 390);
    stand.wait(5 * SECOND);
    stand.read(7, 385);
    assert!(end(&stand) > 300 * SECOND, "heard again");
}

//! What is written, said and called in rooms where something burns or seems to, word by word.
use core::num::NonZeroU64;

use crate::stand::story::{Told, keep};
use crate::stand::{ANN, BOB, MINUTE, SECOND, Stand, rung, site, units, workload};
use muster_core::{ChannelIx, Checks, HookOutcome, Input, Millis, Phase, Site, Target, Verb, ZoneIx};
use muster_wire::{Absence, Micro, Quantity};

/// A temperature in zone c with every check; its reference stands in zone b; a test contact beside it.
fn checked() -> Site {
    let mut s = site();
    let micro = |units: u64| NonZeroU64::new(units * 1_000_000);
    let mut hot = crate::stand::smoke("hot", 2, 2, 2);
    (hot.quantity, hot.range, hot.supervision_ms) = (Quantity::Temperature, (units(-40), units(200)), 15 * SECOND);
    for (limit, set, clear) in [(&mut hot.watch, 45, 40), (&mut hot.alarm, 60, 55)] {
        *limit = limit.map(|l| muster_core::Limit {
            set: units(set),
            clear: units(clear),
            ..l
        });
    }
    hot.checks = Checks {
        jump: micro(20),
        stuck_ms: NonZeroU64::new(20 * 60_000),
        rise: micro(8),
        trend: micro(30),
        off_ms: 20_000,
        reference: Some(ChannelIx(9)),
        inhibited_by: Some(ChannelIx(10)),
    };
    let mut outside = crate::stand::smoke("outside", 1, 1, 1);
    (outside.quantity, outside.range, outside.watch, outside.alarm) =
        (Quantity::Temperature, (units(-40), units(200)), None, None);
    let mut test = crate::stand::ups("test", Quantity::OnBattery);
    (test.quantity, test.zone, test.watch) = (Quantity::Contact, ZoneIx(2), None);
    s.channels.extend([hot, outside, test]);
    s
}

/// The hot one in thousandths, and all others as usual, every 5 s.
fn feed(stand: &mut Stand, told: &mut Told, milli: i64) {
    (0..6).for_each(|smoke| stand.read(smoke, 0));
    stand.sample(8, Ok(Micro(milli * 1_000)));
    stand.wait(5 * SECOND);
    told.rest(stand);
}

#[test]
fn a_room_gets_warm_slowly_then_fast_and_cools() {
    let (mut stand, mut told) = (Stand::new(checked()), Told::default());
    let mut at = 20_000;
    for (steps, by) in [(200, 0), (240, 55), (60, 700), (30, -900), (240, -40)] {
        for _ in 0..steps {
            stand.read(9, 20);
            stand.read(10, 0);
            at += by;
            feed(&mut stand, &mut told, at);
        }
        told.now(&stand);
    }
    keep("warm", &told.text);
}

#[test]
fn what_comes_from_outside_what_jumps_and_what_stands_still() {
    let (mut stand, mut told) = (Stand::new(checked()), Told::default());
    for i in 0..60 {
        // Both follow the sun.
        stand.read(9, 20 + i / 2);
        stand.read(10, 0);
        feed(&mut stand, &mut told, 22_000 + i * 500);
    }
    told.now(&stand);
    for milli in [190_000, 50_000, 199_000, 199_500, 50_000, 250_000, -50_000] {
        feed(&mut stand, &mut told, milli);
    }
    told.now(&stand);
    for _ in 0..300 {
        stand.read(10, 0);
        feed(&mut stand, &mut told, 33_333);
    }
    told.now(&stand);
    for absence in [Absence::Warmup, Absence::Open, Absence::Crc, Absence::Stuck] {
        stand.sample(8, Err(absence));
        stand.wait(5 * SECOND);
        told.now(&stand);
    }
    keep("checks", &told.text);
}

#[test]
fn a_test_and_work_in_the_room() {
    let (mut stand, mut told) = (Stand::new(checked()), Told::default());
    let rounds = |stand: &mut Stand, told: &mut Told, n: usize, milli: i64, test: i64| {
        for _ in 0..n {
            stand.read(9, 20);
            stand.read(10, test);
            feed(stand, told, milli);
        }
        told.now(stand);
    };
    rounds(&mut stand, &mut told, 20, 20_000, 0);
    rounds(&mut stand, &mut told, 20, 70_000, 1);
    rounds(&mut stand, &mut told, 20, 20_000, 0);
    let bypass = |stand: &mut Stand, target, ms, nonce| {
        let until = (ms > 0).then(|| stand.now + ms);
        stand.input(&Input::Bypass {
            by: ANN,
            target,
            until,
            reason: "a fan is exchanged".into(),
            nonce,
        })
    };
    bypass(&mut stand, Target::Zone(ZoneIx(2)), 30 * MINUTE, 1);
    rounds(&mut stand, &mut told, 20, 50_000, 0);
    bypass(&mut stand, Target::Zone(ZoneIx(2)), 0, 2);
    bypass(&mut stand, Target::Channel(ChannelIx(8)), 10 * MINUTE, 3);
    rounds(&mut stand, &mut told, 20, 70_000, 0);
    bypass(&mut stand, Target::Channel(ChannelIx(8)), 0, 4);
    bypass(&mut stand, Target::Channel(ChannelIx(0)), 9 * 60 * MINUTE, 5);
    rounds(&mut stand, &mut told, 4, 20_000, 0);
    keep("work", &told.text);
}

/// Fifteen seconds of these values of the first four smoke channels, none for silence.
fn smoke(stand: &mut Stand, told: &mut Told, values: [Option<i64>; 4], ms: Millis) {
    let end = stand.now + ms;
    while stand.now < end {
        for (channel, value) in (0..).zip(values) {
            if let Some(value) = value {
                stand.read(channel, value);
            }
        }
        stand.read(4, 0);
        stand.read(5, 0);
        stand.wait(5 * SECOND);
        told.rest(stand);
    }
    told.now(stand);
}

fn works() -> Site {
    let mut s = site();
    s.hooks[0].max_parallel = 1;
    s.workloads = vec![
        workload("db", 1, &[]),
        workload("web", 1, &[0]),
        muster_core::Workload {
            rungs: vec![rung(muster_core::RungKind::Stop, 1, 20)],
            ..workload("batch", 3, &[])
        },
    ];
    s
}

#[test]
fn one_alarm_a_death_beside_it_an_abort_and_a_second_vote() {
    let (mut stand, mut told) = (Stand::new(works()), Told::default());
    let [calm, burns] = [Some(0), Some(20)];
    smoke(&mut stand, &mut told, [calm; 4], 40 * SECOND);
    smoke(&mut stand, &mut told, [burns, calm, calm, calm], 20 * SECOND);
    smoke(&mut stand, &mut told, [burns, None, calm, calm], 70 * SECOND);
    stand.order(ANN, Verb::Abort);
    smoke(&mut stand, &mut told, [burns, None, calm, calm], 30 * SECOND);
    smoke(&mut stand, &mut told, [burns, calm, burns, calm], 30 * SECOND);
    stand.order(ANN, Verb::Abort);
    stand.order(BOB, Verb::Abort);
    smoke(&mut stand, &mut told, [burns, calm, burns, calm], 30 * SECOND);
    smoke(&mut stand, &mut told, [burns, burns, burns, calm], 30 * SECOND);
    stand.order(ANN, Verb::Reset);
    stand.order(BOB, Verb::Reset);
    smoke(&mut stand, &mut told, [calm; 4], 31 * MINUTE);
    stand.order(ANN, Verb::Reset);
    stand.order(BOB, Verb::Reset);
    smoke(&mut stand, &mut told, [calm; 4], 20 * SECOND);
    keep("votes", &told.text);
}

/// Three groups in one room; one is out for eight hours, and then one of the two others alarms.
#[test]
fn one_of_two_that_are_left() {
    let mut site = works();
    site.channels[3].zone = ZoneIx(0);
    let (mut stand, mut told) = (Stand::new(site), Told::default());
    let [calm, burns] = [Some(0), Some(20)];
    smoke(&mut stand, &mut told, [calm; 4], 20 * SECOND);
    smoke(
        &mut stand,
        &mut told,
        [calm, None, None, calm],
        8 * 60 * MINUTE + 3 * MINUTE,
    );
    smoke(&mut stand, &mut told, [burns, None, None, calm], 30 * SECOND);
    stand.order(ANN, Verb::Abort);
    smoke(&mut stand, &mut told, [burns, None, None, calm], 30 * SECOND);
    smoke(&mut stand, &mut told, [burns, calm, calm, calm], 30 * SECOND);
    smoke(&mut stand, &mut told, [calm; 4], 31 * MINUTE);
    stand.both(Verb::Reset);
    smoke(
        &mut stand,
        &mut told,
        [calm, None, None, calm],
        8 * 60 * MINUTE + 3 * MINUTE,
    );
    smoke(&mut stand, &mut told, [calm, None, None, burns], 5 * MINUTE);
    keep("one-of-two", &told.text);
}

/// What hooks say in a fire, and how long after the one before. Seconds.
fn said_in_a_fire() -> [(&'static str, HookOutcome, Millis); 9] {
    let retry = |cause: &str| HookOutcome::Retry { cause: cause.into() };
    let cannot = HookOutcome::Cannot {
        note: "no such thing".into(),
    };
    [
        ("db.move.evacuate.far", retry("busy"), 15),
        ("db.move.evacuate.far", HookOutcome::Accepted, 60),
        ("db.move.evacuate.far", HookOutcome::Done, 0),
        ("db.move.verify.far", retry("not ready"), 15),
        ("db.move.verify.far", HookOutcome::Done, 0),
        ("batch.stop.evacuate", HookOutcome::Done, 0),
        ("batch.stop.verify", HookOutcome::Done, 15),
        ("web.move.evacuate.far", cannot, 0),
        ("web.failover.evacuate", HookOutcome::Accepted, 0),
    ]
}

#[test]
fn a_fire_and_everything_that_hooks_can_say() {
    let (mut stand, mut told) = (Stand::new(works()), Told::default());
    let ([calm, burns], minutes) = ([Some(0), Some(20)], |n| n * MINUTE);
    let fire = |stand: &mut Stand, told: &mut Told, ms| smoke(stand, told, [burns, burns, calm, calm], ms);
    smoke(&mut stand, &mut told, [calm; 4], 20 * SECOND);
    fire(&mut stand, &mut told, 15 * SECOND);
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    for (step, outcome, s) in said_in_a_fire() {
        stand.answer(step, outcome);
        fire(&mut stand, &mut told, s * SECOND);
    }
    stand.order(BOB, Verb::Hold);
    fire(&mut stand, &mut told, 30 * SECOND);
    let cut = Verb::Cut {
        at: stand.now + minutes(4),
    };
    stand.order(ANN, cut);
    stand.order(BOB, cut);
    fire(&mut stand, &mut told, minutes(3));
    stand.answer("web.failover.evacuate", HookOutcome::TokenRefused);
    fire(&mut stand, &mut told, minutes(5));
    keep("fire", &told.text);
}

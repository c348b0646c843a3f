use muster_wire::Quantity;

use super::*;

fn probes() -> impl Iterator<Item = Probe> {
    let nodes = (0..NODES).flat_map(|node| Sign::ALL.map(|sign| Probe::Node { node, sign }));
    nodes.chain([Probe::PanelFire, Probe::PanelDischarge, Probe::Cell, Probe::CellAlarm])
}

fn burning(seed: u64, kind: FireKind) -> Course {
    let mut dice = Dice::new(seed, 1);
    let room = Room::draw(&mut dice);
    let fire = Some(Fire::draw(kind, &mut dice));
    Course {
        seed,
        room,
        fire,
        fire_at_s: 0.0,
        disturbances: Vec::new(),
        faults: Vec::new(),
    }
}

fn value(heard: Heard) -> f64 {
    match heard {
        Heard::Value(value) => value,
        Heard::Absent | Heard::WarmingUp | Heard::Silent => f64::NAN,
    }
}

#[test]
fn one_seed_one_course_whatever_is_asked_first() {
    for kind in FireKind::ALL {
        let (a, b) = (burning(7, kind), burning(7, kind));
        let moments: Vec<f64> = (-100..2_000).map(f64::from).collect();
        for probe in probes() {
            let forth: Vec<Heard> = moments.iter().map(|t| a.heard(probe, *t)).collect();
            let back: Vec<Heard> = moments.iter().rev().map(|t| b.heard(probe, *t)).collect();
            assert!(forth.iter().eq(back.iter().rev()), "{probe:?}");
        }
    }
}

#[test]
fn a_kind_gives_its_signs_first_and_all_of_them_before_the_loss() {
    for seed in 0..200 {
        for kind in FireKind::ALL {
            let course = burning(seed, kind);
            let fire = course.fire.as_ref().expect("it burns");
            assert!((480.0..=9_300.0).contains(&fire.loss_s) && fire.full_s <= fire.loss_s - FULL_FOR_S);
            let shown = |sign, t_s| (0..NODES).any(|node| fire.adds(&course.room, node, sign, t_s) > 0.0);
            let early = fire.full_s - 0.5;
            match kind {
                FireKind::GasOnly => assert!(!shown(Sign::Smoke, early) && !fire.bms_alarms(early)),
                FireKind::SmokeOnly => assert!(!shown(Sign::Voc, early) && !shown(Sign::Temperature, early)),
                FireKind::HeatOnly => assert!(!shown(Sign::Voc, early) && !shown(Sign::Smoke, early)),
                FireKind::Electrical => assert!(!fire.panel_alarms(early) && fire.bms_alarms(1.0)),
                FireKind::Fast | FireKind::Slow => assert!(shown(Sign::Voc, 20.0)),
                FireKind::NoPreGas => assert!(!shown(Sign::Voc, 0.0)),
            }
            assert!(Sign::ALL.into_iter().all(|sign| shown(sign, fire.full_s + 120.0)));
            assert!(fire.panel_alarms(fire.full_s + 160.0));
        }
    }
}

#[test]
fn what_sound_sensors_show_can_be() {
    let fits = |quantity: Quantity, value: f64| {
        let (low, high) = quantity.range_units();
        value.is_nan() || (low as f64..=high as f64).contains(&value)
    };
    for seed in 0..50 {
        let mut dice = Dice::new(seed, 2);
        let mut course = burning(seed, FireKind::ALL[dice.below(7)]);
        course.disturbances = Cause::ALL
            .map(|cause| Disturbance::draw(cause, 0.0, &mut dice))
            .to_vec();
        course.faults = vec![Fault::asserting(100.0, &mut dice), Fault::stolen(200.0, &mut dice)];
        for t_s in (-600..3_000).step_by(13).map(f64::from) {
            for probe in probes() {
                let quantity = match probe {
                    Probe::Node { sign: Sign::Voc, .. } => Quantity::Voc,
                    Probe::Node {
                        sign: Sign::Hydrogen, ..
                    } => Quantity::Hydrogen,
                    Probe::Node { sign: Sign::Smoke, .. } => Quantity::Smoke,
                    Probe::Node {
                        sign: Sign::Temperature,
                        ..
                    }
                    | Probe::Cell => Quantity::Temperature,
                    _ => Quantity::FireAlarm,
                };
                let shown = value(course.heard(probe, t_s));
                assert!(fits(quantity, shown), "{seed} {probe:?} {t_s} {shown}");
            }
        }
    }
}

#[test]
fn a_fault_strikes_what_it_names_while_it_lasts() {
    let mut course = burning(3, FireKind::Fast);
    course.fire = None;
    course.faults = vec![Fault {
        what: Dead::Node(1),
        kind: FaultKind::Silent,
        from_s: 10.0,
        until_s: 20.0,
    }];
    for probe in probes() {
        let silent = [9.0, 10.0, 19.9, 20.0].map(|t_s| course.heard(probe, t_s) == Heard::Silent);
        let struck = matches!(probe, Probe::Node { node: 1, .. });
        assert_eq!(silent, [false, struck, struck, false], "{probe:?}");
    }
}

#[test]
fn draws_are_spread_as_they_say() {
    let mut dice = Dice::new(1, 1);
    let all: Vec<f64> = (0..20_000).map(|_| dice.decades(1.0, 100.0)).collect();
    let below = all.iter().filter(|x| **x < 10.0).count();
    assert!((9_700..10_300).contains(&below), "{below}");
    let mean = (0..20_000).map(|_| dice.wait_s(12.0)).sum::<f64>() / 20_000.0;
    let month = 365.25 * 86_400.0 / 12.0;
    assert!((mean / month - 1.0).abs() < 0.03, "{mean}");
}

#[test]
fn what_flaps_is_gone_for_longer_than_any_supervision_window_and_what_reboots_warms_up() {
    let mut course = burning(3, FireKind::Fast);
    course.fire = None;
    let mut heard = |kind: FaultKind| {
        course.faults = vec![Fault {
            what: Dead::Node(0),
            kind,
            from_s: 0.0,
            until_s: 800.0,
        }];
        let probe = Probe::Node {
            node: 0,
            sign: Sign::Smoke,
        };
        (0..800).map(|s| course.heard(probe, f64::from(s))).collect::<Vec<_>>()
    };
    let mut longest = |kind: FaultKind, what: Heard| {
        let all = heard(kind);
        all.split(|h| *h != what).map(<[Heard]>::len).max()
    };
    assert_eq!(longest(FaultKind::Flapping, Heard::Silent), Some(40));
    assert_eq!(longest(FaultKind::Rebooting, Heard::Silent), Some(20));
    assert_eq!(longest(FaultKind::Rebooting, Heard::WarmingUp), Some(120));
}

#[test]
fn some_fires_silence_the_battery_monitor_and_most_do_not() {
    let silenced = |kind: FireKind| {
        let fires = (0..500).map(|seed| Fire::draw(kind, &mut Dice::new(seed, 3)));
        fires.filter(Fire::silences_the_monitor).count()
    };
    for kind in FireKind::ALL {
        let count = silenced(kind);
        let electrical = matches!(kind, FireKind::Electrical);
        assert!(if electrical { count == 0 } else { count < 250 }, "{kind:?} {count}");
    }
    assert!(silenced(FireKind::NoPreGas) > 50);
}

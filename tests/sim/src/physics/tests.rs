use super::*;
use crate::FIRST_LOSS_S;

const SEEDS: std::ops::Range<u64> = 0..50;

fn first_s(range_s: std::ops::Range<i64>, is_so: impl Fn(&RoomState) -> bool, room: &Room) -> Option<i64> {
    range_s.into_iter().find(|s| is_so(&room.at(s * 1_000)))
}

#[test]
fn same_seed_same_room() {
    for t_ms in (-60_000..600_000).step_by(1_370) {
        let room = Room::new(Scenario::Pangyo2022, 9);
        assert_eq!(room.at(t_ms), Room::new(Scenario::Pangyo2022, 9).at(t_ms));
        assert_ne!(room.at(t_ms), Room::new(Scenario::Pangyo2022, 10).at(t_ms));
    }
}

#[test]
fn fire_only_grows() {
    for distance_m in NODE_DISTANCE_M {
        let mut before = fire::air(distance_m, -1.0);
        for t_s in 0..8_000 {
            let now = fire::air(distance_m, f64::from(t_s));
            assert!(now.temperature_c >= before.temperature_c && now.smoke_per_m >= before.smoke_per_m);
            assert!(now.voc_ppm >= before.voc_ppm && now.hydrogen_ppm >= before.hydrogen_ppm);
            before = now;
        }
    }
}

#[test]
fn nothing_shows_before_the_spark() {
    for seed in SEEDS {
        for t_s in -600..0 {
            let state = Room::new(Scenario::Pangyo2022, seed).at(t_s * 1_000);
            assert!(
                state
                    .air
                    .iter()
                    .all(|a| a.smoke_per_m < 0.1 && a.voc_ppm < 1.0 && a.temperature_c < 25.0)
            );
            assert!(!state.battery.alarm && (25.0..25.4).contains(&state.battery.cell_max_c));
            assert!(!state.panel.fire_alarm && !state.panel.suppression_discharge && !state.cut_announced);
            assert!(
                state
                    .ups
                    .iter()
                    .all(|u| u.output_on && !u.on_battery && !u.over_temperature)
            );
        }
    }
}

#[test]
fn pangyo_keeps_its_times() {
    for seed in SEEDS {
        let room = Room::new(Scenario::Pangyo2022, seed);
        assert_eq!(first_s(-9..9, |r| r.panel.suppression_discharge, &room), Some(2));
        for node in 0..3 {
            let smoke_s = first_s(0..100, |r| r.air[node].smoke_per_m >= 2.0, &room).unwrap();
            assert!((15..=60).contains(&smoke_s), "smoke at node {node} after {smoke_s} s");
            let heat_s = first_s(0..9_000, |r| r.air[node].temperature_c >= 54.0, &room).unwrap();
            assert!(heat_s > smoke_s + 60, "heat at node {node} after {heat_s} s");
        }
        let hot_s = first_s(0..500, |r| r.ups[0].over_temperature, &room).unwrap();
        assert!((300..=420).contains(&hot_s), "over-temperature after {hot_s} s");
        assert_eq!(first_s(0..900, |r| !r.ups[0].output_on, &room), Some(FIRST_LOSS_S));
        assert_eq!(first_s(0..9_000, |r| r.cut_announced, &room), Some(4_860));
        assert_eq!(first_s(0..9_000, |r| r.ups[1].on_battery, &room), Some(5_580));
        assert_eq!(first_s(0..9_000, |r| !r.ups[1].output_on, &room), Some(7_380));
    }
}

#[test]
fn values_stay_inside_what_a_sensor_can_show() {
    use muster_wire::Quantity;
    let fits = |q: Quantity, v: f64| {
        let (low, high) = q.range_units();
        assert!(v >= low as f64 && v <= high as f64, "{} {v}", q.as_str());
    };
    for seed in SEEDS {
        for t_s in (-60..9_000).step_by(7) {
            let state = Room::new(Scenario::Pangyo2022, seed).at(t_s * 1_000);
            for air in state.air {
                fits(Quantity::Temperature, air.temperature_c);
                fits(Quantity::Voc, air.voc_ppm);
                fits(Quantity::Hydrogen, air.hydrogen_ppm);
                fits(Quantity::Smoke, air.smoke_per_m);
            }
            fits(Quantity::Temperature, state.battery.cell_max_c);
            state.ups.iter().for_each(|u| fits(Quantity::Charge, u.charge));
        }
    }
}

#[test]
fn quiet_never_alarms_two_groups() {
    for seed in SEEDS {
        let room = Room::new(Scenario::Quiet, seed);
        let mut dusty = 0;
        for t_s in -600..8_000 {
            let state = room.at(t_s * 1_000);
            let smoky: Vec<bool> = state.air.iter().map(|a| a.smoke_per_m > 0.2).collect();
            assert!(!smoky[0] && !smoky[1]);
            dusty += i32::from(smoky[2]);
            assert!(
                state
                    .air
                    .iter()
                    .all(|a| a.temperature_c < 25.0 && a.voc_ppm < 1.0 && a.hydrogen_ppm < 5.0)
            );
            assert!(!state.battery.alarm && state.battery.answers && !state.panel.fire_alarm);
            assert!(
                state.utility_on
                    && state
                        .ups
                        .iter()
                        .all(|u| u.output_on && !u.over_temperature && u.answers)
            );
        }
        assert!(dusty > 30, "three clouds of dust, seen for {dusty} s");
    }
}

#[test]
fn the_nearest_node_burns_after_the_first_loss() {
    let room = Room::new(Scenario::Pangyo2022, 1);
    let dies_s = first_s(0..9_000, |r| !r.air[0].node_works(), &room).unwrap();
    assert!(dies_s > FIRST_LOSS_S, "died after {dies_s} s");
    assert_eq!(first_s(0..9_000, |r| !r.air[2].node_works(), &room), None);
}

#[test]
fn scenarios_have_names() {
    assert_eq!("quiet".parse::<Scenario>().unwrap(), Scenario::Quiet);
    assert_eq!("pangyo-2022".parse::<Scenario>().unwrap(), Scenario::Pangyo2022);
    assert!(
        "pangyo"
            .parse::<Scenario>()
            .unwrap_err()
            .to_string()
            .contains("pangyo-2022")
    );
}

#[test]
fn every_scenario_has_its_word_and_is_the_same_for_the_same_seed() {
    for scenario in Scenario::all() {
        assert_eq!(scenario.to_string().parse(), Ok(scenario));
        for t_ms in (-60_000..600_000).step_by(40_370) {
            let (one, other) = (Room::new(scenario, 9).at(t_ms), Room::new(scenario, 9).at(t_ms));
            assert_eq!(one, other, "{scenario}");
        }
    }
    let wrong = "fir".parse::<Scenario>().unwrap_err().to_string();
    assert!(wrong.contains("fire-slow") && wrong.contains("steam"), "{wrong}");
}

#[test]
fn a_drawn_fire_begins_clean_is_seen_and_ends_the_load() {
    for kind in FireKind::ALL {
        for seed in 0..20 {
            let room = Room::new(Scenario::Fire(Some(kind)), seed);
            let before = room.at(-60_000);
            assert!(before.ups[0].output_on && before.battery.answers && !before.panel.fire_alarm);
            assert!(before.air.iter().all(|a| a.node_works() && a.smoke_per_m < 0.1));
            // The slowest takes 11,000 s to its runaway and 9,300 s from there.
            let lost = (0..2_100)
                .map(|n| n * 10)
                .find(|s| !room.at(s * 1_000).ups[0].output_on);
            let lost_s = lost.unwrap_or_else(|| panic!("{kind:?} {seed} loses nothing"));
            let seen = |r: &RoomState| {
                r.panel.fire_alarm || r.battery.alarm || r.air.iter().any(|a| a.smoke_per_m > 1.0 || !a.node_works())
            };
            assert!(
                (0..lost_s).step_by(5).any(|s| seen(&room.at(s * 1_000))),
                "{kind:?} {seed} is not seen"
            );
        }
    }
}

#[test]
fn a_disturbance_loses_no_load() {
    for cause in Cause::ALL {
        for seed in 0..10 {
            let room = Room::new(Scenario::Disturbed(cause), seed);
            for s in (0..15_000).step_by(10) {
                let state = room.at(s * 1_000);
                assert!(state.ups.iter().all(|u| u.output_on && !u.on_battery));
                assert!(!state.battery.alarm && !state.panel.fire_alarm && state.air.iter().all(Air::node_works));
            }
        }
    }
}

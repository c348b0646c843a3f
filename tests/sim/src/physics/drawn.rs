//! Courses of the building as a room that devices can stand in: fires of every kind, and air that is none.

use super::{Air, Noise, Panel, RoomState, UpsPlace, battery, power};
use crate::building::{Cause, Course, Dice, Disturbance, Fire, FireKind, Heard, Probe, Room, Sign};
use crate::facts::FIRST_LOSS_S;

/// What a dead node stands in: nothing that comes from it is a value.
const BURNT_C: f64 = 1_000.0;

/// A fire of this kind, or of any, in a room of its own; second 0 is its first sign.
pub(super) fn fire(kind: Option<FireKind>, seed: u64) -> Course {
    let mut dice = Dice::new(seed, 0);
    let drawn = FireKind::ALL[dice.below(FireKind::ALL.len())];
    let room = Room::draw(&mut dice);
    let fire = Fire::draw(kind.unwrap_or(drawn), &mut dice);
    let fire_at_s = -fire.begins_s();
    course(dice, room, Some((fire, fire_at_s)), Vec::new())
}

/// Air that is not clean, for this reason, and no fire.
pub(super) fn disturbed(cause: Cause, seed: u64) -> Course {
    let mut dice = Dice::new(seed, 0);
    let room = Room::draw(&mut dice);
    let disturbance = Disturbance::draw(cause, 0.0, &mut dice);
    course(dice, room, None, vec![disturbance])
}

fn course(mut dice: Dice, room: Room, fire: Option<(Fire, f64)>, disturbances: Vec<Disturbance>) -> Course {
    let (fire, fire_at_s) = fire.map_or((None, 0.0), |(fire, at_s)| (Some(fire), at_s));
    Course {
        seed: dice.bits(),
        room,
        fire,
        fire_at_s,
        disturbances,
        faults: Vec::new(),
    }
}

/// The room at a moment. What the building does not draw goes as at Pangyo, stretched to this fire's first loss.
pub(super) fn at(course: &Course, cut_s: f64, cut_announced_s: f64, noise: Noise) -> RoomState {
    let t_s = noise.t_ms as f64 / 1_000.0;
    let burns_s = course.fire.as_ref().map_or(f64::NEG_INFINITY, |fire| {
        (t_s - course.fire_at_s) * FIRST_LOSS_S as f64 / fire.loss_s
    });
    let on = |probe| matches!(course.heard(probe, t_s), Heard::Value(v) if v > 0.5);
    let fire_alarm = on(Probe::PanelFire);
    RoomState {
        air: [0, 1, 2].map(|node| air(course, node, t_s)),
        battery: cells(course, t_s, noise),
        ups: UpsPlace::ALL.map(|place| power::at(place, burns_s, cut_s, noise)),
        panel: Panel {
            fire_alarm,
            first_stage: fire_alarm,
            suppression_discharge: on(Probe::PanelDischarge),
            ..Panel::default()
        },
        utility_on: burns_s < cut_s,
        cut_announced: burns_s >= cut_announced_s,
    }
}

fn air(course: &Course, node: usize, t_s: f64) -> Air {
    let shows = |sign| match course.heard(Probe::Node { node, sign }, t_s) {
        Heard::Value(value) => value,
        Heard::Absent | Heard::WarmingUp | Heard::Silent => BURNT_C,
    };
    Air {
        temperature_c: shows(Sign::Temperature),
        voc_ppm: shows(Sign::Voc),
        hydrogen_ppm: shows(Sign::Hydrogen),
        smoke_per_m: shows(Sign::Smoke),
    }
}

fn cells(course: &Course, t_s: f64, noise: Noise) -> battery::Battery {
    let healthy = battery::at(f64::NEG_INFINITY, noise);
    match course.heard(Probe::Cell, t_s) {
        Heard::Value(cell_max_c) => battery::Battery {
            cell_max_c,
            alarm: matches!(course.heard(Probe::CellAlarm, t_s), Heard::Value(v) if v > 0.5),
            ..healthy
        },
        Heard::Absent | Heard::WarmingUp | Heard::Silent => battery::Battery {
            answers: false,
            ..healthy
        },
    }
}
